"""TensorFlow, JAX and PyTorch make the same pictures. Run by tests/engines/run.sh, TensorFlow first.

TensorFlow writes what it finds to the folder IMPASTO_PARITY; the other engines read it and compare.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import skimage.data

import impasto
from conftest import picture, tiny_weights
from impasto.settings import Settings

pytestmark = pytest.mark.engines
FOLDER = os.environ.get("IMPASTO_PARITY")
ENGINE = os.environ.get("KERAS_BACKEND", "tensorflow")


def agree(name: str, found: np.ndarray) -> np.ndarray | None:
    """Return what TensorFlow found, or keep it if this is TensorFlow."""
    if not FOLDER:
        pytest.skip("IMPASTO_PARITY names no folder; make test-engines sets it")
    path = Path(FOLDER) / f"{name}.npy"
    if ENGINE == "tensorflow":
        np.save(path, found)
        return found
    return np.load(path)


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean(np.square(one - other)) + 1e-12))


@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize("padding", ["reflect", "zero"])
@pytest.mark.parametrize("rounding", ["floor", "ceil"])
def test_features(pooling, padding, rounding):
    from keras import ops

    from impasto.feature_network import FeatureNetwork
    from impasto.gradients import to_host

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


def test_the_objective_after_fifty_iterations():
    result = impasto.stylize(
        skimage.data.astronaut(), "swirls", max_size=128, iterations=50, precision="float32",
        initial="noise", seed=4,
    )  # fmt: skip
    found = np.array([step["total"] for step in result.losses])
    expected = agree("objective", found)
    assert found[-1] == pytest.approx(expected[-1], rel=1e-3)


def test_the_default_preset_makes_the_same_picture():
    result = impasto.stylize(skimage.data.astronaut(), "mosaic", precision="float32", max_size=256)
    assert psnr(result.pixels, agree("default", result.pixels)) >= 35


def test_seed_and_messages_are_the_same():
    from impasto.errors import SettingError

    with pytest.raises(SettingError, match="did you mean 'strength'"):
        impasto.stylize(picture(32, 32), picture(32, 32), strenght=3)
    assert Settings() == Settings.from_mapping(Settings().to_mapping())
