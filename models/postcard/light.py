"""How times of day and seasons look: skies, tints, and the colours of what grows."""

from dataclasses import dataclass

from models.postcard.scene import RGB, Landscape


@dataclass(frozen=True)
class Light:
    """The sky's top and bottom, sun or moon, water, tint of all else, and lit windows."""

    top: RGB
    bottom: RGB
    sun: RGB
    sun_place: tuple[float, float]
    water: RGB
    tint: tuple[float, float, float]
    window: RGB

    def tinted(self, colour: RGB, shade: float = 1.0) -> RGB:
        """The colour as this light shows it, darkened where `shade` is below one."""
        red, green, blue = (int(c * shade * t) for c, t in zip(colour, self.tint, strict=True))
        return red, green, blue


LIGHTS: dict[str, Light] = {
    "dawn": Light(
        top=(142, 158, 214),
        bottom=(255, 208, 196),
        sun=(255, 242, 190),
        sun_place=(0.2, 0.46),
        water=(150, 160, 204),
        tint=(0.86, 0.8, 0.88),
        window=(120, 120, 150),
    ),
    "noon": Light(
        top=(64, 148, 236),
        bottom=(190, 228, 250),
        sun=(255, 236, 90),
        sun_place=(0.78, 0.16),
        water=(44, 118, 214),
        tint=(1.0, 1.0, 1.0),
        window=(90, 130, 170),
    ),
    "sunset": Light(
        top=(112, 44, 116),
        bottom=(255, 142, 48),
        sun=(255, 226, 92),
        sun_place=(0.5, 0.44),
        water=(126, 84, 150),
        tint=(0.8, 0.56, 0.52),
        window=(255, 220, 110),
    ),
    "night": Light(
        top=(8, 12, 42),
        bottom=(34, 46, 100),
        sun=(246, 244, 214),
        sun_place=(0.78, 0.16),
        water=(22, 40, 98),
        tint=(0.3, 0.34, 0.52),
        window=(255, 214, 96),
    ),
}
GRASS: dict[str, RGB] = {
    "spring": (150, 206, 84),
    "summer": (82, 164, 70),
    "autumn": (196, 152, 66),
    "winter": (238, 242, 250),
}
LEAVES: dict[str, RGB] = {
    "spring": (244, 156, 190),
    "summer": (26, 104, 56),
    "autumn": (224, 96, 34),
    "winter": (118, 154, 170),
}
SAND, ROCK, SNOW = (236, 202, 130), (122, 122, 138), (246, 248, 252)
TARMAC, LINE, WALL_OF_CITY = (84, 84, 92), (244, 236, 200), (92, 98, 128)
WALL, ROOF, DOOR = (240, 226, 196), (196, 62, 48), (110, 64, 36)
HULL, SAIL, TRUNK = (124, 60, 34), (252, 250, 244), (104, 66, 38)
CLOUD, RAIN_CLOUD, RAIN = (246, 248, 252), (150, 156, 172), (176, 208, 244)


def grass(scene: Landscape, shade: float = 1.0) -> RGB:
    """The open ground's colour at the scene's time and season."""
    return LIGHTS[scene.time].tinted(GRASS[scene.season], shade)


def leaves(scene: Landscape, shade: float = 1.0) -> RGB:
    """The crowns' colour at the scene's time and season."""
    return LIGHTS[scene.time].tinted(LEAVES[scene.season], shade)


def cloud(scene: Landscape) -> RGB:
    """White where it is merely cloudy, gray where rain or snow falls."""
    colour = CLOUD if scene.sky == "cloudy" else RAIN_CLOUD
    return LIGHTS[scene.time].tinted(colour)


def wave(scene: Landscape) -> RGB:
    """The crests on the sea."""
    red, green, blue = (min(255, int(c * 1.15) + 22) for c in LIGHTS[scene.time].water)
    return red, green, blue
