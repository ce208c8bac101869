"""A contestant in its own process: nobody's threads, memory or imports touch anybody else's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any

from worker_fn.engine.base import PictureRequest

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 240
"""The longest wait for one answer; torch.compile needs about a minute for a size."""


class NotMeasured(Exception):
    """Says why a contestant has no figure."""


@dataclass(frozen=True, kw_only=True)
class Timed:
    """One drawing. `step_s` is empty where steps cannot be seen; see `peers.Drawing`."""

    seconds: float
    step_s: tuple[float, ...]
    sha256: tuple[str, ...]


class Contestant:
    """Started at once, loading meanwhile; `with` ends it."""

    def __init__(
        self, peer: str, folder: Path, *, threads: int, python: str | None = None, **settings: str
    ) -> None:
        """`python` is another interpreter, for a peer that cannot share our packages; `settings`
        are variables of its environment."""
        self._stderr = TemporaryFile()
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            [python or sys.executable, "-m", "bench.peers.serve", peer, folder, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
            cwd=ROOT,
            env={**_environment(threads), **settings},
        )
        self._loaded = False
        self._failed: NotMeasured | None = None

    def __enter__(self) -> Contestant:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._stderr.close()

    def load(self) -> None:
        """Wait until it is loaded. Raises NotMeasured."""
        if not self._loaded:
            self._answer()
            self._loaded = True

    def draw(self, requests: Sequence[PictureRequest]) -> Timed:
        """Raises NotMeasured: it failed, ended, or took too long."""
        self.load()
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # then there is no answer either, but last words
            self._process.stdin.write(json.dumps([asdict(each) for each in requests]) + "\n")
            self._process.stdin.flush()
        answer = self._answer()
        return Timed(
            seconds=answer["seconds"],
            step_s=tuple(answer["step_s"]),
            sha256=tuple(answer["sha256"]),
        )

    def _answer(self) -> dict[str, Any]:
        """The next one; the first failure is the reason for all that follow."""
        if self._failed is None:
            answer = self._read()
            if "error" not in answer:
                return answer
            self._failed = NotMeasured(answer["error"])
        raise self._failed

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        limit = threading.Timer(PATIENCE_S, self._process.kill)
        limit.start()
        line = self._process.stdout.readline()
        limit.cancel()
        answer: dict[str, Any] = json.loads(line) if line else {"error": self._last_words()}
        return answer

    def _last_words(self) -> str:
        self._process.wait()
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        return f"ended ({self._process.returncode}): {lines[-1][:200] if lines else ''}"


def in_turns(
    draws: Mapping[str, Callable[[int], Timed]], repeats: int
) -> dict[str, list[Timed] | NotMeasured]:
    """A B C A B C: whatever disturbs the machine disturbs all; one that fails is left out.

    Each is called with the number of the turn; turn 0 is the warm-up, and is not kept.
    """
    outcomes: dict[str, list[Timed] | NotMeasured] = {name: [] for name in draws}
    for turn in range(repeats + 1):
        for name, draw in draws.items():
            outcome = outcomes[name]
            if isinstance(outcome, NotMeasured):
                continue
            try:
                timed = draw(turn)
            except NotMeasured as error:
                outcomes[name] = error
                continue
            if turn > 0:
                outcome.append(timed)
    return outcomes


def _environment(threads: int) -> dict[str, str]:
    return {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": "1",  # as our worker sets it: nobody needs numpy's matrix products
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
    }
