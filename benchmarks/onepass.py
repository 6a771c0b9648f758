"""The one-pass network at three sizes, its style code cached, against the machine's matrix-multiply rate.

Sizes take turns with a 2048-cubed matrix multiply of the same engine and precision, because the machine's
speed drifts; the medians count, and the fastest of each says what the machine can do undisturbed. The peak
memory of painting 3840 x 2160 is that of a process of its own, photo and result included.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

import numpy as np

from benchmarks.shared_files import ROOT
from impasto import runtime

SIZES = {"512x512": (512, 512), "1920x1080": (1080, 1920), "3840x2160": (2160, 3840)}
ROUNDS = 7
LARGEST = "3840x2160"


def painter(shape: tuple[int, int], dtype: str):
    """Return a function that paints a photo of one shape; its style code and its compilation are done."""
    from impasto.feedforward import OnePass, load_pastiche_network
    from impasto.gallery import make_style
    from impasto.style_targets import StyledRegion, StyleImage

    photo = np.random.default_rng(0).random((*shape, 3), np.float32)
    style = StyleImage(pixels=make_style("swirls", 512))
    one = OnePass(load_pastiche_network(dtype), [StyledRegion(styles=(style,))], shape)
    one.paint(photo)
    return lambda: one.paint(photo)


def seconds(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def times(dtype: str) -> dict[str, object]:
    paint = {name: painter(shape, dtype) for name, shape in SIZES.items()}
    found: dict[str, list[float]] = {name: [] for name in SIZES}
    rates = []
    for _ in range(ROUNDS):
        for name, call in paint.items():
            rates.append(runtime.matmul_rate(dtype, seconds=0.2))
            found[name].append(seconds(call))
    found_seconds = {
        name: {"median_seconds": round(statistics.median(v), 3), "fastest_seconds": round(min(v), 3)}
        for name, v in found.items()
    }
    return {**found_seconds, "matmul_gflops": round(max(rates) / 1e9, 1)}


def peak_gib(dtype: str) -> float:
    """Return the peak memory in GiB of a process that paints the largest size, twice."""
    command = [sys.executable, "-m", "benchmarks.onepass", dtype]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return float(json.loads(done.stdout.splitlines()[-1])["peak_gib"])


def measure() -> dict[str, object]:
    runtime.start_engine()
    precisions = ["float32"]
    if runtime.resolve_precision("auto") == "bfloat16":
        precisions.append("bfloat16")
    return {dtype: {**times(dtype), f"peak_gib_{LARGEST}": round(peak_gib(dtype), 2)} for dtype in precisions}


if __name__ == "__main__":
    runtime.start_engine()
    painter(SIZES[LARGEST], sys.argv[1])()
    print(json.dumps({"peak_gib": runtime.peak_memory() / 2**30}))
