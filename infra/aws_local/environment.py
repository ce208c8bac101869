"""One execution environment: a process with the real Lambda runtime client, and its Runtime API."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, TypeAlias

from infra.aws_local.function_error import FunctionError, exited, timed_out, too_large
from infra.aws_local.runtime_api import (
    LARGEST_ANSWER,
    Failed,
    InitFailed,
    Invocation,
    Ready,
    RuntimeApi,
    Said,
    Succeeded,
    TooLarge,
)

Variables: TypeAlias = Callable[[str], Mapping[str, str]]
"""The whole environment of a process, given the address of its Runtime API."""
_LAUNCH = Path(__file__).parents[1] / "local" / "launch.py"


class InitTimedOut(Exception):
    """The runtime did not ask for its first event in time."""


class Environment:
    """Alive until it crashes, runs out of time or is ended; then it is of no use any more."""

    def __init__(self, process: asyncio.subprocess.Process, api: RuntimeApi) -> None:
        self._process = process
        self._api = api
        self._exit = asyncio.ensure_future(process.wait())
        self._born = time.monotonic()

    @classmethod
    async def start(
        cls, handler: str, variables: Variables, *, folder: Path, log: IO[bytes]
    ) -> Environment:
        """Start `python -m awslambdaric HANDLER` in `folder`; it cannot outlive this process.

        -S keeps .pth files from lending it code, -P keeps launch.py's folder off its path.
        """
        api = RuntimeApi()
        await api.open()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-S", str(_LAUNCH), str(os.getpid())),
            *("awslambdaric", handler),
            cwd=folder,
            env=variables(api.address),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # so that Ctrl-C reaches the service alone
        )
        return cls(process, api)

    @property
    def alive(self) -> bool:
        """Whether it may be invoked."""
        return not self._exit.done()

    @property
    def age_s(self) -> float:
        """How long ago it was started."""
        return time.monotonic() - self._born

    @property
    def peak_mb(self) -> float:
        """The most memory that its process ever held; 0 where the system does not say."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        except OSError:
            return 0.0
        held = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
        return int(held[1]) / 1024 if held else 0.0

    async def init(self, request_id: str, *, within_s: float) -> None:
        """Wait until the handler is loaded. Raises InitTimedOut, FunctionError; then it is over."""
        said = await self._heard(request_id, within_s)
        if isinstance(said, Ready):
            return
        await self.end()
        if isinstance(said, InitFailed):
            raise FunctionError(said.payload)
        raise InitTimedOut

    async def invoke(
        self, event: bytes, request_id: str, *, arn: str, timeout_s: float, left_s: float
    ) -> bytes:
        """The handler's result, within `left_s` of the function's `timeout_s`.

        Raises FunctionError; where the time is over the process is killed, as Lambda does.
        """
        deadline_ms = int((time.time() + left_s) * 1000)
        self._api.give(
            Invocation(
                request_id=request_id, event=event, deadline_ms=deadline_ms, function_arn=arn
            )
        )
        said = await self._heard(request_id, left_s)
        match said:
            case Succeeded(body=body):
                return body
            case Failed(payload=payload):
                raise FunctionError(payload)
        await self.end()
        if isinstance(said, TooLarge):
            raise FunctionError(too_large(said.size, LARGEST_ANSWER))
        raise FunctionError(timed_out(request_id, timeout_s))

    async def end(self) -> None:
        """Kill the process and close its endpoint."""
        if self.alive:
            self._process.kill()
        await self._exit
        await self._api.close()

    async def _heard(self, request_id: str, within_s: float) -> Said | None:
        """What the runtime says next; None: nothing in time.

        Raises FunctionError when the process ends instead.
        """
        saying = asyncio.ensure_future(self._api.said.get())
        try:
            await asyncio.wait(
                {saying, self._exit}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED
            )
            if saying.done():
                return saying.result()
        finally:
            saying.cancel()
        if self._exit.done():
            await self.end()
            raise FunctionError(exited(request_id, self._exit.result()))
        return None
