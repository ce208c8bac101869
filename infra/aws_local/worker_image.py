"""The worker's container image, unpacked in a folder as its Dockerfile says: what it copies, sets
and starts. Its packages are this interpreter's own, beside Lambda's runtime client."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template

from infra.aws_local.deployed_functions import RUNTIME, Image
from infra.aws_local.package import ROOT

DOCKERFILE = ROOT / "worker_fn" / "Dockerfile"
_STAGE = "worker"
_TASK_ROOT, _PACKAGES, _MODELS = "/opt/darkroom", "/opt/packages", "/opt/models"
_COMPILED = "/opt/compiled"
"""Baked into the image; here the first worker to start keeps what it compiled."""
_LEFT_OUT = shutil.ignore_patterns("__pycache__")


def unpacked_image(folder: Path, *, models: Path, model: str) -> Image:
    """The image that `docker build --build-arg MODEL=…` would make, with its code in `folder`."""
    steps = list(_steps(DOCKERFILE.read_text("utf-8"), _STAGE))
    for source in _copied(steps):
        shutil.copytree(ROOT / source, folder / source, ignore=_LEFT_OUT)
    places = {
        _TASK_ROOT: str(folder),
        _PACKAGES: f"{RUNTIME}:{sysconfig.get_path('purelib')}",
        _MODELS: str(models),
        _COMPILED: str(folder / "compiled"),
    }
    return Image(
        task_root=folder, handler=_handler(steps), variables=_variables(steps, model, places)
    )


def _steps(dockerfile: str, stage: str) -> Iterator[tuple[str, str]]:
    """The instructions of a stage, those of the stage that it builds on first."""
    whole_lines = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", dockerfile, flags=re.MULTILINE))
    for part in re.split(r"^FROM ", whole_lines, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        below, _, name = head.split()
        if name == stage:
            yield from _steps(dockerfile, below)
            for line in filter(None, body.splitlines()):
                instruction, _, rest = line.partition(" ")
                yield instruction, rest.strip()


def _copied(steps: list[tuple[str, str]]) -> Iterator[str]:
    """What comes from the repository, under the same name."""
    for instruction, rest in steps:
        if instruction == "COPY" and not rest.startswith("--from"):
            source, target = rest.split()
            assert source == target, f"COPY {rest}: a copy under another name"
            yield source


def _variables(
    steps: list[tuple[str, str]], model: str, places: Mapping[str, str]
) -> Mapping[str, str]:
    pairs = [
        word.split("=", 1)
        for instruction, rest in steps
        if instruction == "ENV"
        for word in shlex.split(Template(rest).substitute(MODEL=model))
    ]
    return {name: _moved(value, places) for name, value in pairs}


def _moved(value: str, places: Mapping[str, str]) -> str:
    """A path in the image, or several, as paths of this machine."""
    for inside, here in places.items():
        value = value.replace(inside, here)
    assert not value.startswith("/opt/"), f"{value}: nobody said where that is here"
    return value


def _handler(steps: list[tuple[str, str]]) -> str:
    commands = [json.loads(rest) for instruction, rest in steps if instruction == "CMD"]
    client, handler = commands[-1]
    assert client == "awslambdaric", commands
    return str(handler)
