"""The preconditioner: a symmetric filter that amplifies large forms, and what it does for L-BFGS."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from impasto.engine.gradients import Evaluation, to_host
from impasto.optimization.optimizers import LBFGS
from impasto.optimization.preconditioner import CHROMA, SHARES, Preconditioner, interpolation

SHAPES = ((1, 64, 64, 3), (1, 37, 50, 3), (1, 16, 131, 1), (1, 2, 3, 3))


def pictures(shape, count=2):
    return np.random.default_rng(0).normal(size=(count, *shape)).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_its_own_transpose_and_amplifies(shape):
    one, other = pictures(shape)
    spread = Preconditioner(one)
    assert np.vdot(spread(one), other) == pytest.approx(np.vdot(one, spread(other)), rel=1e-3, abs=1e-2)
    gray = np.repeat(one.mean(axis=-1, keepdims=True), shape[-1], axis=-1)
    assert np.vdot(spread(gray), gray) >= np.vdot(gray, gray) * (1 - 1e-6)
    assert np.vdot(spread(one), one) > CHROMA * np.vdot(one, one) * (1 - 1e-6)
    assert spread(one).dtype == np.float32 and spread(one).shape == shape


def test_colors_are_damped_and_lightness_is_not():
    red_less_blue = np.zeros((1, 32, 32, 3), np.float32)
    red_less_blue[:, ::2, ::2, 0], red_less_blue[:, ::2, ::2, 2] = 1, -1
    gray = np.zeros_like(red_less_blue)
    gray[:, ::2, ::2] = 1
    spread = Preconditioner(gray)
    of_one, of_other = (spread(picture)[0, ::2, ::2, 0] for picture in (red_less_blue, gray))
    np.testing.assert_allclose(of_one, CHROMA * of_other, rtol=1e-5)


def test_large_forms_gain_most_and_fine_detail_nothing():
    side = 256
    spread = Preconditioner(np.zeros((1, side, side, 1), np.float32))

    def gain(period):
        angle = 2 * np.pi * (np.arange(side, dtype=np.float32) + 0.5) / period
        waves = [np.broadcast_to(f(angle)[None, None, :, None], (1, side, side, 1)) for f in (np.cos, np.sin)]
        return sum(float(np.vdot(spread(w), w)) for w in waves) / sum(float(np.vdot(w, w)) for w in waves)

    gains = [gain(period) for period in (2, 8, 32, 128, 1e9)]
    assert gains == sorted(gains)
    assert gains[0] < 1.05
    assert gains[-1] == pytest.approx(1 + sum(SHARES), rel=0.01)


def test_interpolation_is_linear_and_keeps_constants():
    matrix = interpolation(12, 3).toarray()
    np.testing.assert_allclose(matrix @ matrix.T @ np.ones(12), 1, atol=1e-6)
    inside = (matrix @ np.arange(3)) / np.sqrt(3 / 12)
    np.testing.assert_allclose(np.diff(inside[2:10]), 0.25, atol=1e-6)


def test_it_is_the_same_on_the_engine_s_arrays():
    picture = pictures((1, 45, 70, 3), 1)[0]
    tensor = ops.convert_to_tensor(picture)
    np.testing.assert_allclose(
        to_host(Preconditioner(tensor)(tensor)), Preconditioner(picture)(picture), atol=1e-5
    )


def test_lbfgs_reaches_further_where_the_function_answers_to_edges():
    """A function whose gradient is all edges, like a style loss: a sum over differences of neighbors."""
    goal = np.cumsum(pictures((1, 64, 64, 1), 1)[0], axis=1) / 8

    def evaluate(point):
        apart = point - goal
        down, right = np.diff(apart, axis=1), np.diff(apart, axis=2)
        gradient = 0.01 * apart
        gradient[:, 1:] += down
        gradient[:, :-1] -= down
        gradient[:, :, 1:] += right
        gradient[:, :, :-1] -= right
        total = (np.square(down).sum() + np.square(right).sum() + 0.01 * np.square(apart).sum()) / 2
        return Evaluation(float(total), np.zeros(1, np.float32), gradient)

    start = np.zeros_like(goal)
    plain, better = LBFGS(evaluate, start), LBFGS(evaluate, start, precondition=Preconditioner(start))
    for _ in range(12):
        plain.step()
        better.step()
    assert better.evaluation.total < 0.5 * plain.evaluation.total
    assert better.evaluation.total == pytest.approx(evaluate(better.point).total)
