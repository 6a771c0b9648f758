"""The one-pass network: its maps do what they promise, its parts fit any size, its file is checked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from keras import ops

from conftest import modulating, picture
from impasto.engine.convolution import pad_by_reflection
from impasto.engine.gradients import to_host
from impasto.errors import WeightsError
from impasto.networks.catalogue import load_network
from impasto.onepass.network import (
    OnePassNetwork,
    encoder_widths,
    new_onepass_network,
    read_onepass_network,
    write_onepass_network,
)
from impasto.onepass.rearrangements import interleave, phase_kernels, smoothed_pixels
from impasto.onepass.transfer import RIDGE, STATISTICS_LAYERS, amount_at, apply_map, moments_of, transfer_maps


@pytest.fixture(scope="module")
def encoder():
    return load_network("compact")


@pytest.fixture(scope="module")
def network(encoder):
    weights = modulating(new_onepass_network(3, encoder_widths(encoder)))
    tensors = {k: ops.convert_to_tensor(v) for k, v in weights.items()}
    return OnePassNetwork(name="random", encoder=encoder, weights=tensors)


def test_mapped_features_have_the_style_s_moments():
    rng = np.random.default_rng(0)
    features, style = (
        {
            k: rng.normal(m, 1, (1, 40, 30, 6)).astype("f4")
            @ (np.eye(6) + rng.normal(0, 0.2, (6, 6))).astype("f4")
            for k in STATISTICS_LAYERS
        }
        for m in (0, 2)
    )
    maps = transfer_maps(moments_of(features), moments_of(style))
    for layer in STATISTICS_LAYERS:
        moved = apply_map(ops.convert_to_tensor(features[layer]), *maps[layer])
        mean, covariance = (to_host(x) for x in moments_of(dict.fromkeys(STATISTICS_LAYERS, moved))[layer])
        wanted = to_host(moments_of(style)[layer][1])
        np.testing.assert_allclose(mean, style[layer].mean(axis=(1, 2)), atol=2e-3)
        matrix, ridge = to_host(maps[layer][0])[0], RIDGE * np.trace(wanted[0]) / 6
        with_ridge = covariance[0] + ridge * matrix @ matrix  # the map of what the ridge adds to the photo
        assert np.linalg.norm(with_ridge - wanted[0] - ridge * np.eye(6)) < 0.002 * np.linalg.norm(wanted)


def test_a_style_equal_to_the_photo_moves_nothing(network):
    photo = picture(64, 48, 1)[None]
    features = network.encode(photo)
    moments = moments_of(features)
    maps = transfer_maps(moments, moments)
    for layer in STATISTICS_LAYERS:
        matrix, offset = maps[layer]
        moved = to_host(apply_map(features[layer], matrix, offset))
        found = to_host(features[layer])
        assert np.abs(moved - found).max() < 0.02 * np.abs(found).max()


def test_modulation_of_one_of_a_batch_and_of_regions_is_one_thing(network):
    photos, style = np.stack([picture(64, 48, i) for i in (1, 2)]), picture(48, 40, 3)[None]
    features = network.encode(photos)
    code = moments_of(network.encode(np.repeat(style, 2, axis=0)))
    together = to_host(network.paint(features, transfer_maps(moments_of(features), code), 0.9 * ops.ones(2)))
    plain = replace(
        network, weights={**network.weights, "code_out/kernel": 0 * network.weights["code_out/kernel"]}
    )
    for index in range(2):
        one = {k: v[index : index + 1] for k, v in features.items()}
        maps = transfer_maps(moments_of(one), {k: tuple(x[:1] for x in v) for k, v in code.items()})
        alone = to_host(network.paint(one, maps, 0.9 * ops.ones(1)))
        np.testing.assert_allclose(together[index : index + 1], alone, atol=1e-3)
        twice = {k: tuple(ops.repeat(x, 2, axis=0) for x in v) for k, v in maps.items()}
        masks = {k: np.full((2, *v.shape[1:3]), 0.5, "f4") for k, v in one.items()}
        np.testing.assert_allclose(
            to_host(network.paint(one, twice, 0.9 * ops.ones(1), masks)), alone, atol=1e-3
        )
        assert np.abs(to_host(plain.paint(one, maps, 0.9 * ops.ones(1))) - alone).max() > 0.01


@pytest.mark.parametrize("shape", [(32, 32), (33, 47), (65, 38), (104, 129)])
def test_the_pastiche_has_the_photo_s_size(network, shape):
    photo, style = picture(*shape, 1)[None], picture(48, 40, 2)[None]
    features = network.encode(photo)
    maps = transfer_maps(moments_of(features), moments_of(network.encode(style)))
    found = to_host(network.paint(features, maps, ops.ones(1)))
    assert found.shape == (1, *shape, 3)
    assert np.isfinite(found).all()


def test_convolving_the_enlarged_is_one_convolution_of_phases():
    rng = np.random.default_rng(1)
    x, kernel = rng.normal(size=(2, 5, 6, 3)).astype("f4"), rng.normal(size=(3, 3, 3, 4)).astype("f4")
    enlarged = np.repeat(np.repeat(x, 2, axis=1), 2, axis=2)
    wanted = to_host(ops.conv(pad_by_reflection(enlarged), kernel, 1, "valid", data_format="channels_last"))
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="symmetric")
    found = ops.conv(padded, phase_kernels(kernel), 1, "valid", data_format="channels_last")
    np.testing.assert_allclose(to_host(interleave(found)), wanted, atol=1e-4)


def test_pixels_are_smoothed_in_their_places():
    positions = np.random.default_rng(2).normal(size=(2, 4, 5, 12)).astype("f4")
    pixels = positions.reshape(2, 4, 5, 2, 2, 3).transpose(0, 1, 3, 2, 4, 5).reshape(2, 8, 10, 3)
    ringed = np.pad(pixels, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    rows = (ringed[:, :-2] + 2 * ringed[:, 1:-1] + ringed[:, 2:]) / 4
    wanted = (rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) / 4
    found = to_host(smoothed_pixels(ops.convert_to_tensor(positions)))
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_smoothing_takes_the_grid_of_four_unlike_pixels_away():
    positions = np.zeros((1, 6, 6, 12), np.float32)
    positions[..., :3] = 1.0  # one of the four pixels of every position
    found = to_host(smoothed_pixels(ops.convert_to_tensor(positions)))
    np.testing.assert_allclose(found[:, 1:-1, 1:-1], 0.25, atol=1e-6)


def test_strength_rises_from_nothing_beyond_the_style():
    amounts = [float(amount_at(s)) for s in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert amounts[0] == 0 and amounts == sorted(amounts) and amounts[-1] > 1


def test_the_file_comes_back(network, encoder, tmp_path):
    path = tmp_path / "onepass.npz"
    known = replace(encoder, sha256="abc")
    sha256 = write_onepass_network(path, network.weights, {"encoder_sha256": "abc"})
    found = read_onepass_network(path, known)
    assert found.sha256 == sha256
    for name, value in network.weights.items():
        np.testing.assert_allclose(to_host(found.weights[name]), to_host(value), rtol=1e-3, atol=1e-4)


def test_wrong_files_are_refused(network, encoder, tmp_path):
    path, known = tmp_path / "onepass.npz", replace(encoder, sha256="abc")
    with pytest.raises(WeightsError, match="is not a whole file of one-pass weights"):
        read_onepass_network(path, known)
    write_onepass_network(path, network.weights, {"encoder_sha256": "other"})
    with pytest.raises(WeightsError, match="was trained with another feature network than compact"):
        read_onepass_network(path, known)
    odd = {k: v for k, v in network.weights.items() if k != "edges/bias"}
    write_onepass_network(path, odd, {"encoder_sha256": "abc"})
    with pytest.raises(WeightsError, match="holds other arrays"):
        read_onepass_network(path, known)
    odd = {**network.weights, "edges/bias": np.full(3, np.nan, "f4")}
    write_onepass_network(path, odd, {"encoder_sha256": "abc"})
    with pytest.raises(WeightsError, match="not finite"):
        read_onepass_network(path, known)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(WeightsError, match="is not a whole file"):
        read_onepass_network(path, known)
