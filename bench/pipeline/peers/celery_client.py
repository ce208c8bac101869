"""A Celery user: `celery_client.py JOBS CLIENTS` prints seconds as JSON."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from bench.pipeline.peers.celery_app import nothing


def main() -> None:
    jobs, clients = map(int, sys.argv[1:])
    for _ in range(20):
        nothing.delay("warm").get(timeout=60)
    with ThreadPoolExecutor(clients) as threads:
        started = time.perf_counter()
        results = list(threads.map(lambda number: nothing.delay(f"number {number}"), range(jobs)))
        submitted = time.perf_counter()
        for result in results:
            result.get(timeout=120)
        done = time.perf_counter()
    print(json.dumps({"submit_s": submitted - started, "done_s": done - started}))


main()
