"""`Prefer: wait=N` (RFC 7240), parsed; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,9})\"?\s*(?:$|[,;])", re.IGNORECASE)


def wait_seconds(headers: Mapping[str, str]) -> int | None:
    """How long the caller would wait. What is not understood is ignored, as the RFC asks."""
    found = _WAIT.search(headers.get("prefer", ""))
    return int(found[1]) if found else None
