"""Each reference preset at VGG-19's true widths against the independent float64 implementation.

The network is the stand-in of VGG-19's shape, in the old layout of imagenet-vgg-verydeep-19.mat, read by
the product and handed to the reference; the settings are the presets' own but for the size.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from keras import ops

from conftest import picture
from impasto.engine.gradients import Evaluation, compile_value_and_gradient, to_host
from impasto.networks.catalogue import load_network
from impasto.optimization.objective import LossWeights
from impasto.optimization.optimizers import LBFGS, Adam
from impasto.optimization.targets import build_objective
from impasto.prepared import everywhere
from impasto.presets import settings_for

from .reference import Network, evaluator, prepare, value_and_gradient

pytestmark = pytest.mark.slow
PRESETS = ("article", "gatys2016", "neural-style", "johnson-baseline")
FORMULA = {"neural-style": "johnson"}


@pytest.fixture(scope="module")
def standin(shared, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "standin.mat"
    tool = shared / "tools" / "make_vgg19_standin.py"
    subprocess.run([sys.executable, tool, path], check=True)
    return load_network(path)


def both(preset, standin, size):
    """Return the product's objective, the reference's, and a starting picture."""
    settings = settings_for(preset, {})
    network = replace(
        standin, pooling=settings.pooling, padding=settings.padding, pool_rounding=settings.pool_rounding
    )
    content, style = picture(size, size, 1), picture(size, size, 2)
    ours = build_objective(network, ops.convert_to_tensor(content[None]), everywhere(style), settings)
    weights = LossWeights.from_settings(settings)
    theirs = prepare(
        FORMULA.get(settings.formulas, settings.formulas),
        Network(
            weights={k: to_host(v) for k, v in standin.weights.items()},
            pooling=settings.pooling,
            padding=settings.padding,
            pool_rounding=settings.pool_rounding,
        ),
        content,
        style,
        content_layers=settings.content_layers,
        style_layer_weights=settings.style_layer_weights,
        content_weight=weights.content,
        style_weight=weights.style,
        tv_weight=weights.variation,
        tv="johnson" if settings.formulas == "neural-style" else "squared",
    )
    return settings, ours, theirs, picture(size, size, 3)


@pytest.mark.parametrize("preset", PRESETS)
def test_value_and_gradient_at_32_pixels(preset, standin):
    _, ours, theirs, point = both(preset, standin, 32)
    found = compile_value_and_gradient(ours, (1, 32, 32, 3))(point[None])
    total, _, gradient = value_and_gradient(point.astype(np.float64), theirs)
    assert found.total == pytest.approx(total, rel=1e-5)
    assert np.linalg.norm(found.gradient[0] - gradient) < 1e-4 * np.linalg.norm(gradient)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_first_twenty_iterations_at_64_pixels(preset, standin):
    """The same optimizer on both functions, so that only the functions can differ."""
    settings, ours, theirs, start = both(preset, standin, 64)
    exact = evaluator(theirs)

    def reference(point):
        value, gradient = exact(point[0].astype(np.float64))
        return Evaluation(value, np.zeros(4, np.float32), gradient[None].astype(np.float32))

    values = []
    for evaluate in (compile_value_and_gradient(ours, (1, 64, 64, 3)), reference):
        if settings.optimizer == "adam":
            optimizer = Adam(evaluate, start[None], settings.learning_rate)
        else:
            optimizer = LBFGS(evaluate, start[None])
        values.append([optimizer.step().total for _ in range(20)])
    np.testing.assert_allclose(values[0][:5], values[1][:5], rtol=1e-3)
    np.testing.assert_allclose(values[0], values[1], rtol=2e-2)
    assert values[0][-1] < 0.7 * values[0][0]
