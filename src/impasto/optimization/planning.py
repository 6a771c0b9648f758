"""The planner of the optimization: how much memory and time a run will take, and the tiles that make it fit.

The model is simple on purpose, and `benchmarks/large.py` shows how well it predicts. Memory: the process, the
vectors that live as long as the run (counted in pictures), and what a tile's features take, which is the
features of all layers times a factor. Time: passes forward, as this machine is measured to make them at the
moment (`networks/speed.py`), times how many of them an iteration is worth. The factors are of processors; on
a GPU, where nothing of this was measured yet, they may be wrong.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from impasto.engine import runtime
from impasto.engine.machine import USABLE
from impasto.errors import Argument, OutOfMemoryError
from impasto.layers import LAYERS, STYLE_LAYERS, level_of
from impasto.networks.feature_network import FeatureNetwork
from impasto.networks.speed import Speed, is_wide, measure_speed
from impasto.networks.tile_grid import forward_grid, smallest_side, tile_grid
from impasto.optimization.scales import Scale, plan_scales, remembered_pairs
from impasto.pictures.resizing import scale_to
from impasto.settings import Settings

LEAST_TILE = max(320, smallest_side(STYLE_LAYERS))
"""Of a tile's sides in pixels: smaller ones would be mostly surroundings."""
SMALLEST_SIZE = 64
MIB = 2**20

PROCESS_BYTES = 560 * MIB
"""A process with the engine and a compiled function."""
VECTORS = 8
"""Pictures of the final size, in float32, that are alive at once beside L-BFGS' pairs."""
FEATURE_COPIES = {"float32": 2.6, "bfloat16": 2.9}
"""Bytes that an iteration takes, over the bytes of all layers' features."""
BEST_SIDES = {True: (1280, 800), False: (8192, 1488)}
"""Of a wide network and of others: the longest side that is computed as a whole, and the tiles' beyond.

Large whole pictures of a wide network are no faster than tiles (benchmarks/large.py)."""
PASSES = {("vgg19", "float32"): 2.4, ("vgg19", "bfloat16"): 2.6,
          ("compact", "float32"): 3.9, ("compact", "bfloat16"): 4.2}  # fmt: skip
"""Passes forward that an iteration is worth, its losses and the optimizer's step included."""
ITERATION_SECONDS = 0.012
"""Of an iteration, however small the picture is."""
SPREAD = 1.5
"""Factor by which a run may take less or longer than predicted: other programs come and go meanwhile."""
COMPILATIONS = 4.5
"""Tracing and compiling one scale, over doing so with a pass forward; its targets count as iterations."""
TARGET_ITERATIONS = 1.5
FORWARD_TIME = 0.5
"""Time of a pass forward over that of one forward and back: a tiled evaluation makes both."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run is predicted to take.

    Attributes:
        shape: (height, width) of the result.
        scales: the picture sizes and iterations.
        tiles: for each scale the longest side of its tiles, or None if it is computed as a whole.
        seconds: predicted time on this machine as it is now, once the pictures are read; it may be `SPREAD`
            times less or more.
        start: of these, the seconds that another picture of this size would not take: compiling, for a start.
        memory: predicted peak memory of the process in bytes.
        free: memory that is free for it, in bytes.
        windows: how many windows a large photo is painted in, and their (height, width); none of others.
    """

    shape: tuple[int, int]
    scales: Sequence[Scale]
    tiles: Sequence[int | None]
    seconds: float
    start: float
    memory: int
    free: int
    windows: tuple[int, tuple[int, int]] | None = None

    @property
    def seconds_range(self) -> tuple[float, float]:
        """The least and the most seconds that the run should take."""
        return self.seconds / SPREAD, self.seconds * SPREAD


def feature_bytes(network: FeatureNetwork) -> float:
    """Return the bytes of all layers' features per pixel of the picture, up to relu5_1."""
    size = 2 if network.dtype == "bfloat16" else 4
    total = 0.0
    for layer in LAYERS[: LAYERS.index(STYLE_LAYERS[-1]) + 1]:
        kernel = network.weights.get(f"conv{layer[4:]}/kernel")
        if kernel is None:
            break
        head = network.weights.get(f"expand{layer[4:]}/bias")
        width = kernel.shape[3] + (0 if head is None else head.shape[0])
        total += width / 4 ** level_of(layer)
    return total * size


def operations(network: FeatureNetwork) -> float:
    """Return the floating-point operations of one value-and-gradient per pixel, convolutions only."""
    total = 0.0
    for layer in LAYERS[: LAYERS.index(STYLE_LAYERS[-1]) + 1]:
        kernel = network.weights.get(f"conv{layer[4:]}/kernel")
        if kernel is not None:
            total += 2 * 2 * float(np.prod(kernel.shape)) / 4 ** level_of(layer)
    return total


def tile_memory(network: FeatureNetwork, pixels: int) -> float:
    """Return the bytes that an iteration over so many pixels at once takes."""
    return float(FEATURE_COPIES[network.dtype] * feature_bytes(network) * pixels)


