"""Two small pairs, judged by VGG-19 itself: no change makes the pictures worse unseen."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from impasto import stylize

SHARED = Path(os.environ.get("IMPASTO_SHARED", Path(__file__).resolve().parents[3] / "shared"))
JUDGE = SHARED / "tools" / "judge.py"
SIZE = 256
PAIRS = (("tubingen", "van-gogh_starry-night"), ("golden_gate", "hokusai_great-wave"))
STYLE, CONTENT, PALETTE = 0.2, 1.25, 4.0
"""Bounds of the means of both pairs, a tenth above what was measured."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not JUDGE.is_file(), reason="the judge is a development file, in ../shared"),
]


def judged(pair: tuple[str, str], path: Path) -> dict[str, float]:
    spec = importlib.util.spec_from_file_location("judge", JUDGE)
    assert spec is not None and spec.loader is not None
    judge = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(judge)
    photo, painting = (
        SHARED / "images" / kind / f"{name}.jpg"
        for kind, name in zip(("content", "style"), pair, strict=True)
    )
    stylize(photo, painting, max_size=SIZE).save(path)
    return next(iter(judge.judge(photo, painting, [path], SIZE)))


def test_two_pairs_are_as_good_as_they_were(tmp_path):
    found = [judged(pair, tmp_path / f"{number}.png") for number, pair in enumerate(PAIRS)]
    means = {key: sum(one[key] for one in found) / len(found) for key in ("style", "content", "palette")}
    assert means["style"] < STYLE, found
    assert means["content"] < CONTENT, found
    assert means["palette"] < PALETTE, found
