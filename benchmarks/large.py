"""Large pictures: seconds per iteration and peak memory over megapixels, whole and in tiles.

Every row is a process of its own: one scale of a few iterations from a random picture, L-BFGS
included. The planner's prediction of the same row stands beside it.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from benchmarks.shared_files import SHARED, run, standin

COMPACT = [
    (512, None),
    (1024, None),
    (1024, 640),
    (2048, None),
    (2048, 1168),
    (4096, 1168),
    (4096, 656),
    (8192, 1168),
]
STANDIN = [(512, None), (1024, None), (2048, 800)]
ITERATIONS = 2


def rows() -> list[tuple[str, int, int | None]]:
    found = [("compact", side, tile) for side, tile in COMPACT]
    if SHARED.is_dir():
        found += [(str(standin()), side, tile) for side, tile in STANDIN]
    return found


def measure_one(name: str, side: int, tile: int | None) -> dict[str, object]:
    """Run one scale in this process."""
    from impasto.engine import machine, runtime

    runtime.start_engine()
    from impasto.gallery import style_pixels
    from impasto.networks.catalogue import load_network
    from impasto.optimization import gatys
    from impasto.optimization.planning import plan_run
    from impasto.optimization.scales import Scale
    from impasto.prepared import Prepared, StyledRegion, StyleImage
    from impasto.settings import Settings
    from impasto.workshop import Workshop

    dtype = runtime.resolve_precision("auto")
    network = load_network(name, dtype=dtype).with_cast_weights()
    settings = Settings(tile_size=tile, max_size=side, iterations=(ITERATIONS,))
    content = np.random.default_rng(0).random((side, side, 3), np.float32)
    style = [StyledRegion(styles=(StyleImage(pixels=style_pixels("swirls", 1024), shape=(side, side)),))]
    plan = plan_run((side, side), network, settings)
    gatys.plan_scales = lambda shape, settings: [Scale(shape, ITERATIONS)]
    marks = [time.perf_counter()]
    for _ in gatys.optimize_steps(Prepared.of(content, style, settings, network, Workshop())):
        marks.append(time.perf_counter())
    return {
        "network": "compact" if name == "compact" else "vgg19 stand-in",
        "side": side,
        "megapixels": round(side * side / 1e6, 1),
        "tile": tile,
        "seconds_per_iteration": round(min(np.diff(marks[1:])), 3),
        "seconds": round(marks[-1] - marks[0], 2),
        "predicted_seconds": round(plan.seconds, 2),
        "peak_gib": round(machine.peak_memory() / 2**30, 2),
        "predicted_gib": round(plan.memory / 2**30, 2),
    }


def measure() -> dict[str, object]:
    found = []
    for name, side, tile in rows():
        printed = run("-m", "benchmarks.large", name, side, tile or 0)
        found.append(json.loads(printed.splitlines()[-1]))
        print(found[-1], flush=True)
    return {"rows": found}


if __name__ == "__main__":
    network, side, tile = sys.argv[1:]
    print(json.dumps(measure_one(network, int(side), int(tile) or None)))
