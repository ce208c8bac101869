"""How much is played. Always the same plays: a failure on one machine is one on every machine."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings


def profile(*, plays: int, steps: int, explain: bool = False) -> settings:
    """`explain` looks for the shortest play that fails as well."""
    return settings(
        max_examples=plays,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if explain else [Phase.generate],
    )
