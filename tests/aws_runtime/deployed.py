"""What tests do with a deployed stack: submit, wait, ring, sweep, and kill its workers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psutil

from infra.aws_local.function import Counts
from infra.aws_local.stack import NAME, Stack

PATIENCE_S = 120
_WORKER = "worker_fn.main.handler"


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A stack, and a client of its API that shows a key."""

    stack: Stack
    http: httpx.Client

    def submitted(self, prompt: str, **fields: object) -> str:
        """The path of a new job."""
        answer = self.http.post("/v1/jobs", json={"prompt": prompt, **fields})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["links"]["self"])

    def job(self, path: str) -> Any:
        return self.http.get(path).json()

    def ended(self, path: str, *, sweeping: bool = False) -> Any:
        """The job once it is terminal; `sweeping`: with the sweep's help."""
        for _ in self.moments():
            job = self.job(path)
            if job["status"] not in ("queued", "running"):
                return job
            if sweeping:
                self.sweep()
        raise AssertionError(job)

    def moments(self) -> Iterator[None]:
        """Times to look again, until patience ends."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            yield
            time.sleep(0.2)

    def wait_for(self, holds: Callable[[], bool]) -> None:
        assert any(holds() for _ in self.moments())

    def sweep(self) -> Any:
        """Invoke what the schedule invokes, as it does."""
        events = self.stack.client("events")
        (rule,) = events.list_rules(NamePrefix=f"{NAME}-UpkeepFunction")["Rules"]
        (target,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        tick = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
        return self.invoke(target["Arn"], tick)

    def invoke(self, function: str, event: object) -> Any:
        """The function's result."""
        answer = self.stack.client("lambda").invoke(
            FunctionName=function, Payload=json.dumps(event).encode()
        )
        assert "FunctionError" not in answer, answer["Payload"].read()
        return json.loads(answer["Payload"].read())

    def counts(self, unit: str) -> Counts:
        return self.stack.functions.counts(f"{NAME}-{unit}")

    def logged(self, event: str, unit: str) -> Sequence[Any]:
        """What a unit logged under that name, in all its processes."""
        lines = self.stack.log.read_text("utf-8").splitlines()
        entries = [json.loads(line) for line in lines if line[:1] == "{"]
        return [each for each in entries if (each["message"], each["service"]) == (event, unit)]

    def ring(self, body: str) -> None:
        """A message that no unit of ours need have sent."""
        self.stack.client("sqs").send_message(
            QueueUrl=self.stack.outputs["Queue"], MessageBody=body
        )

    def messages(self, queue: str) -> tuple[int, int]:
        """How many wait, and how many are in flight, in the queue of that output."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.stack.client("sqs").get_queue_attributes(
            QueueUrl=self.stack.outputs[queue], AttributeNames=names
        )
        waiting, in_flight = (int(answer["Attributes"][name]) for name in names)
        return waiting, in_flight

    @contextmanager
    def visibility(self, seconds: int) -> Iterator[None]:
        """The queue's own visibility timeout of 18 minutes, shortened."""
        sqs, url = self.stack.client("sqs"), self.stack.outputs["Queue"]
        name = "VisibilityTimeout"
        before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={name: str(seconds)})
        try:
            yield
        finally:
            sqs.set_queue_attributes(QueueUrl=url, Attributes=before)

    @contextmanager
    def event_source(self, *, batch: int) -> Iterator[Callable[[], None]]:
        """The worker's event source, held back until the call, then with batches of that size."""
        functions = self.stack.client("lambda")
        source = self._event_source()
        identity = source["UUID"]
        functions.update_event_source_mapping(UUID=identity, Enabled=False, BatchSize=batch)
        try:
            yield lambda: functions.update_event_source_mapping(UUID=identity, Enabled=True)
        finally:
            functions.update_event_source_mapping(
                UUID=identity, Enabled=True, BatchSize=source["BatchSize"]
            )

    @contextmanager
    def worker_timeout(self, seconds: int) -> Iterator[None]:
        """Another version of the worker, published with that timeout."""
        functions, name = self.stack.client("lambda"), f"{NAME}-worker"
        functions.update_function_configuration(FunctionName=name, Timeout=seconds)
        version = functions.publish_version(FunctionName=name)["Version"]
        before = functions.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
        functions.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
        try:
            yield
        finally:
            functions.update_alias(FunctionName=name, Name="live", FunctionVersion=before)

    def _event_source(self) -> Any:
        mappings = self.stack.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        (source,) = (each for each in mappings if f":{NAME}-worker:" in each["FunctionArn"])
        return source


def workers() -> Sequence[psutil.Process]:
    """The processes that run the worker's handler."""
    return [each for each in psutil.Process().children(recursive=True) if _is_worker(each)]


def _is_worker(process: psutil.Process) -> bool:
    try:
        return _WORKER in process.cmdline()
    except psutil.NoSuchProcess:
        return False
