"""Request lines and headers, read only as far as they may be long: as far as API Gateway takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.errors import HeadersTooLarge, MalformedRequest

MAX_BYTES = 10_240
"""Of request line and headers together (API Gateway's quota for HTTP APIs)."""


def require_short_head(scope: Mapping[str, Any]) -> None:
    """Raise HeadersTooLarge; the body stays unread, so that the connection has to end."""
    found = len(scope["path"]) + len(scope["query_string"])
    found += sum(len(name) + len(value) for name, value in scope["headers"])
    if found > MAX_BYTES:
        raise HeadersTooLarge(
            f"request line and headers have {found} bytes; at most {MAX_BYTES} are taken",
            headers={"Connection": "close"},
        )


def require_one_host(scope: Mapping[str, Any]) -> None:
    """Raise MalformedRequest where it is unclear whom the request is for (RFC 9112, 3.2)."""
    hosts = sum(name == b"host" for name, _ in scope["headers"])
    if hosts > 1 or (hosts == 0 and scope["http_version"] == "1.1"):
        raise MalformedRequest(
            f"there must be one Host header, not {hosts}", headers={"Connection": "close"}
        )
