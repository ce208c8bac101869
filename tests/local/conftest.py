"""One running server for all tests that only talk to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from darkroom import Darkroom
from tests.local.server import Server, running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A run with the pattern engine, shared: tests must not kill it or its worker."""
    folder = tmp_path_factory.mktemp("shared")
    terms = folder / "terms.txt"
    terms.write_text("# what nobody may ask for\nunspeakable\n", "utf-8")
    with running(folder / "data", settings={"DARKROOM_REFUSED_TERMS": str(terms)}) as server:
        yield server


@pytest.fixture
def room(server: Server) -> Iterator[Darkroom]:
    """A client of the shared server."""
    with Darkroom(server.base_url) as room:
        yield room
