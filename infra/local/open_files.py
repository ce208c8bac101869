"""How many connections a run can afford: each one is an open file, and so is much else."""

from __future__ import annotations

import resource

ENOUGH = 16_384
LEFT_FOR_THE_REST = 256
"""For the database, pictures, webhooks and workers."""


def raised() -> int:
    """Raise this process's limit of open files, as far as the system lets it; the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def connections_within(files: int) -> int:
    """So many connections leave enough of the `files` for everything else."""
    return max(files - LEFT_FOR_THE_REST, files // 2)
