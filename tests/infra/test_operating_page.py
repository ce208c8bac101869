"""docs/operating.md, followed to the letter against a local AWS server.

Docker is the one thing that is not there: a stand-in answers with an image's digest, and the
worker runs from the Dockerfile's own instructions, unpacked (`infra/aws_local/worker_image.py`).
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image

from infra.aws_local import lambda_service, ministack
from infra.aws_local.clients import client
from infra.aws_local.deployed_functions import DeployedFunctions
from infra.aws_local.fixups import apply_fixups
from infra.aws_local.package import read_template
from infra.aws_local.worker_image import unpacked_image

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "operating.md"
STACK = "darkroom"
UNITS = ("submit", "status", "upkeep", "worker")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)

AWS = """#!/bin/sh
# For SQS alone the CLI asks for the endpoint again. The API's host name is known to nobody here:
# it becomes a path of the local server.
set -e
if [ "$1" = sqs ]; then set -- --endpoint-url "$AWS_ENDPOINT_URL" "$@"; fi
answer=$(mktemp); trap 'rm -f "$answer"' EXIT
"{aws}" "$@" > "$answer"
host='http://\\([0-9a-z]*\\)\\.execute-api\\.\\(127[0-9.:]*\\)'
sed "s#$host#http://\\2/_aws/execute-api/\\1/\\$default#" "$answer"
"""
DOCKER = """#!/bin/sh
# `login` reads a password; `buildx build` leaves the digest of what it would have pushed.
set -e
echo "docker $*" >> "{log}"
case "$1" in
  login) cat > /dev/null ;;
  buildx) echo '{{"containerimage.digest": "sha256:{digest}"}}' > build/image.json ;;
esac
"""


def blocks() -> list[str]:
    """The page's commands, in order."""
    found = _BLOCK.findall(PAGE.read_text("utf-8"))
    assert {language for language, _ in found} == {"sh"}
    return [commands for _, commands in found]


@dataclass(frozen=True, kw_only=True)
class Shell:
    """A reader's terminal, in a folder that looks like this repository; variables stay set from one
    block to the next."""

    folder: Path
    variables: dict[str, str]
    endpoint_url: str
    caps: list[str] = field(default_factory=list)
    """What the status function that is called was told of the cap, after each deployment."""

    def run(self, commands: str) -> str:
        """What the commands print. The first one that fails, fails the test."""
        saved = self.folder / "variables.sh"
        saved.touch()
        keep = f"declare -p | grep -v '^declare -[^ ]*r' > {saved}.new; mv {saved}.new {saved}"
        done = subprocess.run(
            ["bash", "-c", f". {saved}\nset -eu\n{commands}\n{keep}"],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
        if "make deploy" in commands:
            apply_fixups(self.endpoint_url, STACK, read_template(), {"WorkerImage": ""})
            self.caps.append(self._cap())
        return done.stdout

    def _cap(self) -> str:
        status = client("lambda", self.endpoint_url).get_function_configuration(
            FunctionName=f"{STACK}-status", Qualifier="live"
        )
        return str(status["Environment"]["Variables"]["DARKROOM_CAP"])


@contextmanager
def local_aws(folder: Path) -> Iterator[str]:
    """A local AWS that runs whatever functions get deployed; its address."""
    port = ministack.free_port()
    endpoint_url = f"http://127.0.0.1:{port}"
    image = unpacked_image(folder / "image", models=ROOT / "models", model="postcard")
    deployed = DeployedFunctions(endpoint_url, image=image, folder=folder / "code")
    with lambda_service.serving(deployed, {}, log=folder / "functions.log") as functions:
        proxies = {f"{STACK}-{unit}": functions.url for unit in UNITS}
        with ministack.running(folder / "ministack.log", port=port, proxies=proxies):
            yield endpoint_url


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("reader")
    repository = folder / "darkroom"
    repository.mkdir()
    for entry in ROOT.iterdir():
        if entry.name not in ("build", ".git"):
            (repository / entry.name).symlink_to(entry)
    aws = ROOT / ".venv-aws-local" / "bin" / "aws"
    executable(folder / "bin" / "aws", AWS.format(aws=aws))
    executable(folder / "bin" / "docker", DOCKER.format(log=folder / "docker.log", digest="1" * 64))
    with local_aws(folder) as endpoint_url:
        yield Shell(
            folder=repository,
            endpoint_url=endpoint_url,
            variables={
                "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
                "HOME": str(folder),
                "AWS_ENDPOINT_URL": endpoint_url,
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_DEFAULT_REGION": "us-east-1",
                "ZIPS": "--here",  # the local functions run on this interpreter, not on Lambda's
                "MAKEFLAGS": "-o .venv/made.stamp -o .venv/demo.stamp",
            },
        )


@pytest.mark.timeout(1800)  # two builds, three deployments and a cold start, on whatever machine
def test_a_reader_gets_from_an_empty_account_to_a_picture_and_back(shell: Shell) -> None:
    said = [shell.run(block) for block in blocks()]

    assert shell.caps == ["10", "7"]  # before and after MaximumConcurrency was set
    with Image.open(shell.folder / "hill.png") as picture:
        assert picture.size == (128, 128)
        assert picture.info["prompt"] == "mountains and a river at sunset"
    assert '"moved"' in (shell.folder / "swept.json").read_text()
    assert "nothing is left of darkroom" in said[-1]
    assert said[-1].rstrip().endswith("[]")


def test_destroy_does_nothing_that_was_not_confirmed(shell: Shell) -> None:
    refused = subprocess.run(
        ["make", "destroy", "CONFIRM=yes"],
        cwd=shell.folder,
        env=shell.variables,
        capture_output=True,
        text=True,
    )

    assert refused.returncode != 0
    assert "make destroy CONFIRM=darkroom" in refused.stderr


def test_the_page_says_of_every_alarm_what_to_do() -> None:
    page = PAGE.read_text("utf-8")
    resources = read_template()["Resources"].items()
    alarms = [name for name, r in resources if r["Type"] == "AWS::CloudWatch::Alarm"]

    assert alarms
    for name in alarms:
        assert f"| {name.removesuffix('Alarm')} |" in page, name
