"""The usual submit endpoint: FastAPI validates a body, Celery takes it, the caller gets an id."""

from __future__ import annotations

from fastapi import FastAPI
from pydantic import BaseModel

from bench.pipeline.peers.celery_app import nothing

app = FastAPI()


class Job(BaseModel):
    """What is asked for."""

    prompt: str


# FastAPI is installed in the peers' own environment, where nothing checks types.
@app.post("/v1/jobs", status_code=202)  # type: ignore[untyped-decorator]  # not installed here
def submit(job: Job) -> dict[str, str]:
    """In a thread, since Celery's client blocks."""
    return {"id": nothing.delay(job.prompt).id, "status": "queued"}
