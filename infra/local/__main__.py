"""Darkroom on one machine: `python -m infra.local --help`."""

from __future__ import annotations

import sys

from infra.local.options import read_options, usable_cores, usable_memory_mb
from infra.local.refusal import Refused
from infra.local.run import run

REFUSED = 2


def main() -> int:
    """The exit status: 0 after SIGTERM or SIGINT, 2 when it could not start."""
    try:
        run(read_options(sys.argv[1:], cores=usable_cores(), memory_mb=usable_memory_mb()))
    except Refused as refusal:
        print(f"darkroom: {refusal}", file=sys.stderr)
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
