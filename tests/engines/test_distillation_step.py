"""A step of the distillation on every engine: the loss that TensorFlow finds before it, and after it."""

from __future__ import annotations

import numpy as np
import pytest
from parity import agree
from PIL import Image

from conftest import picture, tiny_weights
from impasto.networks.catalogue import write_weights
from impasto.settings import DistillSettings
from impasto.training.distillation.distiller import Distillation

pytestmark = pytest.mark.engines
META = {"name": "teacher", "family": "distilled", "pooling": "max", "padding": "zero"}
WIDTHS = (4, 4, 6, 6, 8, 8, 8, 8, 8, 8, 8, 8, 8)


def test_two_steps(tmp_path, monkeypatch):
    """From a start of other weights, so that nothing is selected; the second loss is after the first step."""
    monkeypatch.setattr("impasto.training.distillation.distiller.FITTING_BATCHES", 2)
    monkeypatch.setattr("impasto.training.distillation.distiller.FITTING_SIDE", 64)
    for index in range(18):
        pixels = np.uint8(picture(264, 264, index) * 255)
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
    write_weights(tmp_path / "teacher.npz", tiny_weights(widths=(8, 12, 16, 16, 16)), META)
    write_weights(tmp_path / "start.npz", tiny_weights(seed=9, widths=(4, 6, 8, 8, 8)), META)
    training = Distillation.prepare(
        tmp_path / "teacher.npz",
        [tmp_path],
        tmp_path / "student.npz",
        DistillSettings(batch=4, crop=32, pastiches=1, pastiches_from=1, widths=WIDTHS, steps=2, falling=1),
        "float32",
        tmp_path / "start.npz",
    )
    losses = np.array([step.terms["loss"] for step in training.steps()])
    assert len(losses) == 2 and np.isfinite(losses).all()
    np.testing.assert_allclose(losses, agree("distillation", losses), rtol=5e-3)
