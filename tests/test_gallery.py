"""The built-in styles: the same every time, the same at every size, and rich enough to be a style."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
from scipy import ndimage
from skimage import color, transform

from impasto.errors import SettingError
from impasto.gallery import STYLES, make_style, style_names

SIZE = 768


@functools.cache
def style(name: str, size: int = SIZE) -> np.ndarray:
    image = make_style(name, size)
    image.flags.writeable = False
    return image


def lightness(image: np.ndarray) -> np.ndarray:
    return image @ np.array([0.2126, 0.7152, 0.0722], np.float32)


every_style = pytest.mark.parametrize("name", style_names())


def test_cards_describe_the_styles():
    assert style_names() == tuple(STYLES)
    assert len(style_names()) >= 2
    for name, card in STYLES.items():
        assert card.name == name
        assert card.licence == "Apache-2.0"
        assert card.title.isascii()
        assert all("\u4e00" <= letter <= "\u9fff" for letter in card.title_zh)
        assert card.description.endswith(".")
    assert len({card.seed for card in STYLES.values()}) == len(STYLES)


def test_cards_and_their_table_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        STYLES["swirls"].seed = 1
    with pytest.raises(TypeError):
        STYLES["mine"] = STYLES["swirls"]


@every_style
def test_the_same_bits_every_time(name):
    assert make_style(name, SIZE).tobytes() == style(name).tobytes()


@every_style
@pytest.mark.parametrize("size", [128, 300, SIZE])
def test_shape_type_and_range(name, size):
    image = style(name, size)
    assert image.shape == (size, size, 3)
    assert image.dtype == np.float32
    assert image.min() >= 0 and image.max() <= 1
    # Finite, and no large part of it burnt out or drowned.
    assert np.mean((image == 0).all(-1) | (image == 1).all(-1)) < 0.01


@every_style
@pytest.mark.parametrize("size", [128, 1024])
def test_every_size_shows_the_same_picture(name, size):
    small, large = (
        transform.resize(style(name, side), (64, 64), anti_aliasing=True) for side in (size, SIZE)
    )
    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.99
    assert np.abs(small - large).mean() < 0.01
    shifted = np.roll(small, 1, axis=0)
    assert np.abs(small - large).mean() < 0.25 * np.abs(shifted - large).mean()


@every_style
def test_structure_at_every_scale(name):
    """Every octave from bristles to large forms varies; a flat or blurred picture would miss some."""
    grey = lightness(style(name))
    for sigma in (1, 2, 4, 8, 16, 32):
        band = ndimage.gaussian_filter(grey, sigma) - ndimage.gaussian_filter(grey, 2 * sigma)
        assert band.std() > 0.025, f"little at {sigma} to {2 * sigma} px"


@every_style
def test_no_flat_part(name):
    grey = lightness(style(name)).astype(np.float64)
    mean = ndimage.uniform_filter(grey, 24)
    deviation = np.sqrt(np.maximum(ndimage.uniform_filter(grey**2, 24) - mean**2, 0))
    assert deviation.min() > 0.015
    assert np.median(deviation) > 0.1


@every_style
def test_edges_are_soft(name):
    """Stairs would put energy at the finest period of the pixel grid."""
    grey = lightness(style(name))
    power = np.abs(np.fft.fft2(grey - grey.mean())) ** 2
    radius = np.hypot(np.fft.fftfreq(SIZE)[:, None], np.fft.fftfreq(SIZE)[None, :])
    assert power[radius > 0.4].sum() < 0.05 * power[radius > 0.05].sum()


def hues(image: np.ndarray) -> np.ndarray:
    """Return the share of each of twelve hues, weighted by saturation."""
    hue, saturation, value = np.moveaxis(color.rgb2hsv(image), -1, 0)
    shares = np.histogram(hue, bins=12, range=(0, 1), weights=saturation * value)[0]
    return shares / shares.sum()


@every_style
def test_a_rich_palette(name):
    assert np.sum(hues(style(name)) > 0.02) >= 5


def test_palettes_differ_between_styles():
    first, second = (hues(style(name)) for name in ("swirls", "mosaic"))
    assert 0.5 * np.abs(first - second).sum() > 0.25


def test_an_unknown_name_is_refused_with_a_suggestion():
    with pytest.raises(SettingError, match=r"one of swirls, mosaic, not 'swirl'; did you mean 'swirls'\?"):
        make_style("swirl")


@pytest.mark.parametrize("size", [127, 2049, 0, -5])
def test_a_size_out_of_range_is_refused(size):
    with pytest.raises(SettingError, match=f"from 128 to 2048 pixels, not {size}$"):
        make_style("swirls", size)


@pytest.mark.parametrize("size", [256.0, "256", True, None])
def test_a_size_that_is_no_whole_number_is_refused(size):
    with pytest.raises(SettingError, match="whole number of pixels"):
        make_style("mosaic", size)


@pytest.mark.slow
@every_style
def test_the_largest_size(name):
    large = transform.resize(style(name, 2048), (64, 64), anti_aliasing=True)
    usual = transform.resize(style(name), (64, 64), anti_aliasing=True)
    assert np.corrcoef(large.ravel(), usual.ravel())[0, 1] > 0.99
