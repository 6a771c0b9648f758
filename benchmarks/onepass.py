"""The one-pass network at three sizes, its style statistics kept, against the machine's matrix-multiply rate.

Every size is a process of its own, as a program that paints photos of one size would be; paintings take turns
with a 2048-cubed matrix multiply of the same engine and precision, because the machine's speed drifts. The
medians count, and the fastest says what the machine can do undisturbed. Peak memory is the process's, photo
and result included. The whole command, process start and compilation included, is timed at 512 px.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.command import write_sample_pair
from benchmarks.shared_files import ROOT
from impasto.engine import machine, runtime

SIZES = {"512x512": (512, 512), "1920x1080": (1080, 1920), "3840x2160": (2160, 3840)}
ROUNDS, COMMANDS = 7, 5


def painter(shape: tuple[int, int], dtype: str):
    """Return a function that paints a photo of one shape; its style and its compilation are done."""
    from impasto.gallery import style_pixels
    from impasto.onepass.painter import OnePass, load_onepass_network
    from impasto.prepared import everywhere
    from impasto.workshop import Workshop

    photo = np.random.default_rng(0).random((*shape, 3), np.float32)
    one = OnePass(load_onepass_network(dtype), everywhere(style_pixels("swirls", 512)), shape, Workshop())
    one.paint(photo)
    return lambda: one.paint(photo)


def measure_one(dtype: str, name: str) -> dict[str, float]:
    """Measure a size in this process; memory first, because the matrices of the rate take some, too."""
    call = painter(SIZES[name], dtype)
    call()
    peak = machine.peak_memory() / 2**30
    times, rates = [], []
    for _ in range(ROUNDS):
        rates.append(runtime.matmul_rate(dtype, seconds=0.2))
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return {
        "median_seconds": round(statistics.median(times), 3),
        "fastest_seconds": round(min(times), 3),
        "peak_gib": round(peak, 2),
        "matmul_gflops": round(max(rates) / 1e9, 1),
    }


def command_seconds() -> dict[str, float]:
    """Return the median seconds of `impasto stylize --method onepass` at 512 px in fresh processes.

    By the kind of style: a painting in a file, and a built-in style.
    """
    times: dict[str, list[float]] = {"painting": [], "built_in": []}
    with tempfile.TemporaryDirectory() as folder:
        photo, painting = Path(folder) / "photo.png", Path(folder) / "painting.png"
        write_sample_pair(photo, painting)
        for run in range(COMMANDS):
            for kind, style in (("painting", painting), ("built_in", "swirls")):
                words = [sys.executable, "-m", "impasto.cli", "stylize", str(photo), str(style), "--quiet"]
                words += ["--method", "onepass", "-o", str(Path(folder) / f"{kind}{run}.png")]
                start = time.perf_counter()
                subprocess.run(words, capture_output=True, check=True)
                times[kind].append(time.perf_counter() - start)
    return {kind: round(statistics.median(found), 2) for kind, found in times.items()}


def measure() -> dict[str, object]:
    runtime.start_engine()
    precisions = ["float32"]
    if runtime.resolve_precision("auto") == "bfloat16":
        precisions.append("bfloat16")
    figures: dict[str, object] = {"command_seconds": command_seconds()}
    for dtype in precisions:
        figures[dtype] = {}
        for name in SIZES:
            words = [sys.executable, "-m", "benchmarks.onepass", dtype, name]
            done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT)
            figures[dtype][name] = json.loads(done.stdout.splitlines()[-1])
    return figures


if __name__ == "__main__":
    runtime.start_engine()
    print(json.dumps(measure_one(*sys.argv[1:])))
