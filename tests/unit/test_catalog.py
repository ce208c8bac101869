"""What a deployment says of its models."""

from __future__ import annotations

from shared.model_card import Catalog
from tests.builders import a_card


def test_a_model_is_filtered_unless_the_deployment_has_turned_that_off() -> None:
    catalog = Catalog((a_card(filtered=True), a_card(name="free")))

    assert [card.filtered for card in catalog.with_filter(True).cards] == [True, False]
    assert [card.filtered for card in catalog.with_filter(False).cards] == [False, False]
