"""The command line, the data folder and the worker's settings, piece by piece."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.local.data_dir import opened
from infra.local.front_door import listen, url_of
from infra.local.options import Options, read_options
from infra.local.refusal import Refused
from infra.local.supervisor import worker_settings
from shared.embedded.root_secret import SECRET_BYTES
from shared.settings import LocalWorkerSettings


def options(*arguments: str, cores: int = 2) -> Options:
    return read_options(arguments, cores=cores)


def test_the_defaults_serve_our_own_model_on_port_8000() -> None:
    given = options()
    assert (given.host, given.port, given.data.name) == ("127.0.0.1", 8000, ".darkroom")
    assert (given.engine, given.model) == ("openvino", "postcard")
    assert given.model_dir == given.models / "postcard" / "openvino"


@pytest.mark.parametrize(
    ("cores", "engine", "workers", "threads"),
    [
        (1, "openvino", 1, 1),
        (2, "openvino", 1, 2),
        (4, "openvino", 1, 4),
        (16, "openvino", 4, 4),
        (16, "diffusers", 1, 16),
        (16, "pattern", 1, 16),
    ],
)
def test_the_workers_share_the_cores(cores: int, engine: str, workers: int, threads: int) -> None:
    given = options("--engine", engine, cores=cores)
    assert (given.workers, given.threads) == (workers, threads)


def test_a_worker_always_has_a_core() -> None:
    assert options("--workers", "5", cores=2).threads == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("--port", "65536"),
        ("--port", "-1"),
        ("--port", "http"),
        ("--workers", "0"),
        ("--engine", "magic"),
        ("--engine-delay-ms", "-1"),
        ("--lease-s", "0"),
        ("--lease-s", "nan"),
        ("--lease-s", "soon"),
        ("--public-url", "pictures.example"),
        ("--public-url", "ftp://pictures.example"),
        ("--public-url", "http://"),
        ("--public-url", "http://pictures.example/?a=b"),
    ],
)
def test_a_wrong_option_ends_with_status_2_and_says_what_would_do(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        options(*arguments)
    assert ended.value.code == 2
    complaint = capsys.readouterr().err.splitlines()[-1]
    assert repr(arguments[1]) in complaint
    assert "invalid _" not in complaint


def test_workers_are_told_what_the_command_line_says(tmp_path: Path) -> None:
    given = options(
        "--data", str(tmp_path), "--engine", "diffusers", "--lease-s", "7", "--engine-delay-ms", "5"
    )
    settings = LocalWorkerSettings.read(worker_settings(given))
    assert (settings.data, settings.lease_s, settings.engine_delay_ms) == (tmp_path, 7, 5)
    assert (settings.engine, settings.model_dir) == ("diffusers", given.model_dir)
    assert settings.threads == 2


def test_workers_share_what_memory_there_is() -> None:
    given = read_options(["--workers", "3"], cores=4, memory_mb=8000)
    settings = LocalWorkerSettings.read({**worker_settings(given), "DARKROOM_DATA": "data"})

    assert settings.worker_memory_mb == 2000


def test_the_memory_of_a_worker_may_be_given() -> None:
    given = read_options(["--worker-memory-mb", "512"], cores=4, memory_mb=8000)

    assert given.worker_memory_mb == 512


def test_the_link_secret_stays_the_same_and_to_ourselves(tmp_path: Path) -> None:
    with opened(tmp_path / "deep" / "data") as first:
        secret = first.link_secret
    with opened(tmp_path / "deep" / "data") as second:
        assert second.link_secret == secret
    assert len(secret) == SECRET_BYTES
    assert (tmp_path / "deep" / "data" / "link-secret").stat().st_mode & 0o777 == 0o600


def test_a_secret_half_written_before_a_crash_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "link-secret.part").write_bytes(b"half")
    with opened(tmp_path) as data:
        assert len(data.link_secret) == SECRET_BYTES


def test_a_secret_that_anybody_could_guess_is_never_used(tmp_path: Path) -> None:
    (tmp_path / "link-secret").touch()
    with pytest.raises(Refused, match="too short to be a secret"), opened(tmp_path):
        pass


def test_a_folder_is_free_again_once_it_is_left(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(Refused, match="in use"), opened(tmp_path):
        pass
    with opened(tmp_path):
        pass


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:"),
        ("localhost", "http://127.0.0.1:"),
        ("::1", "http://[::1]:"),
    ],
)
def test_every_loopback_address_can_be_listened_on(host: str, url: str) -> None:
    with listen(host, 0) as door:
        assert url_of(door).startswith(url)


def test_how_others_reach_it_is_kept_without_a_slash_at_its_end() -> None:
    assert options("--public-url", "https://a.example/b/").public_url == "https://a.example/b"
    assert options().public_url is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", "nonsense"])
def test_what_others_can_reach_is_not_listened_on_without_keys(host: str) -> None:
    with pytest.raises(Refused, match="loopback"):
        listen(host, 0)


def test_a_name_is_no_address_to_listen_on_even_with_keys() -> None:
    with pytest.raises(Refused, match="not an IP address"):
        listen("example.com", 0, keyed=True)
