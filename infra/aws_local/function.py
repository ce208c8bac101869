"""One function: its warm environments, its cap, and Lambda's rules for starting them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

from infra.aws_local.environment import Environment, InitTimedOut
from infra.aws_local.function_config import FunctionConfig
from infra.aws_local.function_error import FunctionError, Throttled, out_of_memory, timed_out

StartEnvironment: TypeAlias = Callable[[FunctionConfig], Awaitable[Environment]]
LIVES_S = 2700.0
"""Longer than this no environment is used, since its role's session ends after an hour."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How many environments a function may have, and how long Init may take before it is begun
    again on the function's own time.

    Beyond the cap Lambda throttles; where `waits`, an invocation waits for its turn instead: a
    small machine cannot start sixty runtimes at once.
    """

    cap: int
    waits: bool
    init_s: float = 10.0


@dataclass(kw_only=True)
class Counts:
    """What a function has done so far."""

    invocations: int = 0
    cold_starts: int = 0
    errors: int = 0
    throttles: int = 0
    running: int = 0
    most_running: int = 0
    peak_mb: float = 0.0


class Places:
    """A function's share of what may run at once, all its versions together, and its counts."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.counts = Counts()
        self._free = asyncio.Semaphore(limits.cap)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """A place, as soon as there is one. Raises Throttled where nobody waits."""
        if self._free.locked() and not self.limits.waits:
            self.counts.throttles += 1
            raise Throttled
        async with self._free:
            self._taken()
            try:
                yield
            except FunctionError:
                self.counts.errors += 1
                raise
            finally:
                self.counts.running -= 1

    def _taken(self) -> None:
        counts = self.counts
        counts.invocations += 1
        counts.running += 1
        counts.most_running = max(counts.most_running, counts.running)


class Function:
    """Invokes one version of a function, in a warm environment where there is one."""

    def __init__(self, config: FunctionConfig, start: StartEnvironment, places: Places) -> None:
        self._config = config
        self._start = start
        self._places = places
        self._idle: list[Environment] = []
        self._all: set[Environment] = set()

    async def invoke(self, event: bytes, request_id: str) -> bytes:
        """The handler's result. Raises FunctionError, Throttled."""
        async with self._places.one():
            return await self._invoke(event, request_id)

    async def end(self) -> None:
        """Kill every environment."""
        await asyncio.gather(*(environment.end() for environment in self._all))

    async def _invoke(self, event: bytes, request_id: str) -> bytes:
        environment, used_s = await self._ready(request_id)
        try:
            body = await environment.invoke(
                event,
                request_id,
                arn=self._config.arn,
                timeout_s=self._config.timeout_s,
                left_s=self._config.timeout_s - used_s,
            )
            await self._check_memory(environment, request_id)
            return body
        finally:
            self._keep(environment)

    async def _check_memory(self, environment: Environment, request_id: str) -> None:
        """Lambda kills a process as soon as it takes too much; here it is noticed afterwards."""
        peak_mb, counts = environment.peak_mb, self._places.counts
        counts.peak_mb = max(counts.peak_mb, peak_mb)
        if peak_mb > self._config.memory_mb:
            await environment.end()
            raise FunctionError(out_of_memory(request_id))

    async def _ready(self, request_id: str) -> tuple[Environment, float]:
        """An environment, and how much of the function's own time it took to get it."""
        while self._idle:
            environment = self._idle.pop()
            if environment.alive and environment.age_s < LIVES_S:
                return environment, 0.0
            self._all.discard(environment)
            await environment.end()
        try:
            return await self._started(request_id, self._places.limits.init_s), 0.0
        except (FunctionError, InitTimedOut):
            return await self._started_again(request_id)

    async def _started_again(self, request_id: str) -> tuple[Environment, float]:
        """Whatever went wrong with the first Init, Lambda tries a second one in the invocation."""
        began = time.monotonic()
        try:
            environment = await self._started(request_id, self._config.timeout_s)
        except InitTimedOut as late:
            raise FunctionError(timed_out(request_id, self._config.timeout_s)) from late
        return environment, time.monotonic() - began

    async def _started(self, request_id: str, within_s: float) -> Environment:
        self._places.counts.cold_starts += 1
        environment = await self._start(self._config)
        self._all.add(environment)
        try:
            await environment.init(request_id, within_s=within_s)
        except (FunctionError, InitTimedOut):
            self._all.discard(environment)
            raise
        return environment

    def _keep(self, environment: Environment) -> None:
        if environment.alive:
            self._idle.append(environment)
        else:
            self._all.discard(environment)
