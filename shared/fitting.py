"""Which items of a batch become jobs: those that the limits on open jobs have room for. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from shared.batch import MOST_JOBS, Refusal
from shared.errors import RequestError
from shared.http.problem import refusal
from shared.job import Job


def fitted(
    items: Sequence[Job | Refusal],
    *,
    first: int,
    places: int,
    full: RequestError,
    most: int = MOST_JOBS,
) -> list[Job | Refusal]:
    """The first of `items`, up to the one before the job that would be one more than `most`;
    `first` is the index of the first of them in its batch.

    Open jobs beyond the `places` that there are give way to refusals that say why (`full`). A job
    that is over already takes no place.
    """
    taken: list[Job | Refusal] = []
    accepted = 0
    for index, item in enumerate(items, first):
        if isinstance(item, Refusal):
            taken.append(item)
        elif not item.is_terminal and places <= 0:
            taken.append(refusal(index, full))
        elif accepted < most:
            taken.append(item)
            accepted += 1
            places -= not item.is_terminal
        else:
            break
    return taken
