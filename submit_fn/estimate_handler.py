"""HTTP events to an estimate's arguments, and its result to an answer."""

from __future__ import annotations

from dataclasses import dataclass

from shared.http.answers import CacheEstimate, EstimatedCostView, EstimateView
from shared.http.job_view import USD_PLACES, eta_fields, warnings_of
from shared.http.json_body import parsed
from shared.http.router import Request, Response, json_response
from shared.spec import JobSpec
from submit_fn.estimate import Estimate, Estimated


@dataclass(frozen=True, kw_only=True)
class Estimating:
    """The endpoint."""

    estimate: Estimate

    def __call__(self, request: Request) -> Response:
        asked = parsed(request.body, request.headers.get("content-type", ""), JobSpec)
        told = self.estimate(asked, tenant=request.tenant)
        view = EstimateView(
            request={**told.spec.model_dump(mode="json"), "seed": asked.seed},
            cost=self._cost(told),
            **eta_fields(told.eta),
            cache=CacheEstimate(would_hit=told.would_hit),
            warnings=warnings_of(told.spec, self.estimate.submit.catalog),
        )
        return json_response(view)

    def _cost(self, told: Estimated) -> EstimatedCostView | None:
        if told.usd is None or self.estimate.prices is None:
            return None
        least, most = told.usd.least, told.usd.most
        return EstimatedCostView(
            usd=round((least + most) / 2, USD_PLACES),
            usd_range=(round(least, USD_PLACES), round(most, USD_PLACES)),
            avoided_usd=round(told.avoided_usd, USD_PLACES),
            basis=self.estimate.prices.basis,
        )
