"""Two hundred jobs wait and ten workers may run at once: nothing is throttled, nothing is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.aws_runtime.deployed import Deployed

JOBS, CAP = 200, 10


def finished(deployed: Deployed, open_jobs: int) -> bool:
    queue = deployed.http.get("/v1/queue").json()
    return bool(queue["depth"] + queue["in_flight"] <= open_jobs)


def listed(deployed: Deployed, paths: list[str]) -> list[Any]:
    """Those jobs, read from the list a page at a time."""
    jobs: list[Any] = []
    page: Any = {"next_cursor": ""}
    while (cursor := page["next_cursor"]) is not None and len(jobs) < len(paths):
        query = {"limit": "100", **({"cursor": cursor} if cursor else {})}
        page = deployed.http.get("/v1/jobs", params=query).json()
        jobs += [job for job in page["jobs"] if job["links"]["self"] in paths]
    return jobs


def test_a_burst_runs_as_many_workers_as_the_cap_allows_and_no_more(deployed: Deployed) -> None:
    with deployed.event_source(batch=1) as open_source, deployed.visibility(seconds=30):
        prompts = ["#die", *(f"#sleep=0.1 {number}" for number in range(1, JOBS))]
        with ThreadPoolExecutor(4) as pool:
            poisoned, *good = pool.map(deployed.submitted, prompts)
        assert deployed.messages("Queue")[0] >= JOBS
        open_source()
        deployed.wait_for(lambda: finished(deployed, open_jobs=1))

        jobs = listed(deployed, good)
        assert [(job["status"], job["attempt"]) for job in jobs] == [("succeeded", 1)] * (JOBS - 1)
        job = deployed.ended(poisoned, sweeping=True)
        assert (job["status"], job["error"]["code"]) == ("failed", "worker_lost")

    assert deployed.counts("worker").most_running == CAP
    assert deployed.counts("worker").throttles == 0
    assert deployed.messages("DeadLetterQueue") == (0, 0)
    assert deployed.logged("dead_letter", "upkeep_fn") == []
