"""One pass on a picture larger than memory: a TIFF of a gigapixel in, one out; seconds, peak memory, seams.

    python -m benchmarks gigapixel          a gigapixel
    python -m benchmarks.gigapixel 64       64 megapixels, in windows as well

The photo is scikit-image's retina, enlarged, mirrored and repeated, with a grain of its own in every tile;
it is written tile by tile. The command is a process of its own. A seam is a border of tiles across which
neighbors differ more than elsewhere.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import skimage.data

from benchmarks.shared_files import BUILD, ROOT
from impasto.pictures.resizing import resize
from impasto.pictures.tiled_tiff import Tiling, write_tiles
from impasto.pictures.writing import OutputOptions

MEGAPIXELS = 1000
STYLE = "hokkai-wave"
SIDE, ENLARGED = 512, 3
GRAIN = 0.01
FARTHEST, GRID = 512, 16
"""Pixels beside the borders of tiles that are looked at, and on which grid."""


def photo_tiles(shape: tuple[int, int]) -> Iterator[tuple[np.ndarray, None]]:
    """Yield the photo's tiles, float32 (h, w, 3) in [0, 1], row by row."""
    source = skimage.data.retina()[200:1200, 200:1200] / np.float32(255)
    source = resize(source, (ENLARGED * 1000, ENLARGED * 1000))
    period = 2 * len(source)

    def mirrored(start: int, stop: int) -> np.ndarray:
        places = np.arange(start, stop) % period
        return np.minimum(places, period - 1 - places)

    random = np.random.default_rng(0)
    for top in range(0, shape[0], SIDE):
        rows = source[mirrored(top, min(top + SIDE, shape[0]))]
        for left in range(0, shape[1], SIDE):
            tile = rows[:, mirrored(left, min(left + SIDE, shape[1]))]
            yield tile + GRAIN * random.standard_normal(tile.shape, np.float32), None


def write_photo(path: Path, shape: tuple[int, int]) -> None:
    """Write the photo, tile by tile."""
    write_tiles(path, photo_tiles(shape), Tiling(shape, (SIDE, SIDE)), OutputOptions(overwrite=True))


def paint(photo: Path, output: Path, *options: object) -> dict[str, float]:
    """Paint the photo by the command, in windows whatever its size, and return seconds and peak memory."""
    words = [
        sys.executable,
        "-m",
        "impasto.cli",
        "stylize",
        photo,
        STYLE,
        "-o",
        output,
        "--overwrite",
        "--quiet",
    ]
    words += ["--method", "onepass", "--max-size", 999_999, *options]
    began = time.perf_counter()
    environment = {**os.environ, "IMPASTO_WINDOW_PIXELS": "0"}
    with subprocess.Popen([str(word) for word in words], cwd=ROOT, env=environment) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"benchmarks: the command ended with {process.returncode}")
    scale = 1 if sys.platform == "darwin" else 1024
    return {
        "seconds": round(time.perf_counter() - began, 1),
        "peak_gib": round(usage.ru_maxrss * scale / 2**30, 2),
    }


def seams(path: Path) -> dict[str, object]:
    """Return how much neighbors across borders of tiles differ, and across lines where there is no border.

    Those are 16 to 512 px beside the borders; all lie on the grid of the network's layers, which leaves its
    own trace. All are relative to the mean.
    """
    from impasto.pictures.resizing import Window
    from impasto.pictures.windows import LargePhoto

    photo = LargePhoto(path)
    (height, width), step = photo.shape, photo.tile[1]
    beside = min(FARTHEST, step // 2 // GRID * GRID)
    places = np.arange(-beside, beside + 1, GRID)
    steps = np.zeros(len(places))
    for row in range(0, height, max(SIDE, height // 8)):
        rows = slice(row, min(row + 256, height))
        for border in range(step, width - beside - 1, step):
            columns = slice(border - beside - 1, border + beside + 1)
            pixels = photo.window(Window(rows, columns, photo.shape)).pixels
            steps += np.abs(np.diff(pixels, axis=1)).mean(axis=(0, 2))[places + beside]
    steps /= steps.mean()
    others = np.delete(steps, len(places) // 2)
    found = [round(float(value), 3) for value in (steps[len(places) // 2], others.min(), others.max())]
    return {"seam": found[0], "seam_elsewhere": found[1:]}


def measure_one(megapixels: float, folder: Path, *options: object) -> dict[str, object]:
    """Write, paint and look at a photo of so many megapixels, four to three."""
    width = round((megapixels * 1e6 * 4 / 3) ** 0.5)
    shape = round(width * 3 / 4), width
    photo, output = folder / "huge.tif", folder / "huge-painted.tif"
    write_photo(photo, shape)
    found = paint(photo, output, *options)
    figures = {
        "width": shape[1],
        "height": shape[0],
        "photo_gib": round(photo.stat().st_size / 2**30, 3),
        "painted_gib": round(output.stat().st_size / 2**30, 3),
        **found,
        "microseconds_per_pixel": round(found["seconds"] * 1e6 / (shape[0] * shape[1]), 3),
        **seams(output),
    }
    photo.unlink()
    return figures


def measure(megapixels: float = MEGAPIXELS) -> dict[str, object]:
    """Return the figures; the painted picture stays in build/."""
    BUILD.mkdir(exist_ok=True)
    return measure_one(megapixels, BUILD)


if __name__ == "__main__":
    print(json.dumps(measure(float(sys.argv[1]) if sys.argv[1:] else MEGAPIXELS), indent=2))
