"""Errors as the caller sees them."""

from __future__ import annotations

import inspect
from http import HTTPStatus

from shared import errors
from shared.http.operations import OPERATIONS
from shared.http.problem import INTERNAL, KINDS, problem


def test_every_request_error_has_an_answer_of_its_own() -> None:
    concrete = [
        type_
        for _, type_ in inspect.getmembers(errors, inspect.isclass)
        if issubclass(type_, errors.RequestError) and type_ is not errors.RequestError
    ]

    assert set(concrete) <= set(KINDS)
    assert len({kind.code for kind in KINDS.values()}) == len(KINDS)


def test_an_error_that_nobody_foresaw_tells_nothing_of_our_insides() -> None:
    told = problem(RuntimeError("secret path /etc"), request_id="r")

    assert (told.status, told.code, told.detail) == (500, INTERNAL.code, INTERNAL.title)


def test_only_answers_that_exist_are_promised() -> None:
    statuses = {kind.status for kind in KINDS.values()}
    for operation in OPERATIONS:
        assert set(operation.problems) <= statuses
        assert all(HTTPStatus(status) for status in operation.answers)


def test_the_tree_at_the_top_of_the_file_names_every_error() -> None:
    for name, type_ in inspect.getmembers(errors, inspect.isclass):
        if issubclass(type_, errors.DarkroomError):
            assert name in (errors.__doc__ or "")
