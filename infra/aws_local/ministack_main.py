"""Run by MiniStack's own interpreter, which sees none of our packages: MiniStack as it is, behind
what takes TLS off in front of it, so that policies that refuse plain HTTP stay in force.

`X-Forwarded-Proto: http` on a request still means that it came without TLS.
"""

from __future__ import annotations

from typing import Any

import ministack.app as ministack

_inside = ministack.app


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The ASGI application, told that clients came over TLS."""
    if scope["type"] == "http":
        scope = {**scope, "scheme": "https"}
    await _inside(scope, receive, send)


if __name__ == "__main__":
    ministack.app = app
    ministack.main()
