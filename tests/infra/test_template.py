"""infra/template.yaml says the same as the code, and what only AWS itself could show."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from infra import cost
from infra.aws_local.package import read_template
from infra.zips import LAMBDA, UNITS
from shared.aws import schema
from shared.http.operations import OPERATIONS
from shared.settings import (
    AwsPlaces,
    JobRules,
    LambdaWorkerSettings,
    StatusSettings,
    SubmitSettings,
    UpkeepSettings,
)
from shared.spec import JobSpec
from shared.telemetry import LogEvent
from tests.infra.roles import Template, written

ROOT = Path(__file__).resolve().parents[2]
SETTINGS: dict[str, type[AwsPlaces]] = {
    "SubmitFunction": SubmitSettings,
    "StatusFunction": StatusSettings,
    "UpkeepFunction": UpkeepSettings,
    "WorkerFunction": LambdaWorkerSettings,
}


@pytest.fixture(scope="module")
def template() -> Template:
    return read_template()


def of_type(template: Template, kind: str) -> dict[str, Any]:
    """The properties of all resources of a type, by name."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def properties(template: Template, name: str) -> Any:
    return template["Resources"][name]["Properties"]


def value(template: Template, given: Any) -> str:
    """A variable's value, with a parameter's default in the place of a reference to it."""
    match given:
        case {"Ref": name} if name in template["Parameters"]:
            return str(template["Parameters"][name].get("Default", "given"))
        case {"Fn::If": ["DrawsOnLambda" | "RefusesPrompts", here, _]}:
            return value(template, here)  # what holds by default
        case {"Fn::If": ["DrawsOnArm", _, here]}:
            return value(template, here)  # what holds by default
    return written(given)


def variables(template: Template, function: str) -> dict[str, str]:
    shared = template["Globals"]["Function"]["Environment"]["Variables"]
    own = properties(template, function).get("Environment", {}).get("Variables", {})
    return {name: value(template, given) for name, given in {**shared, **own}.items()}


def test_the_routes_are_those_of_the_contract_each_to_its_unit(template: Template) -> None:
    integrations = {"submit_fn": "{SubmitIntegration}", "status_fn": "{StatusIntegration}"}
    wanted = {f"{o.method} {o.path}": integrations[o.unit] for o in OPERATIONS}
    # What belongs to no operation is answered as on one machine: 404 and 405 as problem+json.
    wanted["$default"] = integrations["status_fn"]

    routes = of_type(template, "AWS::ApiGatewayV2::Route").values()

    assert wanted == {
        route["RouteKey"]: written(route["Target"]).removeprefix("integrations/")
        for route in routes
    }


def test_each_integration_calls_its_unit_and_may(template: Template) -> None:
    for unit in ("Submit", "Status"):
        alias = {"Ref": f"{unit}Function.Alias"}
        assert properties(template, f"{unit}Integration")["IntegrationUri"] == alias
        assert properties(template, f"{unit}Permission")["FunctionName"] == alias


def test_the_table_is_the_one_that_the_adapter_knows(template: Template) -> None:
    table = properties(template, "JobTable")

    assert schema.table("x") == {
        "TableName": "x",
        **{
            name: table[name]
            for name in (
                "BillingMode",
                "AttributeDefinitions",
                "KeySchema",
                "GlobalSecondaryIndexes",
            )
        },
    }
    assert table["TimeToLiveSpecification"] == {
        "AttributeName": schema.TTL_ATTRIBUTE,
        "Enabled": True,
    }
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert template["Parameters"]["Protected"]["Default"] == "true"
    assert table["DeletionProtectionEnabled"] == {"Ref": "Protected"}


@pytest.mark.parametrize("function", SETTINGS)
def test_each_function_is_given_every_setting_that_it_cannot_do_without(
    template: Template, function: str
) -> None:
    given = variables(template, function)
    if function == "WorkerFunction":
        assert "DARKROOM_ENGINE=openvino" in (ROOT / "worker_fn/Dockerfile").read_text("utf-8")

    SETTINGS[function].read(given)


