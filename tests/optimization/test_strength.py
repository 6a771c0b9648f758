"""What strength means, judged by VGG-19 itself, which pools by maxima."""

from __future__ import annotations

import pytest

from conftest import script
from impasto import stylize

pytestmark = pytest.mark.slow

KINDS = ("content", "style")
STRENGTHS = (0, 25, 50, 75, 100)
RESOLUTION = 0.004
"""What the judge cannot tell: a thousandth of an untouched photo's mean distance to a painting and less."""
PAIRS = (
    ("golden_gate.jpg", "van-gogh_starry-night.jpg"),
    ("kodak04_red-hat-portrait.jpg", "klee_senecio.jpg"),
)


@pytest.fixture(scope="module")
def judge(shared):
    return script(shared / "tools" / "judge.py")


@pytest.mark.parametrize("method", ["optimize", "onepass"])
@pytest.mark.parametrize("names", PAIRS, ids=lambda names: names[1].split("_")[0])
def test_more_strength_means_more_style_and_less_photo(judge, shared, tmp_path, names, method):
    photo, style = (shared / "images" / kind / name for kind, name in zip(KINDS, names, strict=True))
    paths = []
    for strength in STRENGTHS:
        result = stylize(photo, style, max_size=256, strength=strength, method=method)
        paths.append(tmp_path / f"{strength}.png")
        result.save(paths[-1])
    found = list(judge.judge(photo, style, paths, 256))
    styles, contents = ([one[key] for one in found] for key in ("style", "content"))
    assert contents[0] < 0.01  # the photo itself
    assert contents == sorted(contents), contents
    assert len(set(contents)) == len(STRENGTHS)
    for index, style_distance in enumerate(styles[1:]):
        assert style_distance < styles[index] + RESOLUTION, styles
    assert styles[2] < styles[1] < styles[0] * 0.6  # one pass, on the pair that is nearest untouched: 0.49


@pytest.mark.parametrize("network", ["compact", "vgg19"])
def test_a_strength_is_more_than_a_smaller_one_on_both_networks(judge, shared, vgg19, tmp_path, network):
    photo, style = (shared / "images" / kind / name for kind, name in zip(KINDS, PAIRS[0], strict=True))
    paths = [tmp_path / f"{strength}.png" for strength in (20, 50, 80)]
    for path in paths:
        settings = {"strength": int(path.stem), "network": str(vgg19) if network == "vgg19" else network}
        stylize(photo, style, max_size=192, **settings).save(path)
    found = list(judge.judge(photo, style, paths, 192))
    styles, contents = ([one[key] for one in found] for key in ("style", "content"))
    assert styles == sorted(styles, reverse=True), styles
    assert contents == sorted(contents), contents
    assert styles[2] < 0.8 * styles[0] and contents[2] > 1.3 * contents[0]
