"""Request lines and headers, read only as far as they may be long: as far as API Gateway takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.errors import HeadersTooLarge

MAX_BYTES = 10_240
"""Of request line and headers together (API Gateway's quota for HTTP APIs)."""
_CUT_OFF_BYTES = 64 * 1024
"""Whoever has sent this much without an end of the headers is sent away unread."""
_CUT_OFF = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


def require_short_head(scope: Mapping[str, Any]) -> None:
    """Raise HeadersTooLarge; the body stays unread, so that the connection has to end."""
    found = len(scope["path"]) + len(scope["query_string"])
    found += sum(len(name) + len(value) for name, value in scope["headers"])
    if found > MAX_BYTES:
        raise HeadersTooLarge(
            f"request line and headers have {found} bytes; at most {MAX_BYTES} are taken",
            headers={"Connection": "close"},
        )


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, which by itself would collect headers without an end for ever."""

    _head_bytes: int | None = None
    """So many bytes of an unfinished head have come; None: no head is being read."""

    def data_received(self, data: bytes) -> None:
        """Of the piece that a head begins in nothing is counted: it holds what went before, too."""
        unfinished = self._head_bytes is not None
        super().data_received(data)
        if unfinished and self._head_bytes is not None:
            self._head_bytes += len(data)
            if self._head_bytes > _CUT_OFF_BYTES and not self.transport.is_closing():
                self.transport.write(_CUT_OFF)
                self.transport.close()

    def on_message_begin(self) -> None:
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_bytes = None
        super().on_headers_complete()
