"""Runs a module in a process that cannot outlive the one that started it, not even by kill -9.

`python -m infra.local.launch PARENT_PID MODULE [ARGUMENT…]`: an orphan would go on drawing for
nobody, and keep the data folder locked.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys
import threading
import time

PR_SET_PDEATHSIG = 1
LOOK_EVERY_S = 0.5


def die_with(parent: int) -> None:
    """Have this process killed when `parent` (the thread that started it, on Linux) ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    _die_if_orphaned(parent)


def _watch(parent: int) -> None:
    while True:
        _die_if_orphaned(parent)
        time.sleep(LOOK_EVERY_S)


def _die_if_orphaned(parent: int) -> None:
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    _, parent_pid, module, *arguments = sys.argv
    die_with(int(parent_pid))
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)
