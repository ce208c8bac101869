"""Trains the model, one command per stage: `python -m models.postcard.train STAGE --out DIR`."""

import argparse
from pathlib import Path

from models.postcard.autoencoder import train_autoencoder
from models.postcard.dataset import prepare
from models.postcard.denoiser import train_denoiser
from models.postcard.pipeline_export import export_pipeline

STEPS = {"autoencoder": 6000, "denoiser": 5000}


def main() -> None:
    """Reads the command line and runs the stage; `all` runs each in turn and exports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=("autoencoder", "data", "denoiser", "export", "all"))
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoints")
    parser.add_argument("--steps", type=int, help="steps in all, counting those already done")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--weights", type=Path, default=Path("models/postcard/weights"))
    options = parser.parse_args()
    if options.stage in ("autoencoder", "all"):
        train_autoencoder(options.out, options.steps or STEPS["autoencoder"], options.resume)
    if options.stage in ("data", "all"):
        prepare(options.out)
    if options.stage in ("denoiser", "all"):
        train_denoiser(options.out, options.steps or STEPS["denoiser"], options.resume)
    if options.stage in ("export", "all"):
        export_pipeline(options.out, options.weights)


if __name__ == "__main__":
    main()
