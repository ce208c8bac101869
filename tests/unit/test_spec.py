"""What may be asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.errors import RequestError
from shared.json_body import parsed
from shared.spec import JobSpec
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


def test_a_card_fills_in_what_was_left_open_and_nothing_else() -> None:
    whole = a_card().complete(JobSpec(prompt="a red circle", width=64, height=64), seed=7)

    assert whole == a_spec()
