"""A run in numbers: the first report's table by size, the stages, cold beside warm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

from loadtest.events import BatchDone, Settled
from loadtest.follow_up import JobHistory, Run

STAGES = ("submit", "queue", "load", "inference", "upload", "detection lag", "download")
ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One delivered picture, times in ms. The stages add up to `end_to_end_ms`, but for what the
    client's own work between two requests took. Of `drawn_together` pictures each waited for all.
    """

    job_id: str
    size: str
    at_s: float
    cold: bool
    end_to_end_ms: float
    stages_ms: tuple[float, ...]
    bytes: int
    drawn_together: int = 1
    share_of_reading_ms: float | None = None
    """Of its batch's; None where it came alone."""

    @property
    def worker_ms(self) -> float:
        """Its share of the time for which a worker was busy with it and those beside it."""
        named = dict(zip(STAGES, self.stages_ms, strict=True))
        return (named["load"] + named["inference"] + named["upload"]) / self.drawn_together

    @property
    def waited_ms(self) -> float:
        """How long submit and reads took, together: all of it but the download, or its share of
        what all pictures of a batch were read with."""
        if self.share_of_reading_ms is not None:
            return self.share_of_reading_ms
        return self.end_to_end_ms - self.stages_ms[-1]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the report's table; latencies in ms, sizes in bytes, rate per second."""

    size: str
    requests: int
    per_s: float
    failures: int
    min_ms: float
    median_ms: float
    mean_ms: float
    max_ms: float
    mean_bytes: float
    p50_ms: float
    p90_ms: float
    p99_ms: float


@dataclass(frozen=True, kw_only=True)
class BatchRow:
    """All batches of one size; latencies in ms, from the submit to the last picture in hand."""

    size: int
    batches: int
    jobs: int
    submit_p50_ms: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float


def batch_rows(run: Run) -> list[BatchRow]:
    """A line for each size, smallest first; none where nothing was submitted as a batch."""
    sizes = sorted({each.size for each in run.batches})
    return [_batch_row(size, [each for each in run.batches if each.size == size]) for size in sizes]


def samples(run: Run) -> list[Sample]:
    """Every picture that reached its user, in the order of arrival."""
    shares = {each.order: each.requests_ms / max(1, each.jobs) for each in run.batches}
    made = [_sample(job, shares) for job in run.jobs.values() if job.delivered is not None]
    return sorted(made, key=lambda sample: sample.at_s)


def _sample(job: JobHistory, shares: Mapping[str, float]) -> Sample:
    done = job.delivered
    assert done is not None
    end, accepted, fetched = job.settled[0], job.accepted[0], job.fetched[0]
    load = end.load_ms or 0.0
    inference, upload = end.inference_ms or 0.0, end.upload_ms or 0.0
    queue = max(0.0, (end.queue_ms or 0.0) - _loaded_in_the_queue_ms(end))
    served = queue + load + inference + upload
    lag = max(0.0, end.since_accepted_ms - served)
    return Sample(
        job_id=job.job_id,
        size=done.size,
        at_s=done.at_s,
        cold=bool(end.cold),
        end_to_end_ms=done.end_to_end_ms,
        stages_ms=(accepted.submit_ms, queue, load, inference, upload, lag, fetched.download_ms),
        bytes=fetched.bytes,
        drawn_together=end.drawn_together or 1,
        share_of_reading_ms=shares.get(accepted.batch) if accepted.batch else None,
    )


def _loaded_in_the_queue_ms(end: Settled) -> float:
    """The part of the loading that the service's queue time contains: a model is loaded before a
    job is claimed, and compiled for the job's size afterwards, which then shows in the total."""
    load = end.load_ms or 0.0
    if end.total_ms is None:
        return load
    claimed = end.total_ms - (end.queue_ms or 0.0)
    afterwards = claimed - (end.inference_ms or 0.0) - (end.upload_ms or 0.0)
    return load - min(load, max(0.0, afterwards))


def rows(run: Run, taken: Sequence[Sample], *, seconds: float) -> list[Row]:
    """The table: a line for each size, and one for all."""
    failures = failed_by_size(run)
    sizes = sorted({*failures, *(sample.size for sample in taken)}, key=pixels)
    lines = [
        _row(size, [each for each in taken if each.size == size], failures.get(size, 0), seconds)
        for size in sizes
    ]
    return [*lines, _row(ALL, taken, sum(failures.values()), seconds)]


def failed_by_size(run: Run) -> dict[str, int]:
    """Jobs that ended as failed, and orders that were refused without being meant to be."""
    failed: dict[str, int] = {}
    orders = [
        job.accepted[0].order
        for job in run.jobs.values()
        if job.accepted and any(end.status == "failed" for end in job.settled)
    ]
    orders += [refused.order for refused in run.refused if not refused.expected]
    for order in orders:
        size = run.orders[order].size if order in run.orders else "?"
        failed[size] = failed.get(size, 0) + 1
    return failed


