"""The small Lambda service under real runtime clients: it starts, times out and mends as Lambda."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from infra.aws_local.function import Limits
from tests.aws_runtime.functions import function

WHO = """
    import os
    calls = 0

    def handler(event, context):
        global calls
        calls += 1
        return {"pid": os.getpid(), "calls": calls, "event": event}
"""


def test_a_cold_environment_is_warm_for_the_next_invocation(tmp_path: Path) -> None:
    with function(tmp_path, WHO) as running:
        first, second = running.invoke({"n": 1}).content, running.invoke({"n": 2}).content

        assert (first["calls"], second["calls"]) == (1, 2)
        assert first["pid"] == second["pid"]
        assert second["event"] == {"n": 2}
        assert running.counts.cold_starts == 1


def test_a_handler_that_raises_is_reported_and_keeps_its_environment(tmp_path: Path) -> None:
    code = """
        import os

        def handler(event, context):
            if event == "raise":
                raise LookupError("no such thing")
            return os.getpid()
    """
    with function(tmp_path, code) as running:
        before = running.invoke().content
        assert running.invoke("raise").error == ("LookupError", "no such thing")
        assert running.invoke().content == before


def test_an_invocation_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    code = """
        import os, time

        def handler(event, context):
            time.sleep(event)
            return os.getpid()
    """
    with function(tmp_path, code, timeout_s=1) as running:
        before = running.invoke(0).content
        kind, message = running.invoke(30, request_id="a-late-one").error

        assert kind == "Sandbox.Timedout"
        assert message == "RequestId: a-late-one Error: Task timed out after 1.00 seconds"
        assert not psutil.pid_exists(before)
        assert running.invoke(0).content != before


@pytest.mark.parametrize(
    ("ending", "how"),
    [("os._exit(3)", "exit status 3"), ("os.kill(os.getpid(), 9)", "signal: killed")],
)
def test_a_process_that_ends_is_told_of_and_replaced(tmp_path: Path, ending: str, how: str) -> None:
    code = f"""
        import os

        def handler(event, context):
            if event == "end":
                {ending}
            return os.getpid()
    """
    with function(tmp_path, code) as running:
        before = running.invoke().content
        kind, message = running.invoke("end").error

        assert kind == "Runtime.ExitError"
        assert message.endswith(f"Runtime exited with error: {how}")
        assert running.invoke().content != before
        assert running.counts.cold_starts == 2


def test_an_environment_that_dies_while_idle_is_not_used_again(tmp_path: Path) -> None:
    with function(tmp_path, WHO) as running:
        first = running.invoke().content["pid"]
        killed = psutil.Process(first)
        killed.kill()
        killed.wait(10)

        assert running.invoke().content["calls"] == 1


SLOW_FIRST_INIT = """
    import os, pathlib, time
    begun = pathlib.Path(os.environ["BEGUN"])
    inits = int(begun.read_text()) if begun.exists() else 0
    begun.write_text(str(inits + 1))
    if inits < int(os.environ["SLOW_INITS"]):
        time.sleep(60)

    def handler(event, context):
        return context.get_remaining_time_in_millis()
"""


def test_an_init_of_more_than_ten_seconds_is_begun_again_in_the_invocation(
    tmp_path: Path,
) -> None:
    begun = str(tmp_path / "begun")
    with function(tmp_path, SLOW_FIRST_INIT, BEGUN=begun, SLOW_INITS="1") as running:
        left_ms = running.invoke().content

        assert running.counts.cold_starts == 2
        assert left_ms < 30_000, "the second Init is on the function's own time"


def test_a_second_init_ends_with_the_functions_own_time(tmp_path: Path) -> None:
    limits = Limits(cap=1, waits=True, init_s=1)
    begun = str(tmp_path / "begun")
    with function(
        tmp_path, SLOW_FIRST_INIT, timeout_s=2, limits=limits, BEGUN=begun, SLOW_INITS="2"
    ) as running:
        kind, message = running.invoke().error

        assert kind == "Sandbox.Timedout"
        assert message.endswith("Task timed out after 2.00 seconds")
        assert running.invoke().status == 200, "the third Init is a quick one"


def test_code_that_cannot_be_imported_is_tried_twice_and_told_of(tmp_path: Path) -> None:
    with function(tmp_path, "import no_such_module") as running:
        kind, message = running.invoke().error

        assert kind == "Runtime.ImportModuleError"
        assert "no_such_module" in message
        assert running.counts.cold_starts == 2


def test_a_result_of_more_than_six_megabytes_is_refused(tmp_path: Path) -> None:
    code = """
        def handler(event, context):
            return "x" * event
    """
    with function(tmp_path, code) as running:
        assert running.invoke(7_000_000).error[0] == "Function.ResponseSizeTooLarge"
        assert len(running.invoke(6_000_000).content) == 6_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="no other system says what a process took")
def test_a_process_that_took_more_memory_than_the_function_has_is_killed(tmp_path: Path) -> None:
    code = """
        import os

        def handler(event, context):
            taken = b"x" * (event * 1024 * 1024)
            return os.getpid()
    """
    with function(tmp_path, code, memory_mb=128) as running:
        before = running.invoke(1).content

        assert running.invoke(128).error[0] == "Runtime.OutOfMemory"
        assert not psutil.pid_exists(before)
        assert running.invoke(1).status == 200


SLEEPS = """
    import time

    def handler(event, context):
        time.sleep(0.3)
        return True
"""


@pytest.mark.parametrize(("waits", "refused"), [(True, 0), (False, 4)])
def test_no_more_environments_run_than_the_cap_allows(
    tmp_path: Path, waits: bool, refused: int
) -> None:
    with function(tmp_path, SLEEPS, limits=Limits(cap=2, waits=waits)) as running:
        with ThreadPoolExecutor(6) as pool:
            invoked = list(pool.map(lambda _: running.invoke(), range(6)))

        assert [one.status for one in invoked].count(429) == refused
        assert running.counts.most_running == 2
        assert running.counts.throttles == refused


def test_a_process_sees_lambdas_variables_and_its_own_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
        import os

        def handler(event, context):
            return {**os.environ, "memory": context.memory_limit_in_mb}
    """
    monkeypatch.setenv("OF_THE_HOST", "alone")
    with function(tmp_path, code, DARKROOM_TABLE="jobs") as running:
        seen = running.invoke().content

    assert seen["DARKROOM_TABLE"] == "jobs"
    assert seen["AWS_SESSION_TOKEN"] == "token"
    assert (seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], seen["memory"]) == ("512", "512")
    assert "OF_THE_HOST" not in seen


def test_no_process_outlives_the_service(tmp_path: Path) -> None:
    with function(tmp_path, WHO) as running:
        pid = running.invoke().content["pid"]
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid)
