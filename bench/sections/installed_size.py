"""What a worker needs on disk, without weights: `python -m bench.sections.installed_size`."""

from __future__ import annotations

import subprocess
import sys
import venv
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.contestant import ROOT
from bench.plan import Plan
from bench.tables import Row, Section, target

WANTED_MB = 400
MB = 10**6
INSTALLER = ("pip", "setuptools")
LISTED = 8


def measure(plan: Plan) -> Section:
    """Really installed into an empty environment; kept by what pyproject.toml asks for."""
    record = plan.folders.cache / f"installed-{_asked_for()}.txt"
    if not record.is_file():
        record.write_text(_installed(), encoding="utf-8")
    sizes = _sizes(record.read_text(encoding="utf-8"))
    rows: list[Row] = [{"package": name, "MB": size / MB} for name, size in _largest(sizes)]
    total = sum(sizes.values()) / MB
    rows.append({"package": f"all {len(sizes)} entries", "MB": total})
    return Section(
        title="6. A worker without torch: installed size",
        note="pip install '.[worker]' into an empty environment; pip itself left out.",
        rows=rows,
        targets=[
            target("worker's installed size", total, "at most", WANTED_MB, unit="MB", timed=False)
        ],
    )


def _sizes(record: str) -> dict[str, int]:
    return {name: int(size) for size, name in map(str.split, record.splitlines())}


def _largest(sizes: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(sizes.items(), key=lambda each: -each[1])[:LISTED]


def _asked_for() -> str:
    asked = (ROOT / "pyproject.toml").read_bytes() + (ROOT / "constraints.txt").read_bytes()
    return sha256(asked).hexdigest()[:12]


def _installed() -> str:
    """Lines of bytes and the name of an entry of site-packages."""
    with TemporaryDirectory(prefix="darkroom-worker-") as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        pip = ["-m", "pip", "install", "--quiet", "--no-compile", "-c", "constraints.txt"]
        subprocess.run([python, *pip, ".[worker]"], cwd=ROOT, check=True)
        (packages,) = Path(folder).glob("lib/python*/site-packages")
        entries = [entry for entry in packages.iterdir() if not _is_installer(entry)]
        return "".join(f"{_bytes(entry)} {entry.name}\n" for entry in entries)


def _is_installer(entry: Path) -> bool:
    return entry.name.split("-")[0] in INSTALLER


def _bytes(entry: Path) -> int:
    files = [entry] if entry.is_file() else [file for file in entry.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files if not file.is_symlink())


def main() -> int:
    """Install, print, and compare with the target; the exit status."""
    sizes = _sizes(_installed())
    for name, size in _largest(sizes):
        print(f"{size / MB:8.1f} MB  {name}")
    total = sum(sizes.values()) / MB
    print(f"{total:8.1f} MB  all {len(sizes)} entries, at most {WANTED_MB} MB wanted")
    return 0 if total <= WANTED_MB else 1


if __name__ == "__main__":
    sys.exit(main())
