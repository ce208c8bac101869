"""How many more workers a queue asks for; pure."""

from __future__ import annotations

import math


def lacking(*, waiting: int, working: int, per_worker: int, most: int) -> int:
    """How many to start when `waiting` jobs wait and `working` workers run or are starting: one for
    every `per_worker` jobs or part of that, and never more than `most` in all."""
    wanted = min(most, math.ceil(waiting / per_worker))
    return max(0, wanted - working)
