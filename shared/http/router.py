"""API Gateway v2 events to endpoints and back; errors leave here as problem+json, always.

Our own and not aws-lambda-powertools' resolver, because that one keeps the current event on the
class, and one machine serves many threads: docs/decisions/0001-own-router.md.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from pydantic import BaseModel

from shared.errors import (
    MalformedJson,
    MethodNotAllowed,
    NotFound,
    RequestError,
    Unavailable,
    UnsupportedMediaType,
)
from shared.http.admission import Admission, Caller, CountMore, uncounted
from shared.http.operation import Operation
from shared.http.operations import OPERATIONS
from shared.http.problem import kind_of, problem, problem_for_openai
from shared.open_limits import UNLIMITED, OpenLimits
from shared.telemetry import Log, LogEvent

_ANYONE = Caller(tenant="")
Event: TypeAlias = Mapping[str, Any]
"""An HTTP API event, payload format 2.0."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What an endpoint needs of an event. Header names are lower case.

    `tenant` is empty where anyone may call. `count_more` is for calls that count as several.
    """

    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    tenant: str
    open_limits: OpenLimits = UNLIMITED
    count_more: CountMore = uncounted


@dataclass(frozen=True, kw_only=True)
class Response:
    """What an endpoint answers."""

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


Endpoint: TypeAlias = Callable[[Request], Response]


def json_response(
    body: BaseModel, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer in JSON."""
    typed = {"Content-Type": "application/json", "Cache-Control": "no-store", **(headers or {})}
    return Response(status=status, body=body.model_dump_json(), headers=typed)


class Router:
    """A Lambda handler over the operations that one unit has bound."""

    def __init__(
        self, unit: str, endpoints: Mapping[str, Endpoint], admission: Admission, log: Log
    ) -> None:
        mine = tuple(operation for operation in OPERATIONS if operation.unit == unit)
        if {operation.name for operation in mine} != set(endpoints):
            raise ValueError(f"{unit} must bind exactly its own operations")
        self._endpoints = endpoints
        self._mine = mine
        self._admission = admission
        self._log = log

    def __call__(self, event: Event, context: object) -> dict[str, Any]:
        request_id = str(event["requestContext"].get("requestId", ""))
        try:
            operation, parameters = self._operation(event)
        except RequestError as error:
            response = self._problem(error, request_id)
        else:
            response = self._answer(event, operation, parameters, request_id)
        headers = {**response.headers, "X-Request-Id": request_id}
        body = "" if event["requestContext"]["http"]["method"] == "HEAD" else response.body
        return {"statusCode": response.status, "headers": headers, "body": body}

    def _operation(self, event: Event) -> tuple[Operation, Mapping[str, str]]:
        path, method = event["rawPath"], event["requestContext"]["http"]["method"]
        operation, parameters = find_operation("GET" if method == "HEAD" else method, path)
        if operation not in self._mine:
            raise NotFound("no such path")
        return operation, parameters

    def _answer(
        self, event: Event, operation: Operation, parameters: Mapping[str, str], request_id: str
    ) -> Response:
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        try:
            caller = _ANYONE if operation.limit is None else self._admission(operation, headers)
        except Exception as error:
            return self._problem(error, request_id, operation)
        try:
            request = _request(event, parameters, headers, caller)
            response = self._endpoints[operation.name](request)
        except Exception as error:
            response = self._problem(error, request_id, operation)
        return replace(response, headers={**caller.headers, **response.headers})

    def _problem(
        self, error: Exception, request_id: str, operation: Operation | None = None
    ) -> Response:
        kind = kind_of(error)
        if kind.status >= 500 and not isinstance(error, RequestError):
            known = isinstance(error, Unavailable)
            name = LogEvent.STORE_UNAVAILABLE if known else LogEvent.REQUEST_FAILED
            self._log.exception(name, request_id=request_id)
        given = error.headers if isinstance(error, RequestError) else {}
        headers = {**given, "Content-Type": "application/problem+json", "Cache-Control": "no-store"}
        if kind.retryable:
            headers.setdefault("Retry-After", "1")
        told = problem_for_openai if operation and operation.for_openai else problem
        body = told(error, request_id=request_id).model_dump_json()
        return Response(status=kind.status, body=body, headers=headers)


def find_operation(method: str, path: str) -> tuple[Operation, dict[str, str]]:
    """The operation for a request, and its path parameters. Raises NotFound, MethodNotAllowed."""
    there = [(o, found) for o in OPERATIONS if (found := o.pattern.match(path))]
    for operation, found in there:
        if operation.method == method:
            return operation, found.groupdict()
    if there:
        allowed = ", ".join(sorted(operation.method for operation, _ in there))
        raise MethodNotAllowed(f"this path takes {allowed}", headers={"Allow": allowed})
    raise NotFound("no such path; see /openapi.json")


def _request(
    event: Event, parameters: Mapping[str, str], headers: Mapping[str, str], caller: Caller
) -> Request:
    return Request(
        path=parameters,
        query=event.get("queryStringParameters") or {},
        headers=headers,
        body=_body(event, headers),
        tenant=caller.tenant,
        open_limits=caller.open_limits,
        count_more=caller.count_more,
    )


def _body(event: Event, headers: Mapping[str, str]) -> bytes:
    body = event.get("body") or ""
    encoding = headers.get("content-encoding", "").strip().lower()
    if body and encoding not in ("", "identity"):
        raise UnsupportedMediaType(
            "send the body as it is, without a Content-Encoding",
            headers={"Accept-Encoding": "identity"},
        )
    if not event.get("isBase64Encoded"):
        return str(body).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise MalformedJson("the body is not what its encoding says") from error
