"""Losses against numbers worked out by hand, and the properties that their formulas promise."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from impasto.networks import moments
from impasto.optimization import losses

FEATURES = np.array([[[[1, 2], [3, 0]], [[0, 1], [2, 2]]]], np.float32)  # (1, 2, 2, 2)
SUMS = losses.ContentSums.of(FEATURES)


def host(tensor):
    return ops.convert_to_numpy(tensor)


def test_gram_matrix_by_hand():
    # columns (1, 3, 0, 2) and (2, 0, 1, 2): products 14, 6, 9 over 4 positions
    np.testing.assert_allclose(
        host(moments.gram_matrix(FEATURES)), [[14 / 4, 6 / 4], [6 / 4, 9 / 4]], rtol=1e-6
    )


def test_gram_matrix_is_symmetric_positive_and_blind_to_positions():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(1, 6, 7, 5)).astype(np.float32)
    gram = host(moments.gram_matrix(features))
    np.testing.assert_array_equal(gram, gram.T)
    assert np.linalg.eigvalsh(gram.astype(np.float64)).min() > -1e-6
    shuffled = rng.permutation(features.reshape(42, 5)).reshape(1, 7, 6, 5)
    np.testing.assert_allclose(host(moments.gram_matrix(shuffled)), gram, rtol=1e-5, atol=1e-6)


def test_gram_matrix_accumulates_in_float32():
    features = ops.cast(np.full((1, 64, 64, 2), 1.0, np.float32), "bfloat16")
    gram = moments.gram_matrix(features)
    assert ops.dtype(gram) == "float32"
    np.testing.assert_allclose(host(gram), 1.0, rtol=1e-6)


def test_relative_style_loss_by_hand():
    gram, target = np.array([[1.0, 2], [2, 0]]), np.array([[3.0, 0], [0, 4]])
    # differences 4 + 4 + 4 + 16 = 28 over 9 + 16 = 25
    assert float(losses.relative_style_loss(gram, target)) == pytest.approx(28 / 25)
    assert float(losses.relative_style_loss(0 * target, target)) == pytest.approx(1)
    assert float(losses.relative_style_loss(7 * gram, 7 * target)) == pytest.approx(28 / 25)


def test_content_sums_of_parts_add_up():
    parts = [losses.ContentSums.of(FEATURES[:, :, i]) for i in range(2)]
    both = parts[0] + parts[1]
    assert both.positions == SUMS.positions == 4
    np.testing.assert_allclose(both.sums, [6, 5])
    np.testing.assert_allclose(both.squares, [14, 9])


def test_relative_content_loss_by_hand():
    # target about its channel means (1.5, 1.25): 5 + 2.75 = 7.75; difference 1 everywhere: 8
    loss = losses.squared_error(FEATURES + 1, FEATURES) * losses.relative_content_scale(SUMS)
    assert float(loss) == pytest.approx(8 / 7.75)
    flat = np.ones((1, 4, 4, 2), np.float32)
    loss = losses.squared_error(flat * 2, flat) * losses.relative_content_scale(losses.ContentSums.of(flat))
    assert float(loss) == pytest.approx(32 / (0.25 * 32))


def test_a_mask_says_which_positions_count():
    mask = np.array([[1.0, 0], [0, 0.5]], np.float32)  # positions (1, 2) and (2, 2)
    second, first = moments.moment_sums(FEATURES, mask)
    np.testing.assert_allclose(host(second), [[1 + 2, 2 + 2], [2 + 2, 4 + 2]], rtol=1e-6)
    np.testing.assert_allclose(host(first), [1 + 1, 2 + 1], rtol=1e-6)
    assert float(losses.squared_error(FEATURES + 2, FEATURES, mask)) == pytest.approx(1.5 * 2 * 4)


def test_the_sources_losses_by_hand():
    gram, target = np.array([[1.0, 2], [2, 0]]), np.array([[3.0, 0], [0, 4]])
    assert float(losses.mean_square(gram, target)) == pytest.approx(28 / 4)
    assert float(losses.gatys_style_loss(gram, target)) == pytest.approx(28 / (4 * 2**2))
    error = float(losses.squared_error(FEATURES + 1, FEATURES))
    assert error * losses.gatys_content_scale(SUMS) == pytest.approx(8 / 2)
    assert error * losses.mean_content_scale(SUMS) == pytest.approx(1)


def test_variation_by_hand():
    image = np.zeros((1, 2, 3, 3), np.float32)
    image[0, 0, 1] = 1  # one white pixel in the upper row
    # downwards: 3 of 9 values differ; sideways: 6 of 12
    sums = host(losses.variation_sums(image))
    assert sums @ losses.mean_variation_scale((2, 3)) == pytest.approx(3 / 9 + 6 / 12)
    # corner region is the upper left pair: right 1 + 0, down 0 + 1, right of the second 1; 3 channels
    sums = host(losses.corner_variation_sums(image))
    assert sums @ losses.neural_style_variation_scale((2, 3)) == pytest.approx(255**2 * 3 * 3 / 2)


def test_out_of_range_by_hand():
    image = np.array([-0.5, 0.0, 0.4, 1.0, 3.0], np.float32)
    image = np.broadcast_to(image[None, None, :, None], (1, 1, 5, 3))
    assert float(losses.out_of_range_sum(image)) == pytest.approx(3 * (0.25 + 4))
