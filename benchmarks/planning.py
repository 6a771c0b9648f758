"""Forecasts against the truth: what `impasto plan` says of a run, and what the run then takes.

Every row is two processes, one after the other: the command's forecast, and the library's run of the same
settings, from the moment the engine is ready to the finished pastiche, with the process' peak memory.
`beyond` names the rows in which one of the two is more than `planning.SPREAD` from the truth.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.shared_files import run

SIDE = 3200
"""Of the photo, in pixels."""
CASES: tuple[dict[str, Any], ...] = (
    {"max_size": 512},
    {"max_size": 512, "precision": "float32"},
    {"max_size": 1024},
    {"max_size": 1024, "tile_size": 640},
    {"max_size": 2048, "preset": "fast"},
    {"max_size": 512, "method": "onepass"},
    {"max_size": 512, "method": "onepass", "precision": "float32"},
    {"max_size": 1440, "method": "onepass"},
    {"max_size": 3200, "method": "onepass"},
    {"max_size": 512, "method": "onepass", "refine": 60},
)


def options(case: dict[str, Any]) -> list[str]:
    """Return a case as the command's options."""
    return [word for name, value in case.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def write_pair(folder: Path) -> tuple[Path, Path]:
    """Write a large photo and a painting."""
    import numpy as np
    import skimage.data
    from skimage.io import imsave

    from impasto.gallery import style_pixels
    from impasto.pictures.resizing import resize

    photo = resize(skimage.data.astronaut() / np.float32(255), (SIDE * 3 // 4, SIDE))
    paths = folder / "photo.png", folder / "style.png"
    for path, pixels in zip(paths, (photo, style_pixels("swirls", 768)), strict=True):
        imsave(path, (np.clip(pixels, 0, 1) * 255).round().astype("uint8"))
    return paths


def true_run(photo: str, style: str, case: dict[str, Any]) -> dict[str, float]:
    """Make the picture in this process; return its seconds and the process' peak memory."""
    from impasto import stylize
    from impasto.engine import machine, runtime

    runtime.start_engine()
    began = time.perf_counter()
    stylize(photo, style, **case)
    return {"seconds": time.perf_counter() - began, "memory": machine.peak_memory()}


def row(photo: Path, style: Path, case: dict[str, Any]) -> dict[str, Any]:
    """Return a case's forecast over its truth."""
    plan = json.loads(run("-m", "impasto.cli", "plan", photo, "--json", *options(case)))
    printed = run("-m", "benchmarks.planning", photo, style, json.dumps(case))
    truth = json.loads(printed.splitlines()[-1])
    return {
        **case,
        "tiles": [scale["tile"] for scale in plan["scales"]],
        "seconds": round(truth["seconds"], 2),
        "predicted_seconds": round(plan["seconds"], 2),
        "gib": round(truth["memory"] / 2**30, 2),
        "predicted_gib": round(plan["memory"] / 2**30, 2),
        "seconds_ratio": round(plan["seconds"] / truth["seconds"], 2),
        "memory_ratio": round(plan["memory"] / truth["memory"], 2),
    }


def measure() -> dict[str, object]:
    from impasto.optimization.planning import SPREAD

    rows = []
    with tempfile.TemporaryDirectory() as name:
        pair = write_pair(Path(name))
        for case in CASES:
            rows.append(row(*pair, case))
            print(rows[-1], flush=True)
    ratios = ("seconds_ratio", "memory_ratio")
    beyond = [one for one in rows if any(not 1 / SPREAD <= one[key] <= SPREAD for key in ratios)]
    return {"rows": rows, "beyond": beyond, "spread": SPREAD}


if __name__ == "__main__":
    photo, style, case = sys.argv[1:]
    print(json.dumps(true_run(photo, style, json.loads(case))))
