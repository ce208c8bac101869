"""Who may call a one-machine run: whoever is on the machine, until there are keys."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Mapping

from shared.embedded.keys import SqliteKeyTable
from shared.errors import Misdirected
from shared.http.admission import Admission, Caller
from shared.http.operation import Operation
from shared.ports import Clock

NOTICED_WITHIN_MS = 1000
"""So long after the first key was made, calls without one may still be answered."""


class LocalAdmission:
    """An Admission: `keyed` from the first key on, which need not hold any more; `free` before."""

    def __init__(
        self, keys: SqliteKeyTable, *, keyed: Admission, free: Admission, clock: Clock
    ) -> None:
        self._keys = keys
        self._keyed = keyed
        self._free = free
        self._clock = clock
        self._guard = threading.Lock()
        self._has_keys = keys.has_any()
        self._looked_ms = clock()

    def __call__(self, operation: Operation, headers: Mapping[str, str]) -> Caller:
        if self._asks_for_keys():
            return self._keyed(operation, headers)
        require_loopback_host(headers.get("host", ""))
        return self._free(operation, headers)

    def _asks_for_keys(self) -> bool:
        now_ms = self._clock()
        if self._has_keys or 0 <= now_ms - self._looked_ms < NOTICED_WITHIN_MS:
            return self._has_keys
        with self._guard:
            self._has_keys = self._has_keys or self._keys.has_any()
            self._looked_ms = now_ms
        return self._has_keys


def require_loopback_host(host: str) -> None:
    """Raise Misdirected for a Host header that names another machine: a page from there, whose
    name was made to lead here (DNS rebinding), would call with the user's own rights."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    if name and not _is_loopback(name.lower().rstrip(".")):
        raise Misdirected(
            "without keys this server answers to localhost alone; make a key to call it by others"
        )


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False
