"""What the documents say is held against the code."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from pydantic import BaseModel

from shared import settings, transitions
from shared.job import JobStatus
from shared.settings import PREFIX
from shared.transition import Transition

ROOT = Path(__file__).resolve().parents[2]


def moves() -> set[str]:
    """The names of all functions that make a transition."""
    functions = inspect.getmembers(transitions, inspect.isfunction)
    return {
        name
        for name, function in functions
        if inspect.signature(function).return_annotation == Transition.__name__
    }


def test_the_state_diagram_shows_every_status_and_every_move() -> None:
    page = (ROOT / "docs/state-machine.md").read_text("utf-8")

    for word in [*(status.value for status in JobStatus), *moves()]:
        assert re.search(rf"\b{word}\b", page), word


def test_the_settings_page_lists_every_variable() -> None:
    page = (ROOT / "docs/settings.md").read_text("utf-8")
    classes = [
        type_
        for _, type_ in inspect.getmembers(settings, inspect.isclass)
        if issubclass(type_, BaseModel) and type_ is not BaseModel
    ]
    names = {PREFIX + name.upper() for type_ in classes for name in type_.model_fields}

    assert names
    assert names == set(re.findall(rf"\b{PREFIX}[A-Z_]+\b", page))


def test_the_readme_names_only_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"`?make ([\w-]+)", (ROOT / "README.md").read_text("utf-8")))

    assert named
    assert named <= targets
