"""How much of the photo's details a finer scale of the optimization should start with.

The twelve development pairs at 512 px, judged by a network that is not the product's.
"""

from __future__ import annotations

import statistics

from benchmarks.shared_files import BUILD, pairs, shared_tool
from impasto import stylize
from impasto.optimization import gatys

SHARES = (0.0, 0.5, 1.0)


def judged(share: float) -> dict[str, float]:
    """Return the pairs' means where a finer scale starts with this share."""
    gatys.DETAILS = share
    folder, judge, found = BUILD / "details", shared_tool("judge"), []
    folder.mkdir(parents=True, exist_ok=True)
    for content, style in pairs():
        path = folder / f"{content.stem}_{share:g}.png"
        result = stylize(content, style)
        result.save(path, overwrite=True)
        one = next(iter(judge.judge(content, style, [path])))
        found.append({"objective": result.losses[-1]["total"], **one})
    keys = ("style", "content", "tv", "objective")
    return {"share": share, **{key: round(statistics.mean(one[key] for one in found), 4) for key in keys}}


def measure() -> dict[str, object]:
    return {"rows": [judged(share) for share in SHARES]}