def test_no_function_is_given_a_variable_that_nobody_reads(template: Template) -> None:
    known = {f"DARKROOM_{n.upper()}" for unit in SETTINGS.values() for n in unit.model_fields}
    known.add("DARKROOM_LOG_LEVEL")

    for function in SETTINGS:
        assert set(variables(template, function)) <= known


@pytest.mark.parametrize("function", ["SubmitFunction", "StatusFunction"])
def test_who_answers_callers_knows_how_much_memory_a_worker_has(
    template: Template, function: str
) -> None:
    own = properties(template, function)["Environment"]["Variables"]

    assert own["DARKROOM_WORKER_MEMORY_MB"] == properties(template, "WorkerFunction")["MemorySize"]
    default = template["Parameters"]["WorkerMemory"]["Default"]
    settings = SETTINGS[function].read(variables(template, function))
    assert settings.model_dump()["worker_memory_mb"] == default


def test_the_prices_are_those_that_everything_else_reckons_with(template: Template) -> None:
    table = tomllib.loads(cost.PRICES.read_text("utf-8"))
    given = template["Globals"]["Function"]["Environment"]["Variables"]
    all_else = cost.per_thousand_images(table, worker_s=0, reading_s=0)
    _, on_lambda, _ = given["DARKROOM_USD_PER_GB_S"]["Fn::If"]
    _, basis, _ = given["DARKROOM_PRICE_BASIS"]["Fn::If"]

    by_second = [table["lambda"]["gb_s_arm"], table["lambda"]["gb_s_x86"]]
    assert on_lambda["Fn::If"] == ["DrawsOnArm", *(f"{usd:.10f}" for usd in by_second)]
    assert float(given["DARKROOM_USD_PER_JOB"]) == pytest.approx(
        sum(line.usd for line in all_else) / cost.IMAGES, rel=1e-4
    )
    dated = f"{table['region']} {table['dated'][:7]}"
    assert basis == {"Fn::Sub": f"lambda ${{WorkerArchitecture}} {dated}"}


def test_what_other_hosts_draw_has_no_price_and_no_cap(template: Template) -> None:
    shared = template["Globals"]["Function"]["Environment"]["Variables"]
    own = properties(template, "StatusFunction")["Environment"]["Variables"]

    for given in (
        shared["DARKROOM_USD_PER_GB_S"],
        shared["DARKROOM_PRICE_BASIS"],
        own["DARKROOM_CAP"],
    ):
        condition, _, otherwise = given["Fn::If"]
        assert (condition, otherwise) == ("DrawsOnLambda", {"Ref": "AWS::NoValue"})
    drawn_by = template["Conditions"]["DrawsOnLambda"]
    assert drawn_by == {"Fn::Equals": [{"Ref": "LambdaWorkers"}, "true"]}


def test_the_light_units_run_on_what_their_zips_were_built_for(template: Template) -> None:
    for unit in UNITS:
        function = properties(template, f"{unit.removesuffix('_fn').title()}Function")
        assert function["CodeUri"] == f"../build/{unit}.zip"
        assert function["Handler"] == f"{unit}.main.handler"
        assert function["Architectures"] == ["arm64"]
        assert f"--python-version={function['Runtime'].removeprefix('python')}" in LAMBDA


