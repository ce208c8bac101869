"""Nobody is told what is built.

OpenVINO's converter and NNCF report what they do to their makers, unless the user has declined:
each report in a process forked from this one, which takes as long as half of a small export.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from openvino_telemetry.backend.backend_ga4 import GA4Backend


@contextmanager
def no_telemetry() -> Iterator[None]:
    """Reports that are made meanwhile are sent nowhere."""
    send = GA4Backend.send
    GA4Backend.send = lambda backend, message: None
    try:
        yield
    finally:
        GA4Backend.send = send
