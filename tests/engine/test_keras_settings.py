"""What a person has set in Keras changes no picture and no loss, and stays as it was set."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

import impasto
from conftest import TINY_SETTINGS, picture, tensor, tiny_weights
from impasto.engine.gradients import to_host
from impasto.engine.vectors import DeviceVectors
from impasto.networks.feature_network import FeatureNetwork
from impasto.onepass.network import OnePassNetwork, encoder_widths, new_onepass_network
from impasto.onepass.transfer import STATISTICS_LAYERS, iterated_transfer_maps, moments_of
from impasto.optimization.targets import build_objective
from impasto.optimization.tiling import compile_in_tiles
from impasto.prepared import StyledRegion, StyleImage, everywhere
from impasto.settings import Settings
from impasto.styles import RegionSpec
from impasto.training.pairs import with_moved
from impasto.training.style_trainer import StyleTrainer

GLOBALS = [("float16", "channels_first", "float32"), ("float64", "channels_last", "mixed_float16")]
"""floatx, image_data_format and dtype_policy, as a person may have set them."""


def state():
    return keras.config.floatx(), keras.config.image_data_format(), keras.config.dtype_policy().name


def put(values):
    keras.config.set_floatx(values[0])
    keras.config.set_image_data_format(values[1])
    keras.config.set_dtype_policy(values[2])


def under_settings(function):
    """Return pairs of a function's results: under a person's settings, and under Keras' own."""
    before, plain, pairs = state(), function(), []
    try:
        for values in GLOBALS:
            put(values)
            pairs.append((function(), plain))
            assert state() == values
    finally:
        put(before)
    return pairs


def deep_network():
    weights = tiny_weights(widths=(4, 4, 6, 6, 6))
    rng = np.random.default_rng(4)
    for name, width in (("metric1_1", 4), ("expand4_1", 6)):
        weights[f"{name}/kernel"] = rng.normal(0, 0.5, (1, 1, width, 9)).astype(np.float32)
        weights[f"{name}/bias"] = rng.normal(0, 0.2, 9).astype(np.float32)
    return FeatureNetwork(name="deep", weights={k: tensor(v) for k, v in weights.items()})


def test_the_optimization(tiny_network):
    photo, style = picture(34, 38, 1), picture(40, 30, 2)
    chosen = {**TINY_SETTINGS, "network": tiny_network, "tv_weight": 0.1, "grain": 1.0}

    def pixels():
        with impasto.Workshop() as workshop:
            return impasto.stylize(photo, style, workshop=workshop, **chosen).pixels

    for found, plain in under_settings(pixels):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, plain, atol=1e-5)


@pytest.mark.parametrize("style_loss", ["gram", "moments", "sliced", "neighbors"])
def test_every_measure_of_style(style_loss):
    content, style, point = (picture(48, 64, seed)[None] for seed in (1, 2, 3))
    settings = Settings(style_loss=style_loss, grain=1.0, tv_weight=0.1)
    styles = StyleImage(pixels=style[0]), StyleImage(pixels=point[0], weight=2.0)

    def terms():
        objective = build_objective(deep_network(), tensor(content), (StyledRegion(styles=styles),), settings)
        total, terms = objective(tensor(point))
        assert keras.backend.standardize_dtype(total.dtype) == "float32"
        return to_host(terms)

    for found, plain in under_settings(terms):
        np.testing.assert_allclose(found, plain, rtol=1e-4)


def test_tiles(tiny_network):
    content, style, point = (picture(24, 400, seed)[None] for seed in (1, 2, 3))
    settings = Settings(**TINY_SETTINGS, grain=1.0)

    def values():
        objective = build_objective(tiny_network, tensor(content), everywhere(style[0]), settings, 352)
        found = compile_in_tiles(objective, 352)(objective, point)
        return found.terms, found.gradient

    for found, plain in under_settings(values):
        for one, other in zip(found, plain, strict=True):
            assert one.dtype == np.float32
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_one_pass_whole_and_in_tiles_with_regions():
    photo, style = picture(40, 600, 1), picture(64, 64, 2)
    mask = np.zeros((40, 600), np.float32)
    mask[:20] = 1

    def pictures():
        region = RegionSpec(mask=mask, style=picture(64, 64, 3))
        tiled = {"max_size": 600, "tile_size": 400, "regions": [region]}
        calls = (picture(52, 44, 4), {}), (photo, tiled)
        with impasto.Workshop() as workshop:  # of this call, so that nothing was compiled before
            words = {"method": "onepass", "workshop": workshop}
            return [impasto.stylize(one, style, **words, **call).pixels for one, call in calls]

    for found, plain in under_settings(pictures):
        for one, other in zip(found, plain, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-3)


def test_transfer_maps_by_matrix_products():
    features = {
        layer: tensor(np.random.default_rng(index).random((1, 6, 7, 5)))
        for index, layer in enumerate(STATISTICS_LAYERS)
    }
    moments, positions = moments_of(features), dict.fromkeys(features, 42)
    for found, plain in under_settings(lambda: iterated_transfer_maps(moments, moments, positions)):
        for layer, several in found.items():
            for one, other in zip(several, plain[layer], strict=True):
                assert keras.backend.standardize_dtype(one.dtype) == "float32"
                np.testing.assert_allclose(to_host(one), to_host(other), atol=1e-4)


def test_steps_of_training():
    judge = deep_network()
    weights = {k: tensor(v) for k, v in new_onepass_network(0, encoder_widths(judge)).items()}
    start = OnePassNetwork(name="start", encoder=judge, weights=weights)
    larger = np.stack([picture(56, 56, s) for s in (1, 2)])
    batch = with_moved(larger, np.random.default_rng(0)) | {"strength": np.array([0.5, 0.9], np.float32)}

    def losses():
        trainer, found = StyleTrainer(start, judge, picture(64, 56, 5), 36.0), []
        trainer.compile(optimizer=keras.optimizers.Adam(1e-4), run_eagerly=True)
        for _ in range(2):  # the second's loss follows from the first's gradient
            trainer.train_on_batch(batch)
            found.append(list(trainer.last_terms().values()))
        dtypes = {keras.backend.standardize_dtype(value.dtype) for value in trainer.trained.values()}
        assert dtypes == {"float32"}
        return np.array(found)

    for found, plain in under_settings(losses):
        np.testing.assert_allclose(found[0], plain[0], rtol=1e-4)
        np.testing.assert_allclose(found[1], plain[1], rtol=1e-2)  # Keras rounds the rate to its floatx
        assert found[1][0] != found[0][0]


def test_long_vectors_of_an_engine():
    def dots():
        rows = DeviceVectors.put(DeviceVectors.rows(2, 3), 1, tensor([1, 2, 3]))
        assert keras.backend.standardize_dtype(rows.dtype) == "float32"
        return DeviceVectors.dots(rows, ops.ones(3, dtype="float32"))

    for found, _ in under_settings(dots):
        np.testing.assert_array_equal(found, [0, 6])
