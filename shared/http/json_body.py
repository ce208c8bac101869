"""Request bodies: bytes to a validated value, with every way that JSON can be hostile refused."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from shared.errors import (
    BodyTooLarge,
    FieldError,
    MalformedJson,
    UnsupportedMediaType,
    ValidationFailed,
)

MAX_BYTES = 64 * 1024
"""Of most bodies; an operation may take more."""
Model = TypeVar("Model", bound=BaseModel)


def parsed(
    body: bytes, content_type: str, model: type[Model], *, most_bytes: int = MAX_BYTES
) -> Model:
    """Validate a body.

    Raises BodyTooLarge, UnsupportedMediaType, MalformedJson, ValidationFailed.
    """
    if len(body) > most_bytes:
        raise BodyTooLarge(f"the body has {len(body)} bytes; at most {most_bytes} are taken")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType("set Content-Type: application/json")
    return validated(_json_object(body), model)


def validated(content: object, model: type[Model]) -> Model:
    """Validate what was parsed. Raises ValidationFailed."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise _validation_failed(error) from error


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(
            body.decode("utf-8"),
            parse_constant=_refuse,
            parse_int=_whole_number,
            object_pairs_hook=_without_duplicates,
        )
    except (ValueError, RecursionError) as error:
        raise MalformedJson(_reason(error)) from error
    if not isinstance(content, dict):
        raise MalformedJson("the body must be a JSON object")
    return content


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _whole_number(digits: str) -> int:
    """Without Python's own words for what it will not read."""
    try:
        return int(digits)
    except ValueError:
        raise ValueError(f"a number has {len(digits)} digits, which is too many") from None


def _without_duplicates(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for name, value in pairs:
        if name in content:
            raise ValueError("the same key appears twice in one object")
        content[name] = value
    return content


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "the body must be UTF-8"
    return f"the body is not JSON: {error}"


def _validation_failed(error: ValidationError) -> ValidationFailed:
    errors = tuple(dict.fromkeys(_field_errors(error)))
    told = [f"{field.pointer}: {field.detail}" for field in errors[:3]]
    detail = "; ".join(text.removeprefix(": ") for text in told)
    return ValidationFailed(detail, errors=errors)


def _field_errors(error: ValidationError) -> Iterable[FieldError]:
    for fault in error.errors(include_url=False, include_input=False):
        yield FieldError(pointer=_pointer(fault["loc"]), detail=_detail(fault))


def _pointer(location: tuple[int | str, ...]) -> str:
    """RFC 6901, which names values alone: a wrong name in `metadata` is told of at its value."""
    path = location[:-1] if len(location) > 2 and location[-1] == "[key]" else location
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _detail(fault: Mapping[str, Any]) -> str:
    if fault["type"] == "extra_forbidden":
        return "unknown field"
    if fault["type"] == "model_type":
        return "must be a JSON object"
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"])
    return str(fault["msg"])
