"""Distillation from a small teacher: it selects, learns, continues where it stopped, and writes a network."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from keras import ops
from PIL import Image

from conftest import picture, tensor, tiny_weights
from impasto.engine.gradients import to_host
from impasto.errors import SettingError, WeightsError
from impasto.layers import CONTENT_LAYER, STYLE_LAYERS
from impasto.networks.catalogue import load_network, read_manifest, write_weights
from impasto.networks.feature_network import FeatureNetwork
from impasto.optimization.losses import relative_style_loss
from impasto.settings import DistillSettings
from impasto.training.distillation.distiller import Distillation, Distiller
from impasto.training.distillation.figures import evaluate_student, style_distances
from impasto.training.distillation.student import blank_student, unit_features, widths_of

META = {"name": "teacher", "family": "distilled", "pooling": "max", "padding": "zero"}
TEACHER = (16, 32, 48, 64, 64)
WIDTHS = (8, 8, 12, 12, 16, 16, 16, 16, 24, 24, 24, 24, 32)


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """A folder with pictures and a teacher that reaches relu5_1."""
    folder = tmp_path_factory.mktemp("school")
    (folder / "pictures").mkdir()
    for index in range(18):
        pixels = (picture(272, 272, index) * 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "pictures" / f"{index}.png")
    write_weights(folder / "teacher.npz", tiny_weights(widths=TEACHER), META)
    return folder


@pytest.fixture
def small(monkeypatch):
    """Few pictures to select from and to fit on."""
    for name, value in {
        "SELECTION_SIDE": 64,
        "SELECTION_BATCHES": 3,
        "HELD_OUT_BATCHES": 1,
        "FITTING_BATCHES": 4,
        "FITTING_SIDE": 64,
    }.items():
        monkeypatch.setattr(f"impasto.training.distillation.distiller.{name}", value)


def training(school, output, start=None, **settings):
    chosen = {"batch": 8, "crop": 32, "pastiches": 2, "pastiches_from": 3, "widths": WIDTHS, "falling": 20}
    return Distillation.prepare(
        school / "teacher.npz",
        [school / "pictures"],
        school / output,
        DistillSettings(**chosen | settings),
        "float32",
        start,
    )


def test_settings_are_checked():
    with pytest.raises(SettingError, match=r"style layers, relu1_1, .* not 'relu4_2'; did you mean"):
        DistillSettings(relu_heads=("relu4_2",))
    with pytest.raises(SettingError, match="falling must be at least 1, not 0"):
        DistillSettings(falling=0)
    with pytest.raises(SettingError, match="fewer than the batch's 8, not 8"):
        DistillSettings(pastiches=8)


def test_networks_that_cannot_be_used(school):
    write_weights(school / "short.npz", tiny_weights(widths=(4, 4)), META)
    prepare = [[school / "pictures"], school / "x.npz", DistillSettings(widths=WIDTHS), "float32"]
    with pytest.raises(WeightsError, match="reach relu5_1, and short does not"):
        Distillation.prepare(school / "short.npz", *prepare)
    with pytest.raises(WeightsError, match="reach relu5_1, and short does not"):
        Distillation.prepare(school / "teacher.npz", *prepare, school / "short.npz")
    with pytest.raises(SettingError, match=r"13 numbers of at most 16, 16, 32, 32, .* not 17, 8"):
        training(school, "x.npz", widths=(17, *WIDTHS[1:]))
    with pytest.raises(SettingError, match="13 numbers of at most"):
        training(school, "x.npz", widths=WIDTHS[1:])


def test_one_factor_a_layer_makes_features_of_size_one():
    weights = {k: tensor(v) for k, v in tiny_weights(widths=(4, 5, 6, 7, 8)).items()}
    network = FeatureNetwork(name="teacher", weights=weights)
    pictures = np.stack([picture(64, 64, seed) for seed in range(6)])
    unit = unit_features(network, pictures)
    before, after = (n.features(tensor(pictures), network.layers) for n in (network, unit))
    assert len(after) == 13
    for layer, features in after.items():
        found, plain = to_host(features), to_host(before[layer])
        assert np.square(found).mean() == pytest.approx(1, rel=1e-3)
        np.testing.assert_allclose(found, plain / np.sqrt(np.square(plain).mean()), rtol=1e-3, atol=1e-4)


def test_the_loss_is_zero_for_the_teacher_itself():
    """A student with the teacher's weights and heads that change nothing has nothing to learn."""
    arrays = tiny_weights(widths=(4, 5, 6, 7, 8))
    teacher = FeatureNetwork(name="teacher", weights={k: tensor(v) for k, v in arrays.items()})
    widths = widths_of(teacher)
    weights = blank_student(widths, widths) | arrays
    for name, value in weights.items():
        if name.startswith(("head", "expand")) and name.endswith("kernel"):
            weights[name] = np.eye(len(value), dtype=np.float32)
    pictures = tensor(np.stack([picture(64, 64, seed) for seed in range(2)]))
    distiller = Distiller(weights, teacher, "float32")
    assert float(distiller.compute_loss(pictures, y_pred=distiller(pictures))) < 1e-4
    assert distiller.last_terms()["style"] < 1e-4
    weights["conv3_1/kernel"] = 0 * weights["conv3_1/kernel"]
    other = Distiller(weights, teacher, "float32")
    loss = float(other.compute_loss(pictures, y_pred=other(pictures)))
    terms = other.last_terms()
    assert loss == pytest.approx(terms["layers"] + terms["expanded"] + 1.5 * terms["style"], rel=1e-5)
    assert terms["layers"] > 8  # relu3_1 with weight 4, relu4_2 with 4 and more: nothing of them is explained


