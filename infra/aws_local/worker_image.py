"""The worker's container image, unpacked in a folder: its code, and this interpreter's packages."""

from __future__ import annotations

import shutil
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from infra.aws_local.deployed_functions import Image
from infra.aws_local.package import ROOT

_LEFT_OUT = shutil.ignore_patterns("__pycache__", "Dockerfile*")


def unpacked_image(folder: Path, variables: Mapping[str, str]) -> Image:
    """An image whose ENV lines say `variables`."""
    for name in ("worker_fn", "shared"):
        shutil.copytree(ROOT / name, folder / name, ignore=_LEFT_OUT)
    return Image(
        task_root=folder,
        packages=Path(sysconfig.get_path("purelib")),
        handler="worker_fn.main.handler",
        variables=variables,
    )
