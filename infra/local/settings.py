"""What the environment says to a one-machine run, beside its command line."""

from __future__ import annotations

import os

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


def read_rules(options: Options) -> JobRules:
    """The rules from the environment, which the workers read too. Raises Refused."""
    try:
        return JobRules.read({**os.environ, "DARKROOM_LEASE_S": str(options.lease_s)})
    except SettingsError as error:
        raise Refused(str(error)) from error


def read_limits() -> LimitRules:
    """The limits from the environment. Raises Refused."""
    try:
        return LimitRules.read(os.environ)
    except SettingsError as error:
        raise Refused(str(error)) from error


def read_prices(options: Options) -> Prices | None:
    """What a picture costs here, from the environment. Raises Refused."""
    try:
        price = MachinePrice.read(os.environ)
    except SettingsError as error:
        raise Refused(str(error)) from error
    return prices_by_the_hour(price, workers=options.workers)


def read_workers(options: Options) -> Workers:
    """How many there will be, and how many jobs one draws at once. Raises Refused."""
    try:
        settings = EngineSettings.read({**os.environ, **worker_settings(options)})
    except SettingsError as error:
        raise Refused(str(error)) from error
    return Workers(count=options.workers, together=settings.batch)


def cached_engine(options: Options) -> str | None:
    """The engine whose pictures the result cache answers with; None: it is off. Raises Refused."""
    try:
        facts = WorkerFacts.read(os.environ)
    except SettingsError as error:
        raise Refused(str(error)) from error
    return options.engine if facts.result_cache else None


def filters_content() -> bool:
    """Whether safety checkers look at pictures. Raises Refused."""
    try:
        return WorkerFacts.read(os.environ).content_filter
    except SettingsError as error:
        raise Refused(str(error)) from error


def prompt_policy() -> PromptPolicy:
    """Which prompts are refused, from the file that the environment names. Raises Refused."""
    try:
        return read_policy(PromptRules.read(os.environ).refused_terms)
    except SettingsError as error:
        raise Refused(str(error)) from error
