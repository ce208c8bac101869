"""Trains the model, one command per stage: `python -m models.postcard.train STAGE --out DIR`."""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from models.postcard import autoencoder, decoding, denoiser, distillation, reading
from models.postcard.dataset import prepare
from models.postcard.pipeline_export import export_pipeline
from models.postcard.training import Plan

STAGES: dict[str, tuple[Plan, Callable[..., object]]] = {
    "autoencoder": (autoencoder.PLAN, autoencoder.train_autoencoder),
    "text": (reading.PLAN, reading.train_text_encoder),
    "denoiser": (denoiser.PLAN, denoiser.train_denoiser),
    "student": (distillation.PLAN, distillation.train_student),
    "decoder": (decoding.PLAN, decoding.train_decoder),
}
# How many steps a stage of `all` takes for each of --steps.
SHARES = {"autoencoder": 3, "text": 2, "denoiser": 3, "student": 0.1, "decoder": 0.1}
ORDER = ("autoencoder", "text", "data", "denoiser", "student", "decoder", "export")


def main() -> None:
    """Reads the command line and runs the stage; `all` runs each in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=(*ORDER, "all"))
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoints")
    parser.add_argument("--steps", type=int, help="steps, with those done; `all` shares them out")
    parser.add_argument("--minutes", type=float, help="stop after so long, to be resumed")
    parser.add_argument("--rate", type=float, help="the peak learning rate, if not the usual one")
    parser.add_argument("--pictures", type=int, default=60_000, help="how many to train on")
    parser.add_argument("--size", type=int, help="square pictures of this size and no others")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--weights", type=Path, help="where to export to; OUT/weights if not said")
    options = parser.parse_args()
    for stage in ORDER if options.stage == "all" else (options.stage,):
        run(stage, options)


def run(stage: str, options: argparse.Namespace) -> None:
    """One stage; the steps and the rate of the command line take the place of the plan's."""
    if stage == "data":
        size = options.size
        prepare(options.out, options.pictures, {(size, size): 1000} if size else None)
    elif stage == "export":
        export_pipeline(options.out, options.weights or options.out / "weights")
    else:
        plan, train = STAGES[stage]
        share = SHARES[stage] if options.stage == "all" else 1
        steps = options.steps and max(1, round(options.steps * share))
        given = {"steps": steps, "rate": options.rate, "minutes": options.minutes}
        asked = {name: value for name, value in given.items() if value is not None}
        train(options.out, replace(plan, **asked), resume=options.resume)


if __name__ == "__main__":
    main()
