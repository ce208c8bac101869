"""What happens on the stage at a rule's word: who is led where, and which job it is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.job import Job
from shared.message import encode
from shared.spec import JobSpec
from tests.chaos.actors import Actor
from tests.chaos.brush import FILTERED
from tests.chaos.invariants import HOPELESS_RESENDS
from tests.chaos.world import World

MOST_OPEN, MOST_JOBS, MOST_OTHERS, MOST_CALLS = 2, 12, 4, 20
LONG_S, SHORT_S = 86_400, 75
KNOWN, LIKED, TWIN = "a hill that is known", "a hill that is liked", "a lake that is known"
DEADLINES_S = {
    "a hill": LONG_S,
    "a lake": LONG_S,
    "a hasty hill": SHORT_S,
    FILTERED: LONG_S,
    KNOWN: LONG_S,
    LIKED: LONG_S,
    TWIN: LONG_S,
}
CACHE: dict[str, Any] = {KNOWN: {"seed": 7}, LIKED: {"cache": "prefer"}, TWIN: {"seed": 7}}
"""What may be answered with a picture that is there already, or is being drawn; all others are
drawn."""
WITH_PREVIEWS = {"a lake", FILTERED}


@dataclass(frozen=True, kw_only=True)
class Director:
    """Looks for jobs in a world, and leads whoever is in it."""

    world: World

    def shows(self, job: Job, body: str) -> bool:
        return job.image is not None and job.spec.prompt == body

    def has_room(self) -> bool:
        return len(self.world.others) < MOST_OTHERS

    def takes_jobs(self) -> bool:
        return len(self.open()) < MOST_OPEN and len(self.world.jobs) < MOST_JOBS

    def open(self) -> list[Job]:
        return [job for job in self.world.jobs if not job.is_terminal]

    def there_is_work(self, body: str, attempts: int) -> None:
        if not self.open():
            self.world.finish(self.submitter(body, None, attempts))

    def halted(self, who: str, job_id: str, place: int, before: str, seconds: float) -> Actor:
        """Somebody who has read the job, or has it in hand, and is about to write."""
        match who:
            case "a worker":
                return self.lead(place, before)
            case "dead letters":
                return self.dead_letters(job_id)
            case "a sweep":
                self.world.pass_time(round(seconds * 1000) + 1)
                actor = self.world.sweep()
            case "a retry":
                self.world.finish(self.world.cancel(job_id))
                actor = self.world.retry(job_id)
            case _:
                self.world.finish(self.world.cancel(job_id))
                actor = self.world.delete(job_id)
        self.world.play(actor, calls=0)
        return actor

    def dead_letters(self, job_id: str) -> Actor:
        """Somebody who has read a job that was rung for in vain so often that it is hopeless."""
        for _ in range(HOPELESS_RESENDS + 1):
            due = [job.due_ms for job in self.world.jobs if job.due_ms is not None]
            self.world.now_ms = max([self.world.now_ms, *due])
            self.world.finish(self.world.sweep())
        self.world.stores.dead.send(encode(job_id))
        upkeep = self.world.bury()
        self.world.play(upkeep, calls=1)
        return upkeep

    def open_id(self, body: str, attempts: int) -> str:
        """An open job, if need be one that the result cache has no picture for."""
        for prompt in (body, "a hill"):
            if not self.open():
                self.world.finish(self.submitter(prompt, None, attempts))
        return self.open()[0].id

    def ended_id(self, place: int) -> str:
        """Ended jobs are more likely."""
        jobs = [job for job in self.world.jobs if job.is_terminal] + self.world.jobs
        return jobs[place % len(jobs)].id

    def job_id(self, place: int) -> str:
        """Open jobs are more likely."""
        jobs = self.open() + self.world.jobs
        return jobs[place % len(jobs)].id

    def lead(self, place: int, before: str) -> Actor:
        """Let a worker work up to such a call, or until there is nothing to do."""
        worker = self.world.workers[place]
        worker.stumbles |= before == "release"
        worker.must_stop |= before == "give_back"
        for _ in range(MOST_CALLS):
            if worker.pending is None or worker.pending.verb == before:
                break
            self.world.perform(worker)
            if worker.idle:
                break
        return worker

    def submitter(self, body: str, key: str | None, attempts: int) -> Actor:
        shown = body in WITH_PREVIEWS
        spec = JobSpec(
            prompt=body,
            client_ref=key,
            deadline_s=DEADLINES_S[body],
            preview=shown,
            **CACHE.get(body, {}),
        )
        return self.world.submit(spec, key=key, attempts=attempts)
