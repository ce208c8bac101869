"""Keeps workers running, and what they must be told to run."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from infra.local.crew import Crew
from infra.local.data_dir import DataDir
from infra.local.options import ROOT, Options
from shared.telemetry import Log, LogEvent

Launch: TypeAlias = Callable[[], Awaitable[Process]]
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
LIVED_LONG_S = 10.0
"""A worker that lived this long did not die of how it was started."""
FAREWELL_S = 6.0
"""How long a worker may take to finish its step and give its job back."""


def launch_of(options: Options, data: DataDir, crew: Crew) -> Launch:
    """How one worker is started. Its process cannot outlive this one; `crew` hears of it."""
    command = [sys.executable, "-m", "infra.local.launch", str(os.getpid()), "worker_fn.main"]
    environment = {**os.environ, **worker_settings(options)}

    async def launch() -> Process:
        with crew.joined() as ready_fd:
            return await asyncio.create_subprocess_exec(
                *command,
                cwd=ROOT,
                env={**environment, "DARKROOM_READY_FD": str(ready_fd)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=sys.stderr,
                pass_fds=(data.lock_fd, ready_fd),
                start_new_session=True,  # so that Ctrl-C reaches the supervisor alone
            )

    return launch


async def keep_running(launch: Launch, *, log: Log) -> None:
    """Start a worker, and again whenever it ends; canceling ends it gently."""
    quick_deaths = 0
    while True:
        started = time.monotonic()
        exit_code = await _one_life(launch, log)
        lived_long = time.monotonic() - started > LIVED_LONG_S
        quick_deaths = 0 if lived_long else quick_deaths + 1
        pause_s = pause_after(quick_deaths)
        log.warning(LogEvent.WORKER_DIED, exit_code=exit_code, pause_s=pause_s)
        await asyncio.sleep(pause_s)


def pause_after(quick_deaths: int) -> float:
    """Seconds to wait before the next start, after so many deaths in a row soon after a start."""
    return min(FIRST_PAUSE_S * 2.0 ** max(0, quick_deaths - 1), LONGEST_PAUSE_S)


def worker_settings(options: Options) -> Mapping[str, str]:
    """The variables that say to a worker what the command line said to us."""
    settings = {
        "DATA": str(options.data),
        "ENGINE": options.engine,
        "ENGINE_DELAY_MS": str(options.engine_delay_ms),
        "MODEL": options.model,
        "THREADS": str(options.threads),
        "LEASE_S": str(options.lease_s),
        "WORKERS": str(options.workers),
        "COMPILED": str(options.data / "compiled"),
    }
    if options.engine == "openvino" and "DARKROOM_BATCH" not in os.environ:
        # Every size of a list is compiled for itself, a second each: who has one machine and a few
        # jobs waits longer for that than drawing together saves.
        settings["BATCH"] = "1"
    if options.worker_memory_mb is not None:
        settings["WORKER_MEMORY_MB"] = str(options.worker_memory_mb)
    if options.model_dir is not None:
        settings["MODEL_DIR"] = str(options.model_dir)
    return {f"DARKROOM_{name}": value for name, value in settings.items()}


async def _one_life(launch: Launch, log: Log) -> int | None:
    """How the process ended; None where the system could not even start it."""
    try:
        process = await launch()
    except OSError:
        log.exception(LogEvent.WORKER_DIED)
        return None
    log.info(LogEvent.WORKER_STARTED, pid=process.pid)
    try:
        return await process.wait()
    except asyncio.CancelledError:
        await _end(process)
        raise


async def _end(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(FAREWELL_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
