"""Darkroom's client: send a prompt, fetch a picture.

from darkroom import Darkroom

with Darkroom("http://127.0.0.1:8000") as room:
    job = room.wait(room.submit("mountains and a river at sunset", seed=7))
    png = room.image(job)
"""

from darkroom.batch import Batch, BatchItem, ItemProblem
from darkroom.client import Darkroom
from darkroom.delivery import Delivery, Try
from darkroom.errors import (
    BatchWaitOver,
    CorruptImage,
    DarkroomError,
    JobEnded,
    NoAnswer,
    Refused,
    WaitOver,
)
from darkroom.job import (
    CacheEstimate,
    Cost,
    Estimate,
    EstimatedCost,
    Failure,
    Image,
    Job,
    Links,
    Place,
    Progress,
    Timing,
)

__all__ = [
    "Batch",
    "BatchItem",
    "BatchWaitOver",
    "CacheEstimate",
    "CorruptImage",
    "Cost",
    "Darkroom",
    "DarkroomError",
    "Delivery",
    "Estimate",
    "EstimatedCost",
    "Failure",
    "Image",
    "ItemProblem",
    "Job",
    "JobEnded",
    "Links",
    "NoAnswer",
    "Place",
    "Progress",
    "Refused",
    "Timing",
    "Try",
    "WaitOver",
]
