"""What Darkroom costs on AWS, worked out from infra/prices.toml: `python -m infra.cost`.

Prints the tables of docs/operating.md. What a job uses is counted from the adapters' own calls,
with the longest row in mind; what it takes in time is an assumption that is named.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

PRICES = Path(__file__).with_name("prices.toml")
Prices: TypeAlias = Mapping[str, Mapping[str, float]]

IMAGES = 1000
_SECONDS = 30 * 86_400
"""A month's."""
_SWEEPS = _SECONDS / 60
_LIGHT_GB, _WORKER_GB = 0.5, 3008 / 1024
_POLLERS = 5
"""How many long polls Lambda keeps open at an idle queue."""
_POLLS = _SECONDS / 20


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row of a table."""

    what: str
    counted: str
    usd: float


def per_thousand_images(
    price: Prices, *, worker_s: float = 0.3, reading_s: float = 1.0
) -> list[Line]:
    """A job that is submitted with an idempotency key and read twice, one read waiting for it.

    `worker_s`: how long a warm worker has it. `reading_s`: how long the reads wait, together.
    """
    light_s = 0.06 + reading_s
    return _scaled(
        IMAGES,
        Line(
            what="workers",
            counted=f"{worker_s:g} s of 3,008 MB, x86",
            usd=worker_s * _WORKER_GB * price["lambda"]["gb_s_x86"],
        ),
        Line(
            what="submit and status",
            counted=f"{light_s:.2f} s of 512 MB, arm64",
            usd=light_s * _LIGHT_GB * price["lambda"]["gb_s_arm"],
        ),
        Line(
            what="table",
            counted="30 write units (two transactions, two indexes, three rates), 10 read units",
            usd=30 * price["dynamodb"]["write_unit"] + 10 * price["dynamodb"]["read_unit"],
        ),
        Line(
            what="bucket and traffic",
            counted="one PUT, one GET, 20 KB for nine days, 20 KB out",
            usd=price["s3"]["put"]
            + price["s3"]["get"]
            + 20e-6 * (0.3 * price["s3"]["gb_month"] + price["network"]["gb_out"]),
        ),
        Line(
            what="requests",
            counted="three at the API, four functions, three at the queue",
            usd=3 * price["api"]["request"]
            + 4 * price["lambda"]["request"]
            + 3 * price["sqs"]["request"],
        ),
        Line(what="logs", counted="4 KB", usd=4e-6 * price["logs"]["gb_in"]),
    )


def per_idle_month(price: Prices) -> list[Line]:
    """What the stack costs when nobody asks for anything."""
    sweep_s = 0.15
    return [
        Line(
            what="dashboard, alarms, metrics",
            counted="one, fourteen, four",
            usd=price["cloudwatch"]["dashboard_month"]
            + 14 * price["cloudwatch"]["alarm_month"]
            + 4 * price["cloudwatch"]["metric_month"],
        ),
        Line(
            what="event sources that poll",
            counted=f"three queues, {_POLLERS} long polls at each",
            usd=3 * _POLLERS * _POLLS * price["sqs"]["request"],
        ),
        Line(
            what="sweeps",
            counted=f"one a minute, {sweep_s:g} s of 512 MB and 4.5 read units",
            usd=_SWEEPS
            * (
                sweep_s * _LIGHT_GB * price["lambda"]["gb_s_arm"]
                + price["lambda"]["request"]
                + 4.5 * price["dynamodb"]["read_unit"]
            ),
        ),
        Line(what="the worker's image", counted="0.2 GB", usd=0.2 * price["ecr"]["gb_month"]),
    ]


def per_month_on_top(price: Prices) -> list[Line]:
    """What is chosen, for a month without end."""
    fargate = 2 * price["host"]["fargate_vcpu_h"] + 4 * price["host"]["fargate_gb_h"]
    return [
        Line(
            what="`ProvisionedWorkers=1`",
            counted="3,008 MB, before its work",
            usd=_SECONDS * _WORKER_GB * price["lambda"]["provisioned_gb_s_x86"],
        ),
        Line(
            what="`KeepWarm=true`",
            counted="a call of 5 ms every four minutes",
            usd=_SECONDS
            / 240
            * (0.005 * _WORKER_GB * price["lambda"]["gb_s_x86"] + price["lambda"]["request"]),
        ),
        Line(what="a poller on Fargate", counted="2 vCPU, 4 GB", usd=_SECONDS / 3600 * fargate),
        *(
            Line(
                what=f"a GPU worker, {kind}",
                counted="on demand, while it runs",
                usd=_SECONDS / 3600 * price["host"][f"{kind}_h"],
            )
            for kind in ("g4dn.xlarge", "g6.xlarge", "g5.xlarge")
        ),
    ]


def tables(price: Prices, *, dated: str, region: str) -> Iterator[str]:
    """The tables as Markdown, line by line."""
    yield f"List prices of {region}, as public guides gave them on {dated}, free tiers left out;"
    yield "change `infra/prices.toml` to yours and run `python -m infra.cost`."
    yield ""
    yield from _table("1,000 images on Lambda", per_thousand_images(price), places=4)
    yield ""
    yield from _table("a month in which nothing happens", per_idle_month(price), places=2)
    yield ""
    yield from _table("for each month, on top", per_month_on_top(price), places=2, total=False)


def _table(name: str, lines: list[Line], *, places: int, total: bool = True) -> Iterator[str]:
    yield f"| {name} | what is counted | USD |"
    yield "|---|---|---|"
    for line in lines:
        yield f"| {line.what} | {line.counted} | {line.usd:.{places}f} |"
    if total:
        yield f"| **together** | | **{sum(line.usd for line in lines):.{places}f}** |"


def _scaled(times: int, *lines: Line) -> list[Line]:
    return [Line(what=line.what, counted=line.counted, usd=times * line.usd) for line in lines]


def page(path: Path = PRICES) -> str:
    """The tables as docs/operating.md has them."""
    told = tomllib.loads(path.read_text("utf-8"))
    return "\n".join(tables(told, dated=told["dated"], region=told["region"]))


if __name__ == "__main__":
    print(page())
