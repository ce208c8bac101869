"""The queue body."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import MalformedMessage
from shared.message import decode, encode


def test_what_is_encoded_can_be_decoded() -> None:
    assert decode(encode("job_1")) == "job_1"


@given(st.text())
def test_any_other_text_is_malformed_and_nothing_worse(body: str) -> None:
    with pytest.raises(MalformedMessage):
        decode(body)


@pytest.mark.parametrize("body", ['{"v": 1, "job_id": ""}', '{"v": 1, "job_id": 7}', "[" * 99_999])
def test_a_body_that_looks_nearly_right_is_malformed(body: str) -> None:
    with pytest.raises(MalformedMessage):
        decode(body)
