"""Many pictures side by side, each over its prompt."""

import textwrap
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

COLUMNS = 8
GAP = 4
# Of a picture's width: the letters' height, and their own width with some to spare.
LETTER, LETTER_WIDTH = 0.085, 0.044
MOST_LINES = 4


def contact_sheet(shown: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Prompts and their pictures, all of one size, in rows of eight on white."""
    width, height = shown[0][1].size
    letter = max(9, round(LETTER * width))
    across, down = width + 2 * GAP, height + 2 * GAP + MOST_LINES * (letter + 2)
    rows = -(-len(shown) // COLUMNS)
    sheet = Image.new("RGB", (min(COLUMNS, len(shown)) * across, rows * down), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(letter)
    for number, (prompt, picture) in enumerate(shown):
        left, top = number % COLUMNS * across + GAP, number // COLUMNS * down + GAP
        sheet.paste(picture, (left, top))
        lines = textwrap.wrap(prompt, round(1 / LETTER_WIDTH))[:MOST_LINES]
        draw.multiline_text((left, top + height + 1), "\n".join(lines), "black", font, spacing=2)
    return sheet
