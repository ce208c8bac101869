"""The page at `/`: what is served, how it is fenced in, and that the contract has all it uses."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import status_fn
from tests.service import Service

FOLDER = Path(status_fn.__file__).parent / "playground"
NAMES = sorted(path.name for path in FOLDER.iterdir())
SCRIPTS = {name: (FOLDER / name).read_text("utf-8") for name in NAMES if name.endswith(".js")}
SCRIPT = "\n".join(SCRIPTS.values())


class Elements(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def elements(service: Service) -> list[tuple[str, dict[str, str | None]]]:
    return Elements(service.get("/").text).found


def policy(service: Service) -> dict[str, list[str]]:
    text = service.get("/").headers["Content-Security-Policy"]
    return {name: values for name, *values in (part.split() for part in text.split(";"))}


@pytest.mark.parametrize("name", NAMES)
def test_every_file_is_served_as_what_it_is(service: Service, name: str) -> None:
    answer = service.get(f"/playground/{name}")
    kind = {"css": "text/css", "html": "text/html", "js": "text/javascript", "svg": "image/svg+xml"}

    assert (answer.status, answer.text) == (200, (FOLDER / name).read_text("utf-8"))
    assert answer.headers["Content-Type"].split(";")[0] == kind[name.rpartition(".")[2]]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_file_that_was_read_before_is_not_sent_again(service: Service) -> None:
    for path in ("/", "/playground/app.js"):
        first = service.get(path)
        again = service.get(path, if_none_match=f"W/{first.headers['ETag']}")

        assert (again.status, again.text) == (304, "")
        assert service.get(path, if_none_match="*").status == 304
        assert again.headers["ETag"] == first.headers["ETag"]
        assert service.get(path, if_none_match='"another"').status == 200
        assert first.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["nothing.js", "..", "%2e%2e", "__init__.py", ""])
def test_there_are_no_other_files(service: Service, name: str) -> None:
    assert service.get(f"/playground/{name}").json["code"] == "not_found"


def test_the_whole_page_is_small() -> None:
    assert sum((FOLDER / name).stat().st_size for name in NAMES) < 100_000


def test_the_page_loads_its_own_files_alone(service: Service) -> None:
    for tag, attributes in elements(service):
        for name in ("src", "href", "action"):
            target = attributes.get(name)
            if target is not None and tag != "a":
                assert re.fullmatch(r"playground/[\w-]+\.\w+", target), target
                assert target.removeprefix("playground/") in NAMES
    for name in NAMES:
        text = (FOLDER / name).read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|[\"'(]//\w", text), name


def test_every_script_is_loaded_ahead(service: Service) -> None:
    loaded = {a["href"] for tag, a in elements(service) if a.get("rel") == "modulepreload"}
    loaded |= {a["src"] for tag, a in elements(service) if tag == "script"}
    imported = set(re.findall(r'from "\./([\w-]+\.js)"', SCRIPT)) | {"app.js"}

    assert loaded == {f"playground/{name}" for name in SCRIPTS}
    assert imported == set(SCRIPTS)


def test_nothing_is_allowed_but_what_the_page_needs(service: Service) -> None:
    rules = policy(service)

    assert rules["default-src"] == ["'none'"]
    assert rules["script-src"] == rules["style-src"] == ["'self'"]
    assert rules["img-src"] == ["'self'", "blob:", "http://127.0.0.1:8000"]
    assert rules["connect-src"] == ["'self'", "http://127.0.0.1:8000"]
    assert rules["frame-ancestors"] == rules["base-uri"] == rules["form-action"] == ["'none'"]
    assert rules["require-trusted-types-for"] == ["'script'"]
    for _, attributes in elements(service):
        assert not [name for name in attributes if name == "style" or name.startswith("on")]


def test_pictures_come_from_where_the_policy_lets_them(service: Service) -> None:
    job_id = service.submitted()
    service.work()
    origin = policy(service)["img-src"][-1]

    assert service.job(job_id)["image"]["url"].startswith(f"{origin}/")


@pytest.mark.parametrize(
    "danger",
    ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("],
)
def test_no_text_becomes_markup_or_code(danger: str) -> None:
    assert danger not in SCRIPT


def test_every_element_that_a_script_asks_for_is_there(service: Service) -> None:
    ids = {attributes["id"] for _, attributes in elements(service) if "id" in attributes}
    asked = set(re.findall(r'(?:by|onClick)\("([\w-]+)"', SCRIPT))

    assert asked
    assert asked <= ids


def test_every_field_has_a_label_and_a_place_for_its_error(service: Service) -> None:
    found = elements(service)
    ids = {attributes.get("id") for _, attributes in found}
    labelled = {attributes.get("for") for tag, attributes in found if tag == "label"}
    for tag, attributes in found:
        name = attributes.get("name")
        if tag in ("input", "textarea", "select") and name not in (None, "preview"):
            assert name in labelled
            assert f"{name}-error" in ids
            assert f"{name}-error" in (attributes["aria-describedby"] or "").split()


def test_the_script_starts_from_paths_of_the_contract_and_follows_links(service: Service) -> None:
    paths = service.get("/openapi.json").json["paths"]
    asked = set(re.findall(r'"(/v1/[^"]*)"', SCRIPT))

    read = {"/v1/jobs", "/v1/models", "/v1/queue"}
    assert asked == read | {"/v1/batches", "/v1/estimates"}
    assert all("get" in paths[path] for path in read)
    assert all("post" in paths[path] for path in asked - read)
    named = {
        p["name"]
        for o in (paths["/v1/jobs"]["get"], paths["/v1/jobs"]["post"])
        for p in o["parameters"]
    }
    named |= {p["name"] for p in paths["/v1/jobs/{id}"]["get"]["parameters"]}
    assert set(re.findall(r"[?&](\w+)=\$", SCRIPT)) == {"limit", "cursor"}
    assert named >= {"limit", "cursor", "Idempotency-Key", "Prefer", "If-None-Match"}


def test_the_script_reads_fields_that_the_contract_has(service: Service) -> None:
    schemas = service.get("/openapi.json").json["components"]["schemas"]
    read = set(re.findall(r"\bjob\.(\w+)(?:\??\.(\w+))?", SCRIPT))

    assert {"image", "links", "timing", "queue", "progress", "error"} <= {name for name, _ in read}
    for name, inner in read:
        value = schemas["JobView"]["properties"][name]
        fields = properties(value, schemas)
        if inner and fields:
            assert inner in fields, f"job.{name}.{inner}"


@pytest.mark.parametrize(
    ("variable", "schema"),
    [("limits", "Limits"), ("defaults", "Defaults"), ("card", "ModelCard")],
)
def test_the_script_knows_models_as_the_contract_does(
    service: Service, variable: str, schema: str
) -> None:
    fields = service.get("/openapi.json").json["components"]["schemas"][schema]["properties"]
    read = set(re.findall(rf"\b{variable}(?:\(\))?\??\.(\w+)", SCRIPT))

    assert read
    assert read <= set(fields)


def test_what_the_form_sends_can_be_submitted(service: Service) -> None:
    fields = service.get("/openapi.json").json["components"]["schemas"]["JobSpec"]["properties"]
    named = {a["name"] for _, a in elements(service) if a.get("name") not in (None, *META)}

    assert named == {
        "prompt",
        "model",
        "width",
        "height",
        "steps",
        "guidance",
        "seed",
        "negative_prompt",
        "preview",
    }
    assert named <= set(fields)


META = {"viewport", "color-scheme", "description"}


def properties(value: dict[str, Any], schemas: dict[str, Any]) -> set[str]:
    """The names of an object's fields; none for what is no object or any object."""
    options = value.get("anyOf", [value])
    names = [option["$ref"].rpartition("/")[2] for option in options if "$ref" in option]
    return {field for name in names for field in schemas[name].get("properties", {})}
