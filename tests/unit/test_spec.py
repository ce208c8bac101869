"""What may be asked for."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import RequestError
from shared.http.json_body import parsed
from shared.spec import CompleteSpec, JobSpec
from tests.builders import a_card, a_spec


@given(st.binary(max_size=200))
def test_no_body_breaks_the_parser(body: bytes) -> None:
    """Any bytes are either a job or refused with an error meant for the caller."""
    try:
        assert isinstance(parsed(body, "application/json", JobSpec), JobSpec)
    except RequestError as refusal:
        assert refusal.detail


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ),
    st.sampled_from([*JobSpec.model_fields, "cache", "other"]),
)
def test_no_value_in_any_field_breaks_the_parser(value: object, name: str) -> None:
    import json

    body = json.dumps({"prompt": "a", name: value}).encode("utf-8", "surrogatepass")
    try:
        assert parsed(body, "application/json", JobSpec).prompt
    except RequestError as refusal:
        assert all(error.pointer.startswith("/") for error in refusal.errors)


@given(st.text(min_size=1, max_size=50))
def test_a_prompt_that_is_accepted_can_be_stored_and_sent(prompt: str) -> None:
    try:
        spec = JobSpec(prompt=prompt)
    except ValueError:
        return
    assert JobSpec.model_validate_json(spec.model_dump_json()) == spec


def test_the_fingerprint_is_of_what_was_meant_not_of_how_it_was_written() -> None:
    bare, spelled_out = JobSpec(prompt="a"), JobSpec(prompt="a", seed=None, format="png")

    assert bare.fingerprint() == spelled_out.fingerprint()
    assert bare.fingerprint() != JobSpec(prompt="b").fingerprint()
    assert bare.fingerprint() != JobSpec(prompt="a", seed=0).fingerprint()


def test_a_field_that_is_new_leaves_the_fingerprints_of_the_version_before() -> None:
    """Or an idempotency key would not outlive an upgrade."""
    before = "081847cf8937668f844caa3c2928ffb924dffcaf3eb4ee88a1d5380a5e206bfa"
    spec = JobSpec(prompt="a", seed=7)

    assert spec.fingerprint() == before
    assert JobSpec(prompt="a", seed=7, preview=False).fingerprint() == before
    assert JobSpec(prompt="a", seed=7, preview=True).fingerprint() != before
    assert JobSpec(prompt="a", seed=7, cache="use").fingerprint() == before
    assert JobSpec(prompt="a", seed=7, cache="bypass").fingerprint() != before
    assert JobSpec(prompt="a", seed=7, webhook=None).fingerprint() == before
    told = JobSpec.model_validate({"prompt": "a", "seed": 7, "webhook": {"url": "https://a.b"}})
    assert told.fingerprint() != before


def test_what_is_stored_names_no_field_that_the_version_before_would_refuse() -> None:
    assert not {"preview", "cache", "webhook"} & json.loads(a_spec().stored()).keys()
    shown = a_spec(preview=True, cache="prefer")
    assert CompleteSpec.model_validate_json(shown.stored()) == shown


def test_a_field_of_a_newer_version_is_passed_over_in_a_row_and_refused_in_a_request() -> None:
    newer = {**a_spec().model_dump(), "unheard_of": 1}

    assert CompleteSpec.model_validate(newer) == a_spec()
    with pytest.raises(ValueError, match="unheard_of"):
        JobSpec.model_validate(newer)


def test_what_a_newer_version_has_added_to_a_webhook_is_passed_over_in_a_row_alone() -> None:
    newer = {"url": "https://a.b", "events": ["job.framed", "job.completed"], "unheard_of": 1}
    stored = json.dumps({**a_spec().model_dump(), "webhook": newer})

    read = CompleteSpec.model_validate_json(stored).webhook
    assert read is not None
    assert (read.url, read.events) == ("https://a.b", ["job.completed"])
    with pytest.raises(ValueError, match=r"job\.framed|unheard_of|literal_error"):
        JobSpec.model_validate({"prompt": "a", "webhook": newer})


def test_a_card_fills_in_what_was_left_open_and_nothing_else() -> None:
    whole = a_card().complete(JobSpec(prompt="a red circle", width=64, height=64), seed=7)

    assert whole == a_spec()
