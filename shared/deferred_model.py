"""A model that is built when it is first used, and not when its module is imported."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class DeferredModel(BaseModel):
    """For what a usual submit never needs: its cold start should not wait for it."""

    model_config = ConfigDict(defer_build=True)
