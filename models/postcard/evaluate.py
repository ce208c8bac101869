"""Measures how well the model follows captions of combinations that training never saw.

    python -m models.postcard.evaluate [--count 200]

Every question is put to the diffusers engine in fp32 and to the OpenVINO engine, with the same
seeds; printed are the shares right per category beside what is aimed at, and how near the two
engines' pictures are.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from PIL import Image

from models.postcard.contact_sheet import contact_sheet
from models.postcard.evaluation_set import CATEGORIES, Question, questions
from models.postcard.judging import is_right
from worker_fn.engine.base import Drawn, Engine, Picture, PictureRequest
from worker_fn.engine.building.export import psnr
from worker_fn.engine.load import build_engine

HERE = Path(__file__).parent
BATCH = 8
AIMS: dict[str, float] = {
    "single object": 0.98,
    "colours": 0.98,
    "counting": 0.9,
    "two objects": 0.95,
    "attribute binding": 0.93,
    "position": 0.93,
    "scene elements": 0.95,
    "time of day": 0.98,
}
MOST_LOST, LEAST_PSNR = 0.01, 35.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the pictures are drawn."""

    width: int
    height: int
    steps: int
    guidance: float


@dataclass(frozen=True, kw_only=True)
class Result:
    """One category: the share right for each engine, and PSNR in dB between their pictures."""

    category: str
    right: tuple[float, ...]
    psnr_db: tuple[float, ...]

    @property
    def met(self) -> bool | None:
        """Whether every engine reaches the aim and int8 loses little; None without an aim."""
        aim = AIMS.get(self.category)
        if aim is None:
            return None
        return min(self.right) >= aim and self.right[0] - self.right[-1] <= MOST_LOST


def evaluate(
    engines: Sequence[Engine], category: str, count: int, settings: Settings
) -> tuple[Result, list[Picture]]:
    """Puts a category's questions to all engines; also returns the last engine's pictures."""
    asked = questions(category, count)
    drawn = [list(pictures(engine, asked, settings)) for engine in engines]
    right = tuple(_share_right(category, asked, of_engine) for of_engine in drawn)
    between = zip(drawn[0], drawn[-1], strict=True) if len(engines) > 1 else ()
    values = tuple(psnr(one, other) for one, other in between)
    return Result(category=category, right=right, psnr_db=values), drawn[-1]


def pictures(engine: Engine, asked: Sequence[Question], settings: Settings) -> Iterator[Picture]:
    """A picture for each question, drawn with its number as its seed."""
    requests = [
        PictureRequest(prompt=question.prompt, negative_prompt="", seed=seed, **vars(settings))
        for seed, question in enumerate(asked)
    ]
    for start in range(0, len(requests), BATCH):
        for event in engine.draw(requests[start : start + BATCH]):
            if isinstance(event, Drawn):
                yield from (each for each in event.pictures if isinstance(each, Picture))


def opened(picture: Picture) -> Image.Image:
    """The engine's picture for Pillow."""
    return Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)


def _share_right(category: str, asked: Sequence[Question], drawn: Sequence[Picture]) -> float:
    pairs = zip(asked, drawn, strict=True)
    verdicts = [is_right(category, question.scene, opened(picture)) for question, picture in pairs]
    return sum(verdicts) / len(verdicts)


def table(names: Sequence[str], results: Sequence[Result]) -> str:
    """The results for people: shares in percent, what is aimed at, and whether it is met."""
    lines = [f"{'':18}" + "".join(f"{name:>10}" for name in names) + f"{'aim':>8}"]
    for result in results:
        aim, met = AIMS.get(result.category), {True: "met", False: "MISSED", None: ""}[result.met]
        shares = "".join(f"{share:>10.1%}" for share in result.right)
        lines.append(f"{result.category:18}{shares}{'' if aim is None else f'{aim:>8.0%}'}  {met}")
    values = [value for result in results for value in result.psnr_db]
    if values:
        met = "met" if median(values) >= LEAST_PSNR else "MISSED"
        lines.append(f"int8 against fp32: PSNR {median(values):.1f} dB median (35 wanted)  {met}")
    return "\n".join(lines)


def main() -> int:
    """Reads the command line, evaluates and prints; 1 where an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, default=HERE / "weights")
    parser.add_argument("--openvino", type=Path, default=HERE / "openvino")
    parser.add_argument("--only", choices=("diffusers", "openvino"), help="one engine alone")
    parser.add_argument("--category", choices=CATEGORIES, action="append")
    parser.add_argument("--count", type=int, default=200, help="questions in each category")
    usual = json.loads((HERE / "card.json").read_text())["defaults"]
    parser.add_argument("--steps", type=int, default=usual["steps"])
    parser.add_argument("--guidance", type=float, default=usual["guidance"])
    parser.add_argument("--size", type=int, nargs=2, default=(usual["width"], usual["height"]))
    parser.add_argument("--sheet", type=Path, help="where to put a contact sheet of 64 pictures")
    options = parser.parse_args()
    folders = {"diffusers": options.weights, "openvino": options.openvino}
    names = [options.only] if options.only else list(folders)
    engines = [build_engine(name, folders[name]) for name in names]
    width, height = options.size
    settings = Settings(width=width, height=height, steps=options.steps, guidance=options.guidance)
    results, shown = [], []
    for category in options.category or CATEGORIES:
        result, drawn = evaluate(engines, category, options.count, settings)
        results.append(result)
        asked = questions(category, -(-64 // len(options.category or CATEGORIES)))
        shown += [(each.prompt, opened(one)) for each, one in zip(asked, drawn, strict=False)]
        print(table(names, [result]).splitlines()[1], file=sys.stderr, flush=True)
    print(table(names, results))
    if options.sheet:
        contact_sheet(shown[:64]).save(options.sheet)
    return 1 if any(result.met is False for result in results) else 0


if __name__ == "__main__":
    raise SystemExit(main())
