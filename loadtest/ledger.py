"""The ledger: every accepted job accounted for, or the run has failed.

accepted = succeeded + failed + canceled, every picture fetched and its hash right, no order with
two jobs and no job with two orders, no status that goes backwards, nothing terminal that changes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from loadtest.follow_up import JobHistory, Run
from loadtest.journey import TERMINAL

RANK = {"queued": 0, "running": 1, "succeeded": 2, "failed": 2, "canceled": 2}
"""A retried attempt goes back from running to queued, which is no fault; a terminal one never."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that must not be. `kind` is one of the closed set below."""

    kind: str
    subject: str
    what: str


KINDS = (
    "lost",
    "duplicate",
    "wrong_hash",
    "not_fetched",
    "backwards",
    "terminal_changed",
    "refused",
    "against_the_contract",
)


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The account. It balances when there are no faults."""

    accepted: int
    succeeded: int
    failed: int
    canceled: int
    fetched: int
    replayed: int
    refused_as_expected: int
    throttled: int
    faults: tuple[Fault, ...]

    @property
    def balances(self) -> bool:
        """Nothing is missing, doubled or wrong."""
        ended = self.succeeded + self.failed + self.canceled
        return not self.faults and self.accepted == ended


def ledger(run: Run) -> Ledger:
    """Draw up the account of a run that has been drained."""
    accepted = [job for job in run.jobs.values() if job.accepted]
    ends = Counter(job.settled[0].status for job in accepted if job.settled)
    faults = [fault for job in accepted for fault in _faults(job)]
    faults += _duplicates(run) + _refusals(run)
    faults += [
        Fault(kind="against_the_contract", subject=each.order, what=each.what)
        for each in run.broken
    ]
    return Ledger(
        accepted=len(accepted),
        succeeded=ends["succeeded"],
        failed=ends["failed"],
        canceled=ends["canceled"],
        fetched=sum(1 for job in accepted if job.fetched),
        replayed=sum(each.replayed for job in accepted for each in job.accepted),
        refused_as_expected=sum(each.expected for each in run.refused),
        throttled=len(run.throttled),
        faults=tuple(faults),
    )


def _faults(job: JobHistory) -> list[Fault]:
    return [*_lost(job), *_wrong_pictures(job), *_backwards(job), *_changed(job)]


def _lost(job: JobHistory) -> list[Fault]:
    if job.missing:
        status = job.missing[0].status
        return [Fault(kind="lost", subject=job.job_id, what=f"a read answered {status}")]
    if not job.settled:
        last = job.seen[-1].status if job.seen else "never read"
        return [Fault(kind="lost", subject=job.job_id, what=f"never ended; last seen: {last}")]
    return []


def _wrong_pictures(job: JobHistory) -> list[Fault]:
    promised = {end.sha256 for end in job.settled if end.status == "succeeded"}
    if not promised:
        return []
    if not job.fetched:
        return [Fault(kind="not_fetched", subject=job.job_id, what="nobody has its picture")]
    return [
        Fault(
            kind="wrong_hash",
            subject=job.job_id,
            what=f"HTTP {got.status}, {got.bytes} bytes with sha256 {got.sha256[:12]}…",
        )
        for got in job.fetched
        if promised != {got.sha256}
    ]


def _backwards(job: JobHistory) -> list[Fault]:
    steps = zip(job.seen, job.seen[1:], strict=False)
    return [
        Fault(
            kind="backwards",
            subject=job.job_id,
            what=f"{one.status} (v{one.version}), then {next_.status} (v{next_.version})",
        )
        for one, next_ in steps
        if next_.version < one.version or RANK.get(next_.status, -1) < 2 <= RANK.get(one.status, -1)
    ]


def _changed(job: JobHistory) -> list[Fault]:
    ends = {seen.status for seen in job.seen if seen.status in TERMINAL}
    ends |= {end.status for end in job.settled}
    if len(ends) < 2:
        return []
    return [Fault(kind="terminal_changed", subject=job.job_id, what=" and ".join(sorted(ends)))]


def _duplicates(run: Run) -> list[Fault]:
    by_order = [
        Fault(kind="duplicate", subject=order, what=f"{len(ids)} jobs: {', '.join(sorted(ids))}")
        for order, ids in run.ids_by_order().items()
        if len(ids) > 1
    ]
    by_job = [
        Fault(kind="duplicate", subject=job.job_id, what=f"{len(orders)} orders")
        for job in run.jobs.values()
        if len(orders := {each.order for each in job.accepted}) > 1
    ]
    return by_order + by_job


def _refusals(run: Run) -> list[Fault]:
    return [
        Fault(kind="refused", subject=each.order, what=f"HTTP {each.status} {each.code}")
        for each in run.refused
        if not each.expected
    ]
