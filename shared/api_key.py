"""API keys: what they look like, what is kept of them, and when they hold. Pure.

`dk_<id>_<secret>`, both in lower-case base32 (RFC 4648), so that a double click selects all of it.
The id names the row and is no secret; of the whole key only its SHA-256 is kept. A slow hash would
add nothing: unlike a password, 256 random bits cannot be guessed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass

TENANT = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
"""What a tenant may be called; SQS takes it for a message group as it is."""
ID_BYTES, SECRET_BYTES = 10, 32
_KEY = re.compile(r"dk_([a-z2-7]{16})_[a-z2-7]{52}")
_NOBODYS = "0" * 64


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """A key as it is kept. It holds until `ends_ms` (milliseconds since 1970); None: for good."""

    id: str
    tenant: str
    sha256: str
    created_ms: int
    ends_ms: int | None = None


def new_key(
    tenant: str, *, entropy: Callable[[int], bytes], now_ms: int, ends_ms: int | None
) -> tuple[str, ApiKey]:
    """The key, to be shown once, and what is kept of it. Raises ValueError for a tenant's name
    that does not match TENANT."""
    if not TENANT.fullmatch(tenant):
        raise ValueError(f"a tenant's name must match {TENANT.pattern}")
    key_id = _base32(entropy(ID_BYTES))
    text = f"dk_{key_id}_{_base32(entropy(SECRET_BYTES))}"
    kept = ApiKey(
        id=key_id, tenant=tenant, sha256=_digest(text), created_ms=now_ms, ends_ms=ends_ms
    )
    return text, kept


def id_of(text: str) -> str | None:
    """The public part of what may be a key; None where it cannot be one."""
    found = _KEY.fullmatch(text)
    return found[1] if found else None


def holds(kept: ApiKey | None, text: str, *, now_ms: int) -> bool:
    """Whether `text` is that key, and its time is not over. Takes as long where there is none."""
    same = hmac.compare_digest(_digest(text), kept.sha256 if kept else _NOBODYS)
    return same and kept is not None and (kept.ends_ms is None or now_ms < kept.ends_ms)


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
