"""Fitting a style's moments on a small judge: the loss falls, and the network stays as it is."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops
from PIL import Image

from conftest import picture, tensor, tiny_weights
from impasto.engine.gradients import to_host
from impasto.networks.feature_network import FeatureNetwork
from impasto.onepass.fitted_moments import changed_moments
from impasto.onepass.network import OnePassNetwork, encoder_widths, new_onepass_network
from impasto.onepass.transfer import amount_at, moments_of, transfer_maps
from impasto.training import moment_fit
from impasto.training.crops import Crops
from impasto.training.moment_fit import MomentTrainer, fit_moments


@pytest.fixture(scope="module")
def judge():
    weights = {k: tensor(v) for k, v in tiny_weights(widths=(4, 4, 6, 6, 6)).items()}
    return FeatureNetwork(name="judge", weights=weights, sha256="ab" * 32)


@pytest.fixture(scope="module")
def network(judge):
    arrays = new_onepass_network(0, encoder_widths(judge))
    return OnePassNetwork(name="any", encoder=judge, weights={k: tensor(v) for k, v in arrays.items()})


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for index in range(9):
        pixels = (picture(80, 80, index) * 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return Crops([folder])


def test_it_begins_with_the_moments_as_they_are(judge, network):
    trainer = MomentTrainer(network, judge, picture(64, 72, 5))
    photo = tensor(picture(64, 64, 1)[None])
    features = network.encode(photo)
    amount = amount_at(ops.full((1,), 0.5))
    wanted = network.paint(features, transfer_maps(moments_of(features), trainer.statistics), amount)
    found = network.paint(features, trainer.maps_for(features), amount)
    assert np.abs(to_host(found) - to_host(wanted)).max() < 0.02 * np.ptp(to_host(wanted))


def test_it_goes_on_with_an_earlier_change(judge, network):
    painting, rng = picture(64, 72, 5), np.random.default_rng(4)
    shapes = {k: v.shape for k, v in MomentTrainer(network, judge, painting).trained.items()}
    change = {k: rng.normal(0, 0.1, shape).astype(np.float32) for k, shape in shapes.items()}
    trainer = MomentTrainer(network, judge, painting, change)
    for name, value in trainer.trained.items():
        np.testing.assert_array_equal(to_host(value), change[name])


@pytest.mark.slow
def test_a_fit_lowers_the_style_loss_of_a_photo_it_never_saw(judge, network, photos, monkeypatch):
    monkeypatch.setattr(moment_fit, "CROP", 48)
    painting, photo = picture(64, 72, 5) ** 2, tensor(picture(64, 64, 77)[None])
    before = {k: to_host(v).copy() for k, v in network.weights.items()}
    change = fit_moments((network, judge), painting, photos, steps=15)
    again = fit_moments((network, judge), painting, photos, steps=15)
    trainer = MomentTrainer(network, judge, painting)
    features, amount = network.encode(photo), amount_at(ops.full((1,), 0.5))
    losses = []
    for style in (trainer.statistics, changed_moments(trainer.statistics, change)):
        painted = network.paint(features, transfer_maps(moments_of(features), style), amount)
        losses.append(float(trainer.losses_of(photo, painted)[1][0]))
    assert losses[1] < 0.9 * losses[0]
    for name, values in change.items():
        np.testing.assert_allclose(values, again[name], atol=2e-3)
    for name, value in network.weights.items():
        np.testing.assert_array_equal(to_host(value), before[name])
