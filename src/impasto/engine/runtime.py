"""The engine and the machine: which engine, device, precision, threads, seed, and how much memory.

Keras reads ``KERAS_BACKEND`` when it is first imported, so `start_engine` must run before any file of
the perception layer is imported. Everything else here only reads.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import logging
import os
import platform
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from impasto.errors import EngineError, SettingError, did_you_mean

ENGINES = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}
"""Engine name: the module whose presence means that it is installed."""

NATIVE_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}


def start_engine(threads: int | None = None) -> str:
    """Choose the engine, quieten it and return its name.

    The engine is ``KERAS_BACKEND`` if set, else TensorFlow, else whatever is installed.

    Args:
        threads: processor threads to use; all that this process may use by default.

    Raises:
        EngineError: no engine is installed, or the one asked for is not.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    installed = [name for name, module in ENGINES.items() if importlib.util.find_spec(module)]
    wanted = os.environ.get("KERAS_BACKEND")
    if "keras" in sys.modules:  # it has chosen already
        return str(sys.modules["keras"].backend.backend())
    if wanted and wanted not in ENGINES:
        raise EngineError(
            f"KERAS_BACKEND must be one of {', '.join(ENGINES)}, not {wanted!r}"
            f"{did_you_mean(wanted, ENGINES)}"
        )
    if not installed or (wanted and wanted not in installed):
        raise EngineError(
            f"the engine {wanted or 'tensorflow'} is not installed; "
            "install one with pip install tensorflow-cpu, jax or torch"
        )
    engine = wanted or installed[0]
    os.environ["KERAS_BACKEND"] = engine
    if threads:
        limit_threads(threads)
    os.environ.setdefault("JAX_DEFAULT_MATMUL_PRECISION", "highest")  # on GPUs float32 would mean TF32
    if engine == "tensorflow" and "tensorflow" not in sys.modules:
        _import_quietly("tensorflow")
        logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns of a function for every size
    return engine


def start_program(threads: int | None = None) -> None:
    """Start the engine for a program that ends with its job; arguments and errors are `start_engine`'s.

    An engine is half a million objects that stay. Looking through them for garbage while they are made, from
    time to time and again at the end takes a quarter of a short command, so they are left out of it.
    """
    gc.disable()
    try:
        start_engine(threads)
        importlib.import_module("keras")
        gc.freeze()
    finally:
        gc.enable()


def _import_quietly(module: str) -> None:
    """Import a module without what its compiled parts write to stderr, unless the import fails."""
    with tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        stderr = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            importlib.import_module(module)
        except Exception as error:
            held.seek(0)
            os.write(stderr, held.read())
            raise EngineError(f"the engine {module} is installed but broken: {error}") from error
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def limit_threads(threads: int) -> None:
    """Let this process run on so many processor cores only; engines start no more threads than that.

    Raises:
        EngineError: the system cannot do that (only Linux can).
    """
    if not hasattr(os, "sched_setaffinity"):
        raise EngineError("threads can be limited on Linux only; leave --threads out")
    cores = sorted(os.sched_getaffinity(0))[:threads]
    os.sched_setaffinity(0, cores)
    os.environ["OMP_NUM_THREADS"] = str(len(cores))


@cache
def processor_flags() -> frozenset[str]:
    """Return the processor's feature flags as Linux names them; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())


def device() -> str:
    """Return what the engine computes on: ``gpu`` or ``cpu``."""
    engine = start_engine()
    if engine == "tensorflow":
        import tensorflow as tf

        return "gpu" if tf.config.list_physical_devices("GPU") else "cpu"
    if engine == "jax":
        import jax

        return "cpu" if jax.default_backend() == "cpu" else "gpu"
    import torch

    return "gpu" if torch.cuda.is_available() else "cpu"


def helpers() -> int:
    """Return how many threads should prepare data beside the engine: on a processor it takes all cores."""
    return max(1, available_cores() - 2) if device() == "gpu" else 1


def resolve_precision(precision: str) -> str:
    """Return ``float32`` or ``bfloat16`` for ``auto``, or the given one.

    bfloat16 is chosen on a GPU and on processors that multiply it natively (Intel AMX or AVX-512
    BF16); emulated bfloat16 is slower than float32, so it is detected, never assumed.
    """
    if precision not in ("auto", "float32", "bfloat16"):
        allowed = ("auto", "float32", "bfloat16")
        raise SettingError(
            f"precision must be one of {', '.join(allowed)}, not {precision!r}"
            f"{did_you_mean(precision, allowed)}"
        )
    if precision != "auto":
        return precision
    native = bool(NATIVE_BFLOAT16_FLAGS & processor_flags())
    return "bfloat16" if device() == "gpu" or native else "float32"


def random_generator(seed: int) -> np.random.Generator:
    """Return the one source of random numbers of a run; equal seeds give equal numbers anywhere."""
    return np.random.default_rng(seed)


def peak_memory() -> int:
    """Return the largest resident memory that this process has had, in bytes.

    Linux counts the parent's memory in a forked child's ``ru_maxrss``, so its own status is read there.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def free_memory() -> int:
    """Return the bytes that this process may still take: the machine's or its cgroup's, the lesser."""
    free = _machine_free_memory()
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
        if limit != "max":
            free = min(free, int(limit) - used)
    except (OSError, ValueError):
        pass
    return max(0, free)


def _machine_free_memory() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What ``impasto doctor`` says of the machine and the engine."""

    system: str
    processor: str
    cores: int
    free_memory: int
    engine: str
    engine_version: str
    keras_version: str
    device: str
    native_bfloat16: bool


def describe_machine() -> Machine:
    """Return the machine, the engine and their versions."""
    from importlib.metadata import PackageNotFoundError, version

    engine = start_engine()
    packages = {"tensorflow": ("tensorflow-cpu", "tensorflow")}.get(engine, (engine,))
    engine_version = "unknown"
    for package in packages:
        try:
            engine_version = version(package)
            break
        except PackageNotFoundError:
            continue
    return Machine(
        system=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        processor=processor_name(),
        cores=available_cores(),
        free_memory=free_memory(),
        engine=engine,
        engine_version=engine_version,
        keras_version=version("keras"),
        device=device(),
        native_bfloat16=bool(NATIVE_BFLOAT16_FLAGS & processor_flags()),
    )


def processor_name() -> str:
    """Return the processor's name as the system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def available_cores() -> int:
    """Return the number of cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def matmul_rate(dtype: str = "float32", seconds: float = 1.0, side: int = 2048) -> float:
    """Return the engine's measured matrix-multiply rate in floating-point operations per second.

    Args:
        dtype: ``float32`` or ``bfloat16``.
        seconds: how long to measure; the fastest repetition counts.
        side: of the square matrices.
    """
    start_engine()
    from keras import ops

    ones: Any = ops.cast(ops.ones((side, side)), dtype)
    best, until = float("inf"), time.perf_counter() + seconds
    while best == float("inf") or time.perf_counter() < until:
        start = time.perf_counter()
        ops.convert_to_numpy(ops.cast(ops.matmul(ones, ones)[0, 0], "float32"))
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best
