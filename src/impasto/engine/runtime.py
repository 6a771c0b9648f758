"""The engine: which one runs, started once; its device, precision and speed, and what memory it may take.

Keras reads ``KERAS_BACKEND`` when it is first imported, so `start_engine` must run before any file that
computes with it is imported. Everything else here only reads.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import platform
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from impasto.engine import machine
from impasto.engine.device_memory import free_device_memory
from impasto.engine.loading_noise import loading_noise_held
from impasto.errors import EngineError, SettingError, did_you_mean

ENGINES = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}
"""Engine name: the module whose presence means that it is installed."""


class _Process:
    """What this process has done about its engine; a fork that comes after the start loses it."""

    lock = threading.RLock()
    engine: str | None = None
    memory: int | None = None
    begun = False
    forked = False

    @classmethod
    def in_child(cls) -> None:
        """Mark a forked child: the engine's threads and locks did not come along."""
        cls.lock, cls.forked = threading.RLock(), cls.begun


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Process.in_child)


def start_engine(threads: int | None = None) -> str:
    """Choose and import the engine and Keras, once, and return the engine's name.

    The engine is ``KERAS_BACKEND`` if set, else TensorFlow, else whatever is installed. Threads that come
    while it is being started wait until it is ready. Only the environment of the process is changed.

    Args:
        threads: processor threads to use, of the first call; all that this process may use by default.

    Raises:
        EngineError: no engine is installed, the one asked for is not, it is broken, or this process was
            forked from one in which it had been started.
    """
    refuse_fork()
    with _Process.lock:
        if _Process.engine is None:
            _Process.engine = _import_engine(threads)
        return _Process.engine


def refuse_fork() -> None:
    """Raise an EngineError in a process that was forked after the engine's start: it would wait for ever."""
    if _Process.forked:
        raise EngineError(
            "the engine cannot be used in a process that was forked after it had been started; start "
            'processes with multiprocessing.get_context("spawn"), or fork before the first picture'
        )


def _import_engine(threads: int | None) -> str:
    """Import the engine, then Keras, which finds it whole: an import in another thread is waited for."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "keras" not in sys.modules:  # else it has chosen already, or is choosing
        os.environ["KERAS_BACKEND"] = _chosen_engine()
    if threads:
        limit_threads(threads)
    _Process.begun = True
    try:
        with loading_noise_held():
            if "keras" not in sys.modules:
                importlib.import_module(os.environ["KERAS_BACKEND"])
            return str(importlib.import_module("keras").backend.backend())
    except Exception as error:
        name = os.environ.get("KERAS_BACKEND", "of Keras")
        raise EngineError(
            "the engine {name} is installed but broken: {error}", name=name, error=error
        ) from error


def _chosen_engine() -> str:
    installed = [name for name, module in ENGINES.items() if importlib.util.find_spec(module)]
    wanted = os.environ.get("KERAS_BACKEND")
    if wanted and wanted not in ENGINES:
        raise EngineError(
            "KERAS_BACKEND must be one of {allowed}, not {wanted!r}{hint}",
            allowed=", ".join(ENGINES),
            wanted=wanted,
            hint=did_you_mean(wanted, ENGINES),
        )
    if not installed or (wanted and wanted not in installed):
        raise EngineError(
            "the engine {engine} is not installed; install one with pip install tensorflow-cpu, jax or torch",
            engine=wanted or "tensorflow",
        )
    return wanted or installed[0]


def start_program(threads: int | None = None) -> None:
    """Start the engine for a program that ends with its job; arguments and errors are `start_engine`'s.

    An engine is half a million objects that stay. Looking through them for garbage while they are made, from
    time to time and again at the end takes a quarter of a short command, so they are left out of it.
    """
    gc.disable()
    try:
        start_engine(threads)
        gc.freeze()
    finally:
        gc.enable()


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


def share_machine(threads: int, place: int = 0, memory: int | None = None) -> None:
    """Leave room for other processes that compute at the same time; to be called before the engine's start.

    Args:
        threads: of this process, which on Linux is held to as many cores.
        place: which share of the cores is its own, from 0; beyond the last share they begin anew.
        memory: bytes that it may take in all, and the most that `free_memory` tells, as whoever plans counts
            the process itself; None: no bound.
    """
    _Process.memory = memory
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        own = {cores[(place * threads + index) % len(cores)] for index in range(threads)}
        os.sched_setaffinity(0, own)
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        os.environ[name] = str(threads)


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


def workers() -> int:
    """Return how many threads should prepare data beside the engine: on a processor it takes all cores."""
    return max(1, machine.available_cores() - 2) if device() == "gpu" else 1


def resolve_precision(precision: str) -> str:
    """Return ``float32`` or ``bfloat16`` for ``auto``, or the given one.

    bfloat16 is chosen on a GPU and on processors that multiply it natively; emulated bfloat16 is slower than
    float32, so it is detected, never assumed.
    """
    if precision not in ("auto", "float32", "bfloat16"):
        allowed = ("auto", "float32", "bfloat16")
        raise SettingError(
            "precision must be one of {allowed}, not {precision!r}{hint}",
            allowed=", ".join(allowed),
            precision=precision,
            hint=did_you_mean(precision, allowed),
        )
    if precision != "auto":
        return precision
    return "bfloat16" if device() == "gpu" or machine.has_native_bfloat16() else "float32"


def random_generator(seed: int) -> np.random.Generator:
    """Return the one source of random numbers of a run; equal seeds give equal numbers anywhere."""
    return np.random.default_rng(seed)


def free_memory() -> int:
    """Return the bytes that the engine may still take where it computes: on the GPU, else in main memory."""
    free = free_device_memory(start_engine()) if device() == "gpu" else None
    if free is not None:
        return free
    free = machine.free_memory()
    return free if _Process.memory is None else min(free, _Process.memory)


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
        processor=machine.processor_name(),
        cores=machine.available_cores(),
        free_memory=free_memory(),
        engine=engine,
        engine_version=engine_version,
        keras_version=version("keras"),
        device=device(),
        native_bfloat16=machine.has_native_bfloat16(),
    )


def matmul_rate(dtype: str = "float32", seconds: float = 1.0, side: int = 2048) -> float:
    """Return the engine's measured matrix-multiply rate in floating-point operations per second.

    Args:
        dtype: ``float32`` or ``bfloat16``.
        seconds: how long to measure; the fastest repetition counts.
        side: of the square matrices.
    """
    start_engine()
    from keras import ops

    ones: Any = ops.ones((side, side), dtype=dtype)
    best, until = float("inf"), time.perf_counter() + seconds
    while best == float("inf") or time.perf_counter() < until:
        start = time.perf_counter()
        ops.convert_to_numpy(ops.cast(ops.matmul(ones, ones)[0, 0], "float32"))
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best
