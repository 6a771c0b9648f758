"""The one-pass network: sizes, strips, strength, codes, and its file."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from conftest import picture, tiny_weights
from impasto.errors import ImageError, SettingError, WeightsError
from impasto.feature_network import STYLE_LAYERS, FeatureNetwork
from impasto.gradients import to_host
from impasto.pastiche_network import (
    DECODE_HALO,
    ENCODE_HALO,
    MODULATIONS,
    PasticheNetwork,
    depth_to_space,
    enlarge,
    new_pastiche_network,
    normalise,
    pad_to_stride,
    read_pastiche_network,
    smooth,
    space_to_depth,
    style_code,
    write_pastiche_network,
)

CODE_SIZE = 20


@pytest.fixture(scope="module")
def network():
    """A random network."""
    weights = new_pastiche_network(1, CODE_SIZE)
    return PasticheNetwork(name="random", weights={k: tensor(v) for k, v in weights.items()})


def tensor(values):
    return ops.convert_to_tensor(np.asarray(values, np.float32))


def hidden_of(network, *seeds, strength=0.5):
    codes = np.stack([np.random.default_rng(seed).normal(0, 1, CODE_SIZE) for seed in seeds])
    return network.embed(tensor(codes), tensor([strength] * len(seeds)))


@pytest.mark.parametrize("shape", [(32, 32), (33, 47), (64, 40), (39, 95)])
def test_the_pastiche_has_the_photos_size(network, shape):
    found = to_host(network(tensor(picture(*shape)[None]), hidden_of(network, 1), tensor([0.5])))
    assert found.shape == (1, *shape, 3)
    assert np.isfinite(found).all()


def test_shorter_sides_are_refused(network):
    with pytest.raises(ImageError, match="at least 32 px, not 40 x 31"):
        network(tensor(picture(31, 40)[None]), hidden_of(network, 1), tensor([0.5]))


def test_strength_zero_is_the_photo_and_full_strength_the_painting(network):
    photo = tensor(picture(40, 48)[None])
    hidden = hidden_of(network, 1)
    kept = to_host(network(photo, hidden, tensor([0.0])))
    np.testing.assert_array_equal(kept, to_host(photo))
    full = to_host(network(photo, hidden, tensor([1.0])))
    modulation = network.modulate(hidden)
    encoding = network.encode(photo)
    painted = network.paint(encoding.quarter, modulation)
    np.testing.assert_allclose(
        full, to_host(network.decode(painted, encoding.half, photo, modulation)), atol=1e-6
    )


def test_strength_changes_the_pastiche_continuously(network):
    photo = tensor(picture(40, 48)[None])

    def painted(strength):
        hidden = hidden_of(network, 1, strength=strength)
        return to_host(network(photo, hidden, tensor([strength])))

    near = np.abs(painted(0.5) - painted(0.501)).max()
    far = np.abs(painted(0.5) - painted(1.0)).max()
    assert 0 < near < 0.1 * far


def test_pictures_of_a_batch_do_not_touch_each_other(network):
    photos = tensor([picture(32, 40, 1), picture(32, 40, 2)])
    hidden, strength = hidden_of(network, 3, 4), tensor([0.5, 0.8])
    both = to_host(network(photos, hidden, strength))
    second = to_host(network(photos[1:], hidden[1:], strength[1:]))
    np.testing.assert_allclose(both[1:], second, atol=2e-5)


def test_a_blend_of_styles_blends_every_modulation(network):
    hidden = hidden_of(network, 3, 4)
    blend = network.modulate(0.25 * hidden[:1] + 0.75 * hidden[1:])
    for name, found in network.modulate(hidden).items():
        wanted = 0.25 * to_host(found)[:1] + 0.75 * to_host(found)[1:]
        np.testing.assert_allclose(to_host(blend[name]), wanted, atol=1e-5)
        assert found.shape == (2, 1, 1, MODULATIONS[name])


def test_a_strip_is_encoded_as_in_the_whole(network):
    photo = picture(96, 64)[None]
    whole = network.encode(tensor(photo))
    first, last = 40, 64
    strip = network.encode(tensor(photo[:, first - ENCODE_HALO : last + ENCODE_HALO]))
    edge = ENCODE_HALO // 4
    np.testing.assert_allclose(
        to_host(strip.quarter)[:, edge:-edge], to_host(whole.quarter)[:, first // 4 : last // 4], atol=1e-5
    )
    half = to_host(whole.half)[:, first // 2 : last // 2]
    np.testing.assert_allclose(to_host(strip.half)[:, 2 * edge : -2 * edge], half, atol=1e-5)


def test_a_strip_is_decoded_as_in_the_whole(network):
    photo = tensor(picture(96, 64)[None])
    modulation = network.modulate(hidden_of(network, 5))
    encoding = network.encode(photo)
    painted = network.paint(encoding.quarter, modulation)
    whole = to_host(network.decode(painted, encoding.half, photo, modulation))
    first, last = 10 - DECODE_HALO, 16 + DECODE_HALO
    strip = to_host(
        network.decode(
            painted[:, first:last],
            encoding.half[:, 2 * first : 2 * last],
            photo[:, 4 * first : 4 * last],
            modulation,
        )
    )
    cut = 4 * DECODE_HALO
    np.testing.assert_allclose(strip[:, cut:-cut], whole[:, 40:64], atol=1e-5)
    assert np.abs(strip[:, : cut - 4] - whole[:, 4 * first : 40 - 4]).max() > 1e-4  # a halo is needed


def test_rearrangements_are_those_of_numpy():
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 5)).astype(np.float32)
    packed = to_host(space_to_depth(tensor(x)))
    assert packed.shape == (2, 2, 3, 20)
    np.testing.assert_array_equal(packed[1, 1, 2], x[1, 2:4, 4:6].reshape(20))
    np.testing.assert_array_equal(to_host(depth_to_space(tensor(packed))), x)
    np.testing.assert_array_equal(to_host(enlarge(tensor(x))), x.repeat(2, axis=1).repeat(2, axis=2))


def test_smoothing_takes_the_grid_of_two_pixels_away_and_keeps_colours():
    grid = np.random.default_rng(0).uniform(0, 1, (2, 2, 3))
    pixels = np.tile(grid, (6, 8, 1))[None]
    found = to_host(smooth(tensor(pixels)))
    np.testing.assert_allclose(found, np.broadcast_to(grid.mean(axis=(0, 1)), pixels.shape), atol=1e-6)


def test_padding_mirrors_right_and_bottom():
    x = picture(35, 40)[None]
    padded = to_host(pad_to_stride(tensor(x)))
    assert padded.shape == (1, 40, 40, 3)
    np.testing.assert_array_equal(padded[:, :35], x)
    np.testing.assert_array_equal(padded[:, 35], x[:, 33])


def test_normalise_gives_the_asked_mean_and_deviation():
    x = np.random.default_rng(1).normal(3, 2, (2, 16, 16, 4)).astype(np.float32)
    scale, shift = np.array([0.0, 1.0, -0.5, 2.0]), np.array([0.0, -1.0, 5.0, 0.5])
    modulation = np.concatenate([scale, shift])[None, None, None].repeat(2, axis=0)
    found = to_host(normalise(tensor(x), tensor(modulation)))
    np.testing.assert_allclose(found.mean(axis=(1, 2)), np.stack([shift] * 2), atol=1e-4)
    np.testing.assert_allclose(found.std(axis=(1, 2)), np.stack([1 + scale] * 2), rtol=1e-3)


def test_the_style_code_is_means_and_log_deviations():
    weights = {k: tensor(v) for k, v in tiny_weights(widths=(4, 4, 6, 6, 6)).items()}
    extractor = FeatureNetwork(name="tiny", weights=weights)
    styles = tensor([picture(48, 64, 1), picture(48, 64, 2)])
    found = to_host(style_code(extractor, styles))
    parts = []
    for layer in STYLE_LAYERS:
        features = to_host(extractor.features(styles, [layer])[layer]).astype(np.float64)
        parts += [features.mean(axis=(1, 2)), np.log(np.sqrt(features.var(axis=(1, 2)) + 1e-4))]
    np.testing.assert_allclose(found, np.concatenate(parts, axis=1), atol=1e-4)
    assert found.shape == (2, 52)


def test_bfloat16_paints_nearly_the_same(network):
    photo, hidden, strength = tensor(picture(64, 64)[None]), hidden_of(network, 6), tensor([0.6])
    exact = to_host(network(photo, hidden, strength))
    half = PasticheNetwork(name="b", weights=network.weights, dtype="bfloat16").with_cast_weights()
    found = half(photo, hidden, strength)
    assert "float32" in str(found.dtype)
    difference = np.abs(to_host(found) - exact).max()
    assert 0 < difference < 0.05


def test_it_stays_within_its_budget(tmp_path):
    weights = new_pastiche_network(0, 928)
    assert sum(v.size for k, v in weights.items() if not k.startswith("code/")) <= 1_600_000
    write_pastiche_network(tmp_path / "w.npz", weights, {"name": "w"})
    assert (tmp_path / "w.npz").stat().st_size <= 4_000_000


def test_weights_come_back_from_their_file(tmp_path, network):
    path = tmp_path / "folder" / "onepass.npz"
    sha256 = write_pastiche_network(path, network.weights, {"name": "onepass", "judge_sha256": "ab"})
    read, meta = read_pastiche_network(path, "bfloat16")
    assert (read.name, read.sha256, read.dtype) == ("onepass", sha256, "bfloat16")
    assert meta == {"name": "onepass", "judge_sha256": "ab"}
    for name, value in network.weights.items():
        np.testing.assert_allclose(to_host(read.weights[name]), to_host(value), rtol=1e-3, atol=1e-6)


def test_damaged_and_foreign_files_are_refused(tmp_path, network):
    with pytest.raises(WeightsError, match="not a whole file"):
        read_pastiche_network(tmp_path / "absent.npz")
    path = tmp_path / "w.npz"
    write_pastiche_network(path, network.weights, {})
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(WeightsError, match="not a whole file"):
        read_pastiche_network(path)
    fewer = {k: v for k, v in network.weights.items() if k != "conv_half/bias"}
    write_pastiche_network(path, fewer, {})
    with pytest.raises(WeightsError, match="other arrays"):
        read_pastiche_network(path)
    broken = dict(network.weights) | {"conv_half/bias": tensor(np.full(32, np.nan))}
    write_pastiche_network(path, broken, {})
    with pytest.raises(WeightsError, match="not finite"):
        read_pastiche_network(path)


def test_a_code_without_numbers_is_refused():
    with pytest.raises(SettingError, match="code_size must be at least 1, not 0"):
        new_pastiche_network(0, 0)
