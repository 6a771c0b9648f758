"""TensorFlow, JAX and PyTorch make the same pictures. Run by tests/engines/run.sh, TensorFlow first.

TensorFlow writes what it finds to the folder IMPASTO_PARITY; the other engines read it and compare.
"""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from parity import agree

import impasto
from conftest import picture, tiny_weights
from impasto.settings import Settings

pytestmark = pytest.mark.engines


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean(np.square(one - other)) + 1e-12))


@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize("padding", ["reflect", "zero"])
@pytest.mark.parametrize("rounding", ["floor", "ceil"])
def test_features(pooling, padding, rounding):
    from keras import ops

    from impasto.engine.gradients import to_host
    from impasto.networks.feature_network import FeatureNetwork

    network = FeatureNetwork(
        name="tiny",
        weights={k: ops.convert_to_tensor(v) for k, v in tiny_weights(widths=(5, 6)).items()},
        pooling=pooling,
        padding=padding,
        pool_rounding=rounding,
    )
    features = network.features(ops.convert_to_tensor(picture(35, 28)[None]), network.layers)
    for layer, found in features.items():
        expected = agree(f"{layer}-{pooling}-{padding}-{rounding}", to_host(found))
        np.testing.assert_allclose(to_host(found), expected, rtol=1e-4, atol=1e-4)


def objective(size: int):
    """Return the default objective of two pictures in float32 and a point to evaluate it at."""
    from keras import ops

    from impasto.networks.catalogue import load_network
    from impasto.optimization.targets import build_objective
    from impasto.prepared import everywhere

    content, style, point = (picture(size, size, seed) for seed in (1, 2, 3))
    content = ops.convert_to_tensor(content[None])
    return build_objective(load_network("compact"), content, everywhere(style), Settings()), point[None]


def test_value_and_gradient():
    from impasto.engine.gradients import compile_value_and_gradient

    function, point = objective(128)
    found = compile_value_and_gradient(function, point.shape)(point)
    total, gradient = agree("total", np.array(found.total)), agree("gradient", found.gradient)
    assert found.total == pytest.approx(float(total), rel=1e-4)
    assert np.linalg.norm(found.gradient - gradient) < 1e-3 * np.linalg.norm(gradient)


@pytest.mark.parametrize("side", [208, 400])
def test_a_picture_in_parts_has_value_and_gradient_of_the_tiled_one(side):
    """In tiles of 208 px a part has several; in tiles of 400 px one, whose features wait for the slopes."""
    from impasto.networks.catalogue import load_network
    from impasto.optimization.objective import seen_content_layers, seen_layers
    from impasto.optimization.spread.evaluation import SpreadEvaluation
    from impasto.optimization.spread.partition import Partition
    from impasto.optimization.spread.team import LocalTeam
    from impasto.optimization.targets import build_objective, objective_without_content
    from impasto.optimization.tiling import compile_in_tiles
    from impasto.prepared import everywhere
    from impasto.workshop import Workshop

    network, shape, settings = load_network("compact"), (301, 237), Settings(tv_weight=1.0)
    content, style, point = picture(*shape, 1), everywhere(picture(96, 96, 2)), picture(*shape, 3)[None]
    tiled = build_objective(network, content[None], style, settings, 208)
    one = compile_in_tiles(tiled, 208)(tiled, point)
    frame = objective_without_content(network, shape, style, settings, 208)
    partition = Partition.of(shape, side, seen_layers(settings), 2)
    assert [part.once for part in partition.parts] == [side == 400] * 2
    seen = content, seen_content_layers(settings)
    evaluate = SpreadEvaluation(LocalTeam(2), partition, frame, seen, Workshop())
    two = evaluate(evaluate.vectors.placed(point))
    assert two.total == pytest.approx(one.total, rel=1e-5)
    gradient = np.asarray(two.gradient)
    assert np.linalg.norm(gradient - one.gradient) < 1e-5 * np.linalg.norm(one.gradient)


def test_fifty_iterations_of_adam_reach_the_same_objective():
    """Adam, because L-BFGS amplifies rounding: its trajectories part after some twenty iterations.

    So do Adam's, a little: on one engine, photos that differ by a millionth end up to 0.3% apart from noise
    (a standard deviation of 0.1%), 0.08% from the photo (0.02%). Hence the photo, and the median of three.
    """
    photo = skimage.data.astronaut() / np.float32(255)
    settings = {"max_size": 128, "iterations": 50, "precision": "float32", "seed": 4}
    totals = []
    for factor in (1 - 2e-6, 1 - 1e-6, 1):
        result = impasto.stylize(photo * np.float32(factor), "swirls", optimizer="adam", **settings)
        totals.append(result.losses[-1]["total"])
    found = np.median(totals)
    assert found == pytest.approx(float(agree("objective", np.array(found))), rel=1e-3)


def test_the_default_preset_makes_as_good_a_picture():
    """As good, not the same: L-BFGS amplifies rounding.

    On TensorFlow alone, photos that differ by a millionth end 0.8% apart in the total to either side, and
    at 21 to 22 dB: the engines may differ by little more than that.
    """
    result = impasto.stylize(skimage.data.astronaut(), "mosaic", precision="float32", max_size=256)
    expected = agree("default", np.array(result.losses[-1]["total"]))
    kept = agree("pixels", result.pixels)
    assert result.losses[-1]["total"] == pytest.approx(float(expected), rel=0.03)
    assert psnr(result.pixels, kept) >= 18


def test_seed_and_messages_are_the_same():
    from impasto.errors import SettingError

    with pytest.raises(SettingError, match="did you mean 'strength'"):
        impasto.stylize(picture(32, 32), picture(32, 32), strenght=3)
    assert Settings() == Settings.from_mapping(Settings().to_mapping())
