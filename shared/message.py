"""The queue body: a version and a job's id, nothing that could contradict the row."""

from __future__ import annotations

import json

from shared.errors import MalformedMessage

VERSION = 1


def encode(job_id: str) -> str:
    """The body that rings for a job."""
    return json.dumps({"v": VERSION, "job_id": job_id}, separators=(",", ":"))


def decode(body: str) -> str:
    """The job's id. Raises MalformedMessage for anything that `encode` did not write."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage("not JSON") from error
    if not isinstance(content, dict) or content.get("v") != VERSION:
        raise MalformedMessage(f"not a version {VERSION} message")
    job_id = content.get("job_id")
    if not isinstance(job_id, str) or not job_id:
        raise MalformedMessage("no job_id")
    return job_id
