"""What the service says of its queue, second by second; pure but for the fetch it is given."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from loadtest.events import Queue

QUEUE = "/v1/queue"


@dataclass(kw_only=True)
class QueueWatch:
    """`fetch()` returns the body of `GET /v1/queue`, or None when there was no good answer."""

    fetch: Callable[[], bytes | None]
    wall_s: Callable[[], float]
    depths: list[tuple[float, int]] = field(default_factory=list)

    def look(self) -> Queue | None:
        """One look; None when the service gave no answer to it."""
        body = self.fetch()
        if body is None:
            return None
        said = json.loads(body)
        seen = Queue(
            at_s=self.wall_s(),
            depth=said["depth"],
            in_flight=said["in_flight"],
            cap=said["cap"],
        )
        self.depths.append((seen.at_s, seen.depth))
        return seen

    def grows(self, *, since_s: float) -> bool:
        """Whether the queue got longer through the time since `since_s`: its last third lies above
        its first by more than the queue's own flutter, and by at least five jobs."""
        depths = [depth for at_s, depth in self.depths if at_s >= since_s]
        third = len(depths) // 3
        if third < 2:
            return False
        first, last = depths[:third], depths[-third:]
        return min(last) > max(first) and sum(last) / third - sum(first) / third >= 5
