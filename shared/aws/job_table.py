"""The job table on DynamoDB: submits, and everything that is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from operator import attrgetter
from typing import Any

from shared.aws import cache_index, items, line, open_jobs, submission
from shared.aws.clients import Client
from shared.aws.endings import Endings
from shared.aws.errors import translated
from shared.aws.expressions import Expression
from shared.aws.moves import Moves
from shared.aws.reads import Reads
from shared.aws.schema import DUE_INDEX, ERASED_SHARD, SHARDS, TENANT_INDEX
from shared.aws.transactions import Tries, transacted
from shared.batch import ids_of
from shared.bells import nobody
from shared.errors import TransitionRefused, Unavailable
from shared.job import Job, JobStatus
from shared.open_limits import UNLIMITED, OpenLimits, queue_full, tenant_queue_full
from shared.ports import Backlog, IdempotencyKey, JobQuery, Line, Submission
from shared.transition import Transition
from shared.webhook_event import event_of
from shared.webhook_ports import Ring

_PAGE = 1000


class DynamoJobTable:
    """A JobTable. `sleep` takes seconds and `jitter` gives 0 to 1: both only space out retries.
    `ring` hears of events."""

    def __init__(
        self,
        client: Client,
        name: str,
        *,
        sleep: Callable[[float], None],
        jitter: Callable[[], float],
        ring: Ring = nobody,
    ) -> None:
        self._client = client
        self._name = name
        self._tries = Tries(sleep=sleep, jitter=jitter)
        self._ring = ring
        self._moves = Moves(client, name, self._tries, ring)
        self._reads = Reads(client, name, self._tries)
        self._endings = Endings(client, name, self._tries, self._reads, ring)

    def submit(
        self,
        job: Job,
        key: IdempotencyKey | None,
        *,
        now_ms: int,
        limits: OpenLimits = UNLIMITED,
    ) -> Submission:
        counted = limits != UNLIMITED
        event = event_of(job, "job.completed") if job.is_terminal else None
        if key is None and not counted and event is None:
            return self._submit_alone(job)
        for seat in open_jobs.seats(job.id, limits) if counted else [None]:
            writes = submission.writes(
                self._name, job, key, now_ms=now_ms, limits=limits, seat=seat, event=event
            )
            submitted = self._submit_with(
                writes, key, job, limits, submission.token(self._name, job, seat)
            )
            if submitted is not None:
                if event is not None and not submitted.replayed:
                    self._ring(event)
                return submitted
            # else this counter is full, and another one may not be
        raise queue_full(limits)

    def get(self, job_id: str) -> Job | None:
        return self._moves.row(job_id)

    def rows(self, job_ids: Sequence[str]) -> Sequence[Job]:
        return self._rows(items.job_key(job_id) for job_id in job_ids)

    def apply(self, transition: Transition, *, limits: OpenLimits = UNLIMITED) -> Job:
        return self._moves.apply(transition, limits)

    def apply_all(self, transitions: Sequence[Transition]) -> Sequence[Job | TransitionRefused]:
        """Those that end jobs together; the others one after the other."""
        ends = [move for move in transitions if move.ends]
        if len(ends) > 1 and len({move.job_id for move in transitions}) == len(transitions):
            ended = self._endings.apply_all(ends)
            return [ended.get(move.job_id) or self._applied(move) for move in transitions]
        return [self._applied(transition) for transition in transitions]

    def due(self, *, now_ms: int, limit: int) -> Sequence[Job]:
        rows = self._due_rows(SHARDS, now_ms, limit)
        due = [job for job in rows if job.due_ms is not None and job.due_ms <= now_ms]
        return sorted(due, key=attrgetter("due_ms", "id"))

    def files_due(self, *, now_ms: int, limit: int) -> Sequence[Job]:
        rows = self._due_rows([ERASED_SHARD], now_ms, limit)
        due = [job for job in rows if job.files_due_ms is not None and job.files_due_ms <= now_ms]
        return sorted(due, key=attrgetter("files_due_ms", "id"))

    def jobs(self, query: JobQuery) -> Sequence[Job]:
        """Rows are read from the table itself, so a job shows every write that returned before."""
        if query.batch is not None:
            return self._of_batch(query.batch, query)
        entries = self._tenant_entries(query)
        found: list[Job] = []
        while len(found) < query.limit and (page := list(islice(entries, query.limit))):
            rows = {job.id: job for job in self._rows(entry["pk"] for entry in page)}
            newest_first = (rows[job_id] for job_id in sorted(rows, reverse=True))
            found += [job for job in newest_first if query.status in (None, job.status)]
        return found[: query.limit]

    def drawn(self, cache_key: str, *, seed: int | None, now_ms: int) -> Job | None:
        with translated():
            answer = self._client.query(
                TableName=self._name, **cache_index.query(cache_key, seed=seed)
            )
        job_id = cache_index.kept(answer["Items"], now_ms=now_ms)
        return None if job_id is None else self.get(job_id)

    def _of_batch(self, batch: str, query: JobQuery) -> Sequence[Job]:
        """No index is asked, since the ids are known: all of it is as of now."""
        before = query.before_id
        rows = self.rows([i for i in ids_of(batch) if before is None or i < before])
        mine = (job for job in rows if job.tenant == query.tenant)
        asked = [job for job in mine if query.status in (None, job.status)]
        return sorted(asked, key=attrgetter("id"), reverse=True)[: query.limit]

    def backlog(self) -> Backlog:
        queued, running = [], 0
        for entry in chain.from_iterable(self._due_entries(shard) for shard in SHARDS):
            if entry["st"]["S"] == JobStatus.QUEUED:
                queued.append(int(entry["born"]["N"]))
            else:
                running += 1
        return Backlog(
            queued=len(queued), running=running, oldest_queued_ms=min(queued, default=None)
        )

    def line(self, tenant: str, *, before_id: str | None = None) -> Line | None:
        return line.line(self._client, self._name, tenant, before_id=before_id)

    def _applied(self, transition: Transition) -> Job | TransitionRefused:
        try:
            return self.apply(transition)
        except TransitionRefused as refusal:
            return refusal

    def _submit_alone(self, job: Job) -> Submission:
        with translated():
            try:
                self._client.put_item(**submission.job_put(self._name, job))
            except self._client.exceptions.ConditionalCheckFailedException as refusal:
                current = refusal.response.get("Item")
                if current is None or items.job_from(current) != job:
                    raise
        return Submission(job=job, replayed=False)

    def _submit_with(
        self,
        writes: Mapping[str, dict[str, Any]],
        key: IdempotencyKey | None,
        job: Job,
        limits: OpenLimits,
        token: str,
    ) -> Submission | None:
        """None: the counter of what all tenants may have is full."""
        refused = transacted(self._client, writes, self._tries, ClientRequestToken=token)
        if "job" in refused:
            raise Unavailable("the job's id is taken")
        if "key" in refused and key is not None:
            return self._replay(refused["key"]["Item"], key, job)
        if "tenant" in refused:
            raise tenant_queue_full(limits)
        return None if "seat" in refused else Submission(job=job, replayed=False)

    def _replay(self, live: items.Item, key: IdempotencyKey, job: Job) -> Submission:
        key.require_same(live["fp"]["S"])
        earlier = live["jid"]["S"]
        return Submission(job=self.get(earlier), replayed=earlier != job.id)

    def _due_rows(self, shards: Sequence[str], now_ms: int, limit: int) -> list[Job]:
        """The index says where to look, the rows what is so: the index may be a moment behind."""
        found = [
            entry
            for shard in shards
            for entry in islice(self._due_entries(shard, until_ms=now_ms, page=limit), limit)
        ]
        found.sort(key=lambda entry: int(entry["due"]["N"]))
        return self._rows(entry["pk"] for entry in found[:limit])

    def _due_entries(
        self, shard: str, *, until_ms: int | None = None, page: int = _PAGE
    ) -> Iterator[items.Item]:
        expression = Expression()
        condition = f"{expression.name('shard')} = {expression.value(items.text(shard))}"
        if until_ms is not None:
            bound = expression.value(items.number(until_ms))
            condition = f"{condition} AND {expression.name('due')} <= {bound}"
        return self._entries(
            expression, IndexName=DUE_INDEX, KeyConditionExpression=condition, Limit=page
        )

    def _tenant_entries(self, query: JobQuery) -> Iterator[items.Item]:
        expression = Expression()
        condition = f"{expression.name('tenant')} = {expression.value(items.text(query.tenant))}"
        if query.before_id is not None:
            bound = expression.value(items.job_key(query.before_id))
            condition = f"{condition} AND {expression.name('pk')} < {bound}"
        arguments: dict[str, Any] = {"Limit": query.limit}
        if query.status is not None:
            status = expression.value(items.encoded("status", query.status))
            arguments = {"FilterExpression": f"{expression.name('st')} = {status}"}
            arguments["Limit"] = _PAGE
        return self._entries(
            expression,
            IndexName=TENANT_INDEX,
            KeyConditionExpression=condition,
            ScanIndexForward=False,
            **arguments,
        )

    def _entries(self, expression: Expression, **arguments: Any) -> Iterator[items.Item]:
        """An index's entries, page by page as they are asked for."""
        whole = {"TableName": self._name, **arguments, **expression.arguments()}
        while True:
            with translated():
                answer = self._client.query(**whole)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            whole["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _rows(self, keys: Iterator[items.Value]) -> list[Job]:
        """The rows with these keys, in any order; those that are gone are left out."""
        return [*map(items.job_from, self._reads.found(keys))]
