"""On a GPU: the default preset on a network of VGG-19's shape at 512 and 1024 px, after compilation.

    KERAS_BACKEND=jax python -m benchmarks gpu        (or torch, or tensorflow)

The first step of each scale compiles and is left out; the rate is compared with the engine's own bfloat16
matrix-multiply rate. On a machine without a GPU it says so and measures nothing.
"""

from __future__ import annotations

import time

import numpy as np
import skimage.data

from benchmarks.shared_files import standin
from impasto import stylize_steps
from impasto.engine import runtime

SIZES = (512, 1024)


def timed(size: int) -> dict[str, float]:
    from impasto.networks.catalogue import load_network
    from impasto.optimization.planning import operations

    photo = np.tile(skimage.data.astronaut(), (2, 2, 1))[:size, :size]
    network = load_network(standin(), dtype="bfloat16")
    settings = {"max_size": size, "precision": "bfloat16"}
    spent, last, at_full_size = 0.0, time.perf_counter(), []
    for step in stylize_steps(photo, "swirls", network=network, **settings):
        now = time.perf_counter()
        if step.iteration > 1:
            spent += now - last
            if step.scale == step.scales:
                at_full_size.append(now - last)
        last = now
    work = operations(network) * size**2
    iteration = float(np.median(at_full_size))
    rate = runtime.matmul_rate("bfloat16", side=8192)
    return {
        "seconds_after_compilation": round(spent, 3),
        "seconds_per_iteration": round(iteration, 5),
        "share_of_bfloat16_matmul_rate": round(work / iteration / rate, 3),
    }


def measure() -> dict[str, object]:
    if runtime.device() != "gpu":
        return {"measured": False, "why": "this machine has no GPU that the engine can use"}
    return {f"{size}_px": timed(size) for size in SIZES}
