"""Many jobs ended at once, as when a batch is called off: in a few transactions that count them all
off together.

A transaction refuses all where one of its rows refuses. That row is left out then, with its
refusal, and the others are tried again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from shared.aws import items, open_jobs, outbox
from shared.aws.clients import Client
from shared.aws.expressions import transact_update
from shared.aws.reads import Reads
from shared.aws.transactions import Tries, transacted
from shared.errors import TransitionRefused, Unavailable
from shared.job import Job
from shared.transition import Transition
from shared.webhook_event import WebhookEvent
from shared.webhook_ports import Ring

_AT_ONCE = 30
"""In one transaction: beside them it may hold an event of each, a counter of each one's tenant, and
eight counters of all."""
Answers = dict[str, Job | TransitionRefused]


class Endings:
    """Applies transitions that end jobs to one table's rows."""

    def __init__(self, client: Client, name: str, tries: Tries, reads: Reads, ring: Ring) -> None:
        self._client = client
        self._name = name
        self._tries = tries
        self._reads = reads
        self._ring = ring

    def apply_all(self, transitions: Sequence[Transition]) -> Answers:
        """By job id, of which none may come twice, what `JobTable.apply_all` says."""
        answers: Answers = {}
        rest = iter(transitions)
        while some := {move.job_id: move for move in islice(rest, _AT_ONCE)}:
            answers |= self._apply(some)
        return answers

    def _apply(self, moves: dict[str, Transition]) -> Answers:
        """Each try leaves out one row at least, or finds that one was counted elsewhere since."""
        answers: Answers = {}
        for _ in range(len(moves) + 8):
            rows = self._rows(moves)
            answers |= {
                job_id: TransitionRefused(moves.pop(job_id).name, None)
                for job_id in [*moves]
                if job_id not in rows
            }
            if not moves:
                return answers
            events = _events(moves, rows)
            refused = transacted(self._client, self._writes(moves, rows, events), self._tries)
            if not refused:
                for event in events.values():
                    self._ring(event)
                return answers | {job.id: job for job in self._after(moves)}
            found = (reason["Item"] for reason in refused.values() if "Item" in reason)
            for job_id, current in _jobs(found):
                if not moves[job_id].permits(current):
                    answers[job_id] = TransitionRefused(moves.pop(job_id).name, current)
        raise Unavailable("the jobs are opened again and again")

    def _rows(self, moves: Mapping[str, Transition]) -> dict[str, items.Item]:
        found = self._reads.found(map(items.job_key, moves))
        return {items.job_from(item).id: item for item in found}

    def _after(self, moves: Mapping[str, Transition]) -> Iterator[Job]:
        """A transaction cannot give back the new rows: they are read, and may have moved on."""
        return (job for _, job in _jobs(self._reads.found(map(items.job_key, moves))))

    def _writes(
        self,
        moves: Mapping[str, Transition],
        rows: Mapping[str, items.Item],
        events: Mapping[str, WebhookEvent],
    ) -> dict[str, dict[str, Any]]:
        """What was read goes into the guards: a retry may have had a job counted elsewhere, and be
        kept longer."""
        writes: dict[str, dict[str, Any]] = {}
        counted = Counter[str]()
        for job_id, move in moves.items():
            seat = rows[job_id].get(open_jobs.SEAT)
            seen = {open_jobs.SEAT: seat, "gone": rows[job_id]["gone"]}
            writes[job_id] = {"Update": transact_update(self._name, move, seen=seen)}
            if seat is not None:
                for pk in open_jobs.counted_in(rows[job_id]["tenant"]["S"], int(seat["N"])):
                    counted[pk["S"]] += 1
        for job_id, event in events.items():
            writes[f"event of {job_id}"] = {"Update": outbox.stored(self._name, event)}
        for name, jobs in counted.items():
            writes[name] = {"Update": open_jobs.fewer(self._name, items.text(name), jobs)}
        return writes


def _events(
    moves: Mapping[str, Transition], rows: Mapping[str, items.Item]
) -> dict[str, WebhookEvent]:
    """What webhooks ask to be told of, by job id."""
    told = {job_id: outbox.told_of_end(rows[job_id], move) for job_id, move in moves.items()}
    return {job_id: event for job_id, event in told.items() if event is not None}


def _jobs(found: Iterator[items.Item]) -> Iterator[tuple[str, Job]]:
    return ((job.id, job) for job in map(items.job_from, found))
