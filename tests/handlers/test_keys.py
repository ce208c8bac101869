"""Who may call, and what a tenant can find out about another: nothing."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from shared.api_key import new_key
from shared.errors import Unavailable
from shared.http.operation import Operation
from shared.http.operations import OPERATIONS
from shared.job import job_id
from shared.telemetry import Log
from tests.builders import NOW_MS
from tests.handlers.keyed import Caller, Keyed, keyed_service
from tests.service import Answer

LIMITED = [operation for operation in OPERATIONS if operation.limit is not None]
PUBLIC = {"health", "openapi", "docs", "playground", "playground_file"}
MANY = {"submits_per_s": 1000, "submit_burst": 1000, "reads_per_s": 1000, "read_burst": 1000}
GUESSES = 20_000
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


@pytest.fixture
def keyed(tmp_path: Path) -> Keyed:
    return keyed_service(tmp_path, **MANY)


def ask(keyed: Keyed, operation: Operation, path: str = "", **headers: str) -> Answer:
    """A call of an operation, by the letter of its path."""
    path = path or operation.path.replace("{id}", "job_0")
    if operation.method == "POST":
        return keyed.service.post(path, **headers)
    return keyed.service.get(path, None, **headers)


def test_all_but_the_pages_about_the_service_ask_for_a_key() -> None:
    assert {operation.name for operation in OPERATIONS} - {o.name for o in LIMITED} == PUBLIC


def test_the_openapi_document_says_which_calls_take_a_key(keyed: Keyed) -> None:
    document = keyed.service.get("/openapi.json").json
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    for operation in OPERATIONS:
        described = document["paths"][operation.path][operation.method.lower()]
        assert described.get("security", []) == ([{"key": []}] if operation.limit else [])
        for answer in described["responses"].values():
            assert ("RateLimit" in answer["headers"]) == (operation.limit is not None)
        if operation.limit:
            assert "WWW-Authenticate" in described["responses"]["401"]["headers"]
            assert "Retry-After" in described["responses"]["429"]["headers"]


@pytest.mark.parametrize("operation", LIMITED, ids=lambda o: o.name)
def test_without_a_key_nothing_is_answered(keyed: Keyed, operation: Operation) -> None:
    answer = ask(keyed, operation)
    assert (answer.status, answer.json["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json", "/docs"])
def test_the_pages_about_the_service_are_for_everyone(keyed: Keyed, path: str) -> None:
    assert keyed.service.get(path).status == 200


def test_a_key_that_holds_lets_in(keyed: Keyed) -> None:
    acme = keyed.caller()
    assert acme.get(f"/v1/jobs/{acme.submitted()}").json["status"] == "queued"
    assert keyed.service.get("/v1/jobs", authorization=f"bEARER  {acme.key} ").status == 200


def _ended(keyed: Keyed) -> str:
    text = keyed.key()
    keyed.keys.end(text.split("_")[1], at_ms=keyed.clock())
    return text


BAD: dict[str, Callable[[Keyed], str]] = {
    "none": lambda keyed: "",
    "another scheme": lambda keyed: f"Basic {keyed.key()}",
    "no scheme": lambda keyed: keyed.key(),
    "no key": lambda keyed: "Bearer ",
    "not a key": lambda keyed: "Bearer é\ud800",
    "two keys": lambda keyed: f"Bearer {keyed.key()},Bearer {keyed.key()}",
    "an unknown id": lambda keyed: f"Bearer {_unknown()}",
    "another key's secret": lambda keyed: (
        f"Bearer {keyed.key().rpartition('_')[0]}_{keyed.key().rpartition('_')[2]}"
    ),
    "one that is over": lambda keyed: f"Bearer {keyed.key(ends_ms=keyed.clock())}",
    "a revoked one": lambda keyed: f"Bearer {_ended(keyed)}",
    "64 KiB of it": lambda keyed: f"Bearer {keyed.key()}{'a' * 65_536}",
}


def _unknown() -> str:
    text, _ = new_key("acme", entropy=secrets.token_bytes, now_ms=NOW_MS, ends_ms=None)
    return text


@pytest.mark.parametrize("name", BAD)
def test_every_key_that_does_not_hold_is_answered_alike(keyed: Keyed, name: str) -> None:
    answer = keyed.service.get("/v1/jobs", authorization=BAD[name](keyed))
    assert answer == keyed.service.get("/v1/jobs")
    assert answer.status == 401


def test_a_revoked_key_is_refused_from_the_next_call_on(keyed: Keyed) -> None:
    acme = keyed.caller()
    assert acme.get("/v1/jobs").status == 200
    keyed.keys.end(acme.key.split("_")[1], at_ms=keyed.clock())
    assert acme.get("/v1/jobs").status == 401


def test_a_key_is_refused_when_its_time_is_over(keyed: Keyed) -> None:
    key = keyed.key(ends_ms=keyed.clock() + 1_000)
    assert keyed.service.get("/v1/jobs", authorization=f"Bearer {key}").status == 200
    keyed.clock.pass_s(1)
    assert keyed.service.get("/v1/jobs", authorization=f"Bearer {key}").status == 401


def test_two_keys_of_one_tenant_see_the_same_jobs(keyed: Keyed) -> None:
    old, new = keyed.caller(), keyed.caller()
    job = old.submitted()
    assert new.get(f"/v1/jobs/{job}").json["id"] == job


def test_where_keys_cannot_be_read_nobody_is_let_in(tmp_path: Path) -> None:
    keyed = keyed_service(tmp_path, **MANY)
    acme = keyed.caller()

    def down(key_id: str) -> None:
        raise Unavailable("down")

    keyed.keys.get = down  # type: ignore[method-assign]
    answer = acme.get("/v1/jobs")
    assert (answer.status, answer.json["code"]) == (503, "unavailable")


def test_a_list_has_the_callers_jobs_alone(keyed: Keyed) -> None:
    acme, beta = keyed.caller("acme"), keyed.caller("beta")
    mine, theirs = acme.submitted(), beta.submitted()
    keyed.service.work()
    for query in (None, {"status": "succeeded"}, {"limit": "1"}):
        assert [job["id"] for job in acme.get("/v1/jobs", query).json["jobs"]] == [mine]
        assert [job["id"] for job in beta.get("/v1/jobs", query).json["jobs"]] == [theirs]


def test_a_cursor_of_anothers_leads_to_ones_own_jobs(keyed: Keyed) -> None:
    acme, beta = keyed.caller("acme"), keyed.caller("beta")
    mine = acme.submitted()
    keyed.clock.pass_s(1)
    for _ in range(2):
        beta.submitted()
        keyed.clock.pass_s(1)
    cursor = beta.get("/v1/jobs", {"limit": "1"}).json["next_cursor"]
    assert [j["id"] for j in acme.get("/v1/jobs", {"cursor": cursor}).json["jobs"]] == [mine]


def test_the_same_idempotency_key_of_two_tenants_is_two_keys(keyed: Keyed) -> None:
    acme, beta = keyed.caller("acme"), keyed.caller("beta")
    first = acme.post("/v1/jobs", {"prompt": "a"}, idempotency_key="k")
    other = beta.post("/v1/jobs", {"prompt": "b"}, idempotency_key="k")
    assert (first.status, other.status) == (202, 202)
    assert first.json["id"] != other.json["id"]


def test_service_times_are_taken_from_the_callers_jobs_alone(keyed: Keyed) -> None:
    acme, beta = keyed.caller("acme"), keyed.caller("beta")
    acme.submitted()
    keyed.service.work()
    assert acme.get("/v1/queue").json["service_time_s"]["p50"] is not None
    assert beta.get("/v1/queue").json["service_time_s"]["p50"] is None


WITH_ID = [operation for operation in LIMITED if "{id}" in operation.path]


def done(keyed: Keyed) -> None:
    keyed.service.work()


def no_longer_kept(keyed: Keyed) -> None:
    keyed.service.work()
    keyed.clock.pass_s(10 * 86_400)


@pytest.mark.parametrize("becomes", [lambda _: None, done, no_longer_kept], ids=range(3))
@pytest.mark.parametrize("operation", WITH_ID, ids=lambda o: o.name)
def test_anothers_job_and_a_missing_one_are_answered_byte_for_byte_alike(
    keyed: Keyed, operation: Operation, becomes: Callable[[Keyed], None]
) -> None:
    acme, beta = keyed.caller("acme"), keyed.caller("beta")
    theirs, missing = acme.submitted(), job_id(keyed.clock(), secrets.token_bytes(10))
    becomes(keyed)
    answers = []
    for asked in (theirs, missing, "nonsense"):
        keyed.clock.pass_s(3_600)
        path = operation.path.replace("{id}", asked)
        headers = {"authorization": f"Bearer {beta.key}", "prefer": "wait=1"}
        answers.append(ask(keyed, operation, path, **headers, if_none_match='"v1"'))
    assert answers[0].status == 404
    assert [asdict(answer) for answer in answers] == [asdict(answers[0])] * 3


def altered(text: str, draw: random.Random) -> str:
    """A key that differs a little, or much."""
    place, letter = draw.randrange(3, len(text)), draw.choice(ALPHABET)
    changes = [
        text[:place] + letter + text[place + 1 :],
        text[:place] + text[place + 1 :],
        text[:place] + letter + text[place:],
        text[: draw.randrange(len(text))],
        text[:20] + "".join(draw.choices(ALPHABET, k=52)),
        "dk_" + "".join(draw.choices(ALPHABET, k=16)) + text[19:],
        text[:place] + text[place:].upper(),
        text + letter,
    ]
    return draw.choice([change for change in changes if change != text])


def test_of_20000_guessed_and_altered_keys_none_is_let_in(keyed: Keyed) -> None:
    draw = random.Random(5)
    real = [keyed.key(f"tenant-{number}") for number in range(5)]
    refused, job = keyed.service.get("/v1/jobs"), keyed.caller("tenant-0").submitted()
    for _ in range(GUESSES):
        guess = altered(draw.choice(real), draw)
        path = draw.choice(["/v1/jobs", f"/v1/jobs/{job}", f"/v1/jobs/{job}/image"])
        assert keyed.service.get(path, authorization=f"Bearer {guess}") == refused


def guessed_ids(real: str, draw: random.Random) -> Iterator[str]:
    """Ids near a real one: of the same moment, a letter apart, in other spellings, with more."""
    letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    while True:
        place, letter = draw.randrange(4, len(real)), draw.choice(letters)
        yield real[:place] + letter + real[place + 1 :]
        yield real[:14] + "".join(draw.choices(letters, k=16))
        yield real[:place] + real[place:].lower()
        yield real[:place] + "%" + real[place + 1 :]
        yield real + letter
        yield real


def test_of_20000_guessed_and_altered_ids_none_shows_anothers_job(keyed: Keyed) -> None:
    """The real id is among them, again and again."""
    acme, beta = keyed.caller("acme"), keyed.caller("beta")
    ids = guessed_ids(acme.submitted(prompt="acme's own"), random.Random(6))
    keyed.service.work()
    keyed.clock.pass_s(60)
    missing = beta.get("/v1/jobs/missing")
    assert missing.status == 404
    for number in range(GUESSES):
        keyed.clock.pass_s(0.01)
        tail = ("", "/image", "/preview")[number % 3]
        assert beta.get(f"/v1/jobs/{next(ids)}{tail}") == missing


class Broken:
    """A job table that fails, by a foreign error or one of ours, whatever it is asked."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, verb: str) -> Any:
        def fail(*arguments: object, **options: object) -> object:
            raise self._error

        return fail


def a_broken_table(error: Exception) -> Any:
    return Broken(error)


@pytest.mark.parametrize("error", [RuntimeError("broken"), Unavailable("down")], ids=repr)
def test_no_key_is_logged_when_things_break(
    tmp_path: Path,
    error: Exception,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.service.LOG", Log(f"keys-{type(error).__name__}"))
    keyed = keyed_service(tmp_path, **MANY)
    acme = keyed.caller()
    broken = Caller(service=replace(keyed.service, table=a_broken_table(error)), key=acme.key)
    answers = [
        broken.post("/v1/jobs", {"prompt": acme.key}, idempotency_key=acme.key),
        broken.get("/v1/jobs", {"cursor": acme.key}),
        broken.get(f"/v1/jobs/{acme.key}"),
        broken.get("/v1/jobs", prefer=acme.key),
    ]
    assert {answer.status for answer in answers} >= {500 if type(error) is RuntimeError else 503}
    written = capsys.readouterr()
    assert '"level":"ERROR"' in written.err
    assert acme.key.rpartition("_")[2] not in written.err + written.out
