"""Whatever JSON comes: an answer of the contract, never a 5xx, and pointers that lead somewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.spec import JobSpec
from tests.service import Answer, Service, embedded_service

NAMES = st.sampled_from([*JobSpec.model_fields, "jobs", "url", "events", "n", "size", "a/b~c", ""])
NUMBERS = st.one_of(st.integers(), st.floats(), st.sampled_from([0, 7, 64, 128, 2**32, 10**400]))
TEXTS = st.text(st.characters(exclude_categories=()), max_size=8)
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS, st.just("64x64"))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(NAMES | TEXTS, inner, max_size=4)
    ),
    max_leaves=12,
)
JOBS = st.builds(
    lambda one, more: {**more, **one},
    st.fixed_dictionaries({"prompt": TEXTS | LEAVES}),
    st.dictionaries(NAMES, VALUES, max_size=3),
)
BATCHES = st.builds(
    lambda jobs, more: {**more, "jobs": jobs},
    st.lists(JOBS | VALUES),
    VALUES.filter(lambda value: isinstance(value, dict)),
)
BODIES = st.one_of(JOBS, BATCHES, VALUES)
PATHS = ("/v1/jobs", "/v1/batches", "/v1/estimates", "/v1/images/generations")
AS_EVER = {200, 202, 400, 413, 422, 504}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Service:
    folder: Path = tmp_path_factory.mktemp("any-body")
    return embedded_service(folder)


@given(path=st.sampled_from(PATHS), body=BODIES)
@settings(max_examples=400, deadline=None)
def test_any_json_is_answered_and_what_is_wrong_with_it_is_pointed_at(
    shared: Service, path: str, body: Any
) -> None:
    answer = shared.post(path, json.dumps(body), prefer="wait=0")
    assert answer.status in AS_EVER, answer.text
    if answer.status == 422:
        for error in answer.json["errors"]:
            assert leads_somewhere(body, error["pointer"]), error


@given(path=st.sampled_from(PATHS), body=st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_text_is_answered(shared: Service, path: str, body: str) -> None:
    answer: Answer = shared.post(path, body)
    assert answer.status in {400, 422}
    assert answer.json["code"] in {"malformed_json", "validation_failed"}


def leads_somewhere(body: Any, pointer: str) -> bool:
    """To a value of the body (RFC 6901), or to where one is missing."""
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")]
    for part in way[1:]:
        body = body[int(part)] if isinstance(body, list) else body[part]
    if isinstance(body, list):
        return int(last) < len(body)
    return pointer == "" or isinstance(body, dict)
