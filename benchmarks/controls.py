"""What each control does and costs: strength, regions, blends, colour modes, the four measures of style.

Results are judged by a network that is not the product's, at their own size. Regions and blends are measured
by one value and gradient, in turns with the plain one, the fastest of each; colour modes by all that they add
to a picture, before and after its iterations.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
from PIL import Image

from benchmarks.shared_files import BUILD, pairs, shared_tool, standin
from impasto import colors, gallery, runtime, stylize
from impasto.images import resize

STRENGTHS = (0, 25, 50, 75, 100)
KINDS = ("gram", "moments", "sliced", "neighbors")
SIZES, EVERY, ITERATION_SIDE, COLOR_SIDE, ROUNDS = (256, 512, 1024), 3, 512, 1024, 9
LARGE_SIDE, LARGE_PAIRS = 900, 2
"""Sizes are compared on pairs that are large: a smaller photo is not enlarged, a smaller style is blurred."""
NETWORKS_SIZE, NETWORKS_STRENGTHS = 256, (25, 50, 75)
RESOLUTION = 0.004
"""What the judge cannot tell: a thousandth of an untouched photo's distance to a painting."""

Pair = tuple[Path, Path]


def judged(judge: Any, pair: Pair, size: int, **settings: Any) -> dict[str, float]:
    """Make a pair's pastiche and return its seconds, judged style and judged content."""
    began = time.perf_counter()
    result = stylize(*pair, max_size=size, **settings)
    seconds = time.perf_counter() - began
    folder = BUILD / "controls"
    folder.mkdir(parents=True, exist_ok=True)
    words = "_".join(Path(str(value)).stem for value in settings.values())
    path = folder / f"{pair[0].stem}+{pair[1].stem}_{size}_{words}.png"
    result.save(path, overwrite=True)
    found = next(iter(judge.judge(*pair, [path], size)))
    return {"seconds": round(seconds, 2), "style": found["style"], "content": found["content"]}


def large_pairs() -> list[Pair]:
    """Return the first pairs of which both pictures are large."""

    def large(path: Path) -> bool:
        with Image.open(path) as picture:
            return max(picture.size) >= LARGE_SIDE

    return [pair for pair in pairs() if all(map(large, pair))][:LARGE_PAIRS]


def rises(values: Sequence[float], noise: float = 0.0) -> bool:
    return all(one < other + noise for one, other in itertools.pairwise(values))


def strength(chosen: Sequence[Pair], sizes: Sequence[int], strengths: Sequence[int]) -> dict[str, Any]:
    """Judge strengths: is each step monotone, and does a strength mean the same at each size?"""
    judge, rows = shared_tool("judge"), []
    for pair in chosen:
        for size in sizes:
            found = [judged(judge, pair, size, strength=value) for value in strengths]
            style, content = ([one[key] for one in found] for key in ("style", "content"))
            monotone = {
                "content_rises": rises(content),
                "style_falls": rises(style[::-1], RESOLUTION),
                "style_falls_strictly": rises(style[::-1]),
            }
            row = {"content_image": pair[0].stem, "style_image": pair[1].stem, "size": size, **monotone}
            rows.append(row | {"style": style, "content": content})
    return {
        "strengths": list(strengths),
        "all_monotone": all(row["content_rises"] and row["style_falls"] for row in rows),
        "mean_style_by_size": {
            size: np.mean([row["style"] for row in rows if row["size"] == size], axis=0).round(4).tolist()
            for size in sizes
        },
        "rows": rows,
    }


def networks(chosen: Sequence[Pair]) -> dict[str, Any]:
    """Judge strengths with `compact` and with a network of VGG-19's shape: do they mean the same?"""
    judge = shared_tool("judge")
    found = {
        name: [
            [judged(judge, pair, NETWORKS_SIZE, strength=s, network=network) for s in NETWORKS_STRENGTHS]
            for pair in chosen
        ]
        for name, network in (("compact", "compact"), ("vgg19_standin", str(standin())))
    }
    return {
        "size": NETWORKS_SIZE,
        "strengths": list(NETWORKS_STRENGTHS),
        **{
            f"{key}_{name}": np.mean([[one[key] for one in row] for row in rows], axis=0).round(4).tolist()
            for name, rows in found.items()
            for key in ("style", "content")
        },
    }


def evaluation(side: int, regions: Sequence[Any]) -> Callable[[], Any]:
    """Return one value and gradient of a square picture with these regions, compiled."""
    from impasto.gradients import compile_value_and_gradient
    from impasto.objective import build_objective
    from impasto.settings import Settings
    from impasto.weights import load_network

    network = load_network("compact", dtype=runtime.resolve_precision("auto"))
    content = square("astronaut", side)[None]
    evaluate = compile_value_and_gradient(
        build_objective(network, content, regions, Settings()), content.shape
    )
    evaluate(content)
    return lambda: evaluate(content)


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
    from impasto.style_targets import StyledRegion, StyleImage

    one, other = (StyleImage(pixels=gallery.make_style(name, side)) for name in ("swirls", "mosaic"))
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
    """Measure all that a colour mode does to one picture."""
    photo, style = square("astronaut", side), gallery.make_style("swirls", side)

    def luminance() -> None:
        colors.lightness_pictures(photo, photo)
        colors.lightness_pictures(photo, style)
        colors.with_chroma_of(style, photo)

    modes: dict[str, Callable[[], Any]] = {
        "content": lambda: colors.with_chroma_of(style, photo),
        "luminance": luminance,
        "histogram": lambda: colors.match_histogram(style, photo),
        "moments": lambda: colors.match_moments(style, photo),
    }
    return {name: round(min(seconds(call) for _ in range(rounds)), 3) for name, call in modes.items()}


def style_losses(chosen: Sequence[Pair], size: int) -> dict[str, Any]:
    """Judge and time the four measures of style on the pairs."""
    judge, rows = shared_tool("judge"), []
    for pair in chosen:
        for kind in KINDS:
            found = judged(judge, pair, size, style_loss=kind)
            rows.append({"content_image": pair[0].stem, "style_image": pair[1].stem, "kind": kind, **found})
    means = {
        kind: {
            key: round(statistics.mean(row[key] for row in rows if row["kind"] == kind), 4)
            for key in ("seconds", "style", "content")
        }
        for kind in KINDS
    }
    return {"size": size, "mean": means, "rows": rows}


def measure(
    sizes: Sequence[int] = SIZES,
    strengths: Sequence[int] = STRENGTHS,
    every: int = EVERY,
    side: int = ITERATION_SIDE,
    color_side: int = COLOR_SIDE,
    rounds: int = ROUNDS,
) -> dict[str, object]:
    """Measure all; smaller arguments make a trial of it."""
    runtime.start_engine()
    chosen = pairs()[::every]
    return {
        "color_seconds": {"side": color_side, **color_modes(color_side, rounds)},
        "iteration": iterations(side, rounds),
        "strength": strength(large_pairs(), sizes, strengths),
        "networks": networks(chosen[:2]),
        "style_losses": style_losses(chosen, sizes[min(1, len(sizes) - 1)]),
    }
