"""The seams that webhooks need, as in `shared.ports`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from shared.webhook_event import TryError, WebhookEvent

Ring: TypeAlias = Callable[[WebhookEvent], None]
"""Called by a job table once it has stored an event; what goes wrong there is its own affair."""


class Outbox(Protocol):
    """The events that webhooks are owed. Job tables put them there, in the very write that makes
    them happen, and forget them with their job."""

    def of(self, job_id: str) -> Sequence[WebhookEvent]:
        """A job's events, in the order in which they happened."""

    def due(self, *, now_ms: int, limit: int) -> Sequence[WebhookEvent]:
        """Events whose `due_ms` is not after `now_ms`, oldest first."""

    def replace(self, seen: WebhookEvent, by: WebhookEvent) -> bool:
        """Write `by` where the version is still that of `seen`. False: someone else was faster,
        or this very write landed before and its answer was lost."""


@dataclass(frozen=True, kw_only=True)
class WebhookMessage:
    """What is sent to a receiver."""

    headers: Mapping[str, str]
    body: bytes


class WebhookSender(Protocol):
    """The way out to receivers."""

    def send(self, url: str, message: WebhookMessage) -> int | TryError:
        """POST once; the answer's status, or why there is none. Follows no redirect, reads no body,
        reaches public addresses alone, and takes no longer than it is allowed. Raises nothing."""


class RootSecret(Protocol):
    """One secret of a whole deployment, made when it is first asked for."""

    def get(self) -> bytes:
        """32 random bytes, always the same, whoever asks first and however many at once."""
