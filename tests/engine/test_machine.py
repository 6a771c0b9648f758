"""The machine: what a process in a container may use, by both versions of control groups, at every level."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from impasto.engine import machine

MIB, GIB = 2**20, 2**30


@pytest.fixture
def root(tmp_path):
    """A root with 16 GiB free and no control groups; call it to add files."""

    class Root:
        path = tmp_path

        def __call__(self, name: str, text: object) -> None:
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{text}\n")

    write = Root()
    write("proc/meminfo", f"MemTotal: {32 * MIB} kB\nMemFree: 1000 kB\nMemAvailable: {16 * MIB} kB")
    return write


def group(root, name, **values):
    for key, value in values.items():
        root(f"sys/fs/cgroup/{name}/{key.replace('__', '.')}", value)


def stat(**values):
    return "\n".join(f"{name} {value}" for name, value in values.items())


def test_without_groups_the_machine_counts(root):
    assert machine.free_memory(root.path) == 16 * GIB


def test_page_cache_is_not_used_memory(root):
    """The container of ollama/ollama#15701: a limit of 4 GiB, of which 3.7 GB are files that can go."""
    root("proc/self/cgroup", "0::/")
    statistics = stat(anon=300_000_000, file=3_850_000_000, inactive_file=3_700_000_000, active_file=1)
    group(root, ".", memory__max=4 * GIB, memory__current=4_200_000_000, memory__stat=statistics)
    assert machine.free_memory(root.path) == 4 * GIB - (4_200_000_000 - 3_700_000_000)


def test_slabs_that_can_go_are_not_used_memory_either(root):
    group(root, ".", memory__max=2 * GIB, memory__current=GIB, memory__stat=stat(slab_reclaimable=GIB // 4))
    assert machine.free_memory(root.path) == GIB + GIB // 4


def test_the_least_of_all_levels_counts(root):
    root("proc/self/cgroup", "0::/user/jobs/mine")
    group(root, ".", memory__current=9 * GIB)  # the root has no limit
    group(root, "user", memory__max=8 * GIB, memory__current=6 * GIB)
    group(root, "user/jobs", memory__max="max", memory__current=5 * GIB)
    group(root, "user/jobs/mine", memory__max=4 * GIB, memory__current=GIB)
    group(root, "user/jobs/other", memory__max=MIB, memory__current=0)  # not this process'
    assert machine.free_memory(root.path) == 2 * GIB


def test_memory_high_is_a_limit_too(root):
    group(root, ".", memory__max=4 * GIB, memory__high=3 * GIB, memory__current=GIB)
    assert machine.free_memory(root.path) == 2 * GIB


def test_max_is_no_limit_and_missing_files_are_none(root):
    root("proc/self/cgroup", "0::/gone/away")
    group(root, ".", memory__max="max", memory__current=GIB)
    assert machine.free_memory(root.path) == 16 * GIB
    group(root, ".", memory__max=4 * GIB)
    (root.path / "sys/fs/cgroup/memory.current").unlink()
    assert machine.free_memory(root.path) == 16 * GIB


def test_nothing_is_free_beyond_the_limit(root):
    group(root, ".", memory__max=GIB, memory__current=2 * GIB)
    assert machine.free_memory(root.path) == 0


def test_version_one(root):
    root("proc/self/cgroup", "5:cpu,cpuacct:/docker/7\n4:memory:/docker/7\n0::/")
    statistics = stat(cache=1, inactive_file=7, total_inactive_file=50_000_000)
    group(
        root,
        "memory",  # the container's own group is mounted as the root; the host's name of it is not there
        memory__limit_in_bytes=GIB,
        memory__usage_in_bytes=200_000_000,
        memory__stat=statistics,
    )
    assert machine.free_memory(root.path) == GIB - 150_000_000
    group(root, "memory/docker/7", memory__limit_in_bytes=GIB // 2, memory__usage_in_bytes=0)
    assert machine.free_memory(root.path) == GIB // 2


def test_no_limit_of_version_one(root):
    root("proc/self/cgroup", "4:memory:/")
    group(root, "memory", memory__limit_in_bytes=9223372036854771712, memory__usage_in_bytes=GIB)
    assert machine.free_memory(root.path) == 16 * GIB


def test_a_group_outside_of_the_namespace(root):
    root("proc/self/cgroup", "0::/../../elsewhere")
    group(root, ".", memory__max=GIB, memory__current=0)
    assert machine.free_memory(root.path) == GIB


@pytest.mark.skipif(not Path("/proc/self/cgroup").exists(), reason="only Linux has control groups")
def test_this_process_own_group():
    free = machine.free_memory()
    assert 0 < free <= machine._machine_free_memory(Path("/")) * 1.05


@pytest.mark.parametrize(("quota", "cores"), [("50000 100000", 1), ("100000 100000", 1), ("max 100000", 64)])
def test_cores_are_those_of_the_quota(root, monkeypatch, quota, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)), raising=False)
    root("proc/self/cgroup", "0::/a/b")
    group(root, "a", cpu__max=quota)
    group(root, "a/b", cpu__max="max 100000")
    assert machine.available_cores(root.path) == cores
    group(root, "a/b", cpu__max="250000 100000")
    assert machine.available_cores(root.path) == min(3, cores)


def test_cores_of_version_one(root, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)), raising=False)
    root("proc/self/cgroup", "3:cpu,cpuacct:/a")
    group(root, "cpu,cpuacct/a", cpu__cfs_quota_us=-1, cpu__cfs_period_us=100_000)
    assert machine.available_cores(root.path) == 64
    group(root, "cpu,cpuacct/a", cpu__cfs_quota_us=400_000)
    assert machine.available_cores(root.path) == 4


def test_a_system_without_proc_resource_and_sysconf(root, monkeypatch, tmp_path):
    """Windows, simulated: what it has not is taken away, and its own call is given by a stand-in."""
    empty = tmp_path / "nothing"
    monkeypatch.setattr(machine, "ROOT", empty)
    monkeypatch.setitem(sys.modules, "resource", None)
    monkeypatch.delattr(os, "sysconf")
    assert machine.peak_memory() == 0
    assert machine.free_memory(empty) == machine.UNKNOWN_MEMORY

    def status(pointer):
        pointer._obj.available = 5 * GIB
        return int(pointer._obj.length == 64)

    kernel = SimpleNamespace(GlobalMemoryStatusEx=status)
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel), raising=False)
    assert machine.free_memory(empty) == 5 * GIB
    assert machine.processor_name()


def test_impasto_works_where_resource_does_not_exist():
    code = "import sys; sys.modules['resource'] = None; import impasto; impasto.stylize; print('right')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "right", done.stderr


def test_a_picture_where_resource_and_sysconf_do_not_exist():
    code = (
        "import sys, os; sys.modules['resource'] = None; del os.sysconf; del os.sched_getaffinity\n"
        "import numpy as np, impasto\n"
        "photo = np.random.default_rng(0).random((64, 64, 3))\n"
        "print(impasto.stylize(photo, photo[::-1], max_size=64, iterations=1).pixels.shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "(64, 64, 3)", done.stderr
