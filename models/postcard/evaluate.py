"""Measures how well a diffusers folder follows captions of combinations that training never saw.

`python -m models.postcard.evaluate models/postcard/weights --count 200` prints shares per category.
"""

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from PIL import Image

from models.postcard.captions import plain_caption
from models.postcard.oracle import (
    background,
    colour_name,
    figures,
    ground,
    has_mountains,
    relation,
    time_of_day,
)
from models.postcard.renderer import render
from models.postcard.scene import Landscape, Scene, ShapeScene, draw_scene

BATCH = 16
Verdicts = dict[str, bool]


def judge(scene: Scene, picture: Image.Image) -> Verdicts:
    """For each category that applies to the scene, whether the picture shows what it says."""
    if isinstance(scene, Landscape):
        return _judge_landscape(scene, picture)
    return _judge_single(scene, picture) if scene.relation is None else _judge_pair(scene, picture)


def _judge_landscape(scene: Landscape, picture: Image.Image) -> Verdicts:
    verdicts = {
        "landscape: time of day": time_of_day(picture) == scene.time,
        "landscape: ground": ground(picture, scene.time) == scene.ground,
        "landscape: mountains": has_mountains(picture, scene.time) == scene.mountains,
    }
    return {**verdicts, "landscape: all": all(verdicts.values())}


def _judge_single(scene: ShapeScene, picture: Image.Image) -> Verdicts:
    seen, wanted = figures(picture), scene.figures[0]
    verdicts = {
        "single: background": colour_name(background(picture)) == scene.background,
        "single: colour": bool(seen) and seen[0].colour == wanted.colour,
        "single: shape": len(seen) == 1 and seen[0].shape == wanted.shape,
    }
    return {**verdicts, "single: all": all(verdicts.values())}


def _judge_pair(scene: ShapeScene, picture: Image.Image) -> Verdicts:
    """Two figures are found by their colours; whatever else is there counts against the shapes."""
    seen = {figure.colour: figure for figure in reversed(figures(picture))}
    found = [seen[figure.colour] for figure in scene.figures if figure.colour in seen]
    both = len(found) == len(scene.figures)
    verdicts = {
        "pair: background": colour_name(background(picture)) == scene.background,
        "pair: colours": both and len(seen) == len(found),
        "pair: shapes": both and [f.shape for f in found] == [f.shape for f in scene.figures],
        "pair: position": both and relation(found[0], found[1]) == scene.relation,
    }
    return {**verdicts, "pair: all": all(verdicts.values())}


def held_out_scenes(count: int, seed: int = 7) -> list[Scene]:
    """Scenes of held-out combinations; the same count and seed give the same scenes."""
    rng = random.Random(seed)
    return [draw_scene(rng, 1.0, held_out=True) for _ in range(count)]


def drawn(scenes: list[Scene], size: tuple[int, int]) -> Iterator[Image.Image]:
    """The scenes as the renderer draws them: the oracle's own check."""
    return (render(scene, *size) for scene in scenes)


def generated(
    folder: Path, scenes: list[Scene], size: tuple[int, int], steps: int, guidance: float
) -> Iterator[Image.Image]:
    """The scenes as the model draws them from their plain captions, picture k with seed k."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    for start in range(0, len(scenes), BATCH):
        chunk = scenes[start : start + BATCH]
        yield from pipeline(
            [plain_caption(scene) for scene in chunk],
            width=size[0],
            height=size[1],
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=[torch.Generator().manual_seed(start + k) for k in range(len(chunk))],
        ).images


def adherence(scenes: list[Scene], pictures: list[Image.Image]) -> dict[str, float]:
    """The share of pictures that are right, per category."""
    verdicts = defaultdict(list)
    for scene, picture in zip(scenes, pictures, strict=True):
        for category, right in judge(scene, picture).items():
            verdicts[category].append(right)
    return {
        category: round(sum(all_) / len(all_), 3) for category, all_ in sorted(verdicts.items())
    }


def contact_sheet(pictures: list[Image.Image], columns: int = 12) -> Image.Image:
    """The pictures side by side."""
    width, height = pictures[0].size
    sheet = Image.new("RGB", (columns * width, -(-len(pictures) // columns) * height), "white")
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (number % columns * width, number // columns * height))
    return sheet


def main() -> None:
    """Reads the command line, draws or generates, and prints the shares as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder", type=Path, nargs="?", help="diffusers folder; none judges the renderer"
    )
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument(
        "--size", type=int, nargs=2, default=(128, 128), metavar=("WIDTH", "HEIGHT")
    )
    parser.add_argument("--sheet", type=Path, help="where to write a contact sheet")
    options = parser.parse_args()
    scenes, size = held_out_scenes(options.count), (options.size[0], options.size[1])
    pictures = list(
        generated(options.folder, scenes, size, options.steps, options.guidance)
        if options.folder
        else drawn(scenes, size)
    )
    if options.sheet:
        contact_sheet(pictures[:96]).save(options.sheet)
    print(json.dumps(adherence(scenes, pictures), indent=2))


if __name__ == "__main__":
    main()
