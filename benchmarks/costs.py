"""What controls cost: regions, blends, color modes.

Regions and blends are measured by one value and gradient, in turns with the plain one, the fastest of each;
color modes by all that they add to a picture, before and after its iterations.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import skimage.data

from impasto import gallery
from impasto.engine import runtime
from impasto.pictures import color_transfer
from impasto.pictures.resizing import resize

ITERATION_SIDE, COLOR_SIDE, ROUNDS = 512, 1024, 9


def evaluation(side: int, regions: Sequence[Any]) -> Callable[[], Any]:
    """Return one value and gradient of a square picture with these regions, compiled."""
    from impasto.networks.catalogue import load_network
    from impasto.optimization.targets import build_objective
    from impasto.optimization.tiling import compile_whole
    from impasto.settings import Settings

    network = load_network("compact", dtype=runtime.resolve_precision("auto")).with_cast_weights()
    content = square("astronaut", side)[None]
    objective = build_objective(network, content, regions, Settings())
    evaluate = compile_whole(objective)
    evaluate(objective, content)
    return lambda: evaluate(objective, content)


def square(name: str, side: int) -> np.ndarray:
    pixels = getattr(skimage.data, name)()
    least = min(pixels.shape[:2])
    return resize(pixels[:least, :least] / np.float32(255), (side, side))


def seconds(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def iterations(side: int, rounds: int) -> dict[str, Any]:
    """Measure what regions and blends add to an iteration."""
    from impasto.prepared import StyledRegion, StyleImage

    one, other = (StyleImage(pixels=gallery.style_pixels(name, side)) for name in ("swirls", "mosaic"))
    mask = np.zeros((side, side), np.float32)
    mask[:, : side // 2] = 1
    cases = {
        "plain": [StyledRegion(styles=(one,))],
        "two_styles": [StyledRegion(styles=(one, other))],
        "region_on_photo": [StyledRegion(styles=(one,), mask=mask)],
        "region_on_style": [
            StyledRegion(styles=(other,), mask=mask),
            StyledRegion(styles=(one,), mask=1 - mask),
        ],
    }
    calls = {name: evaluation(side, regions) for name, regions in cases.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(seconds(call))
    best = {name: min(found) for name, found in times.items()}
    return {
        "side": side,
        "seconds": {name: round(value, 4) for name, value in best.items()},
        "over_plain": {name: round(value / best["plain"], 3) for name, value in best.items()},
    }


def color_modes(side: int, rounds: int) -> dict[str, float]:
    """Measure all that a color mode does to one picture."""
    photo, style = square("astronaut", side), resize(gallery.style_pixels("swirls"), (side, side))

    def luminance() -> None:
        color_transfer.lightness_of(photo)
        color_transfer.match_lightness(style, photo)
        color_transfer.with_chroma_of(style, photo)

    modes: dict[str, Callable[[], Any]] = {
        "content": lambda: color_transfer.with_chroma_of(style, photo),
        "luminance": luminance,
        "histogram": lambda: color_transfer.match_histogram(style, photo),
        "moments": lambda: color_transfer.match_moments(style, photo),
    }
    return {name: round(min(seconds(call) for _ in range(rounds)), 3) for name, call in modes.items()}


def measure() -> dict[str, object]:
    """Measure both."""
    runtime.start_engine()
    return {
        "color_seconds": {"side": COLOR_SIDE, **color_modes(COLOR_SIDE, ROUNDS)},
        "iteration": iterations(ITERATION_SIDE, ROUNDS),
    }
