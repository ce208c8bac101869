"""Moves of a job on DynamoDB: one conditional write for each, and one transaction for those that
change how many jobs are open, or that a webhook asks to be told of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.aws import items, open_jobs, outbox
from shared.aws.clients import Client
from shared.aws.errors import translated
from shared.aws.expressions import Attributes, transact_update, update_arguments
from shared.aws.reads import item_at
from shared.aws.transactions import Tries, transacted
from shared.conditions import All, Is
from shared.errors import TransitionRefused, Unavailable
from shared.job import Job
from shared.open_limits import UNLIMITED, OpenLimits, queue_full, tenant_queue_full
from shared.transition import Transition
from shared.webhook_event import WebhookEvent, event_of
from shared.webhook_ports import Ring


class Moves:
    """Applies transitions to one table's rows. `ring` hears of events."""

    def __init__(self, client: Client, name: str, tries: Tries, ring: Ring) -> None:
        self._client = client
        self._name = name
        self._tries = tries
        self._ring = ring

    def apply(self, transition: Transition, limits: OpenLimits) -> Job:
        """As `JobTable.apply`."""
        if transition.opens_for is not None:
            return self._opened(transition, transition.opens_for, limits)
        match transition.event:
            case "job.completed":
                return self._ended(transition)
            case "job.started":
                return self._started(transition)
        return self._moved(transition)

    def row(self, job_id: str) -> Job | None:
        """The row as of now."""
        return _job_or_none(item_at(self._client, self._name, items.job_key(job_id)))

    def _started(self, transition: Transition) -> Job:
        """Hardly any webhook asks for starts, and a claim reads nothing beforehand: so it is tried
        as if this one did not either, and the row that refuses says that it does."""
        try:
            return self._moved(transition, untold=True)
        except TransitionRefused as refusal:
            seen = refusal.current
            if seen is None or not transition.permits(seen):
                raise
            event = event_of(transition.applied_to(seen), "job.started")
            if event is None:
                raise
        first = replace(transition, guard=All(transition.guard, Is("attempt", seen.attempt)))
        return self._in_transaction(transition, transact_update(self._name, first), {}, event)

    def _moved(
        self,
        transition: Transition,
        *,
        seen: Attributes | None = None,
        put: Attributes | None = None,
        untold: bool = False,
    ) -> Job:
        arguments = update_arguments(transition, seen=seen, put=put, untold=untold)
        for _ in self._tries:
            with translated():
                try:
                    answer = self._client.update_item(TableName=self._name, **arguments)
                except self._client.exceptions.ConditionalCheckFailedException as refusal:
                    current = _job_or_none(refusal.response.get("Item"))
                    raise TransitionRefused(transition.name, current) from None
                except self._client.exceptions.TransactionConflictException:
                    continue  # a transaction is ending this job, or trying to
                return items.job_from(answer["Attributes"])
        raise Unavailable("too many transactions at once on one row")

    def _ended(self, transition: Transition) -> Job:
        """Where the job is counted off is read before, and put into the guard: a retry in between
        may have had it counted elsewhere. That alone is no refusal."""
        for _ in self._tries:
            known = self._known(transition.job_id)
            try:
                return self._ended_in(transition, known)
            except TransitionRefused as refusal:
                if refusal.current is None or not transition.permits(refusal.current):
                    raise
        raise Unavailable("the job is opened again and again")

    def _ended_in(self, transition: Transition, known: items.Item) -> Job:
        seat, event = known.get(open_jobs.SEAT), outbox.told_of_end(known, transition)
        seen = {open_jobs.SEAT: seat}
        if event is not None:
            seen["gone"] = known["gone"]
        if event is None and seat is None:
            return self._moved(transition, seen=seen)
        counted: Mapping[str, dict[str, Any]] = {}
        if seat is not None:
            counted = open_jobs.given_back(self._name, known["tenant"]["S"], int(seat["N"]))
        update = transact_update(self._name, transition, seen=seen)
        return self._in_transaction(transition, update, counted, event)

    def _opened(self, transition: Transition, tenant: str, limits: OpenLimits) -> Job:
        """Counted as a submit is, and the row says where; or nowhere, without limits."""
        if limits == UNLIMITED:
            return self._moved(transition, put={open_jobs.SEAT: None})
        for seat in open_jobs.seats(transition.job_id, limits):
            put = {open_jobs.SEAT: items.number(seat)}
            update = transact_update(self._name, transition, put=put)
            counted = open_jobs.taken(self._name, tenant, seat, limits)
            try:
                return self._in_transaction(transition, update, counted)
            except _Full as full:
                if full.tenant:
                    raise tenant_queue_full(limits) from None
        raise queue_full(limits)

    def _in_transaction(
        self,
        transition: Transition,
        update: dict[str, Any],
        counted: Mapping[str, dict[str, Any]],
        event: WebhookEvent | None = None,
    ) -> Job:
        """A transaction cannot give back the new row: that is read again, and may have moved on.
        Raises _Full where a counter refused and the row did not."""
        told = {} if event is None else {"event": {"Update": outbox.stored(self._name, event)}}
        writes = {"job": {"Update": update}, **counted, **told}
        refused = transacted(self._client, writes, self._tries)
        if "job" in refused:
            current = _job_or_none(refused["job"].get("Item"))
            raise TransitionRefused(transition.name, current)
        if refused:
            raise _Full(tenant="tenant" in refused)
        if event is not None:
            self._ring(event)
        job = self.row(transition.job_id)
        if job is None:
            raise Unavailable("the row is gone")
        return job

    def _known(self, job_id: str) -> items.Item:
        """What an ending must know beforehand: whose the job is, in which counter it is, and what
        its webhook asks for."""
        names = ("tenant", open_jobs.SEAT, items.HOOK, "gone")
        with translated():
            answer = self._client.get_item(
                TableName=self._name,
                Key={"pk": items.job_key(job_id)},
                ProjectionExpression=", ".join(f"#{name}" for name in names),
                ExpressionAttributeNames={f"#{name}": name for name in names},
                ConsistentRead=True,
            )
        item: items.Item = answer.get("Item", {})
        return item


class _Full(Exception):
    """A counter is full: the tenant's, or one of those that all tenants share."""

    def __init__(self, *, tenant: bool) -> None:
        self.tenant = tenant


def _job_or_none(item: items.Item | None) -> Job | None:
    return items.job_from(item) if item else None
