"""What the built-in styles gain in one pass by moments that are fitted to the network.

Every built-in style on photos that nothing was fitted on, 512 px, with its moments as they are and fitted,
judged by VGG-19 with max pooling.
"""

from __future__ import annotations

import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.shared_files import BUILD, pairs, shared_tool
from impasto import Workshop, gallery, stylize
from impasto.gallery.built_in import built_in_cards
from impasto.onepass import painter

PHOTOS, SIDE = (3, 6), 512
"""Which of the development pairs' photos: a portrait, and a tower at night."""
KINDS: dict[str, dict[str, Path | None]] = {"as_it_is": {"fits": None}, "fitted": {}}
"""And how the network that paints them differs from the embedded one."""
JUDGED = ("style", "content", "palette")


def judged_styles(photos: list[Path], folder: Path, kind: str, **fits: Path | None) -> dict[str, list[Any]]:
    """Paint photos in every built-in style and judge them.

    Args:
        photos: to be painted.
        folder: where the pictures go.
        kind: what their names end in.
        **fits: ``fits=FILE``, the moments that the network has instead of its own, or None for none.

    Returns:
        By style the judge's figures for each photo; ``collapsed`` is among them.
    """
    judge, load, workshop = shared_tool("judge"), painter.load_onepass_network, Workshop()
    folder.mkdir(parents=True, exist_ok=True)
    painter.load_onepass_network = lambda *values: replace(load(*values), **fits)
    found = {}
    try:
        for style in built_in_cards():
            found[style] = []
            for photo in photos:
                path = folder / f"{style}+{photo.stem}-{kind}.png"
                result = stylize(photo, style, max_size=SIDE, method="onepass", workshop=workshop)
                result.save(path, overwrite=True)
                figures = next(iter(judge.judge(photo, gallery.style_path(style), [path], SIDE)))
                found[style].append({**figures, "collapsed": "fallback" in result.recipe})
    finally:
        painter.load_onepass_network = load
    return found


def measure() -> dict[str, object]:
    """Judge both kinds of every style."""
    photos, found, collapsed = [pairs()[index][0] for index in PHOTOS], {}, {}
    for kind, change in KINDS.items():
        results = judged_styles(photos, BUILD / "fitted", kind, **change)
        collapsed[kind] = sum(one["collapsed"] for each in results.values() for one in each)
        for style, each in results.items():
            found[style, kind] = {key: statistics.mean(one[key] for one in each) for key in JUDGED}
    styles = list(built_in_cards())
    ratios = {style: found[style, "fitted"]["style"] / found[style, "as_it_is"]["style"] for style in styles}
    return {
        "photos": [photo.name for photo in photos],
        "styles": {
            style: {kind: {k: round(v, 4) for k, v in found[style, kind].items()} for kind in KINDS}
            for style in styles
        },
        **{
            kind: {key: round(statistics.mean(found[s, kind][key] for s in styles), 4) for key in JUDGED}
            for kind in KINDS
        },
        "collapsed": collapsed,
        "nearer": sum(ratio < 1 for ratio in ratios.values()),
        "median_ratio": round(statistics.median(ratios.values()), 3),
        "worst": max(ratios, key=ratios.__getitem__),
        "worst_ratio": round(max(ratios.values()), 3),
    }
