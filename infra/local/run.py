"""One run, from its checks to its end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Sequence
from contextlib import closing
from ipaddress import ip_address

from infra.local.crew import Crew
from infra.local.data_dir import DataDir, opened
from infra.local.deliveries import keep_delivering
from infra.local.front_door import FrontDoor, listen, url_of
from infra.local.offered_model import offered
from infra.local.options import Options
from infra.local.pools import Pools
from infra.local.refusal import Refused
from infra.local.server_log import listen_to_the_server
from infra.local.settings import read_settings
from infra.local.supervisor import keep_running, launch_of
from infra.local.upkeep import keep_promises
from infra.local.wiring import (
    build_gateway,
    build_webhooks,
    has_keys,
    open_stores,
    upkeep_duties,
)
from shared.telemetry import Log


def run(options: Options) -> None:
    """Serve until SIGTERM or SIGINT. Raises Refused before anything has started."""
    settings, log = read_settings(options, os.environ), Log("local")
    catalog = offered(options).with_filter(settings.content_filter)
    listen_to_the_server(log)
    with opened(options.data) as data, _door(options, data) as door:
        base_url, crew = url_of(door), Crew()
        public_url = options.public_url or base_url
        stores = open_stores(data, settings.rules, base_url=public_url, log=log)
        with closing(stores.database), closing(Pools()) as pools:
            gateway = build_gateway(
                stores, catalog, settings, ready=crew.ready, pools=pools, log=log
            )
            front_door = FrontDoor(gateway, on_ready=lambda: print(f"ready {base_url}", flush=True))
            upkeep = keep_promises(upkeep_duties(stores, settings.rules, log=log), log=log)
            webhooks = build_webhooks(stores, data, catalog, settings, log=log)
            deliveries = keep_delivering(stores.bells, webhooks.heed, log=log)
            background = [upkeep, deliveries, *_workers(options, data, crew, log)]
            asyncio.run(_serve(front_door, door, background, stores.watch.stop))


def _door(options: Options, data: DataDir) -> closing[socket.socket]:
    """Open to others only where every call takes a key."""
    door = listen(options.host, options.port, keyed=has_keys(data))
    if options.public_url is None and ip_address(door.getsockname()[0]).is_unspecified:
        door.close()
        raise Refused(
            f"links to pictures cannot lead to {options.host}; say how others reach this machine: "
            "--public-url http://NAME:PORT"
        )
    return closing(door)


def _workers(
    options: Options, data: DataDir, crew: Crew, log: Log
) -> Sequence[Coroutine[None, None, None]]:
    launch = launch_of(options, data, crew)
    return [keep_running(launch, log=log) for _ in range(options.workers)]


async def _serve(
    front_door: FrontDoor,
    door: socket.socket,
    background: Sequence[Coroutine[None, None, None]],
    release_waiting: Callable[[], None],
) -> None:
    """First the requests end, then the workers, which give their jobs back."""

    def stop() -> None:
        release_waiting()
        front_door.stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in background]
        await front_door.serve(sockets=[door])
        for task in tasks:
            task.cancel()
