"""How the command line says amounts and times."""

from __future__ import annotations

from math import floor, log10


def span(seconds: tuple[float, float]) -> str:
    """From the soonest to the latest."""
    soonest, latest = (f"{each:.{1 if each < 10 else 0}f}" for each in seconds)
    return f"{soonest} to {latest} s"


def usd(amount: float) -> str:
    """Two digits that count, written out: pictures cost fractions of a cent."""
    places = max(2, 1 - floor(log10(amount))) if amount > 0 else 2
    return f"{amount:.{places}f} USD"


_WAITS = {
    "waiting_capacity": "for a free worker",
    "cold_start": "for a worker to start",
    "retry_backoff": "before another try",
    "same_image_in_progress": "for the same picture, which is being drawn",
}


def waits(reason: str) -> str:
    """What a job waits for. A newer service may have reasons that nobody here has words for."""
    return _WAITS.get(reason, reason)
