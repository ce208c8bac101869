"""What a wheel's file name says about where it runs."""

from __future__ import annotations

import pytest

from infra.wheels import needed


@pytest.mark.parametrize(
    ("wheel", "glibc"),
    [
        ("boto3-1.43.106-py3-none-any.whl", "any"),
        ("openvino-2026.4.1-22982-cp313-cp313-manylinux_2_35_aarch64.whl", "2.35"),
        ("numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl", "2.27"),
        ("tokenizers-0.23.3-cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "2.17"),
        ("old-1.0-cp39-abi3-manylinux2010_x86_64.whl", "2.12"),
    ],
)
def test_a_wheels_name_says_the_oldest_glibc(wheel: str, glibc: str) -> None:
    assert needed(wheel) == glibc
