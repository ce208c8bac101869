"""Celery with Redis, as their documentation says to run them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.contestant import ROOT, NotMeasured
from bench.pipeline.plan import WORKERS, Plan
from bench.pipeline.processes import free_port, process

APPS = "bench.pipeline.peers"
_WAIT_S = 30


@contextmanager
def redis(place: Path) -> Iterator[dict[str, str]]:
    """A server of its own without persistence, which is the peer's fastest way; what its clients
    need to know. Raises NotMeasured."""
    program = shutil.which("redis-server")
    if program is None:
        raise NotMeasured("redis-server is not installed: apt-get install redis-server")
    port = free_port()
    options = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with process([program, *options, "--dir", place], log=place / "redis.log"):
        yield {"BENCH_REDIS": f"redis://127.0.0.1:{port}", "PYTHONPATH": str(ROOT)}


@contextmanager
def celery(plan: Plan, place: Path) -> Iterator[dict[str, str]]:
    """Redis and a prefork pool that is ready. Raises NotMeasured."""
    with ExitStack() as stack:
        env = stack.enter_context(redis(place))
        command = [*peers_python(plan), "-m", "celery", "-A", f"{APPS}.celery_app", "worker"]
        options = ["-c", WORKERS, "--loglevel", "INFO"]
        log = place / "celery.log"
        stack.enter_context(process([*command, *options], log=log, env=env))
        _await_ready(log)
        yield env


def peers_python(plan: Plan) -> list[object]:
    """The command that starts the peers' interpreter. Raises NotMeasured."""
    if not plan.peers_python.exists():
        raise NotMeasured(f"there is no {plan.peers_python}: make .venv-peers")
    return [plan.peers_python]


def _await_ready(log: Path) -> None:
    until = time.monotonic() + _WAIT_S
    while " ready." not in log.read_text("utf-8"):
        if time.monotonic() > until:
            raise NotMeasured(f"celery did not start: {log.read_text('utf-8')[-200:]}")
        time.sleep(0.1)
