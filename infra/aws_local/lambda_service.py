"""A small Lambda: invocations come over HTTP, and real runtimes answer them.

MiniStack runs no container images, but hands a function's invocations to
`MINISTACK_LAMBDA_PROXY_<FunctionName>`: here. Roles, code, limits and variables are asked of its
Lambda API, so that what runs is what was deployed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from infra.aws_local.environment import Environment
from infra.aws_local.function import Counts, Function, Limits, Places
from infra.aws_local.function_config import Credentials, FunctionConfig, process_variables
from infra.aws_local.function_error import FunctionError, Throttled
from infra.aws_local.loopback_http import Answer, Listener, Request

_NAME = "x-amzn-lambda-function-name"
_VERSION = "x-amzn-lambda-function-version"
_REQUEST_ID = "x-amzn-lambda-request-id"


class Deployed(Protocol):
    """Where functions are asked for; both calls block."""

    @property
    def endpoint_url(self) -> str:
        """Where functions find AWS."""

    def config(self, name: str, version: str) -> FunctionConfig:
        """One published version."""

    def credentials(self, config: FunctionConfig) -> Credentials:
        """A session of its execution role."""


USUAL = Limits(cap=4, waits=True)


class LambdaService:
    """Invokes functions; everything runs on one event loop."""

    def __init__(self, deployed: Deployed, limits: Mapping[str, Limits], *, log: IO[bytes]) -> None:
        self._deployed = deployed
        self._limits = limits
        self._log = log
        self._places: dict[str, Places] = {}
        self._functions: dict[tuple[str, str], asyncio.Task[Function]] = {}
        self._listener = Listener(self._answer)

    @property
    def url(self) -> str:
        """What MiniStack is to call."""
        return f"http://{self._listener.address}/"

    def counts(self, name: str) -> Counts:
        """What a function has done so far."""
        return self._places_of(name).counts

    async def open(self) -> None:
        """Begin to answer."""
        await self._listener.open()

    async def close(self) -> None:
        """Answer nobody any more and kill every environment."""
        await self._listener.close()
        for made in await asyncio.gather(*self._functions.values(), return_exceptions=True):
            if isinstance(made, Function):
                await made.end()

    async def _answer(self, request: Request) -> Answer:
        headers = request.headers
        name, version = headers.get(_NAME), headers.get(_VERSION, "$LATEST")
        if name is None:
            return Answer(status=404)
        try:
            function = await self._function(name, version)
            body = await function.invoke(request.body, headers[_REQUEST_ID])
        except FunctionError as error:
            return Answer(status=502, body=error.payload)
        except Throttled:
            return Answer(status=429)
        return Answer(status=200, body=body)

    async def _function(self, name: str, version: str) -> Function:
        """Made once, however many ask for it at the same time."""
        task = self._functions.get((name, version))
        if task is None:
            task = asyncio.ensure_future(self._made(name, version))
            self._functions[name, version] = task
        return await asyncio.shield(task)

    async def _made(self, name: str, version: str) -> Function:
        config = await asyncio.to_thread(self._deployed.config, name, version)
        return Function(config, self._started, self._places_of(name))

    def _places_of(self, name: str) -> Places:
        return self._places.setdefault(name, Places(self._limits.get(name, USUAL)))

    async def _started(self, config: FunctionConfig) -> Environment:
        keys = await asyncio.to_thread(self._deployed.credentials, config)

        def variables(runtime_api: str) -> Mapping[str, str]:
            return process_variables(
                config, keys, runtime_api=runtime_api, endpoint_url=self._deployed.endpoint_url
            )

        return await Environment.start(
            config.handler, variables, folder=config.task_root, log=self._log
        )


@contextmanager
def serving(
    deployed: Deployed, limits: Mapping[str, Limits], *, log: Path
) -> Iterator[LambdaService]:
    """A service on a thread of its own, which ends with the block; its processes write to `log`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="lambda", daemon=True)
    thread.start()
    with log.open("ab") as output:
        service = LambdaService(deployed, limits, log=output)
        try:
            asyncio.run_coroutine_threadsafe(service.open(), loop).result()
            yield service
        finally:
            asyncio.run_coroutine_threadsafe(service.close(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()
