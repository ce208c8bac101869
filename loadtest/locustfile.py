"""The wiring of a run: `locust -f loadtest/locustfile.py --host URL --scenario smoke --headless`.

`python -m loadtest` starts this and makes the report; started by hand, with `--master` and
`--worker` on several machines, it leaves the events in the master's `--events` file, from which
`python -m loadtest --from-events FILE` makes the same report.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

import gevent
from geventhttpclient import HTTPClient
from geventhttpclient.url import URL
from locust import events
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from loadtest.events import Crowd
from loadtest.preflight import fitting, headers_from, offered
from loadtest.queue_watch import QUEUE, QueueWatch
from loadtest.recorder import FileRecorder, Outbox, Record
from loadtest.scenarios import Scenario, chosen, scenarios
from loadtest.shape import ScenarioShape
from loadtest.users import ArrivingUser, PictureUser, ThinkingUser

UNDER_WAY = ("spawning", "running", "stopping", "cleanup")


class Client(ThinkingUser):
    """A user of the closed-loop scenarios."""


class Arrivals(ArrivingUser):
    """The open loop."""


class Shape(ScenarioShape):
    """The chosen scenario's."""


@events.init_command_line_parser.add_listener
def _options(parser: Any) -> None:
    known = scenarios()
    parser.add_argument("--scenario", choices=sorted(known), default="smoke", help="what to play")
    parser.add_argument("--scale", type=float, default=1.0, help="every duration times this")
    parser.add_argument("--most-users", type=int, default=0, help="instead of the scenario's")
    parser.add_argument("--rate", type=float, default=0, help="arrivals/s that capacity starts at")
    parser.add_argument("--wait", type=int, default=20, help="Prefer: wait=N; 0 polls plainly")
    parser.add_argument("--events", default="load/events.jsonl", help="where events are written")


@events.init.add_listener
def _wire(environment: Environment, **_: Any) -> None:
    """A worker process may be told to start before this event; its turn is `_wire_worker`."""
    if isinstance(environment.runner, WorkerRunner):
        return
    scenario = _equip_users(environment)
    watch = QueueWatch(fetch=_fetch(environment), wall_s=time.time)
    Shape.scenario, Shape.watch = scenario, watch
    Shape.running_users = staticmethod(lambda: _running(environment))
    Shape.begun = staticmethod(lambda: environment.stats.total.num_requests > 0)
    gevent.spawn(_look_on, environment, watch, users_of(scenario).record)


@events.test_start.add_listener
def _wire_worker(environment: Environment, **_: Any) -> None:
    if isinstance(environment.runner, WorkerRunner):
        _equip_users(environment)


def _equip_users(environment: Environment) -> Scenario:
    options = environment.parsed_options
    assert options is not None
    scenario, _left_out = fitting(_chosen(options), offered(str(environment.host), _headers()))
    users = users_of(scenario)
    users.scenario = scenario
    users.record = staticmethod(_recorder(environment, Path(options.events)))
    users.headers, users.wait_s = _headers(), options.wait
    users.run_id = secrets.token_hex(4)
    environment.user_classes = [users]
    return scenario


def _chosen(options: Namespace) -> Scenario:
    return chosen(
        options.scenario, scale=options.scale, most_users=options.most_users, rate=options.rate
    )


def users_of(scenario: Scenario) -> type[PictureUser]:
    """Who plays a scenario."""
    return Client if scenario.arrivals_per_s is None else Arrivals


def _recorder(environment: Environment, path: Path) -> Record:
    """A worker's events travel with its statistics; the master writes them."""
    if isinstance(environment.runner, WorkerRunner):
        outbox = Outbox()
        environment.events.report_to_master.add_listener(
            lambda client_id, data: data.update(darkroom=outbox.take())
        )
        return outbox
    recorder = FileRecorder(path)
    if isinstance(environment.runner, MasterRunner):
        environment.events.worker_report.add_listener(
            lambda client_id, data: recorder.write_all(data.pop("darkroom", []))
        )
    return recorder


def _look_on(environment: Environment, watch: QueueWatch, record: Record) -> None:
    """Once a second: how many users run here, how much waits there."""
    while True:
        if environment.runner is not None and environment.runner.state in UNDER_WAY:
            record(Crowd(at_s=time.time(), users=_running(environment)))
            if (seen := watch.look()) is not None:
                record(seen)
        gevent.sleep(1)


def _running(environment: Environment) -> int:
    return environment.runner.user_count if environment.runner is not None else 0


def _fetch(environment: Environment) -> Any:
    def fetch() -> bytes | None:
        url = URL(str(environment.host))
        client = HTTPClient.from_url(url, connection_timeout=5, network_timeout=5)
        try:
            answer = client.get(url.path.rstrip("/") + QUEUE, headers=_headers())
            body = bytes(answer.read())
            return body if answer.status_code == 200 and json.loads(body) else None
        except (OSError, ValueError):
            return None
        finally:
            client.close()

    return fetch


def _headers() -> dict[str, str]:
    return headers_from(os.environ)
