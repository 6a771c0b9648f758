"""What the built-in styles gain in one pass by moments that are fitted to the network.

Every built-in style on photos that nothing was fitted on, 512 px, with its moments as they are and fitted,
judged by VGG-19 with max pooling.
"""

from __future__ import annotations

import statistics
from dataclasses import replace

from benchmarks.shared_files import BUILD, pairs, shared_tool
from impasto import Workshop, gallery, stylize
from impasto.gallery.built_in import built_in_cards
from impasto.onepass import painter

PHOTOS, SIDE = (3, 6), 512
"""Which of the development pairs' photos: a portrait, and a tower at night."""
KINDS = ("as_it_is", "fitted")
JUDGED = ("style", "content", "palette")


def measure() -> dict[str, object]:
    """Judge both kinds of every style."""
    judge, folder = shared_tool("judge"), BUILD / "fitted"
    folder.mkdir(parents=True, exist_ok=True)
    photos = [pairs()[index][0] for index in PHOTOS]
    load, found, collapsed = painter.load_onepass_network, {}, dict.fromkeys(KINDS, 0)
    for kind in KINDS:
        if kind == "as_it_is":
            painter.load_onepass_network = lambda *values: replace(load(*values), fits=None)
        workshop = Workshop()
        for style in built_in_cards():
            results = []
            for photo in photos:
                path = folder / f"{style}+{photo.stem}-{kind}.png"
                result = stylize(photo, style, max_size=SIDE, method="onepass", workshop=workshop)
                result.save(path, overwrite=True)
                collapsed[kind] += "fallback" in result.recipe
                results.append(next(iter(judge.judge(photo, gallery.style_path(style), [path], SIDE))))
            found[style, kind] = {key: statistics.mean(one[key] for one in results) for key in JUDGED}
        painter.load_onepass_network = load
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
