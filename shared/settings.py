"""Settings: one frozen object for each unit, read once from a mapping that the wiring hands over.

Variables are the field names in capitals after `DARKROOM_`; docs/settings.md lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import SettingsError

PREFIX = "DARKROOM_"


class _Settings(BaseModel):
    # A unit reads one of these, and need not build the others' validators.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Raises SettingsError that names every variable that is missing or wrong."""
        given = {
            name: environ[PREFIX + name.upper()]
            for name in cls.model_fields
            if PREFIX + name.upper() in environ
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise SettingsError(_explain(error)) from error


def _explain(error: ValidationError) -> str:
    lines = [
        f"{PREFIX}{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}"
        for fault in error.errors(include_url=False)
    ]
    return "settings are missing or wrong: " + "; ".join(lines)


class JobRules(_Settings):
    """How long things may take, and whether webhooks may be sent to this very machine, as tests do.
    Defaults are those of docs/operating.md."""

    max_attempts: int = Field(default=3, ge=1, le=10)
    lease_s: float = Field(default=30, gt=0)
    heartbeat_s: float = Field(default=0.5, ge=0)
    ring_again_s: float = Field(default=15, gt=0)
    backoff_s: float = Field(default=5, ge=0)
    backoff_cap_s: float = Field(default=120, ge=0)
    max_receives: int = Field(default=5, ge=1)
    link_lasts_s: int = Field(default=900, ge=1)
    max_wait_s: float = Field(default=20, ge=0)
    images_wait_s: float = Field(default=25, ge=0)
    webhook_timeout_s: float = Field(default=10, gt=0, le=25)
    webhook_loopback: bool = False

    @property
    def lease_ms(self) -> int:
        return round(self.lease_s * 1000)

    @property
    def ring_again_ms(self) -> int:
        return round(self.ring_again_s * 1000)

    @property
    def webhook_lease_ms(self) -> int:
        """A try takes its timeout at most, and then a moment to be written down."""
        return round(2000 * self.webhook_timeout_s) + 2000


class LimitRules(_Settings):
    """How much one tenant may ask for. None of it holds on one machine without keys, where nobody
    else is there, but for `queue_limit`."""

    submits_per_s: float = Field(default=5, gt=0, le=100_000)
    submit_burst: int = Field(default=10, ge=1, le=100_000)
    reads_per_s: float = Field(default=50, gt=0, le=100_000)
    read_burst: int = Field(default=100, ge=1, le=100_000)
    open_jobs: int = Field(default=1000, ge=1)
    queue_limit: int = Field(default=10_000, ge=1)
    key_cache_s: float = Field(default=10, ge=0, le=300)

    @property
    def key_cache_ms(self) -> int:
        return round(self.key_cache_s * 1000)


class AwsPlaces(_Settings):
    """The names of what a stack has deployed. Who is not told of the webhooks' queue rings for none
    of them: the sweep finds what they owe within two minutes."""

    table: str
    queue_url: str
    webhook_queue_url: str | None = None
    bucket: str


class WorkerFacts(_Settings):
    """What others need to know of the workers. `result_cache`: whether their pictures are found
    again. `content_filter`: whether a safety checker that comes with a model looks at them."""

    worker_memory_mb: int | None = Field(default=None, ge=1)
    engine: Literal["openvino", "diffusers", "pattern"] = "openvino"
    result_cache: bool = True
    content_filter: bool = True


class PriceRules(_Settings):
    """What a picture costs where workers are paid by the second; unset: nobody knows."""

    usd_per_gb_s: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    usd_per_job: float = Field(default=0, ge=0, allow_inf_nan=False)
    price_basis: str | None = None


class MachinePrice(_Settings):
    """What one machine costs; unset: nobody knows."""

    usd_per_hour: float | None = Field(default=None, ge=0, allow_inf_nan=False)


class PromptRules(_Settings):
    """A file with the terms that prompts are refused for; unset: none is."""

    refused_terms: Path | None = None


class SubmitSettings(AwsPlaces, JobRules, LimitRules, WorkerFacts, PriceRules, PromptRules):
    """submit_fn on AWS. `cap`: how many workers run at once."""

    webhook_queue_url: str
    catalog: Path
    cap: int | None = None


class StatusSettings(AwsPlaces, JobRules, LimitRules, WorkerFacts, PriceRules):
    """status_fn on AWS. `cap`: how many workers run at once."""

    catalog: Path
    cap: int | None = None


class UpkeepSettings(AwsPlaces, JobRules, WorkerFacts, PriceRules):
    """upkeep_fn on AWS."""

    dead_letter_url: str
    webhook_queue_url: str
    catalog: Path


class EngineSettings(WorkerFacts):
    """Which engine a worker runs and on what."""

    model: str = "postcard"
    model_dir: Path | None = None
    engine_delay_ms: int = Field(default=0, ge=0)
    threads: int | None = Field(default=None, ge=1)
    compiled: Path | None = None
    batch: int = Field(default=4, ge=1)
    batch_pixels: int = Field(default=4 * 256 * 256, ge=1)


class LambdaWorkerSettings(AwsPlaces, JobRules, EngineSettings):
    """worker_fn as a Lambda function, or as a poller against AWS that ends when no job came for
    `idle_s`."""

    idle_s: float | None = Field(default=None, gt=0)


class LocalWorkerSettings(JobRules, EngineSettings):
    """worker_fn.poller on one machine: everything is under `data`, and `workers` share it. Who
    started it may have opened `ready_fd`, to be told when it can draw."""

    data: Path
    workers: int = Field(default=1, ge=1)
    ready_fd: int | None = Field(default=None, ge=0)
