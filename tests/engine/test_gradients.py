"""Compiled value and gradient: right, compiled once, and clear about memory."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from conftest import TINY_SETTINGS, picture
from impasto.engine.gradients import compile_pull_back, compile_value_and_gradient, out_of_memory
from impasto.errors import EngineError
from impasto.optimization.objective import TERMS
from impasto.optimization.targets import build_objective
from impasto.prepared import everywhere
from impasto.settings import Settings


@pytest.fixture
def objective(tiny_network):
    content = ops.convert_to_tensor(picture(18, 21, 1)[None])
    style = everywhere(picture(18, 21, 2))
    return build_objective(tiny_network, content, style, Settings(**TINY_SETTINGS, tv_weight=0.3))


def test_compiled_equals_eager(objective):
    point = picture(18, 21, 3)[None]
    found = compile_value_and_gradient(objective, point.shape)(point)
    total, terms = objective(ops.convert_to_tensor(point))
    assert found.total == pytest.approx(float(total), rel=1e-5)
    np.testing.assert_allclose(found.terms, ops.convert_to_numpy(terms), rtol=1e-5)
    assert found.terms.shape == (len(TERMS),)


def test_gradient_against_finite_differences(objective):
    point = picture(18, 21, 3)[None]
    evaluate = compile_value_and_gradient(objective, point.shape)
    rng = np.random.default_rng(0)
    gradient = evaluate(point).gradient
    for _ in range(4):  # directions in which the function changes by more than float32's rounding
        direction = gradient * rng.uniform(0.2, 1.8, point.shape).astype(np.float32)
        direction /= np.linalg.norm(direction)
        ahead, behind = (evaluate(point + h * direction).total for h in (3e-2, -3e-2))
        slope = float((gradient * direction).sum())
        assert (ahead - behind) / 6e-2 == pytest.approx(slope, rel=0.02)


def test_slopes_are_taken_back_without_a_second_pass():
    traces = []

    def function(image, factor):
        traces.append(image.shape)
        return {"cubes": ops.sum(factor * image**3, axis=(0, 3)), "sum": ops.sum(image), "none": factor}

    compiled = compile_pull_back(function)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        point, slopes = (rng.normal(size=shape).astype(np.float32) for shape in ((1, 4, 5, 3), (4, 5)))
        values, pull_back = compiled(point, np.float32(2))
        np.testing.assert_allclose(values["cubes"], (2 * point**3).sum(axis=(0, 3)), rtol=1e-5, atol=1e-5)
        found = pull_back({"none": np.float32(7), "sum": np.float32(0.5), "cubes": slopes})
        expected = 6 * point**2 * slopes[None, :, :, None] + 0.5
        np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-5, atol=1e-5)
    assert len(traces) == 1


def test_the_function_is_traced_once(tiny_network):
    traces = []

    def function(image):
        traces.append(image.shape)
        return ops.sum(ops.square(image)), ops.stack([ops.sum(image)])

    evaluate = compile_value_and_gradient(function, (1, 4, 5, 3))
    for seed in range(5):
        point = np.random.default_rng(seed).normal(size=(1, 4, 5, 3)).astype(np.float32)
        np.testing.assert_allclose(evaluate(point).gradient, 2 * point, rtol=1e-6)
    assert len(traces) == 1


@pytest.mark.slow
def test_running_out_of_memory_is_recognized_and_translated():
    assert out_of_memory(MemoryError())
    assert not out_of_memory(ValueError("shapes differ"))

    def huge(image):
        wide = ops.tile(ops.reshape(image, (-1, 1)), (1, 2_000_000_000))
        return ops.sum(wide), ops.stack([ops.sum(wide)])

    shape = (1, 64, 64, 3)
    with pytest.raises(EngineError, match="ran out of memory at 64 x 64 px; choose a smaller"):
        compile_value_and_gradient(huge, shape)(np.zeros(shape, np.float32))
