"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
import resource
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.tables import Cell

TELLING_FLAGS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8")
PACKAGES = ("openvino", "torch", "diffusers", "transformers", "nncf", "numpy")


def usable_cores() -> int:
    """How many cores this process may run on; every contestant gets as many threads."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine() -> dict[str, Cell]:
    """Model, instruction sets, cores, memory, load, and versions of what is compared."""
    cpu = _cpu_information()
    flags = cpu.get("flags", "").split()
    return {
        "cpu": cpu.get("model name", platform.processor()),
        "flags": " ".join(flag for flag in TELLING_FLAGS if flag in flags),
        "cores": usable_cores(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_at_start": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        **{package: _version(package) for package in PACKAGES},
    }


class Bystanders:
    """How much of the machine other processes took since this was made; ended children are ours."""

    def __init__(self) -> None:
        self._busy, self._ours, self._wall = _busy_s(), _ours_s(), time.monotonic()

    def share(self) -> float | None:
        """0 to 1 of the usable cores; None where the kernel does not say."""
        busy = _busy_s()
        if busy is None or self._busy is None:
            return None
        theirs = (busy - self._busy) - (_ours_s() - self._ours)
        return max(0.0, theirs / usable_cores() / (time.monotonic() - self._wall))


def _busy_s() -> float | None:
    """Seconds that all cores have worked: user, nice, system (proc_stat(5))."""
    source = Path("/proc/stat")
    if not source.is_file():
        return None
    ticks = source.read_text(encoding="ascii").split()[1:4]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def _ours_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _cpu_information() -> dict[str, str]:
    """The first processor of Linux's /proc/cpuinfo; empty elsewhere."""
    source = Path("/proc/cpuinfo")
    if not source.is_file():
        return {}
    first = source.read_text(encoding="utf-8").split("\n\n")[0]
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
