"""Before the load: is somebody there, and which sizes does its model draw?"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx

from loadtest.journey import COME_BACK
from loadtest.scenarios import Scenario

TRIES = 5
KEY = "DARKROOM_KEY"
"""In the environment, because command lines are seen by everyone on a machine."""


class NotReady(Exception):
    """The service cannot be put under load; the message says why and what to do."""


def headers_from(environ: Mapping[str, str]) -> dict[str, str]:
    """What every request bears: the key, where one is given."""
    key = environ.get(KEY)
    return {"Authorization": f"Bearer {key}"} if key else {}


def offered(host: str, headers: Mapping[str, str]) -> Mapping[str, Any]:
    """The default model's card. Raises NotReady."""
    try:
        answer = _answered(f"{host}/v1/models", headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotReady(f"{host} does not answer ({error}); is it served there?") from error
    if answer.status_code == 401:
        raise NotReady(f"{host} wants a key: put one into {KEY}")
    if answer.status_code != 200:
        raise NotReady(f"{host}/v1/models answered {answer.status_code}: is that a Darkroom?")
    told = answer.json()
    (card,) = [model for model in told["models"] if model["name"] == told["default"]]
    return dict(card)


def _answered(url: str, headers: Mapping[str, str]) -> httpx.Response:
    """A service that nobody has called for a while may not be ready at once. Raises HTTPError."""
    for _ in range(TRIES - 1):
        answer = httpx.get(url, headers=dict(headers), timeout=30)
        if answer.status_code not in COME_BACK:
            return answer
        time.sleep(1)
    return httpx.get(url, headers=dict(headers), timeout=30)


def fitting(scenario: Scenario, card: Mapping[str, Any]) -> tuple[Scenario, list[int]]:
    """The scenario with the model's own prompts and without the sizes that it does not draw, and
    those sizes. Raises NotReady."""
    fits = [(size, share) for size, share in scenario.mix if _draws(card, size)]
    if not fits:
        raise NotReady(f"{card['name']} draws none of the scenario's sizes")
    left_out = [size for size, _ in scenario.mix if not _draws(card, size)]
    prompts = tuple(card["examples"]) or scenario.prompts
    return replace(scenario, mix=tuple(fits), prompts=prompts), left_out


def _draws(card: Mapping[str, Any], size: int) -> bool:
    sides = (card["limits"]["width"], card["limits"]["height"])
    whole = size % card["limits"]["multiple_of"] == 0
    return whole and all(side["min"] <= size <= side["max"] for side in sides)
