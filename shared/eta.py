"""When a job's picture will be there: of one that runs by the pace of its steps so far, of one that
waits by who else does and by what pictures took lately. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.job import Job, JobStatus
from shared.pace import HAND_OVER, Pace, Span, Workers, form_of
from shared.ports import Line
from shared.spec import CompleteSpec

REPORT_MS = 500
"""A worker whose steps are quicker reports them this often, as `JobRules.heartbeat_s` has it."""

_LONGEST_PICK_UP_MS = 250
"""A job that waited longer for a worker waited for other jobs."""
_PATIENCE_MS = 1000
_LONGEST_START_MS = 60_000
"""No worker takes longer to start: what lasts longer is something else."""
_OTHERS = 1.5
"""How much longer, or shorter, another tenant's pictures may take than the caller's own: nobody
tells one of the others'."""


@dataclass(frozen=True, kw_only=True)
class Eta:
    """Milliseconds from now."""

    soonest_ms: float
    latest_ms: float


def eta(job: Job, now_ms: int) -> Eta | None:
    """None where nothing is known to reckon with: it does not run, or no step is reported yet.

    Steps that are reported may be done just now, which gives the latest end; or so long ago that
    the next report is about to come, which gives the soonest.
    """
    done = job.progress
    if job.status is not JobStatus.RUNNING or job.started_ms is None or done is None:
        return None
    if not 0 < done.step < done.steps:
        return None
    drawn_ms = max(0, now_ms - job.started_ms)
    earliest_ms = min(drawn_ms * done.step / (done.step + 1), max(0, drawn_ms - REPORT_MS))
    whole = done.steps / done.step
    return Eta(
        soonest_ms=max(0.0, earliest_ms * whole - drawn_ms), latest_ms=drawn_ms * (whole - 1)
    )


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a queued job stands, as far as that is known: at most `ahead` jobs that are not done
    come before it. `cold`: it waits for a worker to start."""

    ahead: int | None
    eta: Eta | None
    cold: bool = False


def standing(
    job: Job,
    line: Line,
    *,
    workers: Workers | None,
    pace: Pace | None,
    now_ms: int,
    ready: int | None = None,
) -> Standing:
    """Of a job in its first attempt: where one that was put back stands, nobody knows.

    `ready` workers can draw. Where nobody counts them (None), one is thought to start when fewer
    jobs come first than workers may draw, and yet for longer than a ready one takes to come for it
    none did: an event source starts one then, and nothing else keeps the job waiting.
    """
    waited_ms = now_ms - job.asked_ms
    free = workers is not None and line.most < workers.count
    if ready is None:
        cold = free and _PATIENCE_MS < waited_ms <= _LONGEST_START_MS
    else:
        cold = ready == 0
    end = eta_in_line(job.spec, line, workers=workers, pace=pace)
    if cold:
        end = _after_start(end, pace, waited_ms, may_be_now=ready is not None)
    elif free and waited_ms > _PATIENCE_MS + (pace.loading() if pace else 0):
        end = None  # it should be drawn already, and nobody knows what keeps it
    return Standing(ahead=line.most, eta=end, cold=cold)


def eta_of_new(
    spec: CompleteSpec,
    line: Line,
    *,
    workers: Workers | None,
    pace: Pace | None,
    ready: int | None = None,
) -> Eta | None:
    """When a picture should be there that is asked for now."""
    end = eta_in_line(spec, line, workers=workers, pace=pace)
    return _after_start(end, pace, 0.0, may_be_now=True) if ready == 0 else end


def _after_start(
    end: Eta | None, pace: Pace | None, waited_ms: float, *, may_be_now: bool
) -> Eta | None:
    """None where no start was seen yet, or this one takes longer than they did. It `may_be_now`
    that it is over, where it began before the job came."""
    starts = pace.starting() if pace else None
    if end is None or starts is None or waited_ms > starts.most:
        return None
    soonest_ms = 0.0 if may_be_now else max(0.0, starts.least - waited_ms)
    return Eta(
        soonest_ms=soonest_ms + end.soonest_ms, latest_ms=starts.most - waited_ms + end.latest_ms
    )


def eta_in_line(
    spec: CompleteSpec, line: Line, *, workers: Workers | None, pace: Pace | None
) -> Eta | None:
    """When a picture should be there that stands behind `line`. None where no such picture was
    drawn yet, or nobody knows how many workers there are.

    Workers are never idle while somebody waits, so that a job begins no later than when all work
    before it is done by all of them, and no earlier than that without what the others still do.
    """
    alike = pace.of(form_of(spec)) if pace else None
    if workers is None or pace is None or alike is None:
        return None
    begun, own = _wait(line, workers, (pace, alike)), alike.whole()
    hand_over_ms = min(alike.pick_up(), _LONGEST_PICK_UP_MS) + HAND_OVER
    return Eta(soonest_ms=begun.least + own.least, latest_ms=begun.most + hand_over_ms + own.most)


def _wait(line: Line, workers: Workers, paces: Sequence[Pace]) -> Span:
    """Until one of the workers is free. Those before it may be pictures of any form that was
    drawn lately, or of its own."""
    if line.most < workers.count:
        return Span(least=0.0, most=0.0)
    beginning = (2 * workers.count - 1) * workers.together
    pictures = Span(
        least=max(0.0, line.own + min(line.own, line.others) / _OTHERS - beginning),
        most=line.own + line.others * _OTHERS,
    )
    in_turns = line.others > 0
    works = [pace.work(pictures, workers=workers, in_turns=in_turns) for pace in paces]
    return Span(least=min(work.least for work in works), most=max(work.most for work in works))
