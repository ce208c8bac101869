"""The server's side of a run on AWS: what CloudWatch counted for the stack's functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

METRICS = (
    ("Invocations", "Sum"),
    ("Errors", "Sum"),
    ("Throttles", "Sum"),
    ("Duration", "Average"),
    ("ConcurrentExecutions", "Maximum"),
)
"""As in the first report; each with the statistic that makes sense of it."""

PERIOD_S = 60
"""Lambda's metrics have no finer grain."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """One metric of one function: (seconds since 1970, value), oldest first."""

    function: str
    metric: str
    points: tuple[tuple[float, float], ...]


def functions_of(cloudformation: Any, stack: str) -> dict[str, str]:
    """The stack's functions: their names, by their names in the template."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::Lambda::Function"
    }


def series(
    cloudwatch: Any, functions: dict[str, str], *, from_s: float, to_s: float
) -> list[Series]:
    """Every metric of every function over the time of the run."""
    wanted = [
        (logical, name, metric, statistic)
        for logical, name in functions.items()
        for metric, statistic in METRICS
    ]
    queries = [
        _query(f"m{number}", name, metric, statistic)
        for number, (_, name, metric, statistic) in enumerate(wanted)
    ]
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=queries,
        StartTime=datetime.fromtimestamp(from_s - PERIOD_S, UTC),
        EndTime=datetime.fromtimestamp(to_s + PERIOD_S, UTC),
        ScanBy="TimestampAscending",
    )
    results = {result["Id"]: result for result in answer["MetricDataResults"]}
    return [
        Series(function=logical, metric=metric, points=_points(results.get(f"m{number}")))
        for number, (logical, _, metric, _) in enumerate(wanted)
    ]


def _query(key: str, function: str, metric: str, statistic: str) -> dict[str, Any]:
    dimensions: Sequence[dict[str, str]] = [{"Name": "FunctionName", "Value": function}]
    return {
        "Id": key,
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Lambda",
                "MetricName": metric,
                "Dimensions": dimensions,
            },
            "Period": PERIOD_S,
            "Stat": statistic,
        },
    }


def _points(result: dict[str, Any] | None) -> tuple[tuple[float, float], ...]:
    if result is None:
        return ()
    pairs = zip(result["Timestamps"], result["Values"], strict=True)
    return tuple(sorted((moment.timestamp(), value) for moment, value in pairs))
