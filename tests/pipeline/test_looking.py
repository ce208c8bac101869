"""The measures that judge pictures, judged on pictures whose truth is known."""

from __future__ import annotations

import pytest
from PIL import Image, ImageDraw

from tests.pipeline.looking import is_noon, is_red_and_round, is_sunset


def drawn(shape: str) -> Image.Image:
    picture = Image.new("RGB", (128, 128), "white")
    pen = ImageDraw.Draw(picture)
    box = (34, 30, 94, 90)
    if shape == "disc":
        pen.ellipse(box, fill=(214, 40, 40))
    elif shape == "square":
        pen.rectangle(box, fill=(214, 40, 40))
    else:
        pen.polygon([(64, 30), (34, 90), (94, 90)], fill=(214, 40, 40))
    return picture


@pytest.mark.parametrize(
    ("shape", "is_disc"), [("disc", True), ("square", False), ("triangle", False)]
)
def test_only_a_disc_is_round(shape: str, is_disc: bool) -> None:
    assert is_red_and_round(drawn(shape)) is is_disc


def test_noon_and_sunset_are_told_apart_by_the_sky() -> None:
    noon, sunset = Image.new("RGB", (64, 64), (90, 160, 235)), Image.new("RGB", (64, 64))
    pen = ImageDraw.Draw(sunset)
    for row in range(64):
        pen.line([(0, row), (64, row)], fill=(120 + row * 2, 100, 140 - row * 2))

    assert (is_noon(noon), is_sunset(noon)) == (True, False)
    assert (is_noon(sunset), is_sunset(sunset)) == (False, True)
