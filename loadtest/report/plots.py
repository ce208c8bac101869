"""The plots, as SVG text that stands in the page itself."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from loadtest.cloudwatch import Series
from loadtest.figures import STAGES, Sample, busy_workers, pixels, quantile
from loadtest.follow_up import Run

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f")
"""Okabe and Ito's palette: told apart by people of every colour vision."""

STYLE: Any = {
    "font.size": 10,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "figure.constrained_layout.use": True,
}


def over_time(run: Run, taken: Sequence[Sample]) -> str:
    """Latency of every picture; below it users and busy workers, the queue, and the service's
    memory where that could be seen."""
    heights = (3, 1.3, 1, 1) if run.memory else (3, 1.3, 1)
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(
            len(heights), 1, sharex=True, figsize=(10, 1.2 * sum(heights)), height_ratios=heights
        )
        zero_s = _start(run, taken)
        _scatter(panels[0], taken, zero_s)
        _load(panels[1], run, taken, zero_s)
        _queue(panels[2], run, zero_s)
        if run.memory:
            _memory(panels[3], run, zero_s)
        panels[-1].set(xlabel="seconds")
        return _svg(figure)


def percentiles(taken: Sequence[Sample]) -> str:
    """Which share of the pictures took no longer than that."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(5, 3.6))
        for colour, (size, some) in zip(COLOURS, _by_size(taken).items(), strict=False):
            shares = [share / 200 for share in range(201)]
            ms = [quantile((each.end_to_end_ms for each in some), share) for share in shares]
            axes.plot([100 * share for share in shares], ms, color=colour, label=size)
        for mark in (50, 90, 99):
            axes.axvline(mark, color="#bbbbbb", linewidth=0.8, linestyle=":")
        axes.set(xlabel="percentile", ylabel="end to end, ms", ylim=(0, None), xlim=(0, 100))
        if taken:
            axes.legend()
        return _svg(figure)


def stages(medians: Mapping[str, Mapping[str, float]]) -> str:
    """Where the median picture's time goes, stacked, a bar a size."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(10, 1.4 + 0.5 * max(1, len(medians))))
        names = list(medians)
        left = [0.0] * len(names)
        for colour, stage in zip(COLOURS, STAGES, strict=True):
            widths = [medians[name][stage] for name in names]
            axes.barh(names, widths, left=left, color=colour, label=stage, height=0.6)
            left = [one + other for one, other in zip(left, widths, strict=True)]
        axes.set(xlabel="ms (medians of each stage)")
        axes.grid(visible=False, axis="y")
        axes.legend(ncols=len(STAGES), loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=9)
        return _svg(figure)


def beside(rows: Mapping[str, Mapping[str, float | None]]) -> str:
    """p50 by size, a group for each size and a bar for each run or report; logarithmic."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(5, 3.6))
        sizes = list(dict.fromkeys(size for each in rows.values() for size in each))
        width = 0.8 / max(1, len(rows))
        for number, (colour, (title, row)) in enumerate(zip(COLOURS, rows.items(), strict=False)):
            places = [place + (number - (len(rows) - 1) / 2) * width for place in range(len(sizes))]
            heights = [row.get(size) or float("nan") for size in sizes]
            bars = axes.bar(places, heights, width=width * 0.92, color=colour, label=title)
            axes.bar_label(bars, fmt=_seconds, fontsize=8)
        axes.set(ylabel="p50 end to end, ms")
        if sizes:
            axes.set(yscale="log")
            _plain_numbers(axes)
        axes.set_xticks(range(len(sizes)), sizes)
        axes.grid(visible=False, axis="x")
        axes.margins(y=0.15)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=8)
        return _svg(figure)


def server(series: Sequence[Series], zero_s: float) -> str:
    """CloudWatch's metrics, a panel each, a line a function."""
    metrics = list(dict.fromkeys(each.metric for each in series))
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(
            len(metrics), 1, sharex=True, figsize=(10, 1.7 * len(metrics)), squeeze=False
        )
        functions = list(dict.fromkeys(each.function for each in series))
        for axes, metric in zip(panels[:, 0], metrics, strict=True):
            for each in (each for each in series if each.metric == metric and each.points):
                axes.plot(
                    [at_s - zero_s for at_s, _ in each.points],
                    [value for _, value in each.points],
                    marker=".",
                    color=COLOURS[functions.index(each.function) % len(COLOURS)],
                    label=each.function,
                )
            axes.set(ylabel=metric, ylim=(0, None))
        panels[0, 0].legend(ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))
        panels[-1, 0].set(xlabel="seconds")
        return _svg(figure)


