"""Workers that the template deploys, under the real runtime client: killed, poisoned, batched."""

from __future__ import annotations

from shared.message import encode
from tests.aws_runtime.deployed import Deployed, workers
from tests.builders import sqs_event


def claimed(deployed: Deployed, path: str) -> None:
    """Wait until a worker has it."""
    job_id = path.rsplit("/", 1)[1]
    deployed.wait_for(
        lambda: any(e["job_id"] == job_id for e in deployed.logged("job_claimed", "worker_fn"))
    )


def kill_workers() -> None:
    for worker in workers():
        worker.kill()


def test_a_warm_worker_draws_the_next_job(deployed: Deployed) -> None:
    deployed.ended(deployed.submitted("a red circle"))
    cold_starts = deployed.counts("worker").cold_starts
    job = deployed.ended(deployed.submitted("a red circle"))

    assert (job["status"], job["timing"]["cold"]) == ("succeeded", False)
    assert deployed.counts("worker").cold_starts == cold_starts


def test_a_job_that_outlasts_the_functions_time_is_put_back_and_at_last_fails(
    deployed: Deployed,
) -> None:
    with deployed.worker_timeout(9):
        errors = deployed.counts("worker").errors
        job = deployed.ended(deployed.submitted("#sleep=30", steps=30))

        assert (job["status"], job["error"]["code"]) == ("failed", "timed_out")
        assert job["attempt"] == 3
        assert deployed.counts("worker").errors == errors, "it stops before Lambda kills it"


def test_a_worker_that_hangs_is_killed_when_the_functions_time_is_over(deployed: Deployed) -> None:
    with deployed.worker_timeout(9):
        path = deployed.submitted("#sleep=60", steps=1)
        claimed(deployed, path)
        errors = deployed.counts("worker").errors
        deployed.wait_for(lambda: deployed.counts("worker").errors > errors)

        assert deployed.job(path)["status"] == "running", "whose lease the sweep finds over"
        assert deployed.http.post(f"{path}/cancel").json()["status"] == "canceled"


def test_a_killed_workers_job_is_finished_by_the_sweep_after_its_lease(deployed: Deployed) -> None:
    path = deployed.submitted("#sleep=2")
    claimed(deployed, path)
    kill_workers()
    job = deployed.ended(path, sweeping=True)

    assert (job["status"], job["attempt"], job["error"]) == ("succeeded", 2, None)
    assert deployed.messages("DeadLetterQueue") == (0, 0)


def test_a_killed_workers_message_comes_again_by_itself(deployed: Deployed) -> None:
    with deployed.visibility(seconds=4):
        path = deployed.submitted("#sleep=2")
        claimed(deployed, path)
        kill_workers()
        job = deployed.ended(path)

    assert (job["status"], job["attempt"]) == ("succeeded", 2)


def test_a_job_that_kills_its_workers_fails_with_a_code_within_its_receives(
    deployed: Deployed,
) -> None:
    dead_letters = len(deployed.logged("dead_letter", "upkeep_fn"))
    with deployed.visibility(seconds=4):
        poisoned = deployed.submitted("#die")
        good = deployed.submitted("a red circle")
        job = deployed.ended(poisoned, sweeping=True)

        assert (job["status"], job["error"]["code"]) == ("failed", "worker_lost")
        assert job["attempt"] == 3
        assert deployed.ended(good)["status"] == "succeeded"
        deployed.wait_for(lambda: deployed.messages("Queue") == (0, 0))
    assert len(deployed.logged("dead_letter", "upkeep_fn")) == dead_letters


def test_what_is_no_message_of_ours_becomes_a_dead_letter_and_upkeep_buries_it(
    deployed: Deployed,
) -> None:
    buried = len(deployed.logged("message_malformed", "upkeep_fn"))
    seen = len(deployed.logged("message_malformed", "worker_fn"))
    deployed.ring("no message of ours")
    deployed.wait_for(lambda: len(deployed.logged("message_malformed", "upkeep_fn")) > buried)

    assert len(deployed.logged("message_malformed", "worker_fn")) - seen == 5
    deployed.wait_for(lambda: deployed.messages("DeadLetterQueue") == (0, 0))
    assert deployed.messages("Queue") == (0, 0)


def test_only_the_failures_of_a_batch_are_reported(deployed: Deployed) -> None:
    with deployed.event_source(batch=1):
        paths = [deployed.submitted("a red circle") for _ in range(2)]
        first, second = (encode(path.rsplit("/", 1)[1]) for path in paths)
        answer = deployed.invoke("darkroom-worker:live", sqs_event(first, "nothing", second))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}
    assert [deployed.ended(path)["status"] for path in paths] == ["succeeded"] * 2


def test_only_the_failures_of_a_batch_come_again(deployed: Deployed) -> None:
    invocations = deployed.counts("worker").invocations
    with deployed.event_source(batch=10) as open_source:
        good = [deployed.submitted("a red circle") for _ in range(3)]
        deployed.ring("no message of ours")
        open_source()
        assert [deployed.ended(path)["status"] for path in good] == ["succeeded"] * 3
        deployed.wait_for(lambda: deployed.messages("Queue") == (0, 0))

    again = deployed.counts("worker").invocations - invocations
    assert again == 5, "once with all four, then with the bad one alone until it was a dead letter"
