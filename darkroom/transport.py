"""Requests that are sent again until they are answered, or it is hopeless."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from typing import Any, TypeVar

import httpx

from darkroom.errors import NoAnswer, Refused

TRIES = 8
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
T = TypeVar("T")
_BUSY = frozenset({429, 503})
_VISIBLE = re.compile(r"[\x21-\x7e]+")


class Bearer(httpx.Auth):
    """Shows the key to the service alone: links to pictures may lead elsewhere, and need none.
    Raises ValueError for what can be no key."""

    def __init__(self, key: str, base_url: str) -> None:
        if not _VISIBLE.fullmatch(key):
            raise ValueError("a key is visible ASCII without spaces, dk_…")
        self._key = key
        self._origin = _origin(httpx.URL(base_url))

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if _origin(request.url) == self._origin:
            request.headers["Authorization"] = f"Bearer {self._key}"
        yield request


class Transport:
    """Sends requests that are safe to repeat. One httpx client, so that connections are reused."""

    def __init__(
        self,
        http: httpx.Client,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._http = http
        self._sleep = sleep
        self._jitter = jitter

    def send(self, method: str, url: str, **arguments: Any) -> httpx.Response:
        """The first answer that is neither 429 nor 503. Raises Refused for 4xx and 5xx, NoAnswer,
        and ValueError for what can be no request.

        Transport errors, 429 and 503 are tried again, after Retry-After where it is given.
        """
        answer = self._try(method, url, arguments)
        for pause_s in self._pauses():
            if isinstance(answer, httpx.Response) and answer.status_code not in _BUSY:
                break
            self._sleep(max(pause_s, retry_after_s(answer)))
            answer = self._try(method, url, arguments)
        return _checked(answer, f"{method} {url} on {self._http.base_url}")

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def _try(
        self, method: str, url: str, arguments: dict[str, Any]
    ) -> httpx.Response | httpx.TransportError:
        try:
            return self._http.request(method, url, **arguments)
        except httpx.LocalProtocolError as error:
            raise ValueError(f"this cannot be sent: {error}") from error
        except httpx.TransportError as error:
            return error

    def _pauses(self) -> Iterator[float]:
        """Seconds to wait between two tries: growing, with jitter."""
        for number in range(TRIES - 1):
            yield min(FIRST_PAUSE_S * 2**number, LONGEST_PAUSE_S) * (0.5 + self._jitter() / 2)


def require_address(base_url: str) -> None:
    """Raise ValueError where no service can be."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise ValueError(f"{base_url!r} is not an address: {error}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"{base_url!r} is not an address: it begins with http:// or https://")


def retry_after_s(answer: httpx.Response | httpx.TransportError) -> float:
    """What `Retry-After` asks for in seconds, at most LONGEST_PAUSE_S; 0 where it asks nothing."""
    asked = (
        "" if isinstance(answer, httpx.TransportError) else answer.headers.get("retry-after", "")
    )
    return min(float(asked), LONGEST_PAUSE_S) if asked.isdecimal() else 0.0


def read(answer: httpx.Response, parse: Callable[[Any], T]) -> T:
    """Parse an answer. Raises NoAnswer when it is not what a Darkroom would say."""
    try:
        return parse(answer.json())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoAnswer(f"{answer.url} does not answer like a Darkroom") from error


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _checked(answer: httpx.Response | httpx.TransportError, asked: str) -> httpx.Response:
    if not isinstance(answer, httpx.Response):
        raise NoAnswer(f"no answer to {asked} after {TRIES} tries: {answer}") from answer
    if answer.status_code >= 400:
        raise Refused(_problem(answer), status=answer.status_code)
    return answer


def _problem(answer: httpx.Response) -> dict[str, Any]:
    """What a Darkroom says of it; a proxy in front of one may say anything."""
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        with suppress(ValueError):
            content = answer.json()
            if isinstance(content, dict):
                return content
    return {"detail": answer.reason_phrase}
