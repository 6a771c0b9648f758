"""Two small pairs, judged by VGG-19 itself: no change makes the pictures worse unseen."""

from __future__ import annotations

import pytest

from conftest import script
from impasto import stylize

SIZE = 256
PAIRS = (("tubingen", "van-gogh_starry-night"), ("golden_gate", "hokusai_great-wave"))
STYLE, CONTENT, PALETTE = 0.12, 1.2, 3.25
"""Bounds of the means of both pairs, a tenth above what was measured: 0.108, 1.08, 2.94."""


@pytest.mark.slow
def test_two_pairs_are_as_good_as_they_were(shared, tmp_path):
    judge, path, found = script(shared / "tools" / "judge.py"), tmp_path / "pastiche.png", []
    for photo, painting in PAIRS:
        pair = shared / f"images/content/{photo}.jpg", shared / f"images/style/{painting}.jpg"
        stylize(*pair, max_size=SIZE).save(path, overwrite=True)
        found += judge.judge(*pair, [path], SIZE)
    means = {key: sum(one[key] for one in found) / len(found) for key in ("style", "content", "palette")}
    assert means["style"] < STYLE, found
    assert means["content"] < CONTENT, found
    assert means["palette"] < PALETTE, found
