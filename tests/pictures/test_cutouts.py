"""Cut-outs: what is transparent is no part of a picture, in any size."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from impasto.pictures.cutouts import fill_hidden, resize_visible
from impasto.pictures.reading import decode_bytes, read_picture
from picture_fixtures import encoded, png, write_file

GOLD = np.array([230, 180, 60], np.uint8)


def disc(side=512, hidden=(0, 0, 0)):
    """A disc of one color with a soft edge, uint8 (side, side, 4)."""
    rows, columns = np.mgrid[:side, :side]
    alpha = np.clip(side * 0.35 - np.hypot(columns - side / 2, rows - side / 2) + 0.5, 0, 1)
    alpha = np.rint(alpha * 255).astype(np.uint8)
    return np.dstack([np.where(alpha[..., None] > 0, GOLD, np.uint8(hidden)), alpha])


def sources(values):
    """The same cut-out in every way in which one comes in."""
    image = Image.fromarray(values)
    yield encoded(image, "PNG")
    yield encoded(image, "WEBP", lossless=True, exact=True)
    yield encoded(image, "TIFF", compression="tiff_deflate")
    yield png(values.astype(np.uint16) * 257)
    yield image
    yield values
    yield values.astype(np.float32) / 255


@pytest.mark.parametrize("hidden", [(0, 0, 0), (255, 255, 255), (0, 255, 0)])
def test_an_edge_keeps_its_color_in_every_size_and_format(tmp_path, hidden):
    for source in sources(disc(512, hidden)):
        path = write_file(tmp_path, "disc", source) if isinstance(source, bytes) else source
        for size in (None, 128, 100):
            picture = read_picture(path, max_size=size)
            assert np.abs(picture.pixels * 255 - GOLD).max() < 0.01  # everywhere: hidden pixels continue it
            assert picture.alpha.mean() == pytest.approx(np.pi * 0.35**2, abs=2e-3)
            small = picture.resized((60, 90))
            assert np.abs(small.pixels * 255 - GOLD).max() < 0.01 and small.alpha.shape == (60, 90)


def test_on_white_a_reduced_cutout_looks_like_the_reduced_composite(tmp_path):
    values = disc()
    values[..., 1] = np.where(values[..., 3] > 0, np.arange(512) // 2, 0)
    picture = read_picture(values, max_size=128)
    shown = picture.pixels * picture.alpha[..., None] + 1 - picture.alpha[..., None]
    full = values[..., :3] / 255 * (values[..., 3:] / 255) + 1 - values[..., 3:] / 255
    right, _ = resize_visible(full.astype(np.float32), None, (128, 128))
    assert np.abs(shown - right).mean() < 0.2 / 255 and np.abs(shown - right).max() < 0.1  # of ringing


def test_hidden_colors_change_nothing(tmp_path):
    rng = np.random.default_rng(0)
    values = rng.integers(0, 256, (96, 120, 4), dtype=np.uint8)
    values[..., 3] = np.where(rng.random((96, 120)) < 0.4, 0, values[..., 3])
    values[20:70, 30:80, 3] = 0
    other = values.copy()
    other[values[..., 3] == 0, :3] = rng.integers(0, 256, 3)
    for size in (None, 60):
        one, two = (read_picture(v, max_size=size) for v in (values, other))
        assert np.array_equal(one.pixels, two.pixels) and np.array_equal(one.alpha, two.alpha)
    seen = values[..., 3] > 0
    assert np.array_equal(np.rint(read_picture(values).pixels * 255)[seen], values[seen][:, :3])
    pictures = [decode_bytes(encoded(Image.fromarray(v), "PNG"), "a", 512) for v in (values, other)]
    assert np.array_equal(*pictures) and pictures[0].dtype == np.uint8


def test_holes_continue_what_is_around_them():
    pixels = np.zeros((64, 64, 3), np.float32)
    pixels[:, :32], pixels[:, 32:] = (0.2, 0.4, 0.6), (0.8, 0.6, 0.4)
    alpha = np.ones((64, 64), np.float32)
    alpha[8:24, 4:20] = alpha[40:56, 44:60] = 0
    filled = fill_hidden(pixels, alpha)
    np.testing.assert_allclose(filled[8:24, 4:20], np.broadcast_to(pixels[0, 0], (16, 16, 3)), atol=0.02)
    np.testing.assert_allclose(filled[40:56, 44:60], np.broadcast_to(pixels[0, -1], (16, 16, 3)), atol=0.02)
    assert fill_hidden(pixels, None) is pixels
    assert (fill_hidden(pixels, np.zeros((64, 64), np.float32)) == 0.5).all()


def test_transparency_of_palettes_is_alpha(tmp_path):
    values = np.zeros((20, 20), np.uint8)
    values[5:15, 5:15] = 1
    image = Image.fromarray(values, "P")
    image.putpalette([0, 255, 0, 230, 180, 60])
    for form in ("PNG", "GIF"):
        file = io.BytesIO()
        image.save(file, form, transparency=0)
        picture = read_picture(write_file(tmp_path, "a", file.getvalue()))
        assert np.array_equal(picture.alpha, values) and np.abs(picture.pixels * 255 - GOLD).max() < 0.01
    image.info["transparency"] = 0
    assert np.array_equal(read_picture(image).alpha, values)
