"""What the one-pass network's transfer of moments gains by its constants: ridge, largest gain, and amount.

The twelve development pairs at 512 px, judged by a network that is not the product's. The embedded decoder
was trained with a ridge of 0.001, gains up to 4 and an amount of 1.03 at strength 50.
"""

from __future__ import annotations

import statistics

from benchmarks.shared_files import BUILD, pairs, shared_tool
from impasto import feedforward, pastiche_network, stylize

CASES = (
    (0.001, 4.0, 1.03),
    (0.1, 8.0, 1.056),
    (0.2, 8.0, 1.08),
    (0.3, 8.0, 1.1),
    (0.3, 16.0, 1.1),
    (0.5, 8.0, 1.12),
)
"""(ridge, largest gain, amount at strength 50)."""


def judged(ridge: float, gain: float, amount: float) -> dict[str, object]:
    """Return the pairs' means with other constants."""
    pastiche_network.RIDGE, pastiche_network.MOST_GAIN = ridge, gain
    feedforward.amount_at = lambda strength: amount
    feedforward._compiled.cache_clear()
    folder, judge, found = BUILD / "transfer", shared_tool("judge"), []
    folder.mkdir(parents=True, exist_ok=True)
    for content, style in pairs():
        path = folder / f"{content.stem}.png"
        stylize(content, style, method="onepass").save(path, overwrite=True)
        found.append(next(iter(judge.judge(content, style, [path]))))
    means = {key: round(statistics.mean(one[key] for one in found), 4) for key in ("style", "content")}
    worst = max(one["style"] for one in found)
    return {"ridge": ridge, "gain": gain, "amount": amount, **means, "worst_style": worst}


def measure() -> dict[str, object]:
    return {"rows": [judged(*case) for case in CASES]}
