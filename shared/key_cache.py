"""Keys kept in a unit's memory for a moment, so that not every call reads the key table."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.api_key import ApiKey
from shared.ports import Clock, KeyLookup

_CAPACITY = 1000


@dataclass(frozen=True, kw_only=True)
class CachedKeys:
    """A KeyLookup that may be `lasts_ms` behind: so long a key that was just ended may still hold.

    Only keys that exist are kept, so that a new one holds at once, and guesses fill no memory.
    """

    keys: KeyLookup
    clock: Clock
    lasts_ms: int
    _kept: dict[str, tuple[int, ApiKey]] = field(default_factory=dict)

    def get(self, key_id: str) -> ApiKey | None:
        read_ms, kept = self._kept.get(key_id, (0, None))
        if kept is not None and 0 <= self.clock() - read_ms < self.lasts_ms:
            return kept
        return self._read(key_id)

    def _read(self, key_id: str) -> ApiKey | None:
        asked_ms, found = self.clock(), self.keys.get(key_id)
        if len(self._kept) >= _CAPACITY:
            self._kept.clear()
        self._kept.pop(key_id, None)
        if found is not None:
            self._kept[key_id] = (asked_ms, found)
        return found
