"""Locust asks this once a second how many users there should be."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from locust import LoadTestShape

from loadtest.queue_watch import QueueWatch
from loadtest.scenarios import Scenario, users_at

SPAWNED_PER_S = 1000


class ScenarioShape(LoadTestShape):
    """Follows the scenario's phases; ends early when every user has had its pictures, and when
    an open loop's queue grows."""

    abstract = True
    scenario: ClassVar[Scenario]
    watch: ClassVar[QueueWatch]
    running_users: ClassVar[Callable[[], int]]
    begun: ClassVar[Callable[[], bool]]
    wall_s: ClassVar[Callable[[], float]] = time.time

    def tick(self) -> tuple[int, float] | None:
        """Users, and how many a second to start; None ends the run."""
        elapsed_s = self.get_run_time()
        users = users_at(self.scenario, elapsed_s)
        if users is None or self._all_served(elapsed_s) or self._overrun(elapsed_s):
            return None
        return users, SPAWNED_PER_S

    def _all_served(self, elapsed_s: float) -> bool:
        """On a busy machine it takes a while until the first user runs."""
        bounded = self.scenario.jobs_per_user is not None
        begun = elapsed_s > 3 and type(self).begun()
        return bounded and begun and type(self).running_users() == 0

    def _overrun(self, elapsed_s: float) -> bool:
        step_s = self.scenario.step_s
        if self.scenario.arrivals_per_s is None or elapsed_s < 2 * step_s:
            return False
        return self.watch.grows(since_s=type(self).wall_s() - step_s)
