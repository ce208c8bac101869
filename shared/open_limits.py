"""How many jobs may be open (queued or running) at once, and what is said to one too many. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import QueueFull, TenantQueueFull

_PAUSE = {"Retry-After": "5"}
"""Nobody knows when a job will end; this is often enough to ask."""


@dataclass(frozen=True, kw_only=True)
class OpenLimits:
    """`per_tenant` of the tenant that submits, `overall` of all of them; None: any number."""

    per_tenant: int | None = None
    overall: int | None = None


UNLIMITED = OpenLimits()


def tenant_queue_full(limits: OpenLimits) -> TenantQueueFull:
    """For a tenant that has as many open jobs as it may."""
    detail = f"you have {limits.per_tenant} open jobs; wait for one to end, or cancel one"
    return TenantQueueFull(detail, headers=_PAUSE)


def queue_full(limits: OpenLimits) -> QueueFull:
    """For whoever comes when all tenants together have as many as there may be."""
    return QueueFull(f"{limits.overall} jobs are open already; try again later", headers=_PAUSE)