def quantile(values: Iterable[float], share: float) -> float:
    """Interpolated between the nearest values, as numpy does by default; 0 of no values."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def stage_medians(taken: Sequence[Sample]) -> dict[str, float]:
    """ms of the median picture, stage by stage."""
    if not taken:
        return dict.fromkeys(STAGES, 0.0)
    columns = zip(*(sample.stages_ms for sample in taken), strict=True)
    return dict(zip(STAGES, map(median, columns), strict=True))


def measures(run: Run, taken: Sequence[Sample]) -> dict[str, float | None]:
    """What thresholds may be set on; None where nothing was measured."""
    latencies = [sample.end_to_end_ms for sample in taken]
    warm = [sample.end_to_end_ms for sample in taken if not sample.cold]
    cold = [sample.end_to_end_ms for sample in taken if sample.cold]
    ended = len(taken) + sum(failed_by_size(run).values())
    told = len(run.throttled) + sum(len(job.accepted) for job in run.jobs.values())
    stages = stage_medians(taken)
    return {
        "failed_share": sum(failed_by_size(run).values()) / ended if ended else None,
        "end_to_end_p50_ms": quantile(latencies, 0.5) if latencies else None,
        "end_to_end_p90_ms": quantile(latencies, 0.9) if latencies else None,
        "end_to_end_p99_ms": quantile(latencies, 0.99) if latencies else None,
        "warm_p99_over_p50": quantile(warm, 0.99) / quantile(warm, 0.5) if warm else None,
        "queue_p50_ms": stages["queue"] if taken else None,
        "detection_lag_p50_ms": stages["detection lag"] if taken else None,
        "cold_p50_ms": quantile(cold, 0.5) if cold else None,
        "throttled_share": len(run.throttled) / told if told else None,
        "memory_growth_share": memory_growth(run),
    }


def memory_growth(run: Run) -> float | None:
    """How much higher memory peaks in the last third than in the first, in parts of that: what
    work needs for a while comes back, what leaks does not."""
    held = [each.megabytes for each in run.memory]
    third = len(held) // 3
    return max(held[-third:]) / max(held[:third]) - 1 if third else None


def seconds_under_load(run: Run) -> float:
    """From the first order to the last event of a user; at least one."""
    moments = [order.at_s for order in run.orders.values()]
    moments += [job.delivered.at_s for job in run.jobs.values() if job.delivered]
    return max(1.0, max(moments) - min(moments)) if moments else 1.0


def busy_workers(taken: Sequence[Sample]) -> list[tuple[float, int]]:
    """(moment, how many jobs ran then), from the pictures' own times: steps of one."""
    edges: list[tuple[float, int]] = []
    for sample in taken:
        named = dict(zip(STAGES, sample.stages_ms, strict=True))
        after_ms = named["detection lag"] + named["download"]
        until = sample.at_s - after_ms / 1000
        edges += [(until - (named["inference"] + named["upload"]) / 1000, 1), (until, -1)]
    running, steps = 0, []
    for moment, change in sorted(edges):
        running += change
        steps.append((moment, running))
    return [one for one, after in pairwise([*steps, (float("inf"), 0)]) if one[0] != after[0]]


def _row(size: str, taken: Sequence[Sample], failures: int, seconds: float) -> Row:
    ms = [sample.end_to_end_ms for sample in taken]
    return Row(
        size=size,
        requests=len(ms) + failures,
        per_s=(len(ms) + failures) / seconds,
        failures=failures,
        min_ms=min(ms, default=0.0),
        median_ms=median(ms) if ms else 0.0,
        mean_ms=fmean(ms) if ms else 0.0,
        max_ms=max(ms, default=0.0),
        mean_bytes=fmean(sample.bytes for sample in taken) if taken else 0.0,
        p50_ms=quantile(ms, 0.5),
        p90_ms=quantile(ms, 0.9),
        p99_ms=quantile(ms, 0.99),
    )


def _batch_row(size: int, taken: Sequence[BatchDone]) -> BatchRow:
    ms = [each.end_to_end_ms for each in taken]
    return BatchRow(
        size=size,
        batches=len(taken),
        jobs=sum(each.jobs for each in taken),
        submit_p50_ms=quantile((each.submit_ms for each in taken), 0.5),
        p50_ms=quantile(ms, 0.5),
        p90_ms=quantile(ms, 0.9),
        p99_ms=quantile(ms, 0.99),
        max_ms=max(ms),
    )


def pixels(size: str) -> int:
    """For sorting sizes; 0 for what is none."""
    width, _, height = size.partition(" × ")
    return int(width) * int(height) if height else 0
