"""Cut-outs and gray pictures through the whole product: what nobody sees counts nowhere, gray stays gray."""

from __future__ import annotations

import numpy as np
import pytest

from conftest import TINY_SETTINGS, picture
from impasto import pastiche
from impasto.errors import ImageError

HIDDEN = (0.0, 1.0, (0.0, 1.0, 0.0))
METHODS = (
    {"method": "onepass"},
    {"iterations": (2, 2), "grain": 1.0, "tv_weight": 0.1},
    {"iterations": (2, 2), "colors": "moments"},
    {"iterations": (2, 2), "colors": "histogram"},
    {"iterations": (2, 2), "colors": "luminance"},
)


def cutout(height, width, seed, hidden):
    pixels = picture(height, width, seed).copy()
    alpha = np.zeros((height, width), np.float32)
    alpha[8:-12, 12:-20] = 1
    alpha[8:-12, -20] = 0.5
    pixels[alpha == 0] = hidden
    return np.dstack([pixels, alpha])


@pytest.mark.parametrize("choice", METHODS, ids=str)
@pytest.mark.parametrize("role", ["photo", "style"])
def test_hidden_colors_change_no_bit(tiny_network, choice, role):
    results = []
    for hidden in HIDDEN:
        photo = cutout(64, 80, 1, hidden) if role == "photo" else picture(64, 80, 1)
        style = cutout(72, 64, 2, hidden) if role == "style" else picture(72, 64, 2)
        settings = {**TINY_SETTINGS, **choice}
        results.append(pastiche.stylize(photo, style, network=tiny_network, **settings))
    for result in results[1:]:
        assert np.array_equal(result.pixels, results[0].pixels)
        assert result.losses == results[0].losses
    if role == "photo":
        assert np.array_equal(results[0].alpha, cutout(64, 80, 1, 0)[..., 3])


def test_a_style_that_shows_nothing_is_refused(tiny_network):
    style = np.dstack([picture(64, 64, 2), np.zeros((64, 64), np.float32)])
    with pytest.raises(ImageError, match="the style array is transparent everywhere"):
        pastiche.stylize(picture(64, 80, 1), style, network=tiny_network, **TINY_SETTINGS)


@pytest.mark.parametrize("colors", ["style", "content", "luminance", "histogram", "moments"])
@pytest.mark.parametrize(
    "choice", [{"iterations": (3, 3)}, {"method": "onepass"}, {"method": "onepass", "refine": 2}]
)
def test_a_gray_photo_with_a_gray_style_stays_gray(tiny_network, colors, choice):
    photo, style = (np.repeat(picture(64, 80, seed)[..., :1], 3, axis=2) for seed in (1, 2))
    settings = {**TINY_SETTINGS, **choice, "colors": colors}
    pixels = pastiche.stylize(photo, style, network=tiny_network, **settings).pixels
    assert np.ptp(pixels, axis=2).max() == 0 and np.ptp(pixels) > 0.1
    if colors != "style":  # a gray photo gives its colors to any style
        pixels = pastiche.stylize(photo, picture(64, 80, 3), network=tiny_network, **settings).pixels
        assert np.ptp(pixels, axis=2).max() == 0
