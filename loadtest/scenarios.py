"""The scenarios: how many users when, or how many arrivals a second, and what each of them does."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from loadtest.journey import Order

REPORT_MIX = ((64, 8.5), (128, 8.5), (256, 1.0))
"""Square sizes in px and their shares, from the first report's experiment."""

SHORTEST_STEP_S = 6.0
"""Six looks at the queue are the fewest from which a trend can be told."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """`seconds` long, from one number of users to another, by steps of one."""

    seconds: float
    users_from: int
    users_to: int


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Closed-loop phases of users, or (`arrivals_per_s`) an open loop.

    `think_s` is a user's pause between two pictures. `jobs_per_user` None: as many as the time
    allows. `batch_size` None: each wish is a job; else so many jobs that are submitted at once.
    An open loop starts with `arrivals_per_s` and multiplies the rate by `growth` every `step_s`
    until the queue grows or the phases are over. `idle_s` is how long the cold scenario leaves the
    service alone. `prompts` are the first report's own, until the model names better.
    """

    name: str
    says: str
    phases: tuple[Phase, ...]
    repetitions: int = 1
    mix: tuple[tuple[int, float], ...] = REPORT_MIX
    prompts: tuple[str, ...] = ("mountains and rivers at sunset",)
    think_s: tuple[float, float] = (1.0, 5.0)
    jobs_per_user: int | None = None
    batch_size: int | None = None
    mischief: bool = False
    arrivals_per_s: float | None = None
    growth: float = 1.25
    step_s: float = 20.0
    idle_s: float = 0.0

    @property
    def seconds(self) -> float:
        """How long one repetition submits; the drain comes on top."""
        return sum(phase.seconds for phase in self.phases)

    @property
    def most_users(self) -> int:
        """At its fullest."""
        return max(max(phase.users_from, phase.users_to) for phase in self.phases)


def scenarios() -> dict[str, Scenario]:
    """All of them, by name."""
    known = (_report(), _smoke(), _burst(), _soak(), _capacity(), _cold(), _mixed(), _batches())
    return {scenario.name: scenario for scenario in known}


def chosen(name: str, *, scale: float, most_users: int = 0, rate: float = 0.0) -> Scenario:
    """The scenario of that name as a command line changes it; 0 leaves what it has by itself.
    `rate` is what an open loop starts at, in arrivals a second."""
    scenario = scaled(scenarios()[name], scale)
    if most_users:
        scenario = with_users(scenario, most_users)
    if rate and scenario.arrivals_per_s is not None:
        scenario = replace(scenario, arrivals_per_s=rate)
    return scenario


def scaled(scenario: Scenario, scale: float) -> Scenario:
    """The same with every duration times `scale`; users, mix and think time stay, and a step of
    the open loop never gets too short to see whether the queue grows."""
    phases = tuple(replace(phase, seconds=phase.seconds * scale) for phase in scenario.phases)
    step_s = max(SHORTEST_STEP_S, scenario.step_s * scale)
    return replace(scenario, phases=phases, step_s=step_s, idle_s=scenario.idle_s * scale)


def with_users(scenario: Scenario, users: int) -> Scenario:
    """The same with `users` at its fullest, the other numbers in proportion."""
    factor = users / scenario.most_users
    phases = tuple(
        replace(
            phase,
            users_from=round(phase.users_from * factor),
            users_to=round(phase.users_to * factor),
        )
        for phase in scenario.phases
    )
    return replace(scenario, phases=phases)


def users_at(scenario: Scenario, elapsed_s: float) -> int | None:
    """How many users there should be; None when it is over."""
    for phase in scenario.phases:
        if elapsed_s < phase.seconds:
            span = phase.users_to - phase.users_from
            steps = int(elapsed_s / phase.seconds * abs(span))
            return phase.users_from + (steps + 1 if span > 0 else -steps)
        elapsed_s -= phase.seconds
    return None


def rate_at(scenario: Scenario, elapsed_s: float) -> float:
    """Arrivals per second of an open loop."""
    assert scenario.arrivals_per_s is not None
    return float(scenario.arrivals_per_s * scenario.growth ** int(elapsed_s / scenario.step_s))


def orders(
    scenario: Scenario, *, name: str, chance: random.Random, wait_s: int
) -> tuple[Order, ...]:
    """The wishes of one batch, in the order in which they are sent."""
    return tuple(
        order(scenario, name=f"{name}-{number}", chance=chance, wait_s=wait_s)
        for number in range(scenario.batch_size or 1)
    )


def order(scenario: Scenario, *, name: str, chance: random.Random, wait_s: int) -> Order:
    """A wish drawn from the scenario's mix."""
    sizes = [size for size, _ in scenario.mix]
    (size,) = chance.choices(sizes, weights=[share for _, share in scenario.mix])
    return Order(
        name=name,
        prompt=chance.choice(scenario.prompts),
        width=size,
        height=size,
        seed=chance.randrange(2**32),
        wait_s=wait_s,
    )


def _report() -> Scenario:
    return Scenario(
        name="report",
        says="the first report: one user more per 40 s up to 10, 14 min, one less per minute",
        phases=(
            Phase(seconds=400, users_from=0, users_to=10),
            Phase(seconds=840, users_from=10, users_to=10),
            Phase(seconds=600, users_from=10, users_to=0),
        ),
        repetitions=5,
    )


def _smoke() -> Scenario:
    return Scenario(
        name="smoke",
        says="three users for a minute",
        phases=(Phase(seconds=60, users_from=3, users_to=3),),
        think_s=(0.2, 1.0),
    )


def _burst() -> Scenario:
    return Scenario(
        name="burst",
        says="1,000 users at once, one picture each; three times, to see whether memory grows",
        phases=(Phase(seconds=3600, users_from=1000, users_to=1000),),
        repetitions=3,
        mix=((64, 1.0),),
        think_s=(0.0, 0.0),
        jobs_per_user=1,
    )


def _soak() -> Scenario:
    return Scenario(
        name="soak",
        says="five users for four hours: what leaks shows",
        phases=(Phase(seconds=14_400, users_from=5, users_to=5),),
    )


def _capacity() -> Scenario:
    return Scenario(
        name="capacity",
        says="an open loop: arrivals a second, a quarter more every 20 s until the queue grows",
        phases=(Phase(seconds=900, users_from=1, users_to=1),),
        arrivals_per_s=1.0,
    )


def _cold() -> Scenario:
    return Scenario(
        name="cold",
        says="one picture, fifteen quiet minutes for the workers to go cold, and again: six times",
        phases=(Phase(seconds=5_500, users_from=1, users_to=1),),
        think_s=(0.0, 0.0),
        idle_s=900,
    )


def _mixed() -> Scenario:
    return Scenario(
        name="mixed",
        says="cancels, repeated and reused keys, nonsense, strangers' jobs, slow clients",
        phases=(Phase(seconds=120, users_from=8, users_to=8),),
        think_s=(0.0, 1.0),
        mischief=True,
    )


def _batches() -> Scenario:
    return Scenario(
        name="batches",
        says="four users for two minutes, twenty pictures at once each",
        phases=(Phase(seconds=120, users_from=4, users_to=4),),
        think_s=(0.2, 1.0),
        batch_size=20,
    )
