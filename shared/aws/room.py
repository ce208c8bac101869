"""What is known of the room for a batch's jobs while places are sought for them.

At first the limits themselves, then what each counter that refused had left. A batch fills one
counter of `seats#0` to `seats#7` after another, so that it is one too many only for all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain, repeat
from typing import Any

from shared.aws import open_jobs
from shared.batch import MOST_JOBS
from shared.errors import QueueFull, TenantQueueFull
from shared.open_limits import OpenLimits, queue_full, tenant_queue_full


class Room:
    """For the jobs of one batch of one tenant."""

    def __init__(self, batch_id: str, tenant: str, limits: OpenLimits) -> None:
        self._tenant_id = tenant
        self._limits = limits
        self._tenant = _most(limits.per_tenant)
        self._seats = {
            seat: _most(open_jobs.share(limits, seat)) for seat in open_jobs.seats(batch_id, limits)
        }

    @property
    def places(self) -> int:
        """For how many jobs there may be room."""
        return min(self._tenant, sum(self._seats.values()))

    @property
    def full(self) -> TenantQueueFull | QueueFull:
        """What to say to the next one."""
        of_tenant = self._tenant <= sum(self._seats.values())
        return tenant_queue_full(self._limits) if of_tenant else queue_full(self._limits)

    def seats(self, jobs: int) -> Sequence[int]:
        """Where so many jobs are counted: a seat for each."""
        return [*chain.from_iterable(repeat(seat, n) for seat, n in self._seats.items())][:jobs]

    def taken(self, table: str, seats: Sequence[int]) -> dict[str, dict[str, Any]]:
        """The writes that count jobs with these seats, by name; each refuses what is too many."""
        if not seats:
            return {}
        most, per_seat = self._limits.per_tenant, Counter(seats)
        of_tenant = open_jobs.more(table, open_jobs.tenant_pk(self._tenant_id), most, len(seats))
        writes = {"tenant": {"Update": of_tenant}}
        for seat, jobs in per_seat.items():
            share = open_jobs.share(self._limits, seat)
            writes[_name(seat)] = {
                "Update": open_jobs.more(table, open_jobs.seat_pk(seat), share, jobs)
            }
        return writes

    def learn(self, refused: Mapping[str, dict[str, Any]]) -> None:
        """From the counters that had no room for what `taken` asked of them."""
        if "tenant" in refused:
            self._tenant = _left(self._limits.per_tenant, refused["tenant"])
        for seat in self._seats:
            if _name(seat) in refused:
                share = open_jobs.share(self._limits, seat)
                self._seats[seat] = _left(share, refused[_name(seat)])


def _name(seat: int) -> str:
    return f"seat {seat}"


def _most(limit: int | None) -> int:
    return MOST_JOBS if limit is None else min(limit, MOST_JOBS)


def _left(limit: int | None, reason: dict[str, Any]) -> int:
    assert limit is not None  # else it could not have refused
    return max(0, limit - int(reason["Item"]["n"]["N"]))
