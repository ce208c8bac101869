"""The URL of a webhook, taken apart, and why one may not be used; pure.

What a name leads to is not asked here: that is decided when a connection is made, by the address
that it is made to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from shared.errors import FieldError, WebhookUrlRefused
from shared.public_address import may_be_called

URL_CHARS = 2_000
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LIKE_A_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where to send to. `path` is what the request line says, the query with it."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == _PORTS["https" if self.secure else "http"]
        return host if usual else f"{host}:{self.port}"


def target_of(url: str, *, loopback: bool) -> Target:
    """Take `url` apart. Where `loopback` is allowed, that may be called, without TLS too.

    Raises WebhookUrlRefused.
    """
    if len(url) > URL_CHARS or not _VISIBLE.fullmatch(url) or "\\" in url:
        raise _refused(f"it must be at most {URL_CHARS} visible ASCII characters")
    parts, port = _split(url)
    host = parts.hostname or ""
    if "@" in parts.netloc:
        raise _refused("it must not hold a user name or password")
    if parts.fragment or not host:
        raise _refused("it must name a host and have no fragment")
    local = loopback and _is_loopback(host)
    if parts.scheme != "https" and not (local and parts.scheme == "http"):
        raise _refused("it must begin with https://")
    if not local:
        _require_public(host)
    query = f"?{parts.query}" if parts.query else ""
    return Target(
        secure=parts.scheme == "https",
        host=host,
        port=port or _PORTS[parts.scheme],
        path=f"{parts.path or '/'}{query}",
    )


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError as error:
        raise _refused("it is not a URL") from error


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_literal(host) and ip_address(host).is_loopback)


def _require_public(host: str) -> None:
    if _is_literal(host):
        if not may_be_called(host, loopback=False):
            raise _refused("its address is not a public one")
        return
    if not _NAME.fullmatch(host) or len(host) > 253 or "." not in host:
        raise _refused("its host must be a full name, such as hooks.example.com")
    if _LIKE_A_NUMBER.fullmatch(host.rpartition(".")[2]):
        # 127.1, 0x7f.1, 2130706433: resolvers take them for addresses.
        raise _refused("its host is neither a name nor an address in the usual notation")


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _refused(why: str) -> WebhookUrlRefused:
    error = FieldError(pointer="/webhook/url", detail=why)
    return WebhookUrlRefused(f"the webhook's URL cannot be used: {why}", errors=(error,))
