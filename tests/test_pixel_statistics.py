"""Losses over pixels: by hand, against NumPy, and what they must not see."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from conftest import picture, tensor
from impasto.gradients import to_host
from impasto.images import resize
from impasto.pixel_statistics import (
    DIRECTIONS,
    OPPONENT,
    PixelStyle,
    color_losses,
    grain_energies,
    grain_losses,
    sorted_colors,
)


def color_loss(pictures, styles):
    return color_losses(sorted_colors(pictures), sorted_colors(styles))


def grain_loss(pictures, styles):
    return grain_losses(grain_energies(pictures), grain_energies(styles))


def colors(pixels, *, to):
    return float(color_loss(tensor(pixels[None]), tensor(to[None]))[0])


def test_there_are_thirteen_directions_of_length_one():
    assert DIRECTIONS.shape == (3, 13)
    np.testing.assert_allclose(np.linalg.norm(DIRECTIONS, axis=0), 1, rtol=1e-6)
    assert np.abs(DIRECTIONS.T @ DIRECTIONS - np.eye(13)).max() < 0.999  # no two of them are one line


def test_colors_are_compared_whatever_their_places():
    pixels = picture(32, 48, 1)
    blocks = pixels.reshape(8, 4, 12, 4, 3)
    shuffled = blocks[::-1, :, np.random.default_rng(0).permutation(12)].reshape(32, 48, 3)
    assert colors(shuffled, to=pixels) < 1e-8
    assert colors(pixels**2, to=pixels) > 0.05


def test_color_loss_by_hand():
    """Grey 0.25 against half black and half white: sorted values differ by 1/4 or 3/4 of the whole step."""
    grey, halves = np.full((8, 8, 3), 0.25, np.float32), np.zeros((8, 8, 3), np.float32)
    halves[:4] = 1.0
    steps = DIRECTIONS.sum(axis=0) ** 2  # of black to white, along each direction
    error = np.mean(steps) * (0.25**2 + 0.75**2) / 2
    assert colors(grey, to=halves) == pytest.approx(error / (np.mean(steps) / 4 + 1e-3), rel=1e-4)


def test_grain_loss_is_that_of_numpy():
    pixels, style = picture(24, 20, 1), picture(30, 26, 2)

    def energies(image):
        x = image.astype(np.float64) @ OPPONENT
        across, down = np.diff(x, axis=1), np.diff(x, axis=0)
        found = [across, down, np.diff(across, axis=0)]
        return np.concatenate([np.square(d).mean(axis=(0, 1)) for d in found]) + 255**-2

    wanted = np.mean(np.log(energies(pixels) / energies(style)) ** 2)
    found = grain_loss(tensor(pixels[None]), tensor(style[None]))
    assert found.shape == (1,)
    assert float(found[0]) == pytest.approx(wanted, rel=1e-4)


def test_grain_sees_a_faint_pattern_of_pixels_and_no_shift_of_color():
    smooth = np.linspace(0.3, 0.6, 64, dtype=np.float32)[:, None, None] * np.ones((64, 64, 3), np.float32)
    checkers = smooth.copy()
    checkers[::2, ::2, 0] += 0.03
    assert float(grain_loss(tensor(smooth[None] + 0.2), tensor(smooth[None]))[0]) < 1e-6
    assert float(grain_loss(tensor(checkers[None]), tensor(smooth[None]))[0]) > 1


@pytest.mark.parametrize("loss", [color_loss, grain_loss])
def test_losses_fall_along_their_gradients(loss):
    import tensorflow as tf

    found, style = tf.Variable(picture(32, 32, 1)[None]), tensor(picture(32, 32, 2)[None])
    with tf.GradientTape() as tape:
        before = ops.sum(loss(found, style))
    slope = tape.gradient(before, found)
    steepness = np.linalg.norm(to_host(slope))
    found.assign_sub(1e-3 * slope / steepness)
    fell = float(before) - float(ops.sum(loss(found, style)))
    assert fell == pytest.approx(1e-3 * steepness, rel=0.1)
    assert np.isfinite(to_host(slope)).all()


def test_a_style_of_another_size_has_the_same_colors():
    """Halves of two colours, and a ramp: what a larger picture's quantiles are in fewer positions."""
    ramp = np.linspace(0, 1, 64, dtype=np.float32)[:, None, None] * np.ones((64, 64, 3), np.float32)
    small = resize(ramp, (32, 32))
    wanted = PixelStyle.of(tensor(ramp[None])).for_positions(64)
    assert wanted.colors.shape == (1, 64, 13)
    assert float(color_losses(sorted_colors(tensor(small[None])), wanted.colors)[0]) < 2e-3
    same = PixelStyle.of(tensor(ramp[None]))
    np.testing.assert_allclose(to_host(same.for_positions(256).colors), to_host(same.colors), atol=1e-6)


def test_the_parts_are_weighed_and_colors_bounded():
    pictures, style = tensor(picture(32, 32, 1)[None]), tensor(picture(32, 32, 2)[None])
    color, grain = float(color_loss(pictures, style)[0]), float(grain_loss(pictures, style)[0])
    found = float(PixelStyle.of(style).losses(pictures, 0.5, 0.1)[0])
    assert found == pytest.approx(0.5 * color / (1 + color / 8) + 0.1 * grain, rel=1e-5)
