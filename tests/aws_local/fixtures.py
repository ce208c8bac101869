"""Fixtures that lend a local AWS: one server for the run, emptied for each module, and one where
infra/template.yaml is deployed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import zips
from infra.aws_local import stack
from infra.aws_local.ministack import MiniStack, running
from infra.aws_local.stack import Plan, Stack
from infra.aws_local.worker_image import unpacked_image
from infra.local.options import ROOT
from shared.aws import clients
from tests.aws_local.places import Clients
from worker_fn.engine.pattern import DIGEST


@pytest.fixture(scope="session")
def aws_credentials() -> Iterator[None]:
    """Credentials and a region that mean nothing anywhere, and no others."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield


@pytest.fixture(scope="session")
def aws_server(
    aws_credentials: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MiniStack]:
    """One MiniStack for the whole run; fails, never skips, where it is not installed."""
    with running(tmp_path_factory.mktemp("aws-local") / "log.txt") as server:
        yield server


@pytest.fixture(scope="session")
def aws_clients(aws_server: MiniStack) -> Clients:
    """Clients of that server: making one takes longer than most tests."""
    return _clients(aws_server.url)


@pytest.fixture(scope="session")
def aws_clients_of_nobody(aws_credentials: None) -> Clients:
    """Clients of a port where nobody listens."""
    return _clients("http://127.0.0.1:9")


@pytest.fixture(scope="module")
def aws_local(aws_server: MiniStack, aws_clients: Clients) -> Clients:
    """The server's clients, with the server empty at the start of each module."""
    aws_server.reset()
    return aws_clients


def _clients(url: str) -> Clients:
    return Clients(dynamodb=clients.dynamodb(url), sqs=clients.sqs(url), s3=clients.s3(url))


@pytest.fixture(scope="session")
def zips_for_here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The light units' zips with this interpreter's wheels instead of Lambda's."""
    folder = tmp_path_factory.mktemp("zips")
    zips.build(folder, zips.HERE, refused_terms=b"unspeakable\n")
    return folder


SOON = {
    "DARKROOM_LEASE_S": "3",
    "DARKROOM_HEARTBEAT_S": "0.2",
    "DARKROOM_RING_AGAIN_S": "2",
    "DARKROOM_BACKOFF_S": "0.2",
}
"""Rules that do not make a test wait."""
NEARBY = {"DARKROOM_WEBHOOK_LOOPBACK": "true"}
"""Receivers of webhooks are on this machine."""


def _cached_pattern(folder: Path) -> dict[str, str]:
    """What lets the result cache answer with the pattern engine's pictures, as no card does."""
    card = json.loads((ROOT / "models/postcard/card.json").read_text("utf-8"))
    catalog = folder / "catalog.json"
    catalog.write_text(json.dumps([{**card, "digests": {"pattern": DIGEST}}]), "utf-8")
    return {"DARKROOM_ENGINE": "pattern", "DARKROOM_CATALOG": str(catalog)}


@pytest.fixture(scope="session")
def aws_stack(
    aws_credentials: None, zips_for_here: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Darkroom as the template deploys it, with the pattern engine and no limits to its callers.

    One for the whole run: who uses it waits until its jobs have ended.
    """
    folder = tmp_path_factory.mktemp("stack")
    unlimited = ("SubmitsPerSecond", "SubmitBurst", "ReadsPerSecond", "ReadBurst")
    plan = Plan(
        zips=zips_for_here,
        image=unpacked_image(folder / "image", models=ROOT / "models", model="postcard"),
        parameters=dict.fromkeys(unlimited, "10000"),
        variables={
            "SubmitFunction": {**SOON, **NEARBY, **_cached_pattern(folder)},
            "StatusFunction": SOON,
            "UpkeepFunction": {**SOON, **NEARBY},
            "WorkerFunction": {**SOON, "DARKROOM_ENGINE": "pattern"},
        },
    )
    with stack.running(plan, folder) as deployed:
        yield deployed
