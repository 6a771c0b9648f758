"""The benchmark of a picture larger than memory, with a small one: the command in windows, without seams."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from benchmarks import gigapixel


@pytest.mark.slow
def test_a_small_photo_in_windows_takes_bounded_memory_and_has_no_seams(tmp_path):
    figures = gigapixel.measure_one(3, tmp_path, "--tile-size", 800)
    assert (figures["width"], figures["height"]) == (2000, 1500)
    assert figures["peak_gib"] < 2
    low, high = figures["seam_elsewhere"]
    assert low - 0.05 < figures["seam"] < high + 0.05 and 0.7 < low < 1 < high < 1.3
    assert [path.name for path in tmp_path.iterdir()] == ["huge-painted.tif"]
