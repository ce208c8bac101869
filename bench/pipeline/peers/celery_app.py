"""Celery as its documentation shows it: Redis as broker and as result backend, nothing tuned."""

from __future__ import annotations

import os

from celery import Celery

_REDIS = os.environ["BENCH_REDIS"]

app = Celery("bench", broker=f"{_REDIS}/0", backend=f"{_REDIS}/1")


# Celery is installed in the peers' own environment, where nothing checks types.
@app.task  # type: ignore[untyped-decorator]  # celery is untyped
def nothing(prompt: str) -> str:
    """The task that is the least work."""
    return prompt
