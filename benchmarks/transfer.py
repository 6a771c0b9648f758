"""What the one-pass network gains by the constants of its transfer: ridge, largest gain, amount and extent.

The twelve development pairs at 512 px, judged by VGG-19 with max pooling. The embedded decoder
was trained with a ridge of 0.2, gains up to 8, an amount of 1.08 at strength 50 and the second row's extent.
"""

from __future__ import annotations

import statistics

from benchmarks.shared_files import BUILD, pairs, shared_tool
from impasto import Workshop, stylize
from impasto.onepass import network, painter, transfer

EVEN = (1.0, 1.0, 1.0, 1.0, 1.0)
CASES = (
    (0.2, 8.0, 1.0, EVEN),
    (0.2, 8.0, 1.08, (1.0, 1.15, 1.0, 0.83, 0.93)),
    (0.2, 8.0, 1.0, (1.0, 1.15, 1.0, 0.83, 0.93)),
    (0.2, 8.0, 1.0, (1.0, 1.15, 1.0, 0.75, 0.93)),
    (0.2, 8.0, 1.0, (1.0, 1.18, 1.0, 0.75, 0.94)),
    (0.2, 8.0, 1.0, (1.0, 1.2, 1.0, 0.75, 0.97)),
    (0.1, 8.0, 1.0, (1.0, 1.18, 1.0, 0.75, 0.94)),
    (0.3, 8.0, 1.03, (1.0, 1.1, 1.0, 0.7, 0.93)),
)
"""(ridge, largest gain, amount at strength 50, extent of the layers and the statistics)."""


def judged(ridge: float, gain: float, amount: float, extent: tuple[float, ...]) -> dict[str, object]:
    """Return the pairs' means with other constants."""
    transfer.RIDGE, transfer.MOST_GAIN = ridge, gain
    network.EXTENT = dict(zip(network.EXTENT, extent, strict=True))
    painter.amount_at = lambda strength: amount
    workshop = Workshop()  # nothing compiled with other constants
    folder, judge, found = BUILD / "transfer", shared_tool("judge"), []
    folder.mkdir(parents=True, exist_ok=True)
    for content, style in pairs():
        path = folder / f"{content.stem}.png"
        stylize(content, style, method="onepass", workshop=workshop).save(path, overwrite=True)
        found.append(next(iter(judge.judge(content, style, [path]))))
    means = {key: round(statistics.mean(one[key] for one in found), 4) for key in ("style", "content")}
    worst = max(one["style"] for one in found)
    constants = {"ridge": ridge, "gain": gain, "amount": amount, "extent": list(extent)}
    return constants | means | {"worst_style": worst}


def measure() -> dict[str, object]:
    return {"rows": [judged(*case) for case in CASES]}
