"""The Lambda Runtime API of one execution environment: what a runtime asks, and what it says.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, without the telemetry and the
extensions. Nothing here knows of processes, time limits or functions.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TypeAlias

from infra.aws_local.loopback_http import Answer, Listener, Request

_ROOT = ["", "2018-06-01", "runtime"]
LARGEST_ANSWER = 6 * 1024 * 1024
"""Bytes of a response; AWS refuses a longer one and the invocation fails."""


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One event on its way to the runtime; `deadline_ms` since 1970, UTC."""

    request_id: str
    event: bytes
    deadline_ms: int
    function_arn: str


@dataclass(frozen=True, kw_only=True)
class Ready:
    """The runtime asks for its first event: Init is over."""


@dataclass(frozen=True, kw_only=True)
class InitFailed:
    """The handler could not be loaded; `payload` is Lambda's error object."""

    payload: bytes


@dataclass(frozen=True, kw_only=True)
class Succeeded:
    """The handler's result."""

    body: bytes


@dataclass(frozen=True, kw_only=True)
class TooLarge:
    """The handler's result has too many bytes: the runtime is told so, and gives up."""

    size: int


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The handler raised; `payload` is Lambda's error object."""

    payload: bytes


Said: TypeAlias = Ready | InitFailed | Succeeded | TooLarge | Failed


class RuntimeApi:
    """One environment's endpoint. `said` holds what the runtime said, in order."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[Said] = asyncio.Queue()
        self._events: asyncio.Queue[Invocation] = asyncio.Queue()
        self._listener = Listener(self._answer)
        self._init_is_over = False

    @property
    def address(self) -> str:
        """What AWS_LAMBDA_RUNTIME_API is to say."""
        return self._listener.address

    async def open(self) -> None:
        """Begin to answer."""
        await self._listener.open()

    async def close(self) -> None:
        """Answer nothing any more."""
        await self._listener.close()

    def give(self, invocation: Invocation) -> None:
        """Hand the runtime its next event."""
        self._events.put_nowait(invocation)

    async def _answer(self, request: Request) -> Answer:
        parts = request.path.split("/")
        if parts[:3] != _ROOT:
            return Answer(status=404)
        match request.method, parts[3:]:
            case "GET", ["invocation", "next"]:
                self._ready()
                return _next(await self._events.get())
            case "POST", ["invocation", _, "response"]:
                return self._response(request.body)
            case "POST", ["invocation", _, "error"]:
                self.said.put_nowait(Failed(payload=request.body))
                return Answer(status=202)
            case "POST", ["init", "error"]:
                self.said.put_nowait(InitFailed(payload=request.body))
                return Answer(status=202)
        return Answer(status=404)

    def _ready(self) -> None:
        if not self._init_is_over:
            self._init_is_over = True
            self.said.put_nowait(Ready())

    def _response(self, body: bytes) -> Answer:
        if len(body) > LARGEST_ANSWER:
            self.said.put_nowait(TooLarge(size=len(body)))
            return Answer(status=413)
        self.said.put_nowait(Succeeded(body=body))
        return Answer(status=202)


def _next(invocation: Invocation) -> Answer:
    return Answer(
        status=200,
        body=invocation.event,
        headers={
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
        },
    )
