"""Selected students: what is chosen and fitted, against cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from conftest import picture, tensor, tiny_weights
from impasto.engine.gradients import to_host
from impasto.networks.feature_network import FeatureNetwork
from impasto.training.distillation import selection
from impasto.training.distillation.selection import chosen_channels, select_layers
from impasto.training.distillation.student import preprocessing, widths_of

WIDTHS = (6, 6, 8, 8, 10, 10, 10, 10, 12, 12, 12, 12, 12)


@pytest.fixture(scope="module")
def teacher():
    weights = {k: tensor(v) for k, v in tiny_weights(widths=(8, 12, 16, 20, 24)).items()}
    return FeatureNetwork(name="teacher", weights=weights)


def pictures(first):
    return [np.stack([picture(64, 64, first + 4 * n + i) for i in range(4)]) for n in range(3)]


def selected(teacher, widths):
    return list(select_layers(teacher, pictures(0), pictures(50), widths, 0))


@pytest.mark.slow
def test_a_teacher_of_the_same_widths_is_recovered(teacher):
    """Every channel is chosen once, so the student has the same features, scaled, in some order."""
    layers = selected(teacher, widths_of(teacher))
    assert [layer.name for layer in layers] == list(teacher.layers)
    assert min(layer.explained for layer in layers) > 0.99
    assert layers[0].explained > 0.9999
    weights = preprocessing() | {
        k: v for layer in layers for k, v in layer.weights.items() if k[:4] == "conv"
    }
    student = FeatureNetwork(name="student", weights={k: tensor(v) for k, v in weights.items()})
    found, wanted = (
        to_host(network.features(tensor(pictures(0)[0]), ["relu3_1"])["relu3_1"]).reshape(-1, 16)
        for network in (student, teacher)
    )
    assert np.square(found).mean() == pytest.approx(1, rel=0.1)
    likeness = np.corrcoef(found.T, wanted.T)[:16, 16:]
    alive = wanted.std(axis=0) > 1e-3
    assert np.nanmax(likeness[:, alive], axis=0).min() > 0.97


@pytest.mark.slow
def test_it_explains_more_than_channels_at_random(teacher, monkeypatch):
    chosen = selected(teacher, WIDTHS)
    rng = np.random.default_rng(1)
    monkeypatch.setattr(
        selection, "chosen_channels", lambda c, following, own, n: list(rng.permutation(len(c))[:n])
    )
    random = selected(teacher, WIDTHS)
    for one, other in zip(chosen[2:], random[2:], strict=True):
        assert one.explained > other.explained
    assert [(layer.width, layer.channels) for layer in chosen[:3]] == [(6, 8), (6, 8), (8, 12)]


def test_channels_are_chosen_for_what_they_say_of_others():
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(1000, 2))
    copies = [hidden[:, :1] * np.array([3.0, 2, 1]), hidden[:, 1:] * 2.5, 0.1 * hidden]
    covariance = np.cov(np.concatenate(copies, axis=1).T)
    first, second = chosen_channels(covariance, None, 1.0, 2)
    assert {first, second} in ({0, 3}, {1, 3}, {2, 3})  # one of the three copies, and the other source


def test_what_the_next_convolution_reads_counts():
    covariance = np.diag([4.0, 1.0, 1.0])
    kernel = np.zeros((3, 3, 3, 2))
    kernel[1, 1, 2] = 1.0  # it reads the third channel only
    assert chosen_channels(covariance, kernel, 0.0, 1) == [2]
    assert chosen_channels(covariance, kernel, 1.0, 1) == [0]
