"""Muon for convolutions."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from conftest import tensor
from impasto.training.distillation.muon import ConvolutionMuon


def stepped(shape, gradient, rate=0.1):
    variable = keras.Variable(np.zeros(shape, np.float32))
    optimizer = ConvolutionMuon(rate)
    optimizer.build([variable])
    optimizer.apply([tensor(gradient)], [variable])
    return np.asarray(variable)


@pytest.mark.parametrize("shape", [(3, 3, 16, 40), (1, 1, 64, 48)])
def test_a_kernels_step_is_nearly_orthogonal_whatever_its_gradients_scale(shape):
    gradient = np.random.default_rng(0).normal(size=shape)
    gradient[..., :4] *= 20
    step = stepped(shape, gradient).reshape(-1, shape[-1])
    singular = np.linalg.svd(step, compute_uv=False)
    scale = 0.1 * 0.2 * np.sqrt(max(step.shape))
    assert singular.max() < 1.3 * scale
    assert np.sqrt(np.mean(singular**2)) > 0.6 * scale
    assert np.sum(step * gradient.reshape(step.shape)) < 0


@pytest.mark.parametrize("shape", [(64,), (3, 3, 3, 16), (48, 64)])
def test_biases_matrices_and_small_kernels_get_adams_step(shape):
    gradient = np.random.default_rng(1).normal(size=shape)
    step = stepped(shape, gradient)
    np.testing.assert_allclose(step, -0.1 * np.sign(gradient), rtol=1e-3, atol=1e-3)


def test_heads_learn_faster_than_biases():
    gradient = np.random.default_rng(1).normal(size=(48, 64))
    head, other = (keras.Variable(np.zeros((48, 64), np.float32), name=n) for n in ("expand4_1_kernel", "b"))
    optimizer = ConvolutionMuon(0.1)
    optimizer.build([head, other])
    optimizer.apply([tensor(gradient)] * 2, [head, other])
    np.testing.assert_allclose(np.asarray(head), 4 * np.asarray(other), rtol=1e-4)
