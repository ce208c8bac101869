"""Whose jobs they are: callers who submit, cancel, retry and delete."""

from __future__ import annotations

from collections.abc import Callable

from shared.batch import BatchSpec
from shared.open_limits import OpenLimits
from shared.settings import JobRules
from shared.spec import JobSpec
from submit_fn.cancel import Cancel
from submit_fn.cancel_batch import CancelBatch
from submit_fn.delete import Delete
from submit_fn.result_cache import ResultCache
from submit_fn.retry import Retry
from submit_fn.submit import Submit
from submit_fn.submit_batch import SubmitBatch
from tests.chaos.actors import Actor
from tests.chaos.brush import NAME
from tests.chaos.cast import CATALOG, RULES, Stage

LIMITS = OpenLimits(per_tenant=1000, overall=1000)
"""Never reached: what is played is whether the count of open jobs stays right."""
Judge = Callable[[Actor], None]


def submitter(
    stage: Stage, spec: JobSpec, rules: JobRules, *, tenant: str, key: str | None, judge: Judge
) -> Actor:
    """Somebody who submits a job."""

    def work(actor: Actor) -> object:
        submit = _submit(stage, actor, rules, cache=_cache(stage, actor))
        return submit(spec, tenant=tenant, key=key, limits=LIMITS)

    return Actor("submit", work, judge)


def batch_submitter(
    stage: Stage,
    asked: BatchSpec,
    *,
    tenant: str,
    key: str | None,
    limits: OpenLimits,
    judge: Judge,
) -> Actor:
    """Somebody who submits a batch."""

    def work(actor: Actor) -> object:
        submit = _submit(stage, actor, RULES)
        submit_batch = SubmitBatch(submit=submit, batches=stage.batches(actor))
        return submit_batch(asked, tenant=tenant, key=key, limits=limits)

    return Actor("submit", work, judge)


def batch_canceler(stage: Stage, batch_id: str, *, tenant: str, judge: Judge) -> Actor:
    """Somebody who cancels a batch."""

    def work(actor: Actor) -> object:
        cancel = CancelBatch(
            table=stage.table(actor),
            batches=stage.batches(actor),
            clock=stage.clock,
            log=stage.log,
        )
        return cancel(batch_id, tenant=tenant)

    return Actor(tenant, work, judge)


def canceler(stage: Stage, job_id: str, *, tenant: str, judge: Judge) -> Actor:
    """Somebody who cancels a job."""

    def work(actor: Actor) -> object:
        cancel = Cancel(table=stage.table(actor), clock=stage.clock, log=stage.log)
        return cancel(job_id, tenant=tenant)

    return Actor(tenant, work, judge)


def retrier(stage: Stage, job_id: str, *, tenant: str, judge: Judge) -> Actor:
    """Somebody who sends a job into another round."""

    def work(actor: Actor) -> object:
        retry = Retry(
            table=stage.table(actor),
            ring=_submit(stage, actor, RULES).ring,
            rules=RULES,
            clock=stage.clock,
            log=stage.log,
        )
        return retry(job_id, tenant=tenant, limits=LIMITS)

    return Actor(tenant, work, judge)


def deleter(stage: Stage, job_id: str, *, tenant: str, judge: Judge) -> Actor:
    """Somebody who deletes a job."""

    def work(actor: Actor) -> None:
        delete = Delete(
            table=stage.table(actor),
            erase_files=stage.images(actor).erase,
            rules=RULES,
            clock=stage.clock,
            log=stage.log,
        )
        delete(job_id, tenant=tenant)

    return Actor(tenant, work, judge)


def _cache(stage: Stage, actor: Actor) -> ResultCache:
    return ResultCache(
        table=stage.table(actor),
        images=lambda: stage.images(actor),
        catalog=CATALOG,
        engine=NAME,
        clock=stage.clock,
        log=stage.log,
    )


def _submit(
    stage: Stage, actor: Actor, rules: JobRules, cache: ResultCache | None = None
) -> Submit:
    return Submit(
        table=stage.table(actor),
        queue=stage.queue(actor),
        catalog=CATALOG,
        rules=rules,
        clock=stage.clock,
        entropy=stage.entropy,
        log=stage.log,
        cache=cache,
    )
