"""One strength from 0 to 100 on real pairs, judged by a network that the product does not use."""

from __future__ import annotations

import importlib.util
import itertools

import pytest

import impasto

pytestmark = pytest.mark.slow
STRENGTHS = (0, 25, 50, 75, 100)
PAIRS = [("golden_gate", "van-gogh_starry-night"), ("kodak04_red-hat-portrait", "klee_senecio")]


@pytest.fixture(scope="module")
def judge(shared):
    spec = importlib.util.spec_from_file_location("judge", shared / "tools" / "judge.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.judge


@pytest.mark.parametrize(("content", "style"), PAIRS)
def test_more_strength_is_more_style_and_less_photo(content, style, shared, judge, tmp_path):
    photo, painting = shared / f"images/content/{content}.jpg", shared / f"images/style/{style}.jpg"
    paths = [tmp_path / f"{value}.png" for value in STRENGTHS]
    for value, path in zip(STRENGTHS, paths, strict=True):
        impasto.stylize(photo, painting, strength=value, max_size=256).save(path)
    found = list(judge(photo, painting, paths, 256))
    assert found[0]["content"] < 0.01
    for less, more in itertools.pairwise(found):
        assert more["style"] < less["style"]
        assert more["content"] > less["content"]
