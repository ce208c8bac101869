"""Shows that everything a worker needs is there as a wheel: `python -m infra.wheels [EXTRA]`.

For both kinds of processor and every Python that we support, so that an image is built without a
compiler. A number is the oldest glibc that a wheel runs with; "any" needs none.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from infra.requirements import requirements

ROOT = Path(__file__).resolve().parents[1]
ARCHITECTURES = ("x86_64", "aarch64")
PYTHONS = ("3.11", "3.12", "3.13")
GLIBC = 41
"""Of Debian trixie, which the worker's image is made from: 2.41."""

_OLD_NAMES = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}
Place: TypeAlias = tuple[str, str]
Found: TypeAlias = Mapping[str, str]


class NoWheels(Exception):
    """Its text is pip's own account."""


def main() -> int:
    """The exit status: 0 when every wheel is there."""
    extra = sys.argv[1] if len(sys.argv) > 1 else "worker"
    places = list(product(ARCHITECTURES, PYTHONS))
    try:
        found = {place: wheels(extra, *place) for place in places}
    except NoWheels as error:
        print(error, file=sys.stderr)
        return 1
    _print(found)
    return 0


def wheels(extra: str, architecture: str, python: str) -> Found:
    """What each package's wheel needs, by name and version. Raises NoWheels."""
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        nothing = ["--dry-run", "--ignore-installed", "--target", folder, "--report", str(report)]
        where = ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}"]
        platforms = [f"--platform={name}_{architecture}" for name in _platforms()]
        asked = ["--constraint", str(ROOT / "constraints.txt"), *requirements(extra)]
        done = subprocess.run(
            [*pip, *nothing, *where, *platforms, *asked], capture_output=True, text=True
        )
        if done.returncode != 0:
            raise NoWheels(f"{architecture}, Python {python}:\n{done.stderr}")
        return _by_package(json.loads(report.read_text("utf-8")))


def needed(wheel: str) -> str:
    """The oldest glibc that a wheel of this file name runs with, or "any"."""
    if wheel.endswith("-any.whl"):
        return "any"
    minors = [int(minor) for minor in re.findall(r"manylinux_2_(\d+)_", wheel)]
    minors += [minor for name, minor in _OLD_NAMES.items() if f"{name}_" in wheel]
    return f"2.{min(minors)}"


def _platforms() -> list[str]:
    return [*(f"manylinux_2_{minor}" for minor in range(GLIBC, 4, -1)), *_OLD_NAMES]


def _by_package(report: Mapping[str, Any]) -> Found:
    installs = [(each["metadata"], each["download_info"]["url"]) for each in report["install"]]
    return {
        f"{metadata['name']} {metadata['version']}": needed(url.rpartition("/")[2])
        for metadata, url in installs
    }


def _print(found: Mapping[Place, Found]) -> None:
    packages = sorted({package for each in found.values() for package in each}, key=str.lower)
    print(f"{'':36}" + "".join(f"{architecture:>18}" for architecture in ARCHITECTURES))
    print(f"{'':36}" + "".join(f"{python:>6}" for _, python in found))
    for package in packages:
        print(f"{package:36}" + "".join(f"{each.get(package, '-'):>6}" for each in found.values()))


if __name__ == "__main__":
    sys.exit(main())
