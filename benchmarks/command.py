"""The whole command at 512 px, process start included: seconds and peak memory; and its parts."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 3


def write_sample_pair(photo: Path, style: Path) -> None:
    """Write a photo of scikit-image, 512 px, and a painting of the package, 768 px."""
    import skimage.data
    from skimage.io import imsave

    from impasto.gallery import style_pixels

    imsave(photo, skimage.data.astronaut())
    imsave(style, (style_pixels("swirls", 768) * 255).round().astype("uint8"))


def whole_command(folder: Path, run: int) -> tuple[float, float]:
    """Return seconds and peak resident GiB of one command in a fresh process."""
    photo, style = folder / "photo.png", folder / "style.png"
    if not photo.exists():
        write_sample_pair(photo, style)
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    command = [sys.executable, "-m", "impasto.cli", "stylize", photo, style]
    command += ["-o", folder / f"{run}.png", "--quiet"]
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, command)], capture_output=True, text=True, check=True
    )
    return time.perf_counter() - start, int(done.stdout) * 1024 / 2**30


def optimization_alone(folder: Path) -> float:
    """Return the seconds of the optimization itself, compilation included, in this process."""
    from impasto import pastiche
    from impasto.preparation import Inputs, prepare
    from impasto.settings import Settings

    prepared = prepare(Inputs.of(folder / "photo.png", folder / "style.png"), Settings())
    start = time.perf_counter()
    for _ in pastiche.run(prepared):
        pass
    return time.perf_counter() - start


def measure() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = [whole_command(folder, run) for run in range(RUNS)]
        optimizations = [optimization_alone(folder) for _ in range(RUNS)]
    return {
        "command_seconds": round(statistics.median(r[0] for r in runs), 2),
        "command_peak_gib": round(max(r[1] for r in runs), 2),
        "optimization_seconds": round(statistics.median(optimizations), 2),
        "benchmark_peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 2**30, 2),
    }
