"""The product's objectives against the independent float64 implementation."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from conftest import picture, tiny_weights
from impasto.engine.gradients import compile_value_and_gradient
from impasto.networks.feature_network import FeatureNetwork
from impasto.optimization.optimizers import Adam
from impasto.optimization.targets import build_objective
from impasto.prepared import everywhere
from impasto.settings import Settings

from . import adam
from .reference import Network, evaluator, prepare, value_and_gradient

THEIR_NAME = {"neural-style": "johnson"}
FORMULAS = ("relative", "article", "gatys2016", "neural-style")
WEIGHTS = tiny_weights(seed=5, widths=(6, 8))
LAYERS = {
    "content_layers": ("relu2_2",),
    "style_layer_weights": {"relu1_1": 0.2, "relu2_1": 0.2, "relu2_2": 0.1},
}


def weights_with_heads():
    rng = np.random.default_rng(8)
    heads = {}
    for layer, width in (("1_1", 6), ("2_1", 8), ("2_2", 8)):
        heads[f"expand{layer}/kernel"] = rng.normal(0, 0.4, (1, 1, width, 11)).astype(np.float32)
        heads[f"expand{layer}/bias"] = rng.normal(0, 0.1, 11).astype(np.float32)
    return WEIGHTS | heads


def ours(formulas, weights, options, shapes):
    settings = Settings(formulas=formulas, content_weight=2.0, style_weight=30.0, tv_weight=0.7, **LAYERS)
    network = FeatureNetwork(
        name="test", weights={k: ops.convert_to_tensor(v) for k, v in weights.items()}, **options
    )
    content, style = shapes
    return build_objective(network, ops.convert_to_tensor(content[None]), everywhere(style), settings)


def theirs(formulas, weights, options, shapes):
    return prepare(
        THEIR_NAME.get(formulas, formulas),
        Network(weights=weights, **options),
        *shapes,
        content_layers=LAYERS["content_layers"],
        style_layer_weights=LAYERS["style_layer_weights"],
        content_weight=2.0,
        style_weight=30.0,
        tv_weight=0.7,
        tv="johnson" if formulas == "neural-style" else "squared",
        metric="relu" if any(k.startswith("expand") for k in weights) else "plain",
        range_weight=50.0 * 32.0 if formulas == "relative" else 0.0,
    )


@pytest.mark.parametrize("formulas", FORMULAS)
@pytest.mark.parametrize("padding", ["reflect", "zero"])
@pytest.mark.parametrize(
    ("pooling", "pool_rounding"), [("average", "floor"), ("average", "ceil"), ("max", "floor")]
)
def test_value_and_gradient(formulas, padding, pooling, pool_rounding):
    options = {"padding": padding, "pooling": pooling, "pool_rounding": pool_rounding}
    shapes = picture(33, 32, 1), picture(35, 29, 2)
    point = picture(33, 32, 3) * 1.2 - 0.1  # also out of range
    objective = ours(formulas, WEIGHTS, options, shapes)
    found = compile_value_and_gradient(objective, (1, *point.shape))(point[None])
    total, _, gradient = value_and_gradient(
        point.astype(np.float64), theirs(formulas, WEIGHTS, options, shapes)
    )
    assert found.total == pytest.approx(total, rel=1e-5)
    error = np.linalg.norm(found.gradient[0] - gradient) / np.linalg.norm(gradient)
    assert error < 1e-4


def test_value_and_gradient_through_the_learned_heads():
    shapes, weights = (picture(33, 32, 1), picture(35, 29, 2)), weights_with_heads()
    # the heads of the content layer count for content too
    weights.pop("expand2_2/kernel"), weights.pop("expand2_2/bias")
    options = {"padding": "reflect", "pooling": "average"}
    point = picture(33, 32, 3)
    found = compile_value_and_gradient(ours("relative", weights, options, shapes), (1, *point.shape))(
        point[None]
    )
    reference = theirs("relative", weights | identity_head(), options, shapes)
    total, _, gradient = value_and_gradient(point.astype(np.float64), reference)
    assert found.total == pytest.approx(total, rel=1e-5)
    assert np.linalg.norm(found.gradient[0] - gradient) < 1e-4 * np.linalg.norm(gradient)


def identity_head():
    """A head that changes nothing (features are not negative), where the reference wants one."""
    return {
        "expand2_2/kernel": np.eye(8, dtype=np.float32)[None, None],
        "expand2_2/bias": np.zeros(8, np.float32),
    }


@pytest.mark.parametrize("formulas", ["relative", "article"])
def test_the_first_twenty_iterations_of_adam(formulas):
    options = {"padding": "zero", "pooling": "average"}
    shapes = picture(64, 64, 1), picture(64, 64, 2)
    start = picture(64, 64, 3)
    objective = ours(formulas, WEIGHTS, options, shapes)
    optimizer = Adam(compile_value_and_gradient(objective, (1, 64, 64, 3)), start[None], 0.02)
    for _ in range(20):
        optimizer.step()
    evaluate = evaluator(theirs(formulas, WEIGHTS, options, shapes))
    trajectory = adam(evaluate, start.astype(np.float64), 20, 0.02)
    assert np.abs(optimizer.point[0] - trajectory.points[-1]).max() < 2e-3
    assert optimizer.evaluation.total == pytest.approx(trajectory.values[-1], rel=1e-3)
