"""The machine that this process runs on: its processor, cores and main memory, as the system tells them.

Nothing here knows or starts an engine. What a container may use is less than what its machine has, so the
limits of the process' own control groups count, of both versions and of every level up to the root.
"""

from __future__ import annotations

import math
import os
import platform
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path("/")
NATIVE_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}
UNKNOWN_MEMORY = 4 * 2**30
"""What is taken to be free, in bytes, where the system does not tell."""
USABLE = 0.8
"""Share of the free memory that a run, or all workers of a machine together, may take."""


@cache
def processor_flags() -> frozenset[str]:
    """Return the processor's feature flags as Linux names them; empty elsewhere."""
    lines = _read(ROOT / "proc/cpuinfo").splitlines()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())


def has_native_bfloat16() -> bool:
    """Return whether the processor multiplies bfloat16 itself (Intel AMX or AVX-512 BF16)."""
    return bool(NATIVE_BFLOAT16_FLAGS & processor_flags())


def processor_name() -> str:
    """Return the processor's name as the system gives it."""
    for line in _read(ROOT / "proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def available_cores(root: Path = ROOT) -> int:
    """Return the number of cores that this process may keep busy: its affinity's or its quota's, the lesser.

    Args:
        root: of the file system that ``/proc`` and ``/sys`` are looked for in.
    """
    affinity = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min([cores, *(math.ceil(quota) for quota in _quotas(root))]))


def peak_memory() -> int:
    """Return the largest resident memory that this process has had, in bytes; 0 if nothing tells (Windows).

    Linux counts the parent's memory in a forked child's ``ru_maxrss``, so its own status is read there.
    """
    for line in _read(ROOT / "proc/self/status").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def free_memory(root: Path = ROOT) -> int:
    """Return the bytes that this process may still take: the machine's or its control groups', the least.

    Args:
        root: of the file system that ``/proc`` and ``/sys`` are looked for in.
    """
    return max(0, min([_machine_free_memory(root), *_group_free_memory(root)]))


def _machine_free_memory(root: Path) -> int:
    """Return what is free in the whole machine; all there is where only that is known."""
    for line in _read(root / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return _windows_free_memory() or UNKNOWN_MEMORY


def _windows_free_memory() -> int | None:
    """Return what GlobalMemoryStatusEx says is available; None elsewhere. Tested with a stand-in only."""
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = [
            ("length", ctypes.c_uint32),
            ("load", ctypes.c_uint32),
            *((name, ctypes.c_uint64) for name in ("total", "available", "page", "free_page")),
            *((name, ctypes.c_uint64) for name in ("virtual", "free_virtual", "extended")),
        ]

    windows = getattr(ctypes, "windll", None)
    status = Status(length=ctypes.sizeof(Status))
    if windows is None or not windows.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None
    return int(status.available)


def _group_free_memory(root: Path) -> Iterator[int]:
    """Yield what each control group with a limit leaves: the limit less what is used and not mere cache."""
    names = (
        ("memory.max", "memory.current"),
        ("memory.high", "memory.current"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes"),
    )
    for folder in _groups(root, "memory"):
        lines = (line.split() for line in _read(folder / "memory.stat").splitlines())
        held = {words[0]: _number(words[1]) or 0 for words in lines if len(words) == 2}
        # version 1's inactive_file leaves out the groups below, its total does not
        files = held.get("total_inactive_file", held.get("inactive_file", 0))
        cache = files + held.get("slab_reclaimable", 0)
        for limit_name, used_name in names:
            limit, used = (_number(_read(folder / name)) for name in (limit_name, used_name))
            if limit is not None and used is not None:
                yield limit - max(0, used - cache)


def _quotas(root: Path) -> Iterator[float]:
    """Yield the processor time per time that each control group with a limit may take, in cores."""
    for folder in _groups(root, "cpu"):
        quota, _, period = _read(folder / "cpu.max").strip().partition(" ")
        if not quota:
            quota, period = (_read(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
        time, every = _number(quota), _number(period)
        if time and every and time > 0 and every > 0:
            yield time / every


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of the control groups that this process is in, from its own up to the root.

    Within a container the names may be the host's, whose folders are not there; the root is the container's.
    """
    mounted = root / "sys/fs/cgroup"
    own: list[tuple[Path, str]] = [(mounted, "/"), (mounted / controller, "/")]
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, name = rest.partition(":")
        if number == "0" and not controllers:  # version 2, alone or beside version 1
            own += [(mounted, name), (mounted / "unified", name)]
        elif controller in controllers.split(","):
            own += [(mounted / controllers, name), (mounted / controller, name)]
    known: set[Path] = set()
    for mount, name in own:
        parts = [part for part in name.split("/") if part not in ("", "..")]
        for length in range(len(parts), -1, -1):
            folder = mount.joinpath(*parts[:length])
            if folder not in known:
                known.add(folder)
                yield folder


def _number(text: str | None) -> int | None:
    """Return a whole number, or None for ``max`` and whatever else is none."""
    try:
        return int(text or "")
    except ValueError:
        return None


def _read(path: Path) -> str:
    """Return a file's text; nothing where it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
