"""The report's money and the operating page's are the same money."""

from __future__ import annotations

import tomllib

import pytest

from infra.cost import PRICES, per_thousand_images
from loadtest.cost import read_prices


@pytest.mark.parametrize(("worker_s", "reading_s"), [(0.3, 1.0), (4.0, 0.2)])
def test_a_picture_costs_in_the_report_what_it_costs_on_the_operating_page(
    worker_s: float, reading_s: float
) -> None:
    told = tomllib.loads(PRICES.read_text("utf-8"))
    page = per_thousand_images(told, worker_s=worker_s, reading_s=reading_s)
    ours = read_prices(PRICES).of_picture(
        worker_ms=1000 * worker_s,
        # The page adds the 60 ms that submit and reads take besides waiting.
        reading_ms=1000 * (reading_s + 0.06),
    )
    assert ours == pytest.approx(sum(line.usd for line in page) / 1000)
