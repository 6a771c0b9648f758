"""The weights that a distillation begins with: random, or an earlier student's, widened."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from conftest import picture, tensor
from impasto.errors import WeightsError
from impasto.networks.feature_network import FeatureNetwork
from impasto.training.distillation.student import fit_linear, grown_student, new_student

NARROW = (4, 4, 6, 6, 8, 8, 8, 8, 10, 10, 10, 10, 12)
WIDE = (4, 5, 6, 7, 8, 9, 8, 9, 10, 12, 10, 11, 14)


def features(weights):
    network = FeatureNetwork(name="student", weights={k: tensor(v) for k, v in weights.items()})
    return network.features(tensor(picture(48, 48)[None]), network.layers)


def test_a_widened_student_sees_as_before():
    start = new_student(1, NARROW)
    grown = grown_student(start, 2, WIDE)
    before, after = features(start), features(grown)
    for layer, found in before.items():
        kept = after[layer][..., : found.shape[-1]]
        np.testing.assert_allclose(kept, found, rtol=1e-5, atol=1e-6)
    assert after["relu5_1"].shape[-1] == 14
    assert float(ops.max(ops.abs(after["relu5_1"][..., 12:]))) > 0


@pytest.mark.parametrize("widths", [NARROW[:5], (8, *NARROW[1:])])
def test_what_is_no_earlier_student_is_refused(widths):
    with pytest.raises(WeightsError, match="leave --start out"):
        grown_student(new_student(1, widths), 2, NARROW)


def test_linear_maps_are_found():
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(5, 3)), rng.normal(size=3)

    def batches():
        for _ in range(3):
            narrow = rng.normal(size=(40, 5)).astype(np.float32)
            yield {"head": (narrow, (narrow @ kernel + bias).astype(np.float32))}

    ((name, found, offset),) = fit_linear(batches())
    assert name == "head"
    np.testing.assert_allclose(found, kernel, atol=1e-4)
    np.testing.assert_allclose(offset, bias, atol=1e-4)
