"""Darkroom in a local AWS, deployed from infra/template.yaml: `python -m infra.aws_local --help`.

Prints `ready URL KEY` once it takes requests. It keeps nothing: everything goes when it ends.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from subprocess import CalledProcessError
from tempfile import TemporaryDirectory
from types import FrameType

from infra import zips
from infra.aws_local.deployment import NotDeployed
from infra.aws_local.ministack import MiniStackError
from infra.aws_local.stack import Plan, running
from infra.aws_local.worker_image import unpacked_image
from infra.local.offered_model import offered
from infra.local.options import ROOT, Options, read_options, usable_cores
from infra.local.refusal import Refused

_FEWEST_WORKERS = 2
"""SQS takes no smaller MaximumConcurrency."""
REFUSED = 2


class Stopped(Exception):
    """SIGTERM or SIGINT came."""


def main() -> int:
    """The exit status: 0 after SIGTERM or SIGINT, 2 when it could not start."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        with TemporaryDirectory(prefix="darkroom-aws-local-") as folder:
            _serve(_parser().parse_args(), Path(folder))
    except (Refused, MiniStackError, NotDeployed, CalledProcessError) as error:
        print(f"darkroom: {error}", file=sys.stderr)
        return REFUSED
    except Stopped:
        return 0
    return 0


def _serve(given: argparse.Namespace, folder: Path) -> None:
    with running(_plan(given, folder), folder) as stack:
        print(f"ready {stack.url} {stack.key}", flush=True)
        while True:
            signal.pause()


def _plan(given: argparse.Namespace, folder: Path) -> Plan:
    """Raises Refused for a model or an engine that cannot be served."""
    options = _as_on_one_machine(given)
    offered(options)
    image = unpacked_image(folder / "image", models=options.models, model=options.model)
    worker = {"DARKROOM_ENGINE": options.engine, "DARKROOM_THREADS": str(options.threads)}
    if options.model_dir is not None:
        worker["DARKROOM_MODEL_DIR"] = str(options.model_dir)
    return Plan(
        zips=given.zips or _zips(folder / "zips", options.models),
        image=image,
        parameters={"MaximumConcurrency": str(max(_FEWEST_WORKERS, options.workers))},
        variables={
            "SubmitFunction": {"DARKROOM_ENGINE": options.engine},
            "WorkerFunction": worker,
        },
    )


def _zips(folder: Path, models: Path) -> Path:
    zips.build(folder, zips.HERE, models=models)
    return folder


def _as_on_one_machine(given: argparse.Namespace) -> Options:
    """So that pictures come out the same: as many threads for each worker."""
    arguments = ["--engine", given.engine, "--model", given.model, "--models", given.models]
    return read_options(arguments, cores=usable_cores())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.aws_local", description=__doc__)
    parser.add_argument("--engine", default="openvino", help="openvino, diffusers or pattern")
    parser.add_argument("--model", default="postcard", help="a folder in --models")
    parser.add_argument("--models", default=str(ROOT / "models"), help="where the models are")
    parser.add_argument("--zips", type=Path, help="made by `infra.zips --here`; None: made now")
    return parser


def _stop(number: int, frame: FrameType | None) -> None:
    """Once; what ends after that must not be interrupted."""
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    raise Stopped


if __name__ == "__main__":
    sys.exit(main())
