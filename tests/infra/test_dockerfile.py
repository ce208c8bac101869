"""The worker's Dockerfile: each stage executed in plain folders, then started as a host would."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra.extras import PLACES
from shared.embedded.database import Database
from shared.embedded.job_table import SqliteJobTable
from shared.embedded.queue import SqliteQueue
from shared.job import JobStatus
from shared.message import encode
from tests.builders import NOW_MS, a_job, a_spec
from tests.infra.dockerfile import Built, Workshop, ignored, stages

pytestmark = pytest.mark.timeout(1800)  # the stages install and compile, on whatever machine
ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "worker_fn" / "Dockerfile"
_PATIENCE_S = 300
_SYSTEM = "/usr/local/bin:/usr/bin:/bin"
_TORCH_IS_HERE = ("model", "poller-packages")
"""Stages that install gigabytes: their pip only looks, in this environment, at what there is."""


def without_installing(stage: str, text: str) -> str:
    """The RUN of a heavy stage with a pip that only checks that everything could be installed."""
    if stage not in _TORCH_IS_HERE:
        return text
    looking = text.replace("pip install", f"{sys.executable} -m pip install --quiet --dry-run")
    looking = re.sub(r"--target \S+", "", looking)
    return re.sub(r"(?<=&& )python|^python", sys.executable, looking)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH whose python has pip and nothing else, as the base image's has."""
    folder = tmp_path_factory.mktemp("python")
    venv.create(folder, with_pip=True)
    return f"{folder}/bin:{_SYSTEM}"


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, path: str) -> Workshop:
    shop = Workshop(DOCKERFILE, context=ROOT, folder=tmp_path_factory.mktemp("image"))
    shop.build("model", path=path, rewrite=without_installing)
    shop.build("worker-packages", path=path)
    packages = shop.build("poller-packages", path=path, rewrite=without_installing)
    here = Path(next(entry for entry in sys.path if entry.endswith("site-packages")))
    packages.at("/opt/packages").symlink_to(here)
    return shop


@pytest.fixture(scope="module")
def worker(workshop: Workshop, path: str) -> Built:
    return workshop.build("worker", path=path)


@pytest.fixture(scope="module")
def poller(workshop: Workshop, path: str) -> Built:
    return workshop.build("poller", path=path)


@dataclass(frozen=True, kw_only=True)
class OneEvent:
    """A Runtime API that hands out one event and keeps what is answered."""

    event: object
    answered: threading.Event = field(default_factory=threading.Event)
    answers: list[tuple[str, object]] = field(default_factory=list)

    def serve(self) -> ThreadingHTTPServer:
        offered = iter([json.dumps(self.event).encode()])
        answers, answered = self.answers, self.answered

        class Api(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                event = next(offered, None)
                if event is None:
                    threading.Event().wait(_PATIENCE_S)
                    return
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "one")
                self.send_header("Lambda-Runtime-Deadline-Ms", f"{time.time() * 1000 + 60_000:.0f}")
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:::one")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(event)))
                self.end_headers()
                self.wfile.write(event)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answers.append((self.path, json.loads(body)))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()
                answered.set()

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


def started(built: Built, path: str, *command: str, **more: str) -> subprocess.Popen[bytes]:
    """The image's process, with only what the image and `more` give it."""
    return subprocess.Popen(
        [*built.entrypoint, *(command or built.command)],
        cwd=built.at("."),
        env={**built.environment(path), **more},
    )


def files(built: Built) -> Iterator[str]:
    for file in built.root.rglob("*"):
        if not file.is_relative_to(built.root / "tmp"):
            yield str(file.relative_to(built.root))


def draws_a_picture(built: Built, path: str, data: Path, *command: str) -> None:
    """Give the image's poller a job in `data`, see it drawn, and end the poller with SIGTERM."""
    data.mkdir()
    database = Database(data / "darkroom.db")
    table = SqliteJobTable(database)
    queue = SqliteQueue(
        database, name="jobs", clock=lambda: 0, visibility_s=60, max_receives=5, dead_letters="dead"
    )
    job = a_job(spec=a_spec(width=64, height=64, steps=2))
    table.submit(job, None, now_ms=NOW_MS)
    queue.send(encode(job.id))

    process = started(built, path, *command, DARKROOM_DATA=str(data))
    try:
        until = time.monotonic() + _PATIENCE_S
        while (row := table.get(job.id)) is None or not row.is_terminal:
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.1)
        assert row.status is JobStatus.SUCCEEDED
        process.send_signal(signal.SIGTERM)
        assert process.wait(_PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()


def test_every_base_image_is_pinned_by_its_digest() -> None:
    found = stages(DOCKERFILE.read_text("utf-8"))
    names = {stage.name for stage in found}
    outside = {stage.parent for stage in found} - names

    assert outside
    assert all(re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", base) for base in outside)


def test_the_images_that_are_run_have_no_root_and_no_network_of_models(
    worker: Built, poller: Built
) -> None:
    for built in (worker, poller):
        assert built.user == "10001:10001"
        assert built.variables["HF_HUB_OFFLINE"] == built.variables["TRANSFORMERS_OFFLINE"] == "1"


def test_the_images_hold_the_worker_and_nothing_of_the_other_units(worker: Built) -> None:
    assert {folder.name for folder in worker.at("/opt/darkroom").iterdir()} == {
        "shared",
        "worker_fn",
    }
    assert not [
        name for name in files(worker) if re.match(r"opt/packages/(torch|nncf|diffusers)/", name)
    ]


def test_the_worker_image_answers_lambda(worker: Built, path: str) -> None:
    api = OneEvent(event={"Records": []})
    server = api.serve()
    before = set(files(worker))
    address = f"127.0.0.1:{server.server_port}"
    process = started(worker, path, **PLACES, AWS_LAMBDA_RUNTIME_API=address)
    try:
        assert api.answered.wait(_PATIENCE_S)
    finally:
        process.kill()
        process.wait()
        server.shutdown()
        server.server_close()

    where, answer = api.answers[0]
    assert where.endswith("/invocation/one/response"), answer
    assert answer == {"batchItemFailures": []}
    assert set(files(worker)) == before  # as on a file system that can only be read


def test_the_worker_image_is_a_poller_too(worker: Built, path: str, tmp_path: Path) -> None:
    draws_a_picture(worker, path, tmp_path / "data", "worker_fn.main")


def test_the_poller_image_draws_with_diffusers(poller: Built, path: str, tmp_path: Path) -> None:
    draws_a_picture(poller, path, tmp_path / "data")


def test_a_forgotten_file_shows(path: str, tmp_path: Path) -> None:
    context = tmp_path / "context"
    (context / "worker_fn").mkdir(parents=True)
    shop = Workshop(DOCKERFILE, context=context, folder=tmp_path / "image")

    with pytest.raises(FileNotFoundError, match=r"pyproject\.toml"):
        shop.build("worker-packages", path=path)


def test_the_context_holds_no_more_than_the_build_needs() -> None:
    text = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text("utf-8")
    patterns = [line for line in text.splitlines() if line and not line.startswith("#")]

    for kept_out in (".git/config", ".venv/bin/python", "tests/builders.py", "infra/extras.py"):
        assert ignored(kept_out, patterns)
    assert ignored("shared/__pycache__/job.cpython-311.pyc", patterns)
    for sent in ("shared/job.py", "models/postcard/weights/unet/config.json", "pyproject.toml"):
        assert not ignored(sent, patterns)
