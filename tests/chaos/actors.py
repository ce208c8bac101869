"""Real code that can be stopped between any two of its calls to the outside.

An actor is a greenlet that halts before every call to a port. Whoever directs the play decides when
that call is made and how it goes; nothing else runs meanwhile, so that a play with the same
decisions is the same play. (Threads would do, but each halt would cost two thread switches.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

# greenlet comes without types.
from greenlet import greenlet  # type: ignore[import-untyped]  # it has no types


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
    nonce: str | None = None
    """What the caller claimed the job with that this is about, if it did."""


class Actor:
    """`work` is given the actor itself, to wrap ports with; `judge` hears how it ended.

    It may do a second thing beside the first, as a process does in another thread. Whose call comes
    next is the director's choice: the second thing goes first unless the actor `hurries`.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Actor], object],
        judge: Callable[[Actor], None] = lambda actor: None,
    ) -> None:
        self.name = name
        self.judge = judge
        self.result: Any = None
        self.error: BaseException | None = None
        self.suffered = False
        """Whether one of its calls went wrong."""
        self.idle = False
        """Whether it just received nothing."""
        self.must_stop = False
        self.stumbles = False
        """Whether its engine breaks at the next step."""
        self.hurries = False
        self._main = _Strand(lambda: self._run(work), parent=greenlet.getcurrent())
        self._side: _Strand | None = None
        self._main.go_on()

    @property
    def nonces(self) -> dict[str, str]:
        """What whoever makes a call now has claimed jobs with, by job id."""
        return self._current().nonces

    @property
    def pending(self) -> Call | None:
        strand = self._next()
        return None if strand is None else strand.call

    @property
    def ended(self) -> bool:
        return self._next() is None

    def ask(self, call: Call) -> Any:
        """Halt until the call was decided on. The actor itself calls this."""
        return self._current().halt(call)

    def answer(self, value: Any = None, error: BaseException | None = None) -> None:
        """Let the actor go on from its call until it halts again or ends."""
        strand = self._next()
        assert strand is not None
        strand.go_on((value, error))
        while self._goes_on_by_itself():
            pass

    def start_beside(self, work: Callable[[], None]) -> None:
        """Do something beside. The actor itself calls this."""
        self.wait_for_side()
        self._side = _Strand(work, parent=self._main.parent, nonces=self._main.nonces)

    def is_alone(self) -> bool:
        """Whether nothing is left to do beside."""
        return self._side is None or self._side.ended

    def wait_for_side(self) -> None:
        """Halt until nothing is left to do beside. The actor itself calls this."""
        if not self.is_alone():
            self._main.halt(None)

    def kill(self) -> None:
        """End it where it stands, with all that it does."""
        for strand in (self._side, self._main):
            while strand is not None and not strand.ended:
                strand.go_on((None, Killed()))

    def _goes_on_by_itself(self) -> bool:
        """Let whatever waits for no call go on, once; whether there was any."""
        if self._side is not None and self._side.is_new:
            self._side.go_on()
        elif self._main.waits and self.is_alone():
            self._main.go_on((None, None))
        else:
            return False
        return True

    def _run(self, work: Callable[[Actor], object]) -> None:
        try:
            self.result = work(self)
        except BaseException as error:
            self.error = error

    def _next(self) -> _Strand | None:
        """Whose call comes next."""
        order = (self._main, self._side) if self.hurries else (self._side, self._main)
        return next((each for each in order if each is not None and each.call is not None), None)

    def _current(self) -> _Strand:
        is_side = self._side is not None and self._side.is_current
        return self._side if self._side is not None and is_side else self._main


class _Strand:
    """One thread of an actor."""

    def __init__(
        self, work: Callable[[], None], *, parent: greenlet, nonces: Mapping[str, str] | None = None
    ) -> None:
        self.parent = parent
        self.nonces = dict(nonces or {})
        self.call: Call | None = None
        self.waits = False
        """Whether it halts without a call."""
        self._greenlet = greenlet(lambda _: self._run(work), parent)

    @property
    def is_new(self) -> bool:
        return not self._greenlet and not self._greenlet.dead

    @property
    def is_current(self) -> bool:
        return bool(greenlet.getcurrent() is self._greenlet)

    @property
    def ended(self) -> bool:
        return bool(self._greenlet.dead)

    def halt(self, call: Call | None) -> Any:
        """Give the word to the director until there is an answer."""
        self.call, self.waits = call, call is None
        value, error = self.parent.switch()
        self.call, self.waits = None, False
        if error is not None:
            raise error
        return value

    def go_on(self, answer: tuple[Any, BaseException | None] = (None, None)) -> None:
        """The director's word."""
        self._greenlet.switch(answer)

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Killed:
            return
