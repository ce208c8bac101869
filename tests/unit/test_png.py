"""The PNG itself."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.builders import a_spec
from worker_fn.engine.base import Picture
from worker_fn.png import encode_png


@given(st.binary(min_size=48, max_size=48))
def test_every_pixel_survives(rgb: bytes) -> None:
    picture = Picture(width=8, height=2, rgb=rgb)
    png = encode_png(picture, spec=a_spec(), engine="pattern", digest="sha256:0")

    assert Image.open(io.BytesIO(png)).convert("RGB").tobytes() == rgb
    assert encode_png(picture, spec=a_spec(), engine="pattern", digest="sha256:0") == png
