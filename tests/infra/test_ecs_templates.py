"""infra/gpu.yaml and infra/fargate.yaml: the same worker, the same queue, no more rights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.aws_local.package import read_template
from shared.settings import LambdaWorkerSettings
from tests.infra.roles import Template, rights, written

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def gpu() -> Template:
    return read_template(ROOT / "infra" / "gpu.yaml")


@pytest.fixture(scope="module", params=["gpu.yaml", "fargate.yaml"])
def ecs(request: pytest.FixtureRequest) -> Template:
    return read_template(ROOT / "infra" / request.param)


@pytest.fixture(scope="module")
def exports() -> set[str]:
    """What the main stack exports, by the names that infra/gpu.yaml imports."""
    outputs = read_template()["Outputs"].values()
    names = [written(output["Export"]["Name"]) for output in outputs if "Export" in output]
    return {name.replace("{AWS::StackName}", "{Darkroom}") for name in names}


def imported(value: Any) -> list[str]:
    match value:
        case {"Fn::ImportValue": name}:
            return [written(name)]
        case dict():
            return [name for inner in value.values() for name in imported(inner)]
        case list():
            return [name for inner in value for name in imported(inner)]
    return []


def container(gpu: Template) -> Any:
    (definition,) = gpu["Resources"]["Task"]["Properties"]["ContainerDefinitions"]
    return definition


def test_everything_that_is_imported_is_exported(ecs: Template, exports: set[str]) -> None:
    assert set(imported(ecs["Resources"])) == exports


def test_the_poller_is_given_every_setting_that_it_cannot_do_without(ecs: Template) -> None:
    variables = {v["Name"]: written(v["Value"]) for v in container(ecs)["Environment"]}

    LambdaWorkerSettings.read(variables)
    assert variables["AWS_DEFAULT_REGION"] == "{AWS::Region}"


def test_the_poller_may_do_what_the_function_may_and_read_rows_to_draw_together(
    ecs: Template,
) -> None:
    function = {a for acts in rights(read_template())["WorkerRole"].values() for a in acts}
    poller = {a for acts in rights(ecs)["WorkerRole"].values() for a in acts}

    needed_by_lambda_alone = {
        "sqs:GetQueueAttributes",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }
    assert poller == function - needed_by_lambda_alone | {"dynamodb:BatchGetItem"}


def test_the_container_can_write_nowhere_and_become_nobody_else(ecs: Template) -> None:
    definition = container(ecs)

    assert definition["ReadonlyRootFilesystem"] is True
    assert definition["User"] == "10001:10001"
    assert definition["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    if ecs["Resources"]["Task"]["Properties"]["RequiresCompatibilities"] == ["EC2"]:
        assert definition["DockerSecurityOptions"] == ["no-new-privileges"]  # Fargate knows none


def test_a_worker_that_is_stopped_has_time_to_give_its_job_back(ecs: Template) -> None:
    assert container(ecs)["StopTimeout"] == 120


def test_an_instance_lets_its_worker_stop_in_time(gpu: Template) -> None:
    assert "ECS_CONTAINER_STOP_TIMEOUT=2m" in json.dumps(gpu["Resources"]["Instances"])


def test_it_scales_on_what_waits_for_each_worker_of_the_same_queue(gpu: Template) -> None:
    policy = gpu["Resources"]["BacklogOfEachWorker"]["Properties"]
    metrics = policy["TargetTrackingScalingPolicyConfiguration"]["CustomizedMetricSpecification"]
    by_id = {metric["Id"]: metric for metric in metrics["Metrics"]}
    (queue,) = by_id["waiting"]["MetricStat"]["Metric"]["Dimensions"]
    main_queue = read_template()["Resources"]["WorkQueue"]["Properties"]["QueueName"]

    assert written(queue["Value"]) == written(main_queue).replace("{AWS::StackName}", "{Darkroom}")
    assert by_id["backlog"]["Expression"] == "waiting / IF(workers < 1, 1, workers)"


def test_fargate_runs_the_poller_of_the_image_that_lambda_runs() -> None:
    task = read_template(ROOT / "infra" / "fargate.yaml")
    dockerfile = (ROOT / "worker_fn" / "Dockerfile").read_text("utf-8")

    assert dockerfile.rstrip().endswith("""ENTRYPOINT ["python", "-m"]
CMD ["awslambdaric", "worker_fn.main.handler"]""")
    assert container(task)["Command"] == ["worker_fn.main"]