def _scatter(axes: Any, taken: Sequence[Sample], zero_s: float) -> None:
    for colour, (size, some) in zip(COLOURS, _by_size(taken).items(), strict=False):
        _points(axes, [each for each in some if not each.cold], zero_s, color=colour, label=size)
    cold = [each for each in taken if each.cold]
    if cold:
        _points(axes, cold, zero_s, color="black", label="cold start", marker="x", s=60)
    axes.set(ylabel="end to end, ms")
    if taken:
        _scale(axes, [each.end_to_end_ms for each in taken])
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=4)


def _points(axes: Any, some: Sequence[Sample], zero_s: float, **look: Any) -> None:
    axes.scatter(
        [each.at_s - zero_s for each in some],
        [each.end_to_end_ms for each in some],
        **{"s": 12, "alpha": 0.7, **look},
    )


def _load(axes: Any, run: Run, taken: Sequence[Sample], zero_s: float) -> None:
    crowd = run.crowd
    axes.step(
        [each.at_s - zero_s for each in crowd],
        [each.users for each in crowd],
        where="post",
        color=COLOURS[0],
        label="users",
    )
    busy = busy_workers(taken)
    axes.step(
        [at_s - zero_s for at_s, _ in busy],
        [running for _, running in busy],
        where="post",
        color=COLOURS[1],
        linewidth=0.8,
        label="jobs running",
    )
    axes.set(ylabel="concurrency", ylim=(0, None))
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)


def _queue(axes: Any, run: Run, zero_s: float) -> None:
    moments = [seen.at_s - zero_s for seen in run.queue]
    depths = [seen.depth for seen in run.queue]
    axes.fill_between(moments, depths, step="post", color=COLOURS[6], alpha=0.5)
    axes.set(ylabel="jobs queued", ylim=(0, max(4, 1.1 * max(depths, default=0))))


def _memory(axes: Any, run: Run, zero_s: float) -> None:
    moments = [held.at_s - zero_s for held in run.memory]
    axes.plot(moments, [held.megabytes for held in run.memory], color=COLOURS[2])
    axes.set(ylabel="memory, MB", ylim=(0, None))


def _by_size(taken: Sequence[Sample]) -> dict[str, list[Sample]]:
    sizes = sorted({each.size for each in taken}, key=pixels)
    return {size: [each for each in taken if each.size == size] for size in sizes}


def _start(run: Run, taken: Sequence[Sample]) -> float:
    moments = [each.at_s for each in run.crowd] + [each.at_s for each in taken]
    return min(moments, default=0.0)


def _scale(axes: Any, ms: Sequence[float]) -> None:
    """Logarithmic where a few slow ones would press all others to the ground."""
    if max(ms) > 20 * min(ms):
        axes.set(yscale="log")
        _plain_numbers(axes)
    else:
        axes.set(ylim=(0, None))


def _plain_numbers(axes: Any) -> None:
    """Of a logarithmic axis: 100 and 1000, no powers of ten."""
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())


def _seconds(ms: float) -> str:
    return f"{ms / 1000:.2g} s" if ms >= 1000 else f"{ms:.0f} ms"


def _svg(figure: Figure) -> str:
    """Without the XML prologue, which has no place inside a page."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    plt.close(figure)
    return text.getvalue()[text.getvalue().index("<svg") :]