def test_style_distances_are_the_losses_of_all_pairs():
    grams = np.random.default_rng(0).uniform(0, 1, (4, 5, 5)).astype(np.float32)
    found = style_distances(grams)
    for i in range(4):
        for j in range(4):
            wanted = float(relative_style_loss(tensor(grams[i]), tensor(grams[j])))
            assert found[i, j] == pytest.approx(wanted, rel=1e-4, abs=1e-9)


def test_figures_look_through_the_heads_that_losses_look_through():
    """A student that is its teacher, but that its heads undo a scale, explains all of it."""
    arrays = tiny_weights(widths=(4, 5, 6, 7, 8))
    teacher = FeatureNetwork(name="teacher", weights={k: tensor(v) for k, v in arrays.items()})
    own = dict(teacher.weights)
    for layer in (*STYLE_LAYERS, CONTENT_LAYER):
        width = own[f"conv{layer[4:]}/bias"].shape[0]
        head = ("metric" if layer in STYLE_LAYERS[:3] else "expand") + layer[4:]
        own |= {f"{head}/kernel": 2 * ops.eye(width)[None, None], f"{head}/bias": ops.zeros(width)}
    student = FeatureNetwork(name="student", weights=own)
    pictures = np.stack([picture(64, 64, seed) for seed in range(4)])
    halved = {**arrays, "conv1_1/kernel": arrays["conv1_1/kernel"]}
    figures = evaluate_student(replace(student, weights={**own, **_halving(halved)}), teacher, pictures)
    assert min(figures["r2"].values()) > 0.9999
    assert figures["style_rank_correlation"] == 1 and figures["pictures"] == 4
    blind = {k: 0 * v if k.startswith("metric2_1/kernel") else v for k, v in own.items()}
    figures = evaluate_student(replace(student, weights={**blind, **_halving(halved)}), teacher, pictures)
    assert figures["r2"]["relu2_1"] < 0 < 0.9999 < figures["r2"]["relu3_1"]


def _halving(arrays):
    """Return weights whose every layer is half as large; the later kernels stay."""
    first = {k: tensor(arrays[k] / 2) for k in ("conv1_1/kernel", "conv1_1/bias")}
    return first | {k: tensor(v / 2) for k, v in arrays.items() if k.endswith("bias") and "conv" in k}


@pytest.mark.slow
def test_it_learns_from_a_poor_start(school, small):
    """Loss on the same crops before and after; the start has the teacher's form, but other weights."""
    weights = tiny_weights(seed=9, widths=(8, 12, 16, 24, 32))
    write_weights(school / "poor.npz", weights, META)
    begun = training(school, "learned.npz", school / "poor.npz", steps=40, learning_rate=2e-3)
    crops = [begun.batch(step) for step in range(1000, 1003)]
    losses = []
    for step in begun.steps():
        if step.step in (1, 40):
            found = [begun.trainer.compute_loss(x, y_pred=begun.trainer(x)) for x in map(tensor, crops)]
            losses.append(np.mean([float(loss) for loss in found]))
    assert losses[1] < 0.97 * losses[0]


@pytest.mark.slow
def test_it_selects_resumes_and_writes_a_network(school, small):
    first = training(school, "student.npz", steps=4)
    steps = list(first.steps())
    notes = [note for step in steps[:13] for note in step.notes]
    assert notes[0].startswith("8 of the 16 channels of relu1_1 explain 0.") and len(notes) == 13
    assert [step.step for step in steps] == [0] * 13 + [1, 2, 3, 4]
    again = training(school, "student.npz", steps=6, relu_heads=("relu5_1",))
    assert [step.step for step in again.steps()] == [5, 6]
    figures = again.finish()
    assert set(figures["r2"]) == {*STYLE_LAYERS, CONTENT_LAYER}
    assert figures["r2"]["relu1_1"] > 0.8
    entry = read_manifest(school)["student"]
    assert entry.figures["r2"] == figures["r2"]
    assert json.loads(json.dumps(entry.recipe))["widths"] == list(WIDTHS)
    assert entry.recipe["data"] == ["pictures"] and entry.recipe["steps"] == 6
    with pytest.raises(WeightsError, match="other settings"):
        list(training(school, "student.npz", steps=9, seed=1).steps())
    student = load_network(school / "student.npz")
    assert (student.padding, student.pooling) == ("reflect", "average")
    heads = {"expand4_2/kernel", "expand5_1/kernel"} | {f"metric{k[4:]}/kernel" for k in STYLE_LAYERS[:4]}
    assert {k for k in student.weights if k.endswith("kernel") and k[:6] in ("expand", "metric")} == heads
    assert not any(name.startswith("head") for name in student.weights)
    further = training(school, "further.npz", school / "student.npz", steps=1)
    assert [step.step for step in further.steps()] == [1]
    assert further.trainer.last_terms()["loss"] < 1.5 * steps[-1].terms["loss"]
