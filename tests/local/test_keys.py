"""Keys on one machine: made by the command, asked for by the run, and never written down."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from darkroom import Darkroom, Refused
from infra.keys.__main__ import main
from infra.local.admission import NOTICED_WITHIN_MS, LocalAdmission, require_loopback_host
from shared.api_key import new_key
from shared.embedded.database import Database
from shared.embedded.keys import SqliteKeyTable
from shared.errors import Misdirected, Unauthorized
from shared.http.admission import Caller, OpenAdmission
from shared.http.operation import Operation
from shared.http.operations import OPERATIONS
from tests.local.server import ROOT, NotStarted, running
from tests.local.test_http import exchange
from tests.service import Moment


class Keys:
    """`python -m infra.keys` for one folder, in this process."""

    def __init__(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._data = data
        self._capsys = capsys

    def run(self, *arguments: str) -> str:
        """Standard output of a command that must succeed."""
        assert main([*arguments, "--data", str(self._data)]) == 0
        return self._capsys.readouterr().out

    def made(self, tenant: str = "acme", *options: str) -> str:
        """A new key."""
        return self.run("create", tenant, *options).strip()

    def refused(self, *arguments: str) -> str:
        """The one line of a command that must fail."""
        assert main([*arguments, "--data", str(self._data)]) == 2
        [line] = self._capsys.readouterr().err.splitlines()
        return line


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def keys(data: Path, capsys: pytest.CaptureFixture[str]) -> Keys:
    return Keys(data, capsys)


def id_of(key: str) -> str:
    return key.split("_")[1]


def status(url: str, key: str | None = None) -> int:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return httpx.get(f"{url}/v1/jobs", headers=headers).status_code


def test_a_made_key_is_listed_without_its_secret(keys: Keys) -> None:
    first, second = keys.made("acme"), keys.made("beta", "--days", "7")
    listed = keys.run("list")
    assert [line.split()[1] for line in listed.splitlines()] == ["tenant", "acme", "beta"]
    for key in (first, second):
        assert id_of(key) in listed
        assert key.rpartition("_")[2] not in listed


def test_a_key_that_was_ended_is_listed_as_one_that_holds_no_more(keys: Keys) -> None:
    revoked, expiring = keys.made(), keys.made()
    keys.run("revoke", id_of(revoked))
    keys.run("expire", id_of(expiring), "30")
    _, *lines = keys.run("list").splitlines()
    by_id = {line.split()[0]: line for line in lines}
    assert by_id[id_of(revoked)].endswith("no more")
    assert "until 20" in by_id[id_of(expiring)]


def test_a_command_that_cannot_be_done_says_what_to_do(keys: Keys, tmp_path: Path) -> None:
    assert "list" in keys.refused("revoke", "nobody")
    assert "tenant" in keys.refused("create", "Not A Name")
    (tmp_path / "data").rename(tmp_path / "moved")
    (tmp_path / "data").touch()
    assert "--data" in keys.refused("list")


def test_a_command_whose_store_does_not_answer_says_why(
    keys: Keys, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data.mkdir()
    (data / "darkroom.db").write_text("this is no database, however one looks at it")
    assert "not a database" in keys.refused("list")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(data / "none"))
    assert main(["list", "--table", "somewhere"]) == 2
    assert "specify a region" in capsys.readouterr().err


@pytest.mark.parametrize("days", ["0", "-1", "nan", "soon", "99999"])
def test_a_number_of_days_that_makes_no_sense_is_refused(keys: Keys, days: str) -> None:
    with pytest.raises(SystemExit) as ended:
        keys.run("create", "acme", "--days", days)
    assert ended.value.code == 2


def test_the_key_alone_goes_to_standard_output(data: Path) -> None:
    command = [sys.executable, "-m", "infra.keys", "create", "acme", "--data", str(data)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("dk_") and len(done.stdout.splitlines()) == 1
    assert done.stdout.strip() not in done.stderr


def test_a_run_with_keys_takes_no_call_without_one(data: Path, keys: Keys) -> None:
    key, other = keys.made("acme"), keys.made("beta")
    with running(data) as server:
        assert status(server.base_url) == 401
        with Darkroom(server.base_url, key=key) as room:
            job = room.wait(room.submit("a hill"))
            assert room.image(job)[:4] == b"\x89PNG"
            assert job.image is not None
        assert httpx.get(job.image.url).status_code == 200
        with Darkroom(server.base_url, key=other) as stranger:
            with pytest.raises(Refused, match="not_found"):
                stranger.job(job.id)
        keys.run("revoke", id_of(key))
        assert (status(server.base_url, key), status(server.base_url, other)) == (401, 200)


def test_when_all_keys_have_ended_nobody_is_let_in(data: Path, keys: Keys) -> None:
    keys.run("revoke", id_of(keys.made()))
    with running(data) as server:
        assert status(server.base_url) == 401


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_with_keys_others_may_reach_it(data: Path, keys: Keys, host: str) -> None:
    key = keys.made()
    with running(data, host=host, public_url="http://pictures.example:81") as server:
        url = f"http://127.0.0.1:{server.base_url.rpartition(':')[2]}"
        headers = {"Host": "pictures.example", "Authorization": f"Bearer {key}"}
        assert httpx.get(f"{url}/v1/jobs", headers=headers).status_code == 200
        with Darkroom(url, key=key) as room:
            job = room.wait(room.submit("a hill"))
        assert job.image is not None
        assert job.image.url.startswith("http://pictures.example:81/images/")


def test_with_keys_but_no_name_for_others_it_does_not_start(data: Path, keys: Keys) -> None:
    keys.made()
    with pytest.raises(NotStarted) as refused, running(data, host="0.0.0.0"):
        pass
    assert "--public-url" in refused.value.complaint


def test_a_limit_that_makes_no_sense_is_refused(data: Path) -> None:
    settings = {"DARKROOM_SUBMITS_PER_S": "0"}
    with pytest.raises(NotStarted) as refused, running(data, settings=settings):
        pass
    assert "DARKROOM_SUBMITS_PER_S" in refused.value.complaint


def test_without_keys_it_says_how_to_make_one(data: Path) -> None:
    with pytest.raises(NotStarted) as refused, running(data, host="0.0.0.0"):
        pass
    assert "python -m infra.keys create" in refused.value.complaint


def test_no_key_is_ever_written_to_a_log(data: Path, keys: Keys) -> None:
    """Sent as a header, in bodies, paths and queries, as what it is not, and in what is no HTTP."""
    real, (wrong, _) = keys.made(), new_key("x", entropy=lambda n: b"7" * n, now_ms=0, ends_ms=None)
    with running(data) as server, httpx.Client(base_url=server.base_url) as http:
        for key in (real, wrong):
            bearer = {"Authorization": f"Bearer {key}"}
            for method, path in (("GET", f"/v1/jobs/{key}"), ("POST", f"/v1/jobs/{key}/cancel")):
                http.request(method, path, headers=bearer)
                http.request(method, path)
            for path in (f"/{key}", f"/images/{key}?signature={key}", f"/v1/jobs?cursor={key}"):
                http.get(path, headers={**bearer, "Prefer": f"wait={key}", "X-Api-Key": key})
            for body in ({"prompt": key}, {"prompt": key, key: key}, {"prompt": "a", "model": key}):
                http.post("/v1/jobs", json=body, headers={**bearer, "Idempotency-Key": key})
            http.post("/v1/jobs", content=f'{{"{key}', headers=bearer)
            for raw in (key, f"GET /{key} HTTP/9", f"GET / HTTP/1.1\r\n{key}: {key}\r\nX"):
                exchange(server, raw.encode() + b"\r\n\r\n", hang_up=True)
        with Darkroom(server.base_url, key=real) as room:
            room.wait(room.submit(real))
        assert server.end() == 0
        written = server.log.read_text("utf-8")
    assert server.events("job_submitted")
    for key in (real, wrong):
        assert key.rpartition("_")[2] not in written


OPERATION = next(operation for operation in OPERATIONS if operation.name == "list_jobs")


def test_the_first_key_is_noticed_within_a_second(data: Path) -> None:
    data.mkdir()
    clock, table = Moment(), SqliteKeyTable(Database(data / "darkroom.db"))

    def keyed(operation: Operation, headers: object) -> Caller:
        raise Unauthorized("a key, please")

    admission = LocalAdmission(table, keyed=keyed, free=OpenAdmission(), clock=clock)
    assert admission(OPERATION, {}).tenant == "local"
    _, key = new_key("acme", entropy=lambda count: b"k" * count, now_ms=0, ends_ms=None)
    table.add(key)
    clock.pass_s(NOTICED_WITHIN_MS / 1000)
    with pytest.raises(Unauthorized):
        admission(OPERATION, {})


OWN = "localhost LOCALHOST:8000 localhost. a.localhost:1 127.0.0.1 127.9.9.9:80 [::1] [::1]:8000"
OTHERS = "evil.example evil.example:8000 localhost.evil.example 127.0.0.1.evil.example 0.0.0.0 é"


@pytest.mark.parametrize("host", ["", *OWN.split()])
def test_this_machines_own_names_are_answered(host: str) -> None:
    require_loopback_host(host)


@pytest.mark.parametrize(
    "host", [*OTHERS.split(), "192.168.0.7:80", "[fe80::1]", "notlocalhost", "localhost:x", ":80:"]
)
def test_a_page_from_elsewhere_cannot_call_by_a_name_that_leads_here(host: str) -> None:
    with pytest.raises(Misdirected):
        require_loopback_host(host)


def test_a_rebound_name_is_refused_over_http(data: Path) -> None:
    with running(data) as server:
        answer = httpx.get(f"{server.base_url}/v1/jobs", headers={"Host": "evil.example"})
        assert (answer.status_code, answer.json()["code"]) == (421, "misdirected")
        assert status(server.base_url) == 200
