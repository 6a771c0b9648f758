"""The engine and the machine as this process finds them."""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from impasto.engine import machine, runtime
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
        monkeypatch.setattr(machine, "processor_flags", lambda: frozenset({"avx2"}))
        assert runtime.resolve_precision("auto") == "float32"
        monkeypatch.setattr(machine, "processor_flags", lambda: frozenset({"avx512_bf16"}))
        assert runtime.resolve_precision("auto") == "bfloat16"
    with pytest.raises(SettingError, match="did you mean 'bfloat16'"):
        runtime.resolve_precision("bfloat8")


def test_random_numbers_repeat():
    first, second = (runtime.random_generator(3).normal(size=4) for _ in range(2))
    assert (first == second).all()


def test_memory_and_cores_are_plausible():
    assert 2**26 < machine.peak_memory() < 2**42
    assert 0 < runtime.free_memory() < 2**46
    assert 1 <= machine.available_cores() <= 4096


def test_fewer_threads():
    code = (
        "from impasto.engine import machine, runtime\n"
        "runtime.limit_threads(1); print(machine.available_cores())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "1" or "Linux only" in done.stderr


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores are shared out on Linux only")
def test_processes_share_the_machine():
    code = (
        "import os, sys; from impasto.engine import runtime\n"
        "runtime.share_machine(1, int(sys.argv[1]), 2**28)\n"
        "print(*os.sched_getaffinity(0), os.environ['OMP_NUM_THREADS'], end=' ')\n"
        "print(runtime.free_memory() if sys.argv[1] == '0' else '')"
    )
    lines = [
        subprocess.run(
            [sys.executable, "-c", code, str(place)], capture_output=True, text=True
        ).stdout.split()
        for place in (0, 1, machine.available_cores())
    ]
    cores = sorted(os.sched_getaffinity(0))
    assert lines[0] == [str(cores[0]), "1", str(2**28)]
    assert lines[1] == [str(cores[1 % len(cores)]), "1"]
    assert lines[2][1] == "1"


def test_a_program_leaves_the_engine_out_of_the_garbage_collection_and_shows_nothing_of_it():
    code = (
        "import gc; from impasto.engine import runtime; runtime.start_program();"
        "assert gc.isenabled() and gc.get_freeze_count() > 100_000, gc.get_freeze_count();"
        "import keras; assert keras.backend.backend() == runtime.start_engine();"
        "a = []; a.append(a); del a; assert gc.collect() > 0"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


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
    monkeypatch.setattr(runtime._Process, "engine", None)
    with pytest.raises(EngineError, match="not installed; install one with"):
        runtime.start_engine()


FIRST_CALLS = """
import os, sys, threading, time
before = os.readlink("/proc/self/fd/2") if os.path.exists("/proc/self/fd/2") else None
from impasto.engine import runtime

found, lines, stop = [], 0, threading.Event()

def start():
    engine = runtime.start_engine()
    import keras
    found.append((engine, keras.backend.backend(), keras.ops is not None))

def half():  # an import by somebody else, which is under way when the others come
    import keras
    keras.ops.ones(1)

def log():
    global lines
    while not stop.is_set():
        sys.stderr.write(f"line {lines}\\n"); sys.stderr.flush(); lines += 1; time.sleep(0.02)

logger = threading.Thread(target=log); logger.start()
threads = [threading.Thread(target=half)] if sys.argv[1] == "half" else []
threads += [threading.Thread(target=start) for _ in range(3)]
for thread in threads: thread.start(); time.sleep(0.3)
for thread in threads: thread.join()
stop.set(); logger.join()
assert len(found) == 3 and len(set(found)) == 1, found
assert before == os.readlink("/proc/self/fd/2")
print(lines)
"""


@pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="looks at the process' files as Linux has them"
)
@pytest.mark.parametrize("importing", ["half", "alone"])
def test_first_calls_at_once_wait_for_each_other_and_take_no_stderr(importing):
    code = [sys.executable, "-c", FIRST_CALLS, importing]
    done = subprocess.run(code, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    seen = [line for line in done.stderr.splitlines() if line.startswith("line ")]
    assert len(seen) == int(done.stdout) > 20


@pytest.mark.parametrize("close", ["sys.stderr = None", "os.close(2)"])
def test_no_stderr_is_no_fault(close):
    code = (
        f"import os, sys; {close}\nfrom impasto.engine import runtime; runtime.start_program()\n"
        "import keras; print(float(keras.ops.ones(1)[0]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "1.0"


PICTURE = """
import ctypes, os
import numpy as np, impasto
photo = np.random.default_rng(0).random((48, 48, 3)).astype(np.float32)
for method in "optimize", "onepass":
    impasto.stylize(photo, photo[::-1], max_size=48, method=method, iterations=1)
os.write(2, b"still there\\n")
ctypes.CDLL(None).perror(b"C's too")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only glibc's stderr is held")
def test_a_script_is_told_nothing_of_the_engine():
    """What TensorFlow logs before it reads its log level, too; and stderr is whole afterwards."""
    done = subprocess.run([sys.executable, "-c", PICTURE], capture_output=True, text=True)
    assert done.returncode == 0
    assert re.fullmatch(r"still there\nC's too: .*\n", done.stderr)


def test_a_program_shows_an_engine_s_errors(tmp_path):
    code = "from impasto.engine import runtime; runtime.start_program()"
    engine = runtime.start_engine()
    (tmp_path / engine).mkdir()
    text = "import ctypes; ctypes.CDLL(None).perror(b'the reason'); raise ImportError('no library')"
    (tmp_path / engine / "__init__.py").write_text(text)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path]),
        "KERAS_BACKEND": engine,
    }
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert "the reason" in done.stderr
    assert f"the engine {engine} is installed but broken: no library" in done.stderr


FORK = """
import multiprocessing, os, sys, time
import numpy as np, impasto

photo = np.random.default_rng(0).random((48, 48, 3)).astype(np.float32)

def paint(_):
    try:
        return float(impasto.stylize(photo, photo[::-1], max_size=48, iterations=1).pixels.mean())
    except impasto.EngineError as error:
        return str(error)

if __name__ == "__main__":
    first = paint(0)
    steps = impasto.stylize_steps(photo, photo[::-1], max_size=48, iterations=2)
    next(steps)
    child = os.fork()
    if not child:  # in the midst of a picture
        try:
            next(steps)
        except impasto.EngineError:
            os._exit(7)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            began = time.monotonic()
            found = pool.map_async(paint, [1]).get(timeout=60)[0]
            print(method, found == first, time.monotonic() - began < 2, found)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_after_a_fork_the_child_is_told_at_once_and_spawn_works(tmp_path):
    (tmp_path / "program.py").write_text(FORK)
    code = [sys.executable, str(tmp_path / "program.py")]
    done = subprocess.run(code, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    fork, spawn = done.stdout.splitlines()
    assert fork.startswith("fork False True the engine cannot be used in a process that was forked")
    assert spawn.startswith("spawn True")
