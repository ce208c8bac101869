"""The OpenAPI 3.1 document, generated from the table of operations and the models."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.http.operation import Operation, Parameter
from shared.http.operations import OPERATIONS
from shared.http.problem import OpenAiProblem, Problem

_REF = "#/components/schemas/{model}"
_REQUEST_ID = {
    "X-Request-Id": {"description": "Quote it to support.", "schema": {"type": "string"}}
}
_RATE = {
    "RateLimit": {
        "description": "The rate it counts against: r calls are left, all are back in t seconds. "
        "Only where keys are asked for.",
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": "That rate: q calls at once, and as many again in w seconds.",
        "schema": {"type": "string"},
    },
}
_PAUSE = {
    "Retry-After": {
        "description": "Seconds after which to try again.",
        "schema": {"type": "integer"},
    }
}
_OF_STATUS = {
    401: {"WWW-Authenticate": {"description": "Bearer", "schema": {"type": "string"}}},
    429: _PAUSE,
    503: _PAUSE,
}
_KEY = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "dk_<id>_<secret>",
    "description": "A key from `make keys`. One machine without keys asks for none.",
}


def document() -> dict[str, Any]:
    """The whole document, as JSON-able values."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Darkroom",
            "version": "1",
            "summary": "Prompts in, pictures out, asynchronously.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        # Beside this very document: the service may stand below a path of its host.
        "servers": [{"url": "./", "description": "This service"}],
        "paths": paths,
        "components": {"schemas": _schemas(), "securitySchemes": {"key": _KEY}},
    }


def _schemas() -> dict[str, Any]:
    bodies = [(o.body, "validation") for o in OPERATIONS if o.body is not None]
    answers = [
        (model, "serialization")
        for operation in OPERATIONS
        for _, model in operation.answers.values()
        if model is not None
    ]
    problems = [(Problem, "serialization"), (OpenAiProblem, "serialization")]
    models: Iterable[Any] = dict.fromkeys([*bodies, *answers, *problems])
    _, schema = models_json_schema(list(models), ref_template=_REF)
    definitions: dict[str, Any] = schema["$defs"]
    return definitions


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [_tag(operation.path)],
        "parameters": [*_path_parameters(operation), *map(_parameter, operation.parameters)],
        "responses": {
            **{str(s): _answer(text, model) for s, (text, model) in operation.answers.items()},
            **{str(status): _problem(status, operation) for status in operation.refusals},
        },
    }
    if operation.limit is not None:
        described["security"] = [{"key": []}]
        for answer in described["responses"].values():
            answer["headers"] = {**answer["headers"], **_RATE}
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": _json(operation.body)}
    return described


def _tag(path: str) -> str:
    found = (name for name in ("jobs", "batches", "images") if path.startswith(f"/v1/{name}"))
    return next(found, "service")


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in operation.pattern.groupindex
    ]


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "required": False,
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _answer(text: str, model: type[BaseModel] | None) -> dict[str, Any]:
    described: dict[str, Any] = {"description": text, "headers": _REQUEST_ID}
    if model is not None:
        described["content"] = _json(model)
    return described


def _problem(status: int, operation: Operation) -> dict[str, Any]:
    model = OpenAiProblem if operation.for_openai else Problem
    schema = {"$ref": _REF.format(model=model.__name__)}
    content = {"application/problem+json": {"schema": schema}}
    described = HTTPStatus(status).phrase
    headers = {**_REQUEST_ID, **_OF_STATUS.get(status, {})}
    return {"description": described, "headers": headers, "content": content}


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}
