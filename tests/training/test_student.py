"""A student's linear maps."""

from __future__ import annotations

import numpy as np

from impasto.training.distillation.student import fit_linear


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
