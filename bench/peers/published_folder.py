"""A diffusers folder with the names that published checkpoints have, for stable-diffusion.cpp.

    python -m bench.peers.published_folder DIFFUSERS_FOLDER OUT

transformers 5 saves a text encoder without the `text_model.` that all checkpoints before it carry;
everything else is the very files.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from safetensors.numpy import load_file, save_file

PREFIX = "text_model."


def write(diffusers_folder: Path, out: Path) -> None:
    """The whole folder, by hard links where nothing differs."""
    shutil.copytree(diffusers_folder, out, copy_function=os.link)
    weights = out / "text_encoder" / "model.safetensors"
    named = {PREFIX + name.removeprefix(PREFIX): each for name, each in load_file(weights).items()}
    weights.unlink()
    save_file(named, weights)


if __name__ == "__main__":
    write(*(Path(argument) for argument in sys.argv[1:]))
