"""Cores and memory, from what files say on machines of every kind."""

from pathlib import Path

import pytest

from worker_fn.engine import resources as module
from worker_fn.engine.resources import (
    Resources,
    bytes_of_limit,
    cores_of_lambda,
    cores_of_quota,
    cores_of_quota_v1,
    resources,
)

GIB = 2**30
MEMINFO = "MemTotal:       16777216 kB\nMemFree:         1234 kB\n"


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_schedulable", lambda: 8)


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, "proc/meminfo", MEMINFO)
    return tmp_path


def test_a_machine_without_limits_gives_all_it_has(root: Path) -> None:
    assert resources({}, root=root) == Resources(cores=8, memory_bytes=16 * GIB)


def test_a_container_of_version_2_gives_its_quota(root: Path) -> None:
    write(root, "proc/self/cgroup", "0::/\n")
    write(root, "sys/fs/cgroup/cpu.max", "150000 100000\n")
    write(root, "sys/fs/cgroup/memory.max", f"{2 * GIB}\n")

    assert resources({}, root=root) == Resources(cores=1.5, memory_bytes=2 * GIB)


def test_a_limit_on_a_group_further_up_holds_as_well(root: Path) -> None:
    write(root, "proc/self/cgroup", "0::/system.slice/worker.service\n")
    write(root, "sys/fs/cgroup/system.slice/cpu.max", "200000 100000\n")
    write(root, "sys/fs/cgroup/system.slice/worker.service/cpu.max", "max 100000\n")
    write(root, "sys/fs/cgroup/system.slice/worker.service/memory.max", "max\n")
    write(root, "sys/fs/cgroup/system.slice/memory.max", f"{GIB}\n")

    assert resources({}, root=root) == Resources(cores=2, memory_bytes=GIB)


def test_a_container_of_version_1_gives_its_quota(root: Path) -> None:
    write(root, "proc/self/cgroup", "5:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/\n")
    write(root, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "300000\n")
    write(root, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n")
    write(root, "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", f"{3 * GIB}\n")

    assert resources({}, root=root) == Resources(cores=3, memory_bytes=3 * GIB)


def test_version_1_without_limits_gives_all_there_is(root: Path) -> None:
    write(root, "proc/self/cgroup", "5:memory:/\n3:cpu:/\n")
    write(root, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
    write(root, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
    write(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")

    assert resources({}, root=root) == Resources(cores=8, memory_bytes=16 * GIB)


@pytest.mark.parametrize(
    ("memory_mb", "threads"), [(512, 1), (1769, 1), (3008, 2), (3538, 2), (10_240, 6)]
)
def test_a_lambda_function_gives_cores_by_its_memory(
    root: Path, memory_mb: int, threads: int
) -> None:
    given = resources({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb)}, root=root)

    assert given.threads == threads
    assert given.memory_bytes == memory_mb * 2**20


def test_the_kernel_is_asked_for_the_cores_of_this_process(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()

    assert resources({}, root=root).cores >= 1


def test_numbers_are_read_as_the_kernel_writes_them() -> None:
    assert cores_of_quota("max 100000\n") is None
    assert cores_of_quota("50000 100000\n") == 0.5
    assert cores_of_quota_v1("-1\n", "100000\n") is None
    assert cores_of_quota_v1("25000\n", "50000\n") == 0.5
    assert bytes_of_limit("max\n") is None
    assert bytes_of_limit("1048576\n") == 2**20
    assert cores_of_lambda(1769) == 1
    assert cores_of_lambda(20_000) == 6


def test_less_than_a_core_is_one_thread() -> None:
    assert Resources(cores=0.2, memory_bytes=None).threads == 1
    assert Resources(cores=1.5, memory_bytes=None).threads == 2
