"""Starting, refusing to start, and ending."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from darkroom import Darkroom
from tests.local.server import MODELS, ROOT, NotStarted, Server, lives, running


def refusal(data: Path, **options: object) -> str:
    """The one line of a run that refuses to start."""
    with pytest.raises(NotStarted) as refused, running(data, **options):  # type: ignore[arg-type]
        pass
    assert refused.value.exit_code == 2
    lines = refused.value.complaint.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_a_ready_line_names_where_requests_are_accepted(server: Server) -> None:
    assert httpx.get(f"{server.base_url}/healthz").json() == {"status": "ok"}


def test_nothing_but_the_ready_line_goes_to_standard_output(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        with Darkroom(server.base_url) as room:
            room.wait(room.submit("a hill"))
        assert server.end() == 0
        assert server.process.stdout is not None
        assert server.process.stdout.read() == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_it_ends_with_its_workers(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path / "data", workers=2) as server:
        workers = server.workers()
        server.process.send_signal(number)
        assert server.process.wait(10) == 0
        assert not any(lives(worker) for worker in workers)


def test_a_drawing_worker_gives_its_job_back_when_asked_to_end(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data, engine_delay_ms=60_000) as server, Darkroom(server.base_url) as room:
        job = room.submit("a hill", steps=50)
        next(now for now in room.watch(job) if now.status == "running")
        assert server.end() == 0
    with running(data) as server, Darkroom(server.base_url) as room:
        assert room.wait(job.id).status == "succeeded"


def test_clients_that_wait_do_not_hold_up_the_end(tmp_path: Path) -> None:
    with running(tmp_path / "data", engine_delay_ms=60_000) as server:
        with Darkroom(server.base_url) as room:
            job = room.submit("a hill", steps=50)
        waiting = subprocess.Popen(
            [sys.executable, "-c", _WAIT, f"{server.base_url}{job.links.self}"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "asking\n"
        server.process.terminate()
        assert server.process.wait(10) == 0
        waiting.communicate(timeout=10)


def test_a_list_of_refused_terms_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    nowhere = {"DARKROOM_REFUSED_TERMS": str(tmp_path / "nowhere.txt")}
    line = refusal(tmp_path / "data", settings=nowhere)

    assert "nowhere.txt: No such file" in line
    assert "one term a line, or unset the variable" in line


_WAIT = """
import sys, httpx
print("asking", flush=True)
httpx.get(sys.argv[1], headers={"Prefer": "wait=20"}, timeout=30)
"""


def test_who_never_sent_all_of_a_request_is_told_that_the_run_ends(tmp_path: Path) -> None:
    half = b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"
    with running(tmp_path / "data") as server:
        port = int(server.base_url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(half)
            httpx.get(f"{server.base_url}/healthz")
            assert server.end() == 0
            answer = connection.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b'"code":"unavailable"' in answer
        assert all(line[:1] == "{" for line in server.log.read_text("utf-8").splitlines())
        assert server.events("server_said")


def test_what_was_accepted_before_a_kill_is_carried_on(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data, engine_delay_ms=60_000) as server, Darkroom(server.base_url) as room:
        jobs = [room.submit(f"hill number {number}") for number in range(5)]
        server.kill()
    with running(data, lease_s=1, settings={"DARKROOM_BACKOFF_S": "0"}) as server:
        with Darkroom(server.base_url) as room:
            assert {room.wait(job.id).status for job in jobs} == {"succeeded"}


def test_links_outlive_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data) as server, Darkroom(server.base_url) as room:
        job = room.wait(room.submit("a hill"))
        assert job.image is not None
        path = job.image.url.removeprefix(server.base_url)
    with running(data) as server:
        assert httpx.get(server.base_url + path).status_code == 200


def test_a_busy_port_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        complaint = refusal(tmp_path / "data", port=port)
    assert f"127.0.0.1:{port}" in complaint


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        copy = tmp_path / "link"
        copy.symlink_to(tmp_path / "data")
        assert "in use" in refusal(copy)
        assert httpx.get(f"{server.base_url}/healthz").status_code == 200


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "--data" in refusal(tmp_path / "file" / "data", log=tmp_path / "log")


def test_a_database_that_is_none_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "darkroom.db").write_bytes(b"nothing that SQLite would know" * 100)
    assert "database" in refusal(data)


def test_an_unknown_model_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    complaint = refusal(tmp_path / "data", model="nobody")
    assert "'nobody'" in complaint and "postcard" in complaint


def test_a_card_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "models" / "postcard").mkdir(parents=True)
    (tmp_path / "models" / "postcard" / "card.json").write_text('{"name": "postcard"}')
    assert "not a model card" in refusal(tmp_path / "data", models=tmp_path / "models")


def test_an_engine_without_its_files_is_refused(tmp_path: Path) -> None:
    folder = MODELS / "postcard" / "openvino"
    assert str(folder) in refusal(tmp_path / "data", engine="openvino")


def test_a_setting_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    complaint = refusal(tmp_path / "data", settings={"DARKROOM_MAX_ATTEMPTS": "many"})
    assert "DARKROOM_MAX_ATTEMPTS" in complaint


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.com", "192.0.2.1"])
def test_an_address_that_others_can_reach_is_refused(tmp_path: Path, host: str) -> None:
    assert "loopback" in refusal(tmp_path / "data", host=host)


def test_the_command_line_explains_itself() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "infra.local", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--data" in shown.stdout
