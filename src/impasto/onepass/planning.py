"""The planner of one pass: how much memory and time it will take, and whether in tiles.

As the optimization's planner counts: in passes forward of the feature network, as they are measured now.
`benchmarks/onepass.py` has the figures that the factors come from, all of processors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from impasto.networks.speed import Speed
from impasto.networks.tile_grid import even_grid, tile_grid
from impasto.onepass.network import DECODER_REACH
from impasto.onepass.painter import STATISTICS_SIDE, TILE_SIDE
from impasto.onepass.transfer import STATISTICS_LAYERS
from impasto.onepass.window_painter import JUDGED, LOOK_COST, PAINT_COST, WINDOW_SIDE
from impasto.settings import Settings

PASSES, LOOK_PASSES, PAINT_PASSES = 2.5, 0.9, 2.0
"""What a picture as a whole is worth, and each pixel of its tiles in the two rounds, in passes forward."""
MAP_SECONDS = 0.02
"""Of the transfer maps, whatever the size."""
COMPILATIONS = 6.0
"""Loading and compiling, over compiling a pass forward."""
PROCESS_BYTES = 620 * 2**20
PIXEL_BYTES = {"float32": 280, "bfloat16": 175}
"""Of what is painted at once, per pixel."""
WINDOW_BYTES = {"float32": 440, "bfloat16": 330}
"""Of a window, per pixel: as what is painted at once, and what reading, finishing and compressing it take."""
READ_SECONDS, WRITE_SECONDS = 2e-8, 6e-8
"""Of a pixel that is read in a window, and of one that is written."""
PICTURE_BYTES = 110
"""Of a picture in tiles, per pixel: itself, the result and the deeper features."""


@dataclass(frozen=True)
class OnePassPlan:
    """What one pass is predicted to take: seconds, bytes, and the side of tiles, None for a whole picture.

    In windows it has how many there are, and their (height, width).
    """

    seconds: float
    memory: int
    tile: int | None
    windows: tuple[int, tuple[int, int]] | None = None


def plan_onepass(
    shape: tuple[int, int], dtype: str, settings: Settings, speed: Speed, windows: bool = False
) -> OnePassPlan:
    """Predict one pass.

    Args:
        shape: (height, width) of the result.
        dtype: of the features, ``float32`` or ``bfloat16``.
        settings: of which the size of tiles and of strokes is used.
        speed: of the one-pass network's encoder.
        windows: whether it is read, painted and written in windows.
    """
    if windows:
        return _in_windows(shape, dtype, settings, speed)
    side, pixels = settings.tile_size or TILE_SIDE, math.prod(shape)
    scale = min(1.0, STATISTICS_SIDE / max(shape)) * settings.stroke_size
    passes = pixels * scale**2
    if pixels <= side**2:
        tile, at_once, held = None, pixels, 0
        passes += PASSES * pixels
    else:
        looks, tiles = tile_grid(shape, side, STATISTICS_LAYERS), tile_grid(shape, side, (), DECODER_REACH)
        tile, at_once, held = side, math.prod(tiles[0].shape), pixels
        passes += sum(
            count * len(grid) * math.prod(grid[0].shape)
            for count, grid in ((LOOK_PASSES, looks), (PAINT_PASSES, tiles))
        )
    seconds = COMPILATIONS * speed.compile_seconds + MAP_SECONDS + passes * speed.pixel_seconds
    memory = PROCESS_BYTES + PIXEL_BYTES[dtype] * at_once + PICTURE_BYTES * held
    return OnePassPlan(seconds=seconds, memory=memory, tile=tile)


def _in_windows(shape: tuple[int, int], dtype: str, settings: Settings, speed: Speed) -> OnePassPlan:
    """Predict one pass in windows: the photo is read three times, measured once and painted once."""
    side, pixels = settings.tile_size or WINDOW_SIDE, math.prod(shape)
    looks = tile_grid(shape, side, STATISTICS_LAYERS)
    windows, _ = even_grid(shape, side, STATISTICS_LAYERS, DECODER_REACH)
    measured, painted = len(looks) * math.prod(looks[0].shape), math.prod(windows[0].shape)
    passes = LOOK_COST * measured + PAINT_COST * painted * (len(windows) + min(JUDGED, len(windows)))
    seconds = COMPILATIONS * speed.compile_seconds + MAP_SECONDS + passes * speed.pixel_seconds
    seconds += READ_SECONDS * (pixels + measured + painted * len(windows)) + WRITE_SECONDS * pixels
    return OnePassPlan(
        seconds=seconds,
        memory=PROCESS_BYTES + WINDOW_BYTES[dtype] * max(painted, math.prod(looks[0].shape)),
        tile=side,
        windows=(len(windows), windows[0].shape),
    )
