"""Adjustments: by hand-computed numbers, and nothing where nothing is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from impasto.pictures.adjustments import adjusted, contrasted, film_noise
from impasto.pictures.oklab import from_oklab, to_oklab
from impasto.pictures.resizing import resize
from impasto.settings import Settings


def picture(height, width, seed):
    return np.random.default_rng(seed).uniform(0, 1, (height, width, 3)).astype(np.float32)


def gray(value, shape=(4, 4)):
    return np.full((*shape, 3), value, np.float32)


def test_nothing_asked_for_is_the_picture_itself():
    pixels = picture(16, 20, 1)
    assert adjusted(pixels, Settings(seed=3)) is pixels


# sRGB 0.5 is linear 0.214041; times 2 it is 0.428082, sRGB 0.685836; times 1/2 it is 0.107021, sRGB 0.360780
@pytest.mark.parametrize(("stops", "expected"), [(1, 0.685836), (-1, 0.360780), (3, 1.0)])
def test_exposure_multiplies_linear_light(stops, expected):
    found = adjusted(gray(0.5), Settings(exposure=stops))
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_exposure_multiplies_every_channel_of_a_color_alike():
    found = adjusted(np.full((4, 4, 3), (0.5, 0.3, 0.2), np.float32), Settings(exposure=1))
    # linear 0.214041, 0.073239, 0.033105, doubled, and back
    np.testing.assert_allclose(found[0, 0], (0.685836, 0.418868, 0.285384), atol=3e-5)


def test_exposure_beyond_the_range_keeps_the_hue():
    color = np.full((4, 4, 3), (0.8, 0.5, 0.3), np.float32)
    before, after = (to_oklab(p)[0, 0] for p in (color, adjusted(color, Settings(exposure=1))))
    assert after[0] == pytest.approx(min(1, before[0] * 2 ** (1 / 3)), abs=1e-3)
    assert np.arctan2(after[2], after[1]) == pytest.approx(np.arctan2(before[2], before[1]), abs=0.02)
    assert np.hypot(*after[1:]) < np.hypot(*before[1:]) * 2 ** (1 / 3)


def test_contrast_by_hand():
    lightness = np.array([0, 0.25, 0.5, 0.75, 1], np.float32)
    # b = 3: 1/2 + tanh(0.75) / (2 tanh 1.5) = 1/2 + 0.635149 / 1.810297
    np.testing.assert_allclose(contrasted(lightness, 100), [0, 0.149149, 0.5, 0.850851, 1], atol=1e-5)
    # b = 3: 1/2 + artanh(tanh(1.5) / 2) / 3 = 1/2 + artanh(0.452574) / 3 = 1/2 + 0.487905 / 3
    np.testing.assert_allclose(contrasted(lightness, -100), [0, 0.337365, 0.5, 0.662635, 1], atol=1e-5)
    back = contrasted(contrasted(lightness, 60), -60)
    np.testing.assert_allclose(back, lightness, atol=1e-5)


def test_contrast_is_of_lightness_only():
    pixels = picture(16, 20, 1) * 0.4 + 0.3
    before, after = to_oklab(pixels), to_oklab(adjusted(pixels, Settings(contrast=40)))
    np.testing.assert_allclose(after[..., 0], contrasted(before[..., 0], 40), atol=1e-4)
    np.testing.assert_allclose(after[..., 1:], before[..., 1:], atol=1e-3)


def test_saturation_multiplies_chroma():
    pixels = picture(16, 20, 1) * 0.2 + 0.4
    before = to_oklab(pixels)
    for saturation, factor in ((-100, 0), (-50, 0.5), (50, 1.5)):
        after = to_oklab(adjusted(pixels, Settings(saturation=saturation)))
        np.testing.assert_allclose(after[..., 0], before[..., 0], atol=1e-4)
        np.testing.assert_allclose(after[..., 1:], factor * before[..., 1:], atol=1e-3)


def test_the_order_is_exposure_contrast_saturation():
    pixels = picture(16, 20, 1) * 0.2 + 0.3
    found = adjusted(pixels, Settings(exposure=0.5, contrast=30, saturation=20))
    expected = pixels
    for one in ({"exposure": 0.5}, {"contrast": 30}, {"saturation": 20}):
        expected = adjusted(expected, Settings(**one))
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_grain_has_the_deviation_that_it_says_and_none_in_black_and_white():
    lightness = 0.5
    flat = from_oklab(np.full((1024, 1024, 3), (lightness, 0, 0), np.float32))
    found = to_oklab(adjusted(flat, Settings(film_grain=50)))
    assert found[..., 0].std() == pytest.approx(0.05, abs=0.001)
    assert found[..., 0].mean() == pytest.approx(lightness, abs=0.001)
    assert np.abs(found[..., 1:]).max() < 1e-3
    dark = from_oklab(np.full((1024, 1024, 3), (0.1, 0, 0), np.float32))  # 2 sqrt(0.09) = 0.6
    assert to_oklab(adjusted(dark, Settings(film_grain=50)))[..., 0].std() == pytest.approx(0.03, abs=0.001)
    for end in (0.0, 1.0):
        np.testing.assert_allclose(adjusted(gray(end, (64, 64)), Settings(film_grain=100)), end, atol=1e-5)


def test_grain_repeats_by_its_seed_and_is_the_same_at_every_size():
    assert np.array_equal(film_noise((32, 48), 7), film_noise((32, 48), 7))
    one, other = film_noise((683, 1024), 7), film_noise((683, 1024), 8)
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.01
    for shape in ((341, 512), (1366, 2048), (1365, 2048)):
        looked_at = [resize(film_noise(size, 7), (170, 256)) for size in (shape, (683, 1024))]
        assert np.corrcoef(*(noise.ravel() for noise in looked_at))[0, 1] > 0.97
    tall = [resize(film_noise(size, 7), (256, 170)) for size in ((512, 341), (1024, 683))]
    assert np.corrcoef(*(noise.ravel() for noise in tall))[0, 1] > 0.97


def test_grain_is_white():
    noise = film_noise((256, 1024), 0)
    assert noise.mean() == pytest.approx(0, abs=0.01) and noise.std() == pytest.approx(1, abs=0.01)
    for axis in (0, 1):
        neighbors = np.corrcoef(
            noise.take(range(0, 255), axis).ravel(), noise.take(range(1, 256), axis).ravel()
        )
        assert abs(neighbors[0, 1]) < 0.01


def test_a_cell_is_its_hash():
    """PCG's output function by hand, in Python's integers."""

    def pcg(value):
        state = (value * 747796405 + 2891336453) % 2**32
        word = ((state >> ((state >> 28) + 4)) ^ state) * 277803737 % 2**32
        return (word >> 22) ^ word

    for seed, row, column in ((0, 0, 0), (9, 2, 5)):
        value = pcg((column + pcg((row + pcg(seed)) % 2**32)) % 2**32)
        expected = 3**0.5 * (sum(value.to_bytes(4, "little")) / 255 - 2)
        assert film_noise((16, 1024), seed)[row, column] == pytest.approx(expected, abs=1e-5)