def test_the_times_of_queue_function_and_lease_fit_each_other(template: Template) -> None:
    queue, dead = properties(template, "WorkQueue"), properties(template, "DeadLetters")
    worker, upkeep = (properties(template, f"{u}Function") for u in ("Worker", "Upkeep"))

    assert worker["Timeout"] == 180
    assert queue["VisibilityTimeout"] == 6 * worker["Timeout"]
    assert dead["VisibilityTimeout"] >= 6 * upkeep["Timeout"]
    assert upkeep["Timeout"] < 60  # a sweep is over before the next one
    assert queue["RedrivePolicy"]["maxReceiveCount"] == JobRules().max_receives
    assert queue["MessageRetentionPeriod"] == 4 * 86_400
    assert dead["MessageRetentionPeriod"] == 14 * 86_400
    longest_deadline = JobSpec.model_json_schema()["properties"]["deadline_s"]["maximum"]
    assert longest_deadline < queue["MessageRetentionPeriod"]


def test_no_picture_is_deleted_while_its_job_is_kept(template: Template) -> None:
    fields = JobSpec.model_json_schema()["properties"]
    kept_s = fields["deadline_s"]["maximum"] + fields["retention_s"]["maximum"]
    days = template["Parameters"]["ImageDays"]

    assert days["Default"] * 86_400 >= days["MinValue"] * 86_400 > kept_s
    (rule,) = properties(template, "Images")["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] == {"Ref": "ImageDays"}
    assert rule["Prefix"] == "images/"


def test_the_workers_are_capped_by_their_event_source(template: Template) -> None:
    worker = properties(template, "WorkerFunction")
    source = worker["Events"]["Jobs"]["Properties"]

    assert source["BatchSize"] == 1
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "MaximumConcurrency"}}
    assert template["Parameters"]["MaximumConcurrency"]["Default"] == 10
    assert template["Parameters"]["ReservedConcurrency"]["Default"] == 0


def test_queues_and_bucket_are_encrypted_private_and_take_tls_alone(template: Template) -> None:
    for name in ("WorkQueue", "DeadLetters"):
        assert properties(template, name)["SqsManagedSseEnabled"] is True
    bucket = properties(template, "Images")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["BucketEncryption"]
    for policy in ("QueuesTakeTlsOnly", "ImagesPolicy"):
        tls, *_ = properties(template, policy)["PolicyDocument"]["Statement"]
        assert tls["Effect"] == "Deny"
        assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_access_log_has_neither_headers_nor_query(template: Template) -> None:
    settings = properties(template, "ApiStage")["AccessLogSettings"]["Format"]

    assert "$context.status" in settings
    assert not re.search(r"header|query|authorizer|\$context\.path|user", settings, re.IGNORECASE)


def test_what_alarms_look_for_in_logs_is_logged(template: Template) -> None:
    patterns = [f["FilterPattern"] for f in of_type(template, "AWS::Logs::MetricFilter").values()]
    named = [re.findall(r'\$\.message = "(\w+)"', pattern) for pattern in patterns]

    assert patterns
    assert {name for names in named for name in names} <= set(LogEvent)
    assert all(named)


def test_every_alarm_tells_somebody(template: Template) -> None:
    alarms = of_type(template, "AWS::CloudWatch::Alarm")

    assert len(alarms) >= 10
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}], name
        assert alarm["OKActions"] == [{"Ref": "AlarmTopic"}], name


@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / "infra").glob("*.yaml")))
def test_every_suppressed_finding_has_its_reason(name: str) -> None:
    resources = read_template(ROOT / "infra" / name)["Resources"]
    metadata = [resource.get("Metadata", {}) for resource in resources.values()]
    skipped = [skip for data in metadata for skip in data.get("checkov", {}).get("skip", [])]

    assert all(len(skip["comment"]) > 30 for skip in skipped)
    assert not any("cfn-lint" in data for data in metadata)


def test_the_dashboard_and_the_access_log_are_json(template: Template) -> None:
    board = properties(template, "Dashboard")["DashboardBody"]["Fn::Sub"]
    line = properties(template, "ApiStage")["AccessLogSettings"]["Format"]

    assert len(json.loads(re.sub(r"\$\{[^}]+\}", "x", board))["widgets"]) == 6
    assert json.loads(re.sub(r"\$context[.\w]+", "x", line))["status"] == "x"
