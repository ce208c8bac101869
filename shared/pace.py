"""How long pictures take here, by those that a caller was given last. Pure; all in milliseconds.

Spans are meant to hold nine of ten times, if what comes is drawn as those were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TypeAlias

from shared.job import Job
from shared.spec import CompleteSpec

Form: TypeAlias = tuple[str, int, int, int, bool]
"""What the time of a drawing depends on: model, width, height, steps, and whether it is guided."""
HAND_OVER = 10
"""What may lie between two pictures of one worker: taking the next message, claiming its job."""
_NINE_OF_TEN = 1.645
_FROM_TENTH_TO_NINE_TENTHS = 2.563
"""Standard deviations of a normal distribution, to either side of its mean and in all."""
_UNKNOWN_SPREAD = 0.5
"""What the spread of times is thought to be before there is a second one, in parts of the first."""
_DRIFT = 0.15
"""How far what comes may take longer or shorter on average: machines have other work as well."""
_ENOUGH = 5


@dataclass(frozen=True, kw_only=True)
class Span:
    """From `least` to `most`."""

    least: float
    most: float


@dataclass(frozen=True, kw_only=True)
class Workers:
    """`count` draw at once, and each of them up to so many pictures `together`."""

    count: int
    together: int = 1


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What one picture took. `service` is from claim to done, of which the engine had `engine` for
    it and for all that were drawn `together`, and storing `stored`. A worker got ready for `loaded`
    before the claim; without that the job `waited` since it was `asked_ms` for. `paid` is its share
    of what a worker did for it.
    """

    form: Form
    asked_ms: int
    claimed_ms: int
    service: float
    engine: float
    stored: float
    together: int
    waited: float
    loaded: float
    paid: float
    cold: bool

    @property
    def warm(self) -> float:
        """What it would have taken a worker that was ready."""
        return self.engine + self.stored

    @property
    def share(self) -> float:
        """For how long a worker was busy with it alone."""
        return self.service / self.together


@dataclass(frozen=True, kw_only=True)
class Pace:
    """The pictures that are reckoned with, at least one, in the order of their claims."""

    drawn: tuple[Drawn, ...]

    def of(self, form: Form) -> Pace | None:
        """Of pictures of one form alone; None where there is none."""
        alike = tuple(each for each in self.drawn if each.form == form)
        return Pace(drawn=alike) if alike else None

    def whole(self) -> Span:
        """For how long one more picture will be in a worker's hands, whether that is ready or gets
        ready first as often as it had to."""
        return Span(
            least=_low([each.warm for each in self.drawn]),
            most=_high([each.service + each.loaded for each in self.drawn]),
        )

    def paid(self) -> Span:
        """How much of a worker's time one more picture will have to pay for."""
        return Span(
            least=_low([each.warm / each.together for each in self.drawn]),
            most=_high([each.paid for each in self.drawn]),
        )

    def work(self, pictures: Span, *, workers: Workers, in_turns: bool) -> Span:
        """Until so many workers are through with so many pictures.

        Of each they are busy at least as long as the engine was, in lists as long as may be. They
        are at most as long as one followed the other while jobs waited; or, where that was not
        seen, or others come `in_turns` between them, as all of it together.
        """
        usual = [each for each in self.drawn if not each.cold] or self.drawn
        least = _mean([each.engine / max(each.together, workers.together) for each in usual])
        most = None if in_turns else self._from_claim_to_claim(workers.count)
        if most is None:
            most = _mean([each.share for each in usual]) + HAND_OVER
        fewest, highest = (_aside(usual, count) for count in (pictures.least, pictures.most))
        return Span(
            least=max(0.0, pictures.least * least - fewest) / workers.count,
            most=(pictures.most * max(least, most) + highest) / workers.count,
        )

    def pick_up(self) -> float:
        """How long a job waits although nobody is before it."""
        return min(each.waited for each in self.drawn)

    def loading(self) -> float:
        """The longest that a job had to wait for a worker to get ready."""
        return max(each.loaded for each in self.drawn)

    def starting(self) -> Span | None:
        """How long a job waits altogether for a worker that starts; None where none did."""
        took = [each.waited + each.loaded for each in self.drawn if each.loaded > 0]
        return Span(least=_low(took), most=_high(took)) if took else None

    def _from_claim_to_claim(self, workers: int) -> float | None:
        """How long a worker had a picture while others waited: among so many workers the next claim
        of the same one is as many claims later. None where hardly any did."""
        took = [
            later.claimed_ms - earlier.claimed_ms
            for earlier, later in zip(self.drawn, self.drawn[workers:], strict=False)
            if later.asked_ms <= earlier.claimed_ms and not later.cold
        ]
        return _mean(took) if len(took) >= _ENOUGH else None


def workers(count: int | None) -> Workers | None:
    """As they are on Lambda, where each draws one picture at a time."""
    return None if count is None else Workers(count=count)


def form_of(spec: CompleteSpec) -> Form:
    """The form that a job has."""
    return spec.model, spec.width, spec.height, spec.steps, spec.guidance > 1


def pace(jobs: Sequence[Job]) -> Pace | None:
    """Of finished jobs; None where none of them has a picture."""
    drawn = [each for job in jobs if (each := _drawn(job)) is not None]
    return Pace(drawn=tuple(sorted(drawn, key=lambda each: each.claimed_ms))) if drawn else None


def _drawn(job: Job) -> Drawn | None:
    """None of one that was not drawn: the result cache may have answered it."""
    if job.timing is None or job.started_ms is None or job.finished_ms is None:
        return None
    if job.cached_from is not None:
        return None
    took = job.timing
    service = max(0, job.finished_ms - job.started_ms)
    compiled = max(0, service - took.inference_ms - took.upload_ms)
    loaded = max(0, took.load_ms - compiled)
    return Drawn(
        form=form_of(job.spec),
        asked_ms=job.asked_ms,
        claimed_ms=job.started_ms,
        service=service,
        engine=took.inference_ms,
        stored=took.upload_ms,
        together=took.drawn_together,
        waited=max(0, job.started_ms - job.asked_ms - loaded),
        loaded=loaded,
        paid=took.worker_ms,
        cold=took.cold,
    )


def _low(took: Sequence[float]) -> float:
    """Hardly one more will take less. The fewer there are, the less do they show that."""
    return _quantile(sorted(took), 0.05) / (1 + 2 / len(took))


def _high(took: Sequence[float]) -> float:
    """Hardly one more will take more."""
    return _quantile(sorted(took), 0.95) * (1 + 2 / len(took))


def _aside(drawn: Sequence[Drawn], count: float) -> float:
    """How far so many more like these may be from what they take on average; that the average
    itself is of a few, and of a while ago, counts as well."""
    took, known = sorted(each.share for each in drawn), len(drawn)
    mean = _mean(took)
    spread = (_quantile(took, 0.9) - _quantile(took, 0.1)) / _FROM_TENTH_TO_NINE_TENTHS
    variance = ((known - 1) * spread**2 + (_UNKNOWN_SPREAD * mean) ** 2) / known
    drift = (_DRIFT * mean * count) ** 2
    return _NINE_OF_TEN * sqrt(variance * (count + count**2 / known) + drift)


def _mean(took: Sequence[float]) -> float:
    """Without the highest and the lowest of many: a worker that stood still for once tells little
    of those that follow."""
    # Without the module `statistics`, whose import a cold start would wait for.
    left_out = len(took) // 20
    kept = sorted(took)[left_out : len(took) - left_out]
    return sum(kept) / len(kept)


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[round(share * (len(ordered) - 1))]
