"""The load test against the deployed template, with CloudWatch's view beside its own."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.aws_local.stack import NAME, Stack
from loadtest.cloudwatch import METRICS, functions_of, series
from tests.loadtest.test_runs import run


def test_a_deployment_s_functions_are_found_by_their_names_in_the_template(
    aws_stack: Stack,
) -> None:
    functions = functions_of(aws_stack.client("cloudformation"), NAME)
    assert functions["WorkerFunction"] == f"{NAME}-worker"
    assert {"SubmitFunction", "StatusFunction", "UpkeepFunction"} <= set(functions)


def test_what_cloudwatch_counted_comes_as_points_in_time(aws_stack: Stack) -> None:
    cloudwatch = aws_stack.client("cloudwatch")
    now_s = time.time()
    cloudwatch.put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[
            {
                "MetricName": "Throttles",
                "Dimensions": [{"Name": "FunctionName", "Value": "load-test-probe"}],
                "Timestamp": datetime.fromtimestamp(now_s, UTC),
                "Value": 3.0,
            }
        ],
    )
    found = series(cloudwatch, {"Probe": "load-test-probe"}, from_s=now_s - 60, to_s=now_s + 60)
    assert [each.metric for each in found] == [metric for metric, _ in METRICS]
    points = {each.metric: each.points for each in found}
    assert [value for _, value in points["Throttles"]] == [3.0]
    assert points["Errors"] == ()


def test_users_of_the_deployed_template_get_their_pictures_and_the_ledger_balances(
    aws_stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_KEY", aws_stack.key)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_stack.endpoint_url)
    done = run(
        tmp_path,
        *("--scenario", "burst", "--users", "5", "--repetitions", "1"),
        *("--host", aws_stack.url, "--stack", NAME),
    )
    assert done.status == 0, done.said
    assert done.summary["ledger"]["succeeded"] == 5
    functions = {each["function"] for each in done.summary["server"]}
    assert "WorkerFunction" in functions
