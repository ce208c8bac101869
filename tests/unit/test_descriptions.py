"""What is read of botocore's descriptions of services, and what is not."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.loaders import create_loader

from shared.aws.descriptions import loader


def prose_in(described: Any) -> int:
    """How many texts of documentation there are."""
    if isinstance(described, dict):
        own = isinstance(text := described.get("documentation"), str) and text != ""
        return own + sum(map(prose_in, described.values()))
    return sum(map(prose_in, described)) if isinstance(described, list) else 0


def without_prose(described: Any) -> Any:
    if isinstance(described, dict):
        return {
            name: "" if name == "documentation" and isinstance(value, str) else without_prose(value)
            for name, value in described.items()
        }
    return list(map(without_prose, described)) if isinstance(described, list) else described


@pytest.mark.parametrize("service", ["dynamodb", "sqs", "s3"])
def test_a_description_is_botocore_s_own_but_for_its_prose(service: str) -> None:
    whole = create_loader().load_service_model(service, "service-2")
    read = loader().load_service_model(service, "service-2")

    assert prose_in(whole) > 100
    assert prose_in(read) == 0
    assert read == without_prose(whole)


@pytest.mark.parametrize("name", ["endpoints", "partitions", "sdk-default-configuration"])
def test_the_tables_of_regions_are_read_as_they_are(name: str) -> None:
    assert loader().load_data(name) == without_prose(create_loader().load_data(name))


def test_what_is_not_there_is_unknown_to_it_as_well() -> None:
    assert loader().file_loader.load_file("/nowhere/service-2") is None
