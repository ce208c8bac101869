"""What a run writes down: one event a line, from which every figure and the ledger are made.

`at_s` is the client's clock, seconds since 1970; durations come from a clock that never jumps.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, kw_only=True)
class Ordered:
    """A user is about to submit. `order` names this wish for a picture through the whole run."""

    at_s: float
    order: str
    size: str


@dataclass(frozen=True, kw_only=True)
class Throttled:
    """The service asked to come back later (429, 503), or gave no answer (status 0)."""

    at_s: float
    order: str
    status: int


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """The service took the job: from here on it owes an end to it. `batch` is its batch's order."""

    at_s: float
    order: str
    job_id: str
    submit_ms: float
    replayed: bool
    batch: str | None = None


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The service said no. `expected` when the request was meant to be refused."""

    at_s: float
    order: str
    status: int
    code: str
    expected: bool


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A status that a read showed."""

    at_s: float
    job_id: str
    version: int
    status: str


@dataclass(frozen=True, kw_only=True)
class Missing:
    """An accepted job that the service does not know (any more)."""

    at_s: float
    job_id: str
    status: int


@dataclass(frozen=True, kw_only=True)
class Settled:
    """A terminal status. The service's own times in ms; None where it does not know them.

    `since_accepted_ms` is the client's time from the accepting answer to this one. The worker's
    times are those of all jobs that were `drawn_together`.
    """

    at_s: float
    job_id: str
    status: str
    since_accepted_ms: float
    queue_ms: float | None
    load_ms: float | None
    inference_ms: float | None
    upload_ms: float | None
    cold: bool | None
    sha256: str | None
    error: str | None
    total_ms: float | None = None
    drawn_together: int | None = None


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """The picture arrived; `sha256` is of the bytes that came. `status` is the answer's."""

    at_s: float
    job_id: str
    status: int
    sha256: str
    bytes: int
    download_ms: float


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """The journey is over: from the first submit to the picture in hand."""

    at_s: float
    job_id: str
    order: str
    size: str
    end_to_end_ms: float


@dataclass(frozen=True, kw_only=True)
class BatchDone:
    """A batch is over: from its submit to the picture of its last job in hand. `order` is the
    batch's own; `jobs` of the `size` that were asked for were accepted. `requests_ms` is how long
    its submit and reads took, all together."""

    at_s: float
    order: str
    size: int
    jobs: int
    submit_ms: float
    requests_ms: float
    end_to_end_ms: float


@dataclass(frozen=True, kw_only=True)
class Broken:
    """An answer that the contract does not allow."""

    at_s: float
    order: str
    what: str


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """How many users run, all processes together."""

    at_s: float
    users: int


@dataclass(frozen=True, kw_only=True)
class Queue:
    """What `GET /v1/queue` said."""

    at_s: float
    depth: int
    in_flight: int
    cap: int | None


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What a service that we serve ourselves holds in memory, all its processes together."""

    at_s: float
    megabytes: float


Event: TypeAlias = (
    Ordered
    | Throttled
    | Accepted
    | Refused
    | Seen
    | Missing
    | Settled
    | Fetched
    | Delivered
    | BatchDone
    | Broken
    | Crowd
    | Queue
    | Memory
)

_KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        Ordered,
        Throttled,
        Accepted,
        Refused,
        Seen,
        Missing,
        Settled,
        Fetched,
        Delivered,
        BatchDone,
        Broken,
        Crowd,
        Queue,
        Memory,
    )
}


def line_of(event: Event) -> str:
    """One line of JSON, without its end."""
    return json.dumps({"event": type(event).__name__, **asdict(event)})


def events_of(lines: Iterable[str]) -> Iterator[Event]:
    """The events on the lines; a last line that was cut off is left out."""
    for line in lines:
        if line.endswith("\n"):
            fields = json.loads(line)
            yield _KINDS[fields.pop("event")](**fields)
