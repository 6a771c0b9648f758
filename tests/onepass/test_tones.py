"""Tones: how a one-pass painting's colors are brought nearer to the style's."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import impasto
from impasto.onepass import painter as room
from impasto.onepass.painter import OnePass, load_onepass_network
from impasto.onepass.tones import CELL, MOST_AMOUNT, Tones, cells_of, fitted_tones, style_colors, toned
from impasto.pictures.color_transfer import histogram_distance
from impasto.pictures.oklab import to_oklab
from impasto.prepared import StyledRegion, StyleImage
from impasto.workshop import Workshop


def blotches(mean, spread, seed, shape=(64, 64)):
    """Return a picture of squares of 8 px whose colors are normally distributed."""
    colors = np.random.default_rng(seed).normal(mean, spread, (shape[0] // 8, shape[1] // 8, 3))
    return np.clip(np.kron(colors, np.ones((8, 8, 1))), 0, 1).astype(np.float32)


GALLERY, SHAPE, WORKSHOP = Path(impasto.__file__).parent / "gallery/pictures", (64, 96), Workshop()
WARM = blotches((0.6, 0.45, 0.3), (0.08, 0.07, 0.06), 1)
COOL = StyleImage(pixels=blotches((0.35, 0.45, 0.6), (0.09, 0.08, 0.07), 2))
EVERYWHERE = np.ones((64, 64), np.float32)


@pytest.fixture(scope="module")
def cool():
    """Tones of a warm painting and a cool style."""
    return fitted_tones(WARM, EVERYWHERE, style_colors([COOL], Workshop()))


def far(painting, style) -> float:
    return histogram_distance(to_oklab(painting.reshape(-1, 3)), style_colors([style], Workshop()))


def test_colors_come_nearer_to_the_styles_as_far_as_the_amount_says(cool):
    result = toned(WARM, [cool], None, 50)
    assert far(result, COOL) < 0.5 * far(WARM, COOL)
    assert cool.amount.max() <= MOST_AMOUNT


def test_strokes_keep_their_contrast(cool):
    stripes = WARM + np.where(np.arange(64) % 2, 0.05, -0.05)[:, None].astype(np.float32)
    result = toned(stripes, [cool], None, 50)
    before, after = (np.diff(picture[16:48, 20:28], axis=0) for picture in (stripes, result))
    assert np.allclose(after, before, atol=0.03) and np.abs(before).max() > 0.09


def test_at_less_strength_colors_are_moved_less(cool):
    full, half, none = (toned(WARM, [cool], None, strength) - WARM for strength in (80, 25, 0))
    assert np.allclose(half, full / 2, atol=1e-6) and not none.any() and np.abs(full).max() > 0.05


def test_a_region_is_moved_where_it_is(cool):
    shares = np.zeros((2, 8, 7), np.float32)  # a column short, as pooling leaves it
    shares[0, :, :4], shares[1, :, 4:] = 1, 1
    result = toned(WARM, [cool, None], shares, 50)
    assert np.array_equal(result[:, 40:], WARM[:, 40:])
    assert np.allclose(result[:, :24], toned(WARM, [cool], None, 50)[:, :24], atol=1e-6)


@pytest.mark.parametrize("shape", [(61, 50), (7, 90), (64, 64)])
def test_pictures_of_any_size_and_their_windows_agree(cool, shape):
    picture = blotches((0.6, 0.45, 0.3), (0.1, 0.1, 0.1), 3, (96, 96))[: shape[0], : shape[1]]
    whole = toned(picture, [cool], None, 50)
    assert whole.shape == picture.shape and whole.dtype == np.float32
    part = toned(picture[:, 2 * CELL :], [cool], None, 50)
    assert np.allclose(part[:, CELL:], whole[:, 3 * CELL :], atol=1e-6), "but for where it was cut"


def test_cells_are_means_and_the_last_ones_repeat_the_border():
    picture = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert np.array_equal(cells_of(picture, 2), [[2.0, 3.5]])


def test_what_does_not_bring_colors_nearer_is_left():
    two = np.zeros((64, 64, 3), np.float32)
    two[:, :32] = (0.9, 0.1, 0.1)  # a style of two colors, and a flat painting between
    flat = (0.45 + 0.02 * np.random.default_rng(0).random((64, 64, 3))).astype(np.float32)
    assert fitted_tones(flat, EVERYWHERE, style_colors([StyleImage(pixels=two)], Workshop())) is None


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_a_region_that_is_hardly_seen_is_left(share):
    assert fitted_tones(WARM, EVERYWHERE * share, style_colors([COOL], Workshop())) is None


def test_a_blend_has_of_each_style_as_many_colors_as_it_weighs():
    dark, light = (
        StyleImage(pixels=np.full((40, 60, 3), value, np.float32), weight=weight)
        for value, weight in ((0.2, 1), (0.9, 3))
    )
    lightness = style_colors([dark, light], Workshop())[:, 0]
    assert abs((lightness > 0.5).mean() - 0.75) < 1e-3
    fine = [replace(dark, part="fine"), replace(light, part="coarse")]
    assert (style_colors(fine, Workshop())[:, 0] < 0.5).all(), "colors are of the fine layers"
    assert len(style_colors([replace(light, part="coarse")], Workshop())) > 0


def test_of_a_style_only_what_its_mask_shows_counts():
    pixels = np.full((64, 64, 3), 0.9, np.float32)
    pixels[:, :32] = 0.1
    mask = np.zeros((64, 64), np.float32)
    mask[:, :32] = 1
    assert (style_colors([StyleImage(pixels=pixels, mask=mask)], Workshop())[:, 0] < 0.6).all()


def test_tones_are_sent_to_another_process(cool):
    assert cool.shift(WARM).any()
    again = pickle.loads(pickle.dumps(cool))
    assert isinstance(again, Tones) and np.array_equal(again.shift(WARM), cool.shift(WARM))


@pytest.fixture(scope="module")
def wave():
    picture = Image.open(GALLERY / "hokkai-wave.webp").convert("RGB").resize((256, 256))
    return StyleImage(pixels=np.asarray(picture, np.float32) / 255)


def painter_of(style, statistics=None):
    regions = (StyledRegion(styles=(style,)),)
    return OnePass(load_onepass_network(), regions, SHAPE, WORKSHOP, statistics=statistics)


def photo_of(name):
    from skimage import data

    return np.asarray(Image.fromarray(getattr(data, name)()).resize(SHAPE[::-1]), np.float32) / 255


def test_a_painting_has_the_tones_of_its_photo(wave):
    painter, photo = painter_of(wave), photo_of("astronaut")
    raw = painter.paint_over(photo, 50)
    assert far(painter.paint(photo), wave) < 0.9 * far(np.clip(raw, 0, 1), wave)
    assert np.array_equal(painter.paint(photo), np.clip(painter.tone(photo, raw, 50), 0, 1))


def test_a_large_painting_has_those_of_a_small_one(wave, monkeypatch):
    painter, photo = painter_of(wave), photo_of("astronaut")
    raw, own = painter.paint_over(photo, 50), painter.paint(photo)
    monkeypatch.setattr(room, "MOST_SMALL", 0)
    result = painter.paint(photo)
    assert 0 < np.abs(result - own).mean() < 0.5 * np.abs(own - np.clip(raw, 0, 1)).mean()


def test_frames_of_a_shot_have_the_same_tones(wave):
    painter, photos = painter_of(wave), [photo_of(name) for name in ("astronaut", "coffee")]
    gray = np.full((*SHAPE, 3), 0.5, np.float32)
    own = [painter.tone(photo, painter.paint_over(photo, 50), 50) for photo in photos]
    painter.hold(photos)
    first, second = (painter.tone(photo, gray, 50) for photo in photos)
    assert np.array_equal(first, second) and not np.array_equal(first, gray)
    held = [painter.tone(photo, painter.paint_over(photo, 50), 50) for photo in photos]
    assert all(np.abs(one - other).mean() > 1e-3 for one, other in zip(own, held, strict=True))


def test_in_a_shot_each_region_is_fitted_as_if_it_were_everywhere(wave):
    photo, left = photo_of("astronaut"), np.zeros(SHAPE, np.float32)
    regions = [StyledRegion(styles=(style,), mask=mask) for style, mask in ((wave, left), (COOL, left))]
    painter = OnePass(load_onepass_network(), regions, SHAPE, WORKSHOP)
    painter.hold([photo])  # before it is known where the regions are
    for index, style in enumerate((wave, COOL)):
        alone = painter_of(style)
        alone.hold([photo])
        one, other = painter.tones[index], alone.tones[0]
        assert (one is None) == (other is None)
        if one is not None:
            np.testing.assert_allclose(one.painted, other.painted, atol=1e-4)
    assert any(painter.tones)


def test_a_style_that_was_trained_keeps_its_colors(wave):
    own, photo = painter_of(wave, statistics=painter_of(wave)._style), photo_of("coffee")
    raw = own.paint_over(photo, 50)
    assert np.array_equal(own.paint(photo), np.clip(raw, 0, 1))
    own.hold([photo])
    assert np.array_equal(own.tone(photo, raw, 50), raw)
