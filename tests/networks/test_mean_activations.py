"""VGG-19 normalized: every filter's mean activation over photos is 1, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from conftest import picture, tensor, tiny_weights
from impasto.errors import WeightsError
from impasto.layers import CONVOLUTION_NAMES, WIDTHS
from impasto.networks.feature_network import FeatureNetwork
from impasto.networks.formats import read_weights
from impasto.networks.mean_activations import (
    EMBEDDED_MEANS,
    measure_means,
    normalized,
    read_means,
    write_means,
)


def network(weights):
    kept = {name: tensor(value) for name, value in weights.items()}
    return FeatureNetwork(name="small", weights=kept, pooling="max", padding="zero")


def test_measured_again_every_mean_is_one():
    weights = tiny_weights(widths=(4, 4, 6, 6, 6))
    photos = [(picture(48, 64, seed) * 255).astype(np.uint8) for seed in range(3)]
    before = measure_means(network(weights), photos)
    after = measure_means(network(normalized(weights, before)), photos)
    assert set(after) == set(CONVOLUTION_NAMES[:13])
    for name, mean in after.items():
        alive = before[name] > 1e-3 * before[name].mean()  # the others' scale is bounded
        assert alive.sum() >= 2
        np.testing.assert_allclose(mean[alive], 1, rtol=1e-3)


def test_the_embedded_table_is_whole():
    means = read_means(EMBEDDED_MEANS)
    assert tuple(means) == CONVOLUTION_NAMES
    for name, width in zip(CONVOLUTION_NAMES, WIDTHS, strict=True):
        assert means[name].shape == (width,)
        assert (means[name] > 0).all()


def test_the_embedded_table_agrees_with_the_published_normalization(shared):
    """The authors' own normalized layers: their scales over ours, as far as other photos let them agree."""
    path, exact = (
        shared / "weights" / name
        for name in ("vgg19-8bit-to-relu5_1.npz", "vgg19-normalised-conv1_1-conv3_1.npz")
    )
    if not path.exists() or not exact.exists():
        pytest.skip("the shared weights are not here")
    with np.load(path) as stored:  # for BGR, as Keras has it; the reader puts the other in RGB order
        kernel = stored["conv1_1/table"][stored["conv1_1/q"]][:, :, ::-1].reshape(27, 64)
    other = read_weights(exact).weights["conv1_1/kernel"].reshape(27, 64)
    norms = np.linalg.norm(kernel, axis=0), np.linalg.norm(other, axis=0)
    assert ((kernel * other).sum(axis=0) / norms[0] / norms[1]).min() > 0.9999
    scale = norms[0] / norms[1]
    ratio = scale / read_means(EMBEDDED_MEANS)["conv1_1"]
    assert 0.9 < np.median(ratio) < 1.1
    assert np.std(np.log(ratio)) < 0.15


def test_a_damaged_table_is_refused(tmp_path):
    path = tmp_path / "means.npz"
    write_means(path, {"conv1_1": np.ones(64)}, 3)
    assert read_means(path)["conv1_1"].sum() == 64
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(WeightsError, match=r"means\.npz is damaged; delete it"):
        read_means(path)


def test_the_command_replaces_nothing_unasked(impasto, tmp_path, monkeypatch):
    photo, taken, home = tmp_path / "photo.png", tmp_path / "taken.npz", tmp_path / "home"
    Image.fromarray((picture(32, 32) * 255).astype(np.uint8)).save(photo)
    taken.write_bytes(b"precious")
    monkeypatch.setenv("IMPASTO_HOME", str(home))
    monkeypatch.setattr("impasto.cli.weights.ensure_network", lambda name: None)
    monkeypatch.setattr("impasto.networks.catalogue.load_network", lambda name, **how: None)
    measured = []

    def measure(*arguments):
        measured.append(arguments)
        return {"conv1_1": np.ones(64)}

    monkeypatch.setattr("impasto.networks.mean_activations.measure_means", measure)

    def normalize(*more):
        code, _, err = impasto("weights", "normalize", "vgg19", photo, *more)
        return code, err

    before = photo.read_bytes()
    for output, code, sentence in (
        (photo, 2, "must end in .npz"),
        (taken, 1, "taken.npz already exists; add --overwrite"),
        (tmp_path / "nowhere" / "means.npz", 1, "does not exist; make it first"),
    ):
        result = normalize("-o", output)
        assert (result[0], sentence in result[1], measured) == (code, True, []), result
    assert (photo.read_bytes(), taken.read_bytes()) == (before, b"precious")
    assert not (tmp_path / "nowhere").exists()
    assert normalize("-o", taken, "--overwrite")[0] == 0
    assert read_means(taken)["conv1_1"].sum() == 64
    assert normalize()[0] == 0
    code, err = normalize()
    assert (code, "vgg19-means.npz already exists" in err, len(measured)) == (1, True, 2)
