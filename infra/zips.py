"""Builds the light units' zips as Lambda runs them: `python -m infra.zips --help`.

One zip holds the unit, `shared` and exactly what the unit's extra brings. Files carry no times, so
that what did not change is the same zip again and is not deployed again.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.requirements import requirements
from shared.errors import SettingsError
from shared.refused_terms import read_policy

ROOT = Path(__file__).resolve().parents[1]
UNITS = {"submit_fn": "submit", "status_fn": "status", "upkeep_fn": "upkeep"}
"""Each light unit, and the extra that holds what it needs."""
LAMBDA = (
    "--platform=manylinux2014_aarch64",
    "--platform=manylinux_2_28_aarch64",
    "--python-version=3.13",
    "--implementation=cp",
    "--only-binary=:all:",
)
"""What pip must be told to install for the functions' runtime in infra/template.yaml."""
HERE = ("--only-binary=:all:",)
SERVICES = frozenset({"dynamodb", "s3", "sqs", "sts"})
"""What the units call. botocore describes over 400 services in more than 100 MB."""
REFUSED_TERMS = "refused_terms.txt"
"""The terms in the submit unit's zip, as infra/template.yaml names the file; there may be none."""
_THE_BEGINNING = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o644 << 16


def main() -> int:
    """Build and print what each zip weighs; the exit status."""
    arguments = _arguments()
    try:
        refused_terms = terms_in(arguments.refused_terms)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    target = HERE if arguments.here else LAMBDA
    try:
        sizes = build(
            arguments.out,
            target,
            models=arguments.models,
            model=arguments.model,
            refused_terms=refused_terms,
        )
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    for path, unpacked in sizes.items():
        zipped = path.stat().st_size
        print(f"{path!s:24} {zipped / 1e6:6.1f} MB, unpacked {unpacked / 1e6:6.1f} MB")
    return 0


def build(
    out: Path,
    target: Sequence[str],
    *,
    models: Path = ROOT / "models",
    model: str = "*",
    refused_terms: bytes = b"",
) -> dict[Path, int]:
    """The zips, made under `out`, and how many bytes each holds unpacked. `target`: LAMBDA, or HERE
    for this very interpreter. They offer `model`, or every one that is under `models`, and refuse
    prompts for `refused_terms`.

    Raises CalledProcessError if pip finds no wheel, FileNotFoundError if there is no such model.
    """
    out.mkdir(parents=True, exist_ok=True)
    catalog = {"catalog.json": catalog_of(models, model)}
    texts = {"submit_fn": {**catalog, REFUSED_TERMS: refused_terms}}
    with TemporaryDirectory(prefix="darkroom-zips-") as folder:
        installed = _Installed(Path(folder), target)
        return {
            path: _pack(path, _content(unit, installed.of(extra), texts.get(unit, catalog)))
            for unit, extra in UNITS.items()
            for path in [out / f"{unit}.zip"]
        }


def catalog_of(models: Path, model: str = "*") -> bytes:
    """The cards of these models, as DARKROOM_CATALOG wants them. Raises FileNotFoundError."""
    cards = [json.loads(card.read_bytes()) for card in sorted(models.glob(f"{model}/card.json"))]
    if not cards:
        raise FileNotFoundError(f"there is no {models / model / 'card.json'}")
    return json.dumps(cards, ensure_ascii=False).encode()


def terms_in(path: Path | None) -> bytes:
    """The file, as DARKROOM_REFUSED_TERMS wants it. Raises SettingsError."""
    read_policy(path)
    return b"" if path is None else path.read_bytes()


class _Installed:
    """Folders of packages, one for each different set of requirements."""

    def __init__(self, folder: Path, target: Sequence[str]) -> None:
        self._folder = folder
        self._target = target
        self._made: dict[tuple[str, ...], Path] = {}

    def of(self, extra: str) -> Path:
        wanted = requirements(extra)
        if wanted not in self._made:
            self._made[wanted] = self._install(wanted, self._folder / extra)
        return self._made[wanted]

    def _install(self, wanted: tuple[str, ...], folder: Path) -> Path:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        options = ["--no-compile", "--constraint", str(ROOT / "constraints.txt")]
        subprocess.run([*pip, *options, *self._target, f"--target={folder}", *wanted], check=True)
        shutil.rmtree(folder / "bin", ignore_errors=True)
        return folder


def _content(unit: str, packages: Path, texts: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    yield from texts.items()
    for name in (unit, "shared"):
        yield from _files(ROOT / name, ROOT)
    yield from _files(packages, packages)


def _files(folder: Path, root: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(root)
        if path.is_file() and "__pycache__" not in name.parts and _is_called(name):
            yield name.as_posix(), path.read_bytes()


def _is_called(name: Path) -> bool:
    """False for botocore's description of a service that no unit calls."""
    match name.parts:
        case ("botocore", "data", service, _, *_):
            return service in SERVICES
        case ("boto3", "data" | "examples", *_):
            return False
    return True


def _pack(path: Path, content: Iterator[tuple[str, bytes]]) -> int:
    unpacked = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in content:
            entry = zipfile.ZipInfo(name, _THE_BEGINNING)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, _READABLE
            archive.writestr(entry, data)
            unpacked += len(data)
    return unpacked


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.zips", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build"))
    parser.add_argument("--models", type=Path, default=ROOT / "models")
    parser.add_argument("--model", default="*", help="the one that the worker's image holds")
    parser.add_argument(
        "--refused-terms", type=Path, help="a file with the terms that prompts are refused for"
    )
    parser.add_argument(
        "--here", action="store_true", help="for this interpreter instead of Lambda's"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
