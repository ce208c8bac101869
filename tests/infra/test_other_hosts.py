"""A worker on any host: the user that the page makes, its settings, and one job drawn with them."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra import zips
from infra.aws_local.package import ROOT, read_template
from infra.aws_local.stack import Plan, Stack, running
from infra.aws_local.worker_image import unpacked_image
from infra.hosts.demand import lacking
from shared.settings import LambdaWorkerSettings
from tests.infra.roles import rights

HOSTS = ROOT / "infra" / "hosts"
PAGE = ROOT / "docs" / "other-hosts.md"
_PATIENCE_S = 300


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A deployed stack whose jobs are left to other hosts."""
    folder = tmp_path_factory.mktemp("other-hosts")
    zips.build(folder / "zips", zips.HERE)
    image = unpacked_image(folder / "image", models=ROOT / "models", model="postcard")
    plan = Plan(zips=folder / "zips", image=image, parameters={"LambdaWorkers": "false"})
    with running(plan, folder) as deployed:
        yield deployed


def commands(heading: str) -> str:
    """The `sh` blocks under a heading of the page."""
    section = PAGE.read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL))


def environment_of(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text("utf-8").splitlines() if "=" in line]
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


@pytest.mark.timeout(1800)
def test_a_worker_with_the_page_s_user_draws_what_lambda_leaves_alone(
    stack: Stack, tmp_path: Path
) -> None:
    outputs = "".join(f"{name}={shlex.quote(value)}\n" for name, value in stack.outputs.items())
    aws = ROOT / ".venv-aws-local" / "bin"
    account = {
        "PATH": f"{aws}:{os.environ['PATH']}",
        "AWS_ENDPOINT_URL": stack.endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    made = commands("A user for workers outside of AWS").replace(
        'eval "$(make -s outputs)"', outputs
    )
    subprocess.run(["bash", "-euc", made], cwd=tmp_path, env=account, check=True)
    settings = environment_of(tmp_path / "worker.env")
    worker = subprocess.Popen(
        [sys.executable, "-m", "worker_fn.main"],
        cwd=ROOT,
        env={
            **settings,
            "AWS_ENDPOINT_URL": stack.endpoint_url,
            "DARKROOM_MODEL_DIR": str(ROOT / "models/postcard/openvino"),
            "DARKROOM_IDLE_S": "5",
        },
    )
    try:
        job = finished(stack, submitted(stack))
        assert job["status"] == "succeeded", job
        assert worker.wait(_PATIENCE_S) == 0  # idle, and so at its end
    finally:
        worker.kill()
        worker.wait()


def submitted(stack: Stack) -> str:
    answer = httpx.post(
        f"{stack.url}/v1/jobs",
        json={"prompt": "a red circle", "steps": 2},
        headers={"Authorization": f"Bearer {stack.key}"},
        timeout=60,
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["links"]["self"])


def finished(stack: Stack, path: str) -> dict[str, object]:
    until = time.monotonic() + _PATIENCE_S
    while True:
        headers = {"Authorization": f"Bearer {stack.key}"}
        job: dict[str, object] = httpx.get(f"{stack.url}{path}", headers=headers, timeout=60).json()
        if job["status"] not in ("queued", "running") or time.monotonic() > until:
            return job
        time.sleep(0.5)


def test_a_worker_outside_of_aws_may_do_what_one_on_ecs_may() -> None:
    outside = rights(read_template())["OtherHostsPolicy"]
    on_ecs = rights(read_template(ROOT / "infra" / "gpu.yaml"))["WorkerRole"]

    may = {action for actions in outside.values() for action in actions}
    assert may == {a for acts in on_ecs.values() for a in acts} | {"sqs:GetQueueAttributes"}
    assert all(where.startswith("{") for where in outside)


def test_every_host_is_given_the_same_settings() -> None:
    example = environment_of(HOSTS / "worker.env.example")
    pod = json.loads((HOSTS / "runpod_pod.json").read_text("utf-8"))

    assert set(pod["env"]) == set(example)
    LambdaWorkerSettings.read({name: value or "given" for name, value in example.items()})


def test_the_unit_file_starts_the_poller_and_gives_it_time_to_stop() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(HOSTS / "darkroom-worker.service")
    service = unit["Service"]

    assert service["ExecStart"].split()[1:] == ["-m", "worker_fn.main"]
    assert int(service["TimeoutStopSec"]) >= 30
    model = service["Environment"].removeprefix("DARKROOM_MODEL_DIR=/opt/darkroom/")
    assert (ROOT / model).is_dir()


@pytest.mark.parametrize(
    ("waiting", "working", "started"),
    [(0, 0, 0), (1, 0, 1), (30, 0, 1), (31, 0, 2), (31, 1, 1), (31, 2, 0), (900, 0, 3), (0, 3, 0)],
)
def test_as_many_workers_are_started_as_are_lacking(
    waiting: int, working: int, started: int
) -> None:
    assert lacking(waiting=waiting, working=working, per_worker=30, most=3) == started


def test_the_page_names_every_file_for_a_host() -> None:
    page = PAGE.read_text("utf-8")

    for path in [*HOSTS.iterdir(), ROOT / "infra/gpu.yaml", ROOT / "infra/fargate.yaml"]:
        if path.is_file() and path.name not in ("__init__.py", "demand.py"):
            assert path.name in page
