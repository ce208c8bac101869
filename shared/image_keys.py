"""Under which keys an image store has a job's picture and its previews. Pure."""

from __future__ import annotations

IMAGES = "images"
"""The folder, or prefix, of all pictures; each job has its own in it."""


def image_key(job_id: str, attempt: int) -> str:
    """Names the attempt, so that a worker whose lease is over can never overwrite a picture."""
    return f"{IMAGES}/{job_id}/{attempt}.png"


def copy_key(job_id: str, attempt: int) -> str:
    """Not where the same attempt draws to, if nobody knows whether the copy was stored: bytes may
    differ. No preview is of step 0."""
    return preview_key(job_id, attempt, 0)


def preview_key(job_id: str, attempt: int, step: int) -> str:
    """Beside the picture, and erased with it; names the step, since bytes never change."""
    return f"{IMAGES}/{job_id}/{attempt}-{step}.png"
