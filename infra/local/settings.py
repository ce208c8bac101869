"""What the environment says to a one-machine run, beside its command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from infra.local.options import Options
from infra.local.refusal import Refused
from infra.local.supervisor import worker_settings
from shared.cost import Prices, prices_by_the_hour
from shared.errors import SettingsError
from shared.pace import Workers
from shared.prompt_policy import PromptPolicy
from shared.refused_terms import read_policy
from shared.settings import (
    EngineSettings,
    JobRules,
    LimitRules,
    MachinePrice,
    PromptRules,
    WorkerFacts,
)


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """`rules` are the workers' too. `workers`: how many there will be, and how many jobs one draws
    at once. `prices`: what a picture costs here, if anybody says. `cached_engine`: the one whose
    pictures the result cache answers with; None: it is off. `content_filter`: whether safety
    checkers look at pictures. `policy`: which prompts are refused."""

    rules: JobRules
    limits: LimitRules
    workers: Workers
    prices: Prices | None
    cached_engine: str | None
    content_filter: bool
    policy: PromptPolicy


def read_settings(options: Options, environ: Mapping[str, str]) -> RunSettings:
    """Raises Refused that names what is wrong."""
    try:
        return _read(options, environ)
    except SettingsError as error:
        raise Refused(str(error)) from error


def _read(options: Options, environ: Mapping[str, str]) -> RunSettings:
    facts = WorkerFacts.read(environ)
    engine = EngineSettings.read({**environ, **worker_settings(options)})
    return RunSettings(
        rules=JobRules.read({**environ, "DARKROOM_LEASE_S": str(options.lease_s)}),
        limits=LimitRules.read(environ),
        workers=Workers(count=options.workers, together=engine.batch),
        prices=prices_by_the_hour(MachinePrice.read(environ), workers=options.workers),
        cached_engine=options.engine if facts.result_cache else None,
        content_filter=facts.content_filter,
        policy=read_policy(PromptRules.read(environ).refused_terms),
    )
