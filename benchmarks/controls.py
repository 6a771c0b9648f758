"""What strength and the four measures of style do.

Results are judged by VGG-19 with max pooling, at their own size.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.shared_files import BUILD, pairs, shared_tool
from impasto import stylize
from impasto.engine import runtime

STRENGTHS = (0, 25, 50, 75, 100)
KINDS = ("gram", "moments", "sliced", "neighbors")
SIZES, EVERY = (256, 512, 1024), 3
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
    found = next(iter(judge.judge(*pair, [path], max(result.pixels.shape))))
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
    """Judge strengths with `compact` and with VGG-19, which must be installed: do they mean the same?"""
    judge = shared_tool("judge")
    found = {
        name: [
            [judged(judge, pair, NETWORKS_SIZE, strength=s, network=name) for s in NETWORKS_STRENGTHS]
            for pair in chosen
        ]
        for name in ("compact", "vgg19")
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
) -> dict[str, object]:
    """Measure all; smaller arguments make a trial of it."""
    runtime.start_engine()
    chosen = pairs()[::every]
    return {
        "strength": strength(large_pairs(), sizes, strengths),
        "networks": networks(chosen[:2]),
        "style_losses": style_losses(chosen, sizes[min(1, len(sizes) - 1)]),
    }
