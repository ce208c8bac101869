"""The poller's image on Modal: `DARKROOM_IMAGE=… modal deploy infra/hosts/modal_app.py`.

A look at the queue each minute starts as many GPU workers as what waits there asks for; each draws
until nothing has come for a minute, and is paid for no longer. Two secrets of the workspace:
`darkroom` holds infra/hosts/worker.env, `darkroom-ecr` what Modal needs to pull from ECR.
"""

from __future__ import annotations

import os
import subprocess
import sys

import modal

from infra.hosts.demand import lacking
from shared.aws import clients

GPU = "L4"
MOST_WORKERS = 2
JOBS_FOR_EACH = 30
IDLE_S = 60
_HERE = "/opt/darkroom"

app = modal.App("darkroom")
settings = modal.Secret.from_name("darkroom")
# The module is imported again inside of the container, where the image is there already.
image = (
    modal.Image.from_aws_ecr(
        os.environ.get("DARKROOM_IMAGE", "given-when-deployed"),
        secret=modal.Secret.from_name("darkroom-ecr"),
    )
    .entrypoint([])
    .add_local_python_source("infra")
)


@app.function(image=image, gpu=GPU, secrets=[settings], max_containers=MOST_WORKERS, timeout=3600)
def work() -> int:
    """Draw until nothing comes any more; the poller's exit status."""
    poller = [sys.executable, "-m", "worker_fn.main"]
    environment = {**os.environ, "DARKROOM_IDLE_S": str(IDLE_S)}
    return subprocess.run(poller, cwd=_HERE, env=environment, check=False).returncode


@app.function(image=image, secrets=[settings], schedule=modal.Period(minutes=1))
def look() -> int:
    """Start what is lacking; how many workers that were."""
    told = clients.sqs().get_queue_attributes(
        QueueUrl=os.environ["DARKROOM_QUEUE_URL"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    now = work.get_current_stats()
    wanted = lacking(
        waiting=int(told["Attributes"]["ApproximateNumberOfMessages"]),
        working=now.num_total_runners + now.backlog,
        per_worker=JOBS_FOR_EACH,
        most=MOST_WORKERS,
    )
    for _ in range(wanted):
        work.spawn()
    return wanted
