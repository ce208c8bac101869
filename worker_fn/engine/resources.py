"""How many cores and how much memory this process may really use.

Pure functions over what the system's files say, and one thin reader of those files. A container
sees all of its host's cores and memory; what it may use of them is in its control groups, and on
Lambda in the memory that the function was given.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MB = 10**6
LAMBDA_MEMORY = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
LAMBDA_MB_PER_CORE = 1769
"""AWS Lambda's developer guide, "Configure Lambda function memory": 1,769 MB are one vCPU."""

_UNLIMITED = 2**60
"""Control groups of version 1 write a number near 2**63 for "no limit"."""


@dataclass(frozen=True, kw_only=True)
class Resources:
    """`cores` may be a fraction; `memory_bytes` is None where nobody says."""

    cores: float
    memory_bytes: int | None

    @property
    def threads(self) -> int:
        """How many threads suit the cores: half a core more is a thread more."""
        return max(1, int(self.cores + 0.5))

    @property
    def memory_mb(self) -> int | None:
        """In 10^6 bytes."""
        return None if self.memory_bytes is None else self.memory_bytes // MB


def cores_of_quota(cpu_max: str) -> float | None:
    """Of version 2's cpu.max, "QUOTA PERIOD" in microseconds; None for "max"."""
    quota, _, period = cpu_max.strip().partition(" ")
    return None if quota == "max" else int(quota) / int(period or 100_000)


def cores_of_quota_v1(quota_us: str, period_us: str) -> float | None:
    """Of version 1's cpu.cfs_quota_us and cpu.cfs_period_us; None for -1."""
    return None if int(quota_us) <= 0 else int(quota_us) / int(period_us)


def bytes_of_limit(text: str) -> int | None:
    """Of memory.max, memory.limit_in_bytes; None where there is no limit."""
    return None if text.strip() == "max" or int(text) >= _UNLIMITED else int(text)


def cores_of_lambda(memory_mb: int) -> float:
    """What a function with so much memory may use; Lambda has six cores at most."""
    return min(6.0, memory_mb / LAMBDA_MB_PER_CORE)


def group_folders(proc_self_cgroup: str, controller: str, mounted: PurePosixPath) -> list[Path]:
    """Folders that may limit this process, from its own group up to where groups are mounted.

    `controller` is "" for version 2. A container may see only the uppermost of them.
    """
    for line in proc_self_cgroup.splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            base = mounted / controllers if controller else mounted
            group = PurePosixPath(path.lstrip("/"))
            return [Path(base / each) for each in (group, *group.parents)]
    return []


def resources(environ: Mapping[str, str], *, root: Path = Path("/")) -> Resources:
    """The least that anything allows; `root` is where proc and sys are."""
    given = int(environ.get(LAMBDA_MEMORY, 0))
    cores = [float(_schedulable()), *_quotas(root)]
    memory = [
        limit for limit in (_physical_bytes(root), *_memory_limits(root)) if limit is not None
    ]
    if given:
        cores.append(cores_of_lambda(given))
        memory.append(given * 2**20)
    return Resources(cores=min(cores), memory_bytes=min(memory, default=None))


def _schedulable() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas(root: Path) -> Iterator[float]:
    for folder in _folders(root, ""):
        if (text := _text(folder / "cpu.max")) and (cores := cores_of_quota(text)):
            yield cores
    for folder in _folders(root, "cpu"):
        quota, period = (_text(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
        if quota and period and (cores := cores_of_quota_v1(quota, period)):
            yield cores


def _memory_limits(root: Path) -> Iterator[int | None]:
    for controller, name in (("", "memory.max"), ("memory", "memory.limit_in_bytes")):
        for folder in _folders(root, controller):
            if text := _text(folder / name):
                yield bytes_of_limit(text)


def _physical_bytes(root: Path) -> int | None:
    """MemTotal of proc_meminfo(5), in KiB there."""
    text = _text(root / "proc/meminfo") or ""
    totals = [line.split()[1] for line in text.splitlines() if line.startswith("MemTotal:")]
    return int(totals[0]) * 1024 if totals else None


def _folders(root: Path, controller: str) -> list[Path]:
    groups = _text(root / "proc/self/cgroup") or ""
    return group_folders(groups, controller, PurePosixPath(root / "sys/fs/cgroup"))


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None
