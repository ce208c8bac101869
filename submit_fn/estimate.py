"""Estimate: what a submit would come to. Judges it as a submit does, and stores nothing."""

from __future__ import annotations

from dataclasses import dataclass

from shared.cost import Prices
from shared.eta import Eta
from shared.forecast import Forecast
from shared.job import Timing
from shared.pace import Span, form_of
from shared.spec import CompleteSpec, JobSpec
from submit_fn.submit import Submit

_AT_ONCE = Eta(soonest_ms=0.0, latest_ms=0.0)


@dataclass(frozen=True, kw_only=True)
class Estimated:
    """`spec` is what would be drawn, with a seed that is one of many where none was asked for.
    `usd` and `eta` are None where nothing is known; `avoided_usd` and `would_hit` are of the result
    cache."""

    spec: CompleteSpec
    usd: Span | None
    avoided_usd: float
    eta: Eta | None
    would_hit: bool


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The verb, with what it needs. `prices`: the deployment's, if it has any."""

    submit: Submit
    forecast: Forecast
    prices: Prices | None

    def __call__(self, asked: JobSpec, *, tenant: str) -> Estimated:
        """Raises ValidationFailed as a submit does, and Unavailable."""
        job = self.submit.new_job(asked, tenant=tenant, now_ms=self.submit.clock())
        cache = self.submit.cache
        source = cache.source(asked, job.spec, tenant=tenant) if cache else None
        if source is not None:
            return self._answered(job.spec, source.timing)
        return Estimated(
            spec=job.spec,
            usd=self._usd(job.spec, tenant),
            avoided_usd=0.0,
            eta=self.forecast.of_new(job.spec, tenant=tenant),
            would_hit=False,
        )

    def _answered(self, spec: CompleteSpec, spared: Timing | None) -> Estimated:
        prices = self.prices
        return Estimated(
            spec=spec,
            usd=Span(least=prices.job, most=prices.job) if prices else None,
            avoided_usd=prices.drawing(spared) if prices and spared else 0.0,
            eta=_AT_ONCE,
            would_hit=True,
        )

    def _usd(self, spec: CompleteSpec, tenant: str) -> Span | None:
        pace, prices = self.forecast.pace(tenant), self.prices
        alike = pace.of(form_of(spec)) if pace else None
        if alike is None or prices is None:
            return None
        paid = alike.paid()
        return Span(
            least=prices.job + prices.working(paid.least),
            most=prices.job + prices.working(paid.most),
        )
