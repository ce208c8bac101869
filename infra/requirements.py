"""What an extra brings, one requirement on each line: `python -m infra.requirements EXTRA`.

For installing a unit's packages without this project itself: `pip install -r`.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
_OWN = re.compile(r"darkroom\[(?P<extras>[\w,-]+)\]\Z")


def requirements(extra: str, pyproject: Path = PYPROJECT) -> tuple[str, ...]:
    """The requirements, those of the extras that it is made of included. Raises KeyError."""
    project = tomllib.loads(pyproject.read_text("utf-8"))["project"]
    return tuple(dict.fromkeys(_spelled_out(extra, project["optional-dependencies"])))


def _spelled_out(extra: str, extras: dict[str, list[str]]) -> Iterator[str]:
    for requirement in extras[extra]:
        own = _OWN.match(requirement)
        if own is None:
            yield requirement
        else:
            for inner in own["extras"].split(","):
                yield from _spelled_out(inner, extras)


if __name__ == "__main__":
    print(*requirements(sys.argv[1]), sep="\n")
