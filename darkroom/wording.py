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
