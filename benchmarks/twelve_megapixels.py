"""A photo of twelve megapixels by one command: seconds and peak memory, against the planner's prediction."""

from __future__ import annotations

import resource
import time

import numpy as np
import skimage.data

from benchmarks.shared_files import BUILD, run
from impasto.engine import runtime
from impasto.pictures.resizing import resize
from impasto.pictures.writing import OutputOptions, write_picture

SHAPE = (3000, 4000)


def measure() -> dict[str, object]:
    """Enlarge a sample photo, make its pastiche and compare with the plan."""
    from impasto.networks.catalogue import load_network
    from impasto.optimization.planning import plan_run
    from impasto.settings import Settings

    runtime.start_engine()
    BUILD.mkdir(exist_ok=True)
    photo, output = BUILD / "twelve.jpg", BUILD / "twelve-pastiche.jpg"
    pixels = skimage.data.rocket()[:, :570]  # 427 x 570: three to four
    write_picture(photo, resize(pixels / np.float32(255), SHAPE), OutputOptions(overwrite=True))
    network = load_network("compact", dtype=runtime.resolve_precision("auto"))
    plan = plan_run(SHAPE, network, Settings(max_size=max(SHAPE)))
    words = ["stylize", photo, "swirls", "-o", output, "--overwrite", "--max-size", max(SHAPE)]
    began = time.perf_counter()
    run("-m", "impasto.cli", *words)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return {
        "shape": list(SHAPE),
        "seconds": round(seconds, 1),
        "predicted_seconds": round(plan.seconds, 1),
        "peak_gib": round(peak / 2**30, 2),
        "predicted_gib": round(plan.memory / 2**30, 2),
    }
