"""All pictures on one sheet, with captions."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageFont

COLUMNS = 3
SIDE = 320
GAP = 24
CAPTION = 72
TEXT = 16
PAPER, INK = "#faf8f4", "#2b2a28"
Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, kw_only=True)
class Print:
    """One picture and what it should show."""

    caption: str
    png: bytes


def contact_sheet(prints: Sequence[Print]) -> bytes:
    """A PNG with the prints in rows of three, each as large as fits into SIDE pixels."""
    rows = -(-len(prints) // COLUMNS)
    columns = min(COLUMNS, len(prints))
    size = (GAP + columns * (SIDE + GAP), GAP + rows * (SIDE + CAPTION + GAP))
    sheet = Image.new("RGB", size, PAPER)
    for number, item in enumerate(prints):
        row, column = divmod(number, COLUMNS)
        place = (GAP + column * (SIDE + GAP), GAP + row * (SIDE + CAPTION + GAP))
        _mount(sheet, item, place)
    encoded = io.BytesIO()
    sheet.save(encoded, "PNG")
    return encoded.getvalue()


def _mount(sheet: Image.Image, item: Print, place: tuple[int, int]) -> None:
    picture = _enlarged(item.png)
    left, top = place
    sheet.paste(picture, (left + (SIDE - picture.width) // 2, top + (SIDE - picture.height) // 2))
    font = ImageFont.load_default(TEXT)
    lines = "\n".join(wrapped(item.caption, font, SIDE))
    ImageDraw.Draw(sheet).multiline_text((left, top + SIDE + 8), lines, fill=INK, font=font)


def _enlarged(png: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    scale = SIDE / max(picture.size)
    size = (round(picture.width * scale), round(picture.height * scale))
    return picture.resize(size, Image.Resampling.LANCZOS)


def wrapped(text: str, font: Font, width: int) -> Iterator[str]:
    """Lines of whole words that are at most `width` pixels wide, where words allow it."""
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and font.getlength(longer) > width:
            yield line
            longer = word
        line = longer
    yield line
