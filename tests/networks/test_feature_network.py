"""VGG-shaped extractors: names, shapes, strides, borders, preprocessing."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from conftest import picture, tiny_weights
from impasto.engine.convolution import pad_by_reflection, pad_by_repetition
from impasto.engine.gradients import compile_gradient, to_host
from impasto.errors import SettingError, WeightsError
from impasto.layers import CONVOLUTION_NAMES, LAYERS
from impasto.networks.feature_network import FeatureNetwork, apply_head


def network(widths=(4, 5, 6, 7, 8), **options):
    weights = tiny_weights(widths=widths)
    return FeatureNetwork(
        name="test", weights={k: ops.convert_to_tensor(v) for k, v in weights.items()}, **options
    )


def test_names_are_vgg19s():
    assert len(LAYERS) == len(CONVOLUTION_NAMES) == 16
    assert LAYERS[:3] == ("relu1_1", "relu1_2", "relu2_1")
    assert LAYERS[-1] == "relu5_4"


@pytest.mark.parametrize(("size", "rounding"), [((16, 16), "floor"), ((37, 50), "floor"), ((37, 50), "ceil")])
def test_shapes_and_strides(size, rounding):
    features = network(pool_rounding=rounding).features(
        ops.convert_to_tensor(picture(*size)[None]), ("relu1_2", "relu3_1", "relu5_1")
    )
    divide = (lambda n: n // 2) if rounding == "floor" else (lambda n: -(-n // 2))
    height, width = size
    for block in range(1, 6):
        for layer in features:
            if layer[4] == str(block):
                assert tuple(features[layer].shape) == (1, height, width, block + 3)
        height, width = divide(height), divide(width)
    assert all(to_host(f).min() >= 0 for f in features.values())


def test_only_what_is_asked_for_in_the_networks_order():
    found = network().features(ops.convert_to_tensor(picture(20, 20)[None]), ["relu2_1", "relu1_1"])
    assert list(found) == ["relu1_1", "relu2_1"]


def test_unknown_and_unreachable_layers():
    image = ops.convert_to_tensor(picture(20, 20)[None])
    with pytest.raises(SettingError, match="did you mean 'relu4_2'"):
        network().features(image, ["relu4-2"])
    with pytest.raises(WeightsError, match="no weights for relu5_1"):
        network(widths=(4, 4)).features(image, ["relu5_1"])


@pytest.mark.parametrize(
    ("option", "value", "nearest"),
    [("pooling", "maximum", "max"), ("padding", "reflct", "reflect"), ("pool_rounding", "up", "")],
)
def test_wrong_options(option, value, nearest):
    with pytest.raises(SettingError, match=f"{option} must be one of .*{nearest}"):
        network(**{option: value})


def test_reflection_by_hand():
    x = np.arange(6, dtype=np.float32).reshape(1, 2, 3, 1)
    padded = to_host(pad_by_reflection(ops.convert_to_tensor(x)))[0, :, :, 0]
    np.testing.assert_array_equal(
        padded, [[4, 3, 4, 5, 4], [1, 0, 1, 2, 1], [4, 3, 4, 5, 4], [1, 0, 1, 2, 1]]
    )
    single = to_host(pad_by_reflection(ops.convert_to_tensor(x[:, :1])))
    np.testing.assert_array_equal(single[0, :, 1, 0], [0, 0, 0])


@pytest.mark.parametrize(("pad", "mode"), [(pad_by_reflection, "reflect"), (pad_by_repetition, "symmetric")])
def test_rings_and_their_slopes(pad, mode):
    rng = np.random.default_rng(3)
    x, weights = rng.normal(size=(2, 3, 4, 5)).astype("f4"), rng.normal(size=(2, 5, 6, 5)).astype("f4")
    rings = ((0, 0), (1, 1), (1, 1), (0, 0))
    value = compile_gradient(lambda x: (ops.sum(pad(x) * weights), ops.zeros(1)))
    total, _, slope = value(ops.convert_to_tensor(x))
    wanted = np.zeros(x.size)
    np.add.at(wanted, np.pad(np.arange(x.size).reshape(x.shape), rings, mode=mode), weights)
    np.testing.assert_allclose(float(total), np.sum(np.pad(x, rings, mode=mode) * weights), rtol=1e-4)
    np.testing.assert_allclose(to_host(slope), wanted.reshape(x.shape), atol=1e-5)


def test_padding_changes_only_the_border():
    image = ops.convert_to_tensor(picture(32, 32)[None])
    reflected, zeroed = (
        to_host(network(padding=p).features(image, ["relu1_2"])["relu1_2"])[0] for p in ("reflect", "zero")
    )
    np.testing.assert_allclose(reflected[2:-2, 2:-2], zeroed[2:-2, 2:-2], atol=1e-5)
    assert np.abs(reflected[0] - zeroed[0]).max() > 0.01


def test_bfloat16_is_close_and_of_that_dtype():
    image = ops.convert_to_tensor(picture(32, 32)[None])
    exact = to_host(network().features(image, ["relu3_1"])["relu3_1"])
    rough = network(dtype="bfloat16").features(image, ["relu3_1"])["relu3_1"]
    assert ops.dtype(rough) == "bfloat16"
    assert np.abs(to_host(ops.cast(rough, "float32")) - exact).max() < 0.05 * exact.max()


def test_heads_expand_and_plain_networks_do_not():
    weights = tiny_weights(widths=(4, 4))
    features = np.random.default_rng(0).normal(size=(1, 3, 3, 4)).astype(np.float32)
    kernel = np.random.default_rng(1).normal(size=(1, 1, 4, 9)).astype(np.float32)
    bias = np.linspace(-1, 1, 9, dtype=np.float32)
    heads = {"expand1_1/kernel": kernel, "expand1_1/bias": bias}
    found = FeatureNetwork(name="t", weights=weights | heads).projected("relu1_1", features)
    np.testing.assert_allclose(to_host(found), np.maximum(features @ kernel[0, 0] + bias, 0), atol=1e-5)
    assert FeatureNetwork(name="t", weights=weights).projected("relu1_1", features) is features
    assert apply_head(features, heads, "expand1_1").shape == (1, 3, 3, 9)


def test_a_linear_metric_is_the_gram_matrix_of_the_expanded_features():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(1, 5, 6, 4)).astype(np.float32)
    kernel = rng.normal(size=(1, 1, 4, 9)).astype(np.float32)
    bias = rng.normal(size=9).astype(np.float32)
    weights = tiny_weights(widths=(4, 4)) | {"metric1_1/kernel": kernel, "metric1_1/bias": bias}
    found = FeatureNetwork(name="t", weights=weights).gram_matrix("relu1_1", features)
    wide = (features @ kernel[0, 0] + bias).reshape(-1, 9)
    np.testing.assert_allclose(to_host(found), wide.T @ wide / 30, rtol=1e-4, atol=1e-5)


def test_the_mean_color_is_zero_in_input_units():
    net = network()
    np.testing.assert_allclose(to_host(net.mean_color()), 0.5, atol=1e-6)  # 4 x - 2
