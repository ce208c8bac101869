"""What the heap is told while an engine starts."""

import subprocess
import sys

import pytest

from worker_fn.engine.heap import GROWING, GROWN, growing_heap

MAPPED = """
import ctypes
from contextlib import nullcontext
from worker_fn.engine.heap import growing_heap

def mapped():
    with open("/proc/self/smaps_rollup") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("Rss:"))

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
with {context}:
    before = mapped()
    block = libc.malloc(8 * 2**20)
    ctypes.memset(block, 1, 8 * 2**20)
    libc.free(block)
    print((mapped() - before) // 1024)
"""


class _Library:
    """Stands for the C library, and notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []

    def mallopt(self, setting: int, value: int) -> int:
        self.told.append((setting, value))
        return 1


def test_the_heap_is_told_when_the_growing_begins_and_that_it_is_over_after_a_failure_too() -> None:
    library = _Library()
    with pytest.raises(RuntimeError), growing_heap(library):
        assert library.told == list(GROWING.items())
        raise RuntimeError
    assert library.told == [*GROWING.items(), *GROWN.items()]


def test_a_c_library_that_cannot_be_told_is_left_alone() -> None:
    with growing_heap(object()):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's settings")
def test_freed_memory_stays_only_while_the_heap_grows() -> None:
    assert _kept_megabytes("growing_heap()") >= 7
    assert _kept_megabytes("nullcontext()") <= 1


def _kept_megabytes(context: str) -> int:
    script = MAPPED.replace("{context}", context)
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return int(ran.stdout)
