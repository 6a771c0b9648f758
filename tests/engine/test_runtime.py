"""The engine and the machine as this process finds them."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

import pytest

from impasto.engine import runtime
from impasto.errors import EngineError, SettingError


def test_the_engine_is_kerass():
    import keras

    assert runtime.start_engine() == keras.backend.backend()


def test_an_unknown_engine_gets_a_suggestion():
    code = "from impasto.engine import runtime; runtime.start_engine()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"KERAS_BACKEND": "tensorflwo"},
        capture_output=True,
        text=True,
    )
    assert "did you mean 'tensorflow'" in done.stderr


def test_precision_is_detected_never_assumed(monkeypatch):
    assert runtime.resolve_precision("float32") == "float32"
    assert runtime.resolve_precision("bfloat16") == "bfloat16"
    if runtime.device() == "cpu":
        monkeypatch.setattr(runtime, "processor_flags", lambda: frozenset({"avx2"}))
        assert runtime.resolve_precision("auto") == "float32"
        monkeypatch.setattr(runtime, "processor_flags", lambda: frozenset({"avx512_bf16"}))
        assert runtime.resolve_precision("auto") == "bfloat16"
    with pytest.raises(SettingError, match="did you mean 'bfloat16'"):
        runtime.resolve_precision("bfloat8")


def test_random_numbers_repeat():
    first, second = (runtime.random_generator(3).normal(size=4) for _ in range(2))
    assert (first == second).all()


def test_memory_and_cores_are_plausible():
    assert 2**26 < runtime.peak_memory() < 2**42
    assert 0 < runtime.free_memory() < 2**46
    assert 1 <= runtime.available_cores() <= 4096


def test_fewer_threads():
    code = "from impasto.engine import runtime; runtime.limit_threads(1); print(runtime.available_cores())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "1" or "Linux only" in done.stderr


def test_a_program_leaves_the_engine_out_of_the_garbage_collection():
    code = (
        "import gc; from impasto.engine import runtime; runtime.start_program();"
        "assert gc.isenabled() and gc.get_freeze_count() > 100_000, gc.get_freeze_count();"
        "import keras; assert keras.backend.backend() == runtime.start_engine();"
        "a = []; a.append(a); del a; assert gc.collect() > 0"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_program_without_an_engine_still_collects_garbage(monkeypatch):
    monkeypatch.setattr(runtime, "start_engine", lambda threads: (_ for _ in ()).throw(EngineError("none")))
    with pytest.raises(EngineError):
        runtime.start_program()
    assert gc.isenabled()


def test_the_speed_reading_is_a_rate():
    assert runtime.matmul_rate(seconds=0.05, side=256) > 1e8


def test_no_engine(monkeypatch):
    monkeypatch.setattr(runtime.importlib.util, "find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    with pytest.raises(EngineError, match="not installed; install one with"):
        runtime.start_engine()
