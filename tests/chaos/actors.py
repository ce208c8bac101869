"""Real code that can be stopped between any two of its calls to the outside.

An actor is a greenlet that halts before every call to a port. Whoever directs the play decides when
that call is made and how it goes; nothing else runs meanwhile, so that a play with the same
decisions is the same play. (Threads would do, but each halt would cost two thread switches.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from greenlet import greenlet  # type: ignore[import-untyped]


class Fate(Enum):
    """How a call goes."""

    WELL = auto()
    NEVER_ARRIVES = auto()
    """Nothing is done, and the caller hears that the store did not answer."""
    ANSWER_LOST = auto()
    """It is done, and the caller hears the same."""
    DIES_BEFORE = auto()
    """The caller's process ends before the call is made."""
    DIES_AFTER = auto()
    """It is done, and the caller's process ends before it learns of that."""


FAULTS = tuple(fate for fate in Fate if fate is not Fate.WELL)
ARRIVES = frozenset({Fate.WELL, Fate.ANSWER_LOST, Fate.DIES_AFTER})
DIES = frozenset({Fate.DIES_BEFORE, Fate.DIES_AFTER})


class Killed(BaseException):
    """The actor's process is gone. Not an Exception: nobody may catch it and carry on."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call that an actor wants to make: `do` makes it, `subject` is what it is about."""

    verb: str
    subject: Any
    do: Callable[[], Any]
    asked_ms: int


class Actor:
    """`work` is given the actor itself, to wrap ports with; `judge` hears how it ended."""

    def __init__(
        self,
        name: str,
        work: Callable[[Actor], object],
        judge: Callable[[Actor], None] = lambda actor: None,
    ) -> None:
        self.name = name
        self.judge = judge
        self.pending: Call | None = None
        self.result: Any = None
        self.error: BaseException | None = None
        self.suffered = False
        """Whether one of its calls went wrong."""
        self.nonce: str | None = None
        """What it claims with, if it is a worker."""
        self.idle = False
        """Whether it just received nothing."""
        self.must_stop = False
        self.stumbles = False
        """Whether its engine breaks at the next step."""
        self._work = work
        self._greenlet = greenlet(self._run)
        self._greenlet.switch()

    @property
    def ended(self) -> bool:
        return self.pending is None

    def ask(self, call: Call) -> Any:
        """Halt until the call was decided on. The actor itself calls this."""
        self.pending = call
        assert self._greenlet.parent is not None
        value, error = self._greenlet.parent.switch()
        if error is not None:
            raise error
        return value

    def answer(self, value: Any = None, error: BaseException | None = None) -> None:
        """Let the actor go on from its call until it halts again or ends."""
        self.pending = None
        self._greenlet.switch((value, error))

    def kill(self) -> None:
        """End it where it stands."""
        while not self.ended:
            self.answer(error=Killed())

    def _run(self) -> None:
        try:
            self.result = self._work(self)
        except BaseException as error:
            self.error = error
