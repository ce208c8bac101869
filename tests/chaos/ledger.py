"""The book of all that was written: makes an actor's calls, and checks every promise after each."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from shared.batch import Batch, job_id_in
from shared.errors import DarkroomError, ImageMissing
from shared.job import Job, JobStatus
from shared.ports import Clock, JobQuery, Submission
from shared.spec import JobSpec
from shared.transition import Transition
from tests.chaos.actors import Actor, Call
from tests.chaos.invariants import (
    LATE_MS,
    OF_TERMINAL_JOBS,
    Move,
    Violation,
    check_copy,
    check_move,
    check_row,
    check_wait,
    require,
)
from tests.chaos.stores import Stores

TENANT = "ours"
AUDIT_EVERY = 8
_ALL = JobQuery(tenant=TENANT, limit=1000)


class Ledger:
    """What the stores must hold, as far as anybody has seen."""

    def __init__(self, stores: Stores, clock: Clock) -> None:
        self.rows: dict[str, Job] = {}
        self._stores = stores
        self._clock = clock
        self._claims: dict[tuple[str, int], str] = {}
        self._keys: dict[str, tuple[str | None, str]] = {}
        self._pictures: dict[str, str] = {}
        self._drawn: dict[str, Job] = {}
        self._files: dict[str, set[str]] = {}
        self._asked: dict[str, JobSpec] = {}
        self._canceled: set[str] = set()
        self._job_of: dict[str, str] = {}
        self._writes = 0

    def make(self, actor: Actor, call: Call) -> tuple[Any, DarkroomError | None]:
        """Make the call and check what it did. Raises Violation."""
        if call.verb == "put":
            return self._put(call)
        if call.verb == "erase files":
            return self._erase(call)
        value, error = _made(call)
        if isinstance(call.subject, Transition):
            self._applied(actor, call, call.subject, accepted=error is None)
        elif call.verb in ("submit", "take"):
            self._audit(changed=None)
            self._submitted(call.subject.id)
        return value, error

    def _submitted(self, job_id: str) -> None:
        """A row that may be new: it has a picture at once where the result cache answered."""
        row = self.rows.get(job_id)
        if row is not None and row.image is not None:
            self._check_picture(row)

    def submitted(self, key: str | None, body: str, submission: Submission) -> None:
        """A caller was told that this is its job."""
        job = submission.job
        assert job is not None
        require(job.id in self.rows, "202 means stored", job)
        require(job.spec.prompt == body, "a key answers with the job of its own body", job)
        if key is not None:
            known = self._job_of.setdefault(key, job.id)
            require(known == job.id, "one key, one job", key, known, job.id)

    def batch_submitted(self, batch: Batch) -> None:
        """A caller was told that these are its jobs."""
        require(batch.is_settled, "every item is decided on", batch)
        ids = [job_id_in(batch.id, index) for index in batch.accepted()]
        require(self.rows.keys() >= set(ids), "202 means stored", batch)
        stored = {row.id for row in self.rows.values() if row.batch == batch.id}
        require(stored == set(ids), "what is refused is not stored", batch)

    def batch_canceled(self, batch: Batch) -> None:
        """A caller was told 200."""
        self._audit(changed=None)
        of_it = [row for row in self.rows.values() if row.batch == batch.id]
        require(all(row.is_terminal for row in of_it), "nothing of it is open", of_it)

    def key_refused(self, key: str | None, body: str) -> None:
        """A caller was told that it used this key for another body."""
        first = [asked for asked in self._asked.values() if key and asked.client_ref == key]
        reused = bool(first) and first[0].prompt != body
        require(reused, "a key is refused for another body alone", key, body, first)

    def key_gone(self, key: str | None) -> None:
        """A caller was told that the job of this key is no longer kept."""
        ids = [job_id for job_id, asked in self._asked.items() if key and asked.client_ref == key]
        require(len(ids) == 1, "a key names a job that was deleted", key, ids)
        self.gone(ids[0])

    def gone(self, job_id: str) -> None:
        """A caller was told 204 or 410."""
        row = self.rows[job_id]
        require(row.erased_ms is not None, "gone is what was deleted, and deleted is gone", row)

    def retried(self, job: Job) -> None:
        """A caller was told 202."""
        in_a_round = job.retried_ms is not None and not job.is_terminal
        require(in_a_round, "202 means another round", job)
        require(self.rows[job.id].retried_ms is not None, "202 means stored", job)

    def retry_refused(self, job_id: str) -> None:
        """A caller was told that the job is in no state for that."""
        row = self.rows[job_id]
        first = not row.is_terminal and row.retried_ms is None
        require(first or row.status is JobStatus.SUCCEEDED, "what ended badly is retried", row)

    def delete_refused(self, job_id: str) -> None:
        """A caller was told that the job runs."""
        row = self.rows[job_id]
        require(row.status is JobStatus.RUNNING, "what does not run is deleted", row)

    def canceled(self, job: Job) -> None:
        """A caller was told 200."""
        require(job.status is JobStatus.CANCELED, "200 means canceled", job)
        self._canceled.add(job.id)
        self._audit(changed=None)

    def cancel_refused(self, job_id: str) -> None:
        """A caller was told that it is too late."""
        row = self.rows[job_id]
        late = row.is_terminal and row.status is not JobStatus.CANCELED
        require(late, "an open job can be canceled", row)

    def close(self) -> None:
        """A last look at everything."""
        self._audit_all()
        self._check_pictures()
        for row in self.rows.values():
            left = self._files.get(row.id) if row.erased_ms is not None else None
            require(not left, "the files of what was deleted are gone", row, left)

    def _check_pictures(self) -> None:
        """What was published is there, and is what it was."""
        for row in self.rows.values():
            if row.image is not None:
                self._check_picture(row)

    def _applied(self, actor: Actor, call: Call, asked: Transition, *, accepted: bool) -> None:
        before = self.rows.get(asked.job_id)
        if call.verb == "retry" and accepted:
            self._canceled.discard(asked.job_id)
        self._audit(changed=asked.job_id if accepted else None, by=call.verb)
        if before is None or not accepted:
            return
        after = self.rows[asked.job_id]
        if call.verb == "claim" and call.nonce is not None:
            number = (after.id, after.attempt)
            require(number not in self._claims, "no two claims share an attempt", after)
            self._claims[number] = call.nonce
        check_move(
            Move(
                name=call.verb,
                writer=actor.name,
                nonce=call.nonce,
                asked_ms=call.asked_ms,
                before=before,
                after=after,
                claims=self._claims,
            )
        )
        if after.image is not None:
            self._check_picture(after)
            if after.cached_from is None:
                self._drawn[after.id] = after
        if after.waits_for is not None:
            check_wait(after, self.rows.get(after.waits_for), asked_ms=call.asked_ms)
        if call.verb == "preview":
            self._check_preview(after)

    def _put(self, call: Call) -> tuple[Any, DarkroomError | None]:
        key, data = call.subject
        mine = (call.nonce, sha256(data).hexdigest())
        first = self._keys.setdefault(key, mine)
        require(first == mine, "a key of the image store belongs to one claim", key, first, mine)
        answer = _made(call)
        if answer[1] is None and not self._is_too_late(key.split("/")[1]):
            self._files.setdefault(key.split("/")[1], set()).add(key)
        self._check_pictures()
        return answer

    def _erase(self, call: Call) -> tuple[Any, DarkroomError | None]:
        """All files that there are of a job are gone then. Before, it was deleted; or never stored,
        where the result cache had a picture for it."""
        if call.subject in self.rows:
            self.gone(call.subject)
        answer = _made(call)
        if answer[1] is None:
            for key in self._files.pop(call.subject, set()):
                require(not self._is_there(key), "what is erased is gone", key)
        return answer

    def _is_too_late(self, job_id: str) -> bool:
        """Whether upkeep need not look after that any more: what a worker stores who was halted for
        longer than any runs goes when the tombstone or the store's lifecycle does."""
        row = self.rows.get(job_id)
        erased_ms = None if row is None else row.erased_ms
        return erased_ms is not None and self._clock() >= erased_ms + LATE_MS

    def _is_there(self, key: str) -> bool:
        try:
            self._stores.images.read(key)
        except ImageMissing:
            return False
        return True

    def _audit(self, *, changed: str | None, by: str = "") -> None:
        """Look at what was written, and now and then at all rows: none of those may differ."""
        if changed is not None:
            self._note(self._stores.table.get(changed), by=by)
        self._writes += 1
        if changed is None or self._writes % AUDIT_EVERY == 0:
            self._audit_all()

    def _audit_all(self) -> None:
        for row in self._stores.table.jobs(_ALL):
            known = self.rows.get(row.id, row)
            require(row == known, "nobody wrote to this row", known, row)
            self._note(row)
        self._check_canceled()
        self._check_keys()

    def _note(self, row: Job | None, *, by: str = "") -> None:
        require(row is not None, "a row stays")
        assert row is not None
        known = self.rows.get(row.id, row)
        may_change = not known.is_terminal or by in OF_TERMINAL_JOBS
        require(row == known or may_change, "terminal is final", known, row)
        self._asked.setdefault(row.id, row.spec)
        check_row(row)
        self.rows[row.id] = row

    def _check_canceled(self) -> None:
        for job_id in self._canceled:
            row = self.rows[job_id]
            require(row.status is JobStatus.CANCELED, "canceled stays canceled", row)

    def _check_keys(self) -> None:
        """Also where the caller never heard the answer: the key is in the job's own reference."""
        keys = [asked.client_ref for asked in self._asked.values() if asked.client_ref]
        require(len(keys) == len(set(keys)), "one key, one job", keys)

    def _check_picture(self, row: Job) -> None:
        assert row.image is not None
        data = self._read(row.image.key)
        digest = sha256(data).hexdigest()
        require(digest == row.image.sha256, "the picture is the one that the row names", row)
        require(len(data) == row.image.bytes, "the picture is as long as the row says", row)
        first = self._pictures.setdefault(row.id, row.image.key)
        require(first == row.image.key, "one picture at most", row, first)
        if row.cached_from is None:
            author = (self._claims[row.id, row.attempt], digest)
            require(self._keys[row.image.key] == author, "only the winner's picture is seen", row)
        else:
            self._check_answer(row, digest)

    def _check_answer(self, row: Job, digest: str) -> None:
        """A submit's copy makes no attempt, and so no worker writes where it is; a worker's belongs
        to its claim."""
        assert row.image is not None
        author = (self._claims.get((row.id, row.attempt)), digest)
        require(self._keys[row.image.key] == author, "the copy is the job's own", row)
        check_copy(row, self._drawn.get(row.cached_from or ""), digest)

    def _check_preview(self, row: Job) -> None:
        assert row.preview is not None
        author = (self._claims[row.id, row.attempt], sha256(self._read(row.preview)).hexdigest())
        require(self._keys[row.preview] == author, "only the holder's preview is shown", row)

    def _read(self, key: str) -> bytes:
        try:
            return self._stores.images.read(key)
        except ImageMissing as error:
            raise Violation(f"the picture that the row names is there: {key}") from error


def _made(call: Call) -> tuple[Any, DarkroomError | None]:
    try:
        return call.do(), None
    except DarkroomError as error:
        return None, error
