"""Whether a picture shows its scene, by category; the oracles look, this compares."""

from collections.abc import Callable

from PIL import Image

from models.postcard.landscape_oracle import landscape
from models.postcard.oracle import Seen, background, figures, ground_colour, relation
from models.postcard.scene import Figure, Figures, Landscape, Scene


def is_right(category: str, scene: Scene, picture: Image.Image) -> bool:
    """Whether the picture is right in what the category asks."""
    return _JUDGES[category](scene, picture)


def _single_object(scene: Scene, picture: Image.Image) -> bool:
    """One figure, of the shape."""
    assert isinstance(scene, Figures)
    seen = figures(picture)
    return len(seen) == 1 and seen[0].shape == scene.figures[0].shape


def _colours(scene: Scene, picture: Image.Image) -> bool:
    """The figure's and the ground's."""
    assert isinstance(scene, Figures)
    seen = figures(picture)
    figure_right = bool(seen) and seen[0].colour == scene.figures[0].colour
    return figure_right and ground_colour(picture) == scene.background.colour


def _counting(scene: Scene, picture: Image.Image) -> bool:
    """So many figures, all of the shape."""
    assert isinstance(scene, Figures)
    seen = figures(picture)
    return len(seen) == scene.count and all(s.shape == scene.figures[0].shape for s in seen)


def _two_objects(scene: Scene, picture: Image.Image) -> bool:
    """Both shapes and nothing else."""
    assert isinstance(scene, Figures)
    shapes = sorted(str(seen.shape) for seen in figures(picture))
    return shapes == sorted(figure.shape for figure in scene.figures)


def _attribute_binding(scene: Scene, picture: Image.Image) -> bool:
    """Both shapes, each in its colour, and nothing else."""
    assert isinstance(scene, Figures)
    return _found(scene, figures(picture)) is not None


def _position(scene: Scene, picture: Image.Image) -> bool:
    """Both figures, and the first where it should be of the second."""
    assert isinstance(scene, Figures)
    found = _found(scene, figures(picture))
    return found is not None and relation(*found) == scene.relation


def _found(scene: Figures, seen: list[Seen]) -> tuple[Seen, Seen] | None:
    """The two figures of the scene in its order, if they and no others are there."""
    both = [_matching(figure, seen) for figure in scene.figures]
    if len(seen) != 2 or None in both or both[0] is both[1]:
        return None
    first, second = both
    assert first is not None and second is not None
    return first, second


def _matching(figure: Figure, seen: list[Seen]) -> Seen | None:
    same = (s for s in seen if s.shape == figure.shape and s.colour == figure.colour)
    return next(same, None)


def _backgrounds(scene: Scene, picture: Image.Image) -> bool:
    """The pattern and its colours."""
    assert isinstance(scene, Figures)
    return background(picture) == scene.background


def _scene_elements(scene: Scene, picture: Image.Image) -> bool:
    """Backdrop, ground, houses, trees, boats, weather and season; one or many is not asked."""
    seen = landscape(picture)
    return seen is not None and _elements(seen) == _elements(scene)


def _elements(scene: Scene) -> tuple[object, ...]:
    assert isinstance(scene, Landscape)
    things = (bool(scene.houses), scene.trees, bool(scene.boats))
    return (scene.backdrop, scene.ground, scene.sky, scene.season, *things)


def _time_of_day(scene: Scene, picture: Image.Image) -> bool:
    assert isinstance(scene, Landscape)
    seen = landscape(picture)
    return seen is not None and seen.time == scene.time


def _all_of_it(scene: Scene, picture: Image.Image) -> bool:
    """Everything that the wording names."""
    if isinstance(scene, Landscape):
        return _scene_elements(scene, picture) and _time_of_day(scene, picture)
    if ground_colour(picture) != scene.background.colour:
        return False
    if scene.relation:
        return _position(scene, picture)
    return _counting(scene, picture) and _colours(scene, picture)


_JUDGES: dict[str, Callable[[Scene, Image.Image], bool]] = {
    "single object": _single_object,
    "colours": _colours,
    "counting": _counting,
    "two objects": _two_objects,
    "attribute binding": _attribute_binding,
    "position": _position,
    "backgrounds": _backgrounds,
    "scene elements": _scene_elements,
    "time of day": _time_of_day,
    "free wording": _all_of_it,
}
