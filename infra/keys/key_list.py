"""Keys as lines of text; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from shared.api_key import ApiKey

_LINE = "{:16}  {:20}  {:20}  {}"


def lines(keys: Sequence[ApiKey], *, now_ms: int) -> Iterator[str]:
    """A heading and a line for each key."""
    yield _LINE.format("id", "tenant", "made", "holds")
    for key in keys:
        yield _LINE.format(key.id, key.tenant, moment(key.created_ms), _holds(key, now_ms))


def moment(ms: int) -> str:
    """UTC, to the second."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _holds(key: ApiKey, now_ms: int) -> str:
    if key.ends_ms is None:
        return "until it is revoked"
    return f"until {moment(key.ends_ms)}" if now_ms < key.ends_ms else "no more"
