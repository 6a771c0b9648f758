"""Distillation on a small teacher: it learns, continues where it stopped, and writes a loadable network."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from conftest import picture, tiny_weights
from impasto.errors import WeightsError
from impasto.layers import CONTENT_LAYER, STYLE_LAYERS
from impasto.networks.catalogue import load_network, read_manifest, write_weights
from impasto.settings import DistillSettings
from impasto.training.distillation.distiller import LINEAR_LAYERS, Distillation

META = {"name": "teacher", "family": "distilled", "pooling": "max", "padding": "reflect"}


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """A folder with pictures and a teacher that reaches relu5_1."""
    folder = tmp_path_factory.mktemp("school")
    (folder / "pictures").mkdir()
    for index in range(18):
        pixels = (picture(272, 272, index) * 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "pictures" / f"{index}.png")
    rng = np.random.default_rng(4)
    weights = tiny_weights(widths=(16, 32, 64, 128, 128))
    for name, width in zip(STYLE_LAYERS, (16, 32, 64, 128, 128), strict=True):
        kernel = rng.normal(0, np.sqrt(1 / width), (1, 1, width, 24))
        weights[f"expand{name[4:]}/kernel"] = kernel.astype(np.float32)
        weights[f"expand{name[4:]}/bias"] = np.zeros(24, np.float32)
    write_weights(folder / "teacher.npz", weights, META)
    return folder


def training(school, output, **settings):
    chosen = DistillSettings(**{"batch": 8, "crop": 32, "pastiches": 2, "pastiches_from": 3, **settings})
    return Distillation.prepare(
        school / "teacher.npz", [school / "pictures"], school / output, chosen, "float32"
    )


def test_a_teacher_without_heads_is_refused(school):
    write_weights(school / "plain.npz", tiny_weights(widths=(4, 4)), META)
    with pytest.raises(WeightsError, match="no expand heads at relu1_1"):
        Distillation.prepare(
            school / "plain.npz", [school / "pictures"], school / "x.npz", DistillSettings(), "float32"
        )


@pytest.mark.slow
def test_it_learns_resumes_and_writes_a_network(school):
    first = training(school, "student.npz", steps=120, learning_rate=5e-3)
    losses = [loss for _, loss in first.steps()]
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    assert first.checkpoint.exists()
    again = training(school, "student.npz", steps=124, learning_rate=5e-3)
    assert [step for step, _ in again.steps()] == [121, 122, 123, 124]
    figures = again.finish()
    assert set(figures["r2"]) == {*STYLE_LAYERS, CONTENT_LAYER}
    assert figures["r2"]["relu1_1"] > 0
    assert figures["style_rank_correlation"] > -1
    assert read_manifest(school)["student"].figures["r2"] == figures["r2"]
    with pytest.raises(WeightsError, match="other settings"):
        list(training(school, "student.npz", steps=130, seed=1).steps())
    student = load_network(school / "student.npz")
    assert student.padding == "reflect"
    heads = {f"expand{k[4:]}/kernel" for k in (*STYLE_LAYERS[3:], CONTENT_LAYER)}
    heads |= {f"metric{k[4:]}/kernel" for k in LINEAR_LAYERS}
    assert {k for k in student.weights if k.endswith("kernel") and k[:6] in ("expand", "metric")} == heads
    assert not any(name.startswith("head") for name in student.weights)