def picture_memory(scale: Scale, network: FeatureNetwork, settings: Settings) -> float:
    """Return the bytes that live as long as a scale: vectors, pairs and content targets."""
    pixels = math.prod(scale.shape)
    pairs = 2 * remembered_pairs(scale) if settings.optimizer == "lbfgs" else 2
    content = network.weights.get("conv4_2/bias")
    channels = 0 if content is None else int(content.shape[0])
    targets = channels * (2 if network.dtype == "bfloat16" else 4) / 64
    return float(pixels) * (12.0 * (VECTORS + pairs) + targets)


def fitting_tile(scale: Scale, network: FeatureNetwork, settings: Settings, free: int) -> int | None:
    """Return the longest side of the tiles of a scale (its own for the whole), or None if nothing fits."""
    left = USABLE * free - picture_memory(scale, network, settings)
    whole, tile = BEST_SIDES[is_wide(network)]
    if max(scale.shape) <= whole and tile_memory(network, math.prod(scale.shape)) <= left:
        return max(scale.shape)
    side = min(tile, int(math.sqrt(max(0.0, left) / tile_memory(network, 1))) // 16 * 16)
    return min(side, max(scale.shape)) if side >= LEAST_TILE else None


def choose_tile(scale: Scale, network: FeatureNetwork, settings: Settings, free: int) -> int | None:
    """Return the longest side of the tiles of a scale, or None if it is computed as a whole.

    Raises:
        OutOfMemoryError: not even the smallest tiles fit.
    """
    side = settings.tile_size or fitting_tile(scale, network, settings, free)
    if side is None:
        needed = picture_memory(scale, network, settings) + tile_memory(network, LEAST_TILE**2)
        raise OutOfMemoryError(
            "{width} x {height} px need about {needed:.1f} GiB, and {free:.1f} GiB are free; "
            "choose {max_size} {largest} or less",
            width=scale.shape[1],
            height=scale.shape[0],
            needed=needed / 2**30,
            free=USABLE * free / 2**30,
            max_size=Argument("max_size"),
            largest=largest_size(scale.shape, network, settings, free),
        )
    return side if side < max(scale.shape) else None


def choose_tiles(scales: Sequence[Scale], network: FeatureNetwork, settings: Settings) -> list[int | None]:
    """Return `choose_tile` for each scale, within the memory that is free now."""
    free = runtime.free_memory()
    return [choose_tile(scale, network, settings, free) for scale in scales]


def largest_size(shape: tuple[int, int], network: FeatureNetwork, settings: Settings, free: int) -> int:
    """Return the longest side in pixels of the largest picture of this form all of whose scales fit."""
    size = max(shape)
    while size > SMALLEST_SIZE:
        size = max(SMALLEST_SIZE, int(size * 0.97) // 16 * 16)
        scales = plan_scales(scale_to(shape, size), settings)
        if all(fitting_tile(scale, network, settings, free) for scale in scales):
            break
    return size


def iteration_seconds(scale: Scale, tile: int | None, network: FeatureNetwork, speed: Speed) -> float:
    """Return the predicted seconds of one iteration."""
    pixels: float = math.prod(scale.shape)
    if tile is not None and tile < max(scale.shape):
        looks, tiles = (grid(scale.shape, tile, STYLE_LAYERS) for grid in (forward_grid, tile_grid))
        forward, both = (len(parts) * math.prod(parts[0].shape) for parts in (looks, tiles))
        pixels = FORWARD_TIME * forward + both
    passes = PASSES["vgg19" if is_wide(network) else "compact", network.dtype]
    return ITERATION_SECONDS + pixels * passes * speed.pixel_seconds


def plan_run(
    shape: tuple[int, int], network: FeatureNetwork, settings: Settings, speed: Speed | None = None
) -> Plan:
    """Predict an optimization.

    Args:
        shape: (height, width) of the result.
        network: the feature network.
        settings: how.
        speed: of the network; measured now if None.

    Raises:
        OutOfMemoryError: it does not fit; the message names the size that does.
    """
    free, scales = runtime.free_memory(), plan_scales(shape, settings)
    start, seconds, memory = 0.0, 0.0, 0.0
    tiles = choose_tiles(scales, network, settings)
    speed = speed or measure_speed(network)
    for scale, tile in zip(scales, tiles, strict=True):
        iterations = scale.iterations + TARGET_ITERATIONS
        start += COMPILATIONS * speed.compile_seconds
        seconds += iterations * iteration_seconds(scale, tile, network, speed)
        at_once = math.prod(scale.shape)
        if tile is not None:
            at_once = math.prod(tile_grid(scale.shape, tile, STYLE_LAYERS)[0].shape)
        memory = max(memory, tile_memory(network, at_once) + picture_memory(scale, network, settings))
    return Plan(
        shape=shape,
        scales=scales,
        tiles=tiles,
        seconds=start + seconds,
        start=start,
        memory=int(PROCESS_BYTES + memory),
        free=free,
    )
