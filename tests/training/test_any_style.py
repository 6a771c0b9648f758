"""One-pass training on a small judge: losses, batches, and a training that learns and continues."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from keras import ops
from PIL import Image

from conftest import picture, tensor, tiny_weights
from impasto.engine import runtime
from impasto.engine.gradients import to_host
from impasto.errors import DivergenceError, SettingError, WeightsError
from impasto.layers import STYLE_LAYERS
from impasto.networks.catalogue import read_manifest
from impasto.networks.feature_network import FeatureNetwork
from impasto.onepass.network import (
    OnePassNetwork,
    encoder_widths,
    new_onepass_network,
    read_onepass_network,
)
from impasto.onepass.transfer import STATISTICS_LAYERS, moments_of, transfer_maps
from impasto.optimization.losses import (
    ContentSums,
    relative_content_scale,
    relative_style_loss,
    squared_error,
)
from impasto.settings import OnePassSettings
from impasto.training import pairs
from impasto.training.any_style import CARRYING, OnePassTraining, contact_sheet, scales_of
from impasto.training.carrying_over import READERS, carried_over
from impasto.training.crops import Crops
from impasto.training.losses import (
    gram_matrices,
    palette_losses,
    relative_content_losses,
    relative_style_losses,
    unsteadiness,
)
from impasto.training.pairs import (
    MOST_NOISE,
    MOST_SHIFT,
    recolor,
    scaled_crops,
    training_batch,
    training_styles,
)
from impasto.training.patterns import KINDS, pattern

WIDTHS = (4, 4, 6, 6, 6)


@pytest.fixture(scope="module")
def judge():
    """A tiny network to relu5_1 with a metric at relu1_1 and a head at relu4_1, as compact has them."""
    rng = np.random.default_rng(4)
    weights = tiny_weights(widths=WIDTHS)
    for name, width in (("metric1_1", 4), ("expand4_1", 6)):
        weights[f"{name}/kernel"] = rng.normal(0, 0.5, (1, 1, width, 9)).astype(np.float32)
        weights[f"{name}/bias"] = rng.normal(0, 0.2, 9).astype(np.float32)
    return FeatureNetwork(name="judge", weights={k: tensor(v) for k, v in weights.items()})


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two folders with small pictures: photos and styles."""
    root = tmp_path_factory.mktemp("pictures")
    for kind, first in (("photos", 0), ("styles", 50)):
        (root / kind).mkdir()
        for index in range(first, first + 10):
            pixels = (picture(208, 200, index) * 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / kind / f"{index}.png")
    return root


@pytest.fixture(scope="module")
def crops(folders):
    return Crops([folders / "photos"]), Crops([folders / "styles"])


def training(folders, judge, output, **chosen):
    settings = OnePassSettings(**{"stages": ((0.5, 48, 3), (0.5, 64, 2)), **chosen})
    return OnePassTraining.prepare(
        [folders / "photos"], [folders / "styles"], folders / output, settings, (judge, judge)
    )


def test_batched_gram_matrices_are_those_of_the_network(judge):
    pictures = tensor([picture(64, 80, 1), picture(64, 80, 2)])
    for layer, features in judge.features(pictures, STYLE_LAYERS).items():
        found = to_host(gram_matrices(judge, layer, features))
        for index in range(2):
            wanted = to_host(judge.gram_matrix(layer, features[index : index + 1]))
            np.testing.assert_allclose(found[index], wanted, rtol=1e-4, atol=1e-5)


def test_batched_losses_are_those_of_each_pair():
    rng = np.random.default_rng(0)
    grams, targets = rng.uniform(0, 1, (2, 3, 5, 5)), rng.uniform(0, 1, (2, 3, 5, 5))
    features, photo = rng.uniform(0, 1, (2, 3, 4, 6, 5))
    photo[2] = 0.5  # a photo of nothing
    style = to_host(relative_style_losses(tensor(grams[0]), tensor(targets[0])))
    content = to_host(relative_content_losses(tensor(features), tensor(photo)))
    for i in range(3):
        wanted = float(relative_style_loss(tensor(grams[0][i]), tensor(targets[0][i])))
        assert style[i] == pytest.approx(wanted, rel=1e-5)
        one, other = tensor(features[i : i + 1]), tensor(photo[i : i + 1])
        kept = float(squared_error(one, other) * relative_content_scale(ContentSums.of(to_host(other))))
        assert content[i] == pytest.approx(kept, rel=1e-5)


def test_stages_follow_each_other():
    settings = OnePassSettings(steps=10, stages=((0.8, 128, 8), (0.2, 192, 4)))
    assert [settings.stage(step) for step in range(10)] == [(128, 8)] * 8 + [(192, 4)] * 2
    with pytest.raises(SettingError, match="multiples of 16 from 48 px up, not 100"):
        OnePassSettings(stages=((1.0, 100, 8),))


def test_a_batch_depends_on_seed_and_step_alone(crops):
    settings = OnePassSettings(steps=100, stages=((1.0, 64, 4),))
    first, again, next_ = (training_batch(*crops, settings, step) for step in (7, 7, 8))
    assert first["photo"].shape == first["style"].shape == first["moved"].shape == (4, 64, 64, 3)
    assert first["strength"].shape == (16,)
    for key, values in first.items():
        np.testing.assert_array_equal(values, again[key])
        assert np.any(values != next_[key])
        if key != "shift":
            assert values.dtype == np.float32
            assert values.min() >= 0 and values.max() <= 1
    assert np.sum(first["strength"] == 0.5) in range(3, 14)
    assert first["strength"].min() >= 0.1


def test_a_moved_photo_is_the_photo_moved_but_for_noise(crops):
    settings = OnePassSettings(steps=100, stages=((1.0, 64, 2),))
    for step in range(4):
        batch = training_batch(*crops, settings, step)
        top, left = batch["shift"]
        assert min(top, left) >= 0 and max(top, left) <= MOST_SHIFT
        photo, moved = batch["photo"][:, top:, left:], batch["moved"][:, : 64 - top, : 64 - left]
        assert np.abs(photo - moved).mean() < MOST_NOISE
        assert np.sqrt(np.square(photo - moved).mean()) < 1.5 * MOST_NOISE


def test_some_styles_are_drawn_some_are_photos_and_some_are_gray(crops, monkeypatch):
    photos, styles = crops

    def grays(pictures):
        return sum(bool(np.ptp(p, axis=2).max() < 1e-6) for p in pictures)

    monkeypatch.setattr(pairs, "PATTERNS", 0.0)
    monkeypatch.setattr(pairs, "PHOTOS_AS_STYLES", 0.0)
    found = training_styles(photos, styles, 100, 32, (1, 1))
    assert 1 <= grays(found) <= 20
    monkeypatch.setattr(pairs, "GRAYS", 1.0)
    assert grays(training_styles(photos, styles, 5, 32, (1, 1))) == 5
    monkeypatch.setattr(pairs, "PATTERNS", 1.0)
    drawn = training_styles(photos, styles, 5, 32, (1, 1))
    monkeypatch.setattr(pairs, "PATTERNS", 0.0)
    assert np.abs(drawn - training_styles(photos, styles, 5, 32, (1, 1))).max(axis=(1, 2, 3)).min() > 0.05


def test_every_pattern_is_drawn_within_range():
    for index in range(40):
        found = pattern(48, np.random.default_rng(index))
        assert found.shape == (48, 48, 3) and found.dtype == np.float32
        assert found.min() >= 0 and found.max() <= 1
    y, x = np.mgrid[:96, :96].astype(np.float32)
    for draw in KINDS:
        values = np.stack([draw(x, y, np.random.default_rng(i)) for i in range(6)])
        assert values.min() >= -1e-6 and values.max() <= 1 + 1e-6
        assert values.std() > 0.01


@pytest.mark.parametrize("rescales", [(1.0, 1.8), (0.5, 1.4), (0.5, 0.5)])
def test_crops_have_one_size_whatever_they_were(crops, rescales):
    sides = {scaled_crops(crops[0], (0, step), 1, 192, rescales).shape for step in range(4)}
    assert sides == {(1, 192, 192, 3)}
    fine = scaled_crops(crops[0], (0, 1), 8, 64, rescales)
    assert np.isfinite(fine).all()


def test_enlarged_crops_are_smoother_than_reduced_ones(crops):
    def roughness(rescale):
        found = scaled_crops(crops[0], (0, 1), 8, 64, (rescale, rescale))
        return np.abs(np.diff(found, axis=1)).mean()

    assert roughness(0.5) < 0.8 * roughness(1.0) < 0.8 * roughness(1.8)


def test_recoloring_changes_about_half():
    before = np.stack([picture(32, 32, index) for index in range(20)])
    after = recolor(before, np.random.default_rng(0))
    changed = sum(bool(np.any(a != b)) for a, b in zip(before, after, strict=True))
    assert 4 < changed < 16
    assert after.min() >= 0 and after.max() <= 1


def test_scales_make_channels_comparable(judge, crops):
    found = scales_of(judge, crops[1], OnePassSettings(stages=((1.0, 64, 4),)))
    features = judge.features(tensor(scaled_crops(crops[1], (9, 1), 16, 64)), STATISTICS_LAYERS)
    for layer in STATISTICS_LAYERS:
        sizes = np.sqrt(np.square(to_host(features[layer]) * found[f"scale/{layer}"]).mean(axis=(0, 1, 2)))
        assert sizes.max() < 3
        assert np.median(sizes[sizes > 0]) > 0.2


def test_the_loss_weighs_content_and_style_by_strength(folders, judge):
    """The terms that a step reports add up to its loss, and strength 1 asks for style alone."""
    weights = {"style_weight": 36.0, "variation_weight": 0.0}
    trainer = training(folders, judge, "terms.npz", **weights).trainer
    x = {k: tensor([picture(48, 48, i), picture(48, 48, i + 1)]) for k, i in (("photo", 1), ("style", 60))}
    x |= {"moved": x["photo"], "shift": np.zeros(2, np.int32)}
    for strength, weights in ((1.0, (0, 36)), (0.5, (0.5, 18))):
        x["strength"] = tensor([strength] * 4)
        found = trainer(x)
        loss = float(trainer.compute_loss(x, y_pred=found))
        content, style = (to_host(values) for values in trainer.pair_losses(x, found))
        kept, content, style = (content / (1 + content / 16)).mean(), content.mean(), style.mean()
        pastiche = to_host(found[0])
        styles = ops.concatenate([x["style"]] * 2)
        palette = to_host(palette_losses(found[0], styles)).mean()
        outside = np.abs(pastiche - np.clip(pastiche, 0, 1))
        beyond = np.mean(np.where(outside < 0.1, outside**2, 0.1 * (2 * outside - 0.1)))
        wanted = weights[0] * kept + weights[1] * (style + 30 * palette) + 100 * beyond
        assert loss == pytest.approx(wanted, rel=1e-4)
        terms = trainer.last_terms()
        assert terms["loss"] == pytest.approx(loss, rel=1e-5)
        assert (terms["content"], terms["style"]) == pytest.approx((content, style), rel=1e-5)


def test_a_gpu_finds_the_same_pastiches_without_eigenvalues(folders, judge, monkeypatch):
    trainer = training(folders, judge, "maps.npz").trainer
    x = {k: tensor([picture(64, 64, i), picture(64, 64, i + 1)]) for k, i in (("photo", 1), ("style", 60))}
    x |= {"moved": x["photo"], "strength": tensor([0.5, 0.9, 0.5, 0.9])}
    wanted = to_host(trainer(x)[0])
    monkeypatch.setattr(runtime, "device", lambda: "gpu")
    found = to_host(trainer(x)[0])
    assert 0 < np.abs(found - wanted).max() < 0.02 * np.ptp(wanted)


def test_a_painting_that_moves_with_its_photo_is_steady():
    """What is asked for is the painting moved: one that stays where it was, or changes, is unsteady."""
    large = np.stack([picture(104, 104, 1)])
    first, moved = large[:, :96, :96], large[:, 3:99, 5:101]

    def unsteady(second, shift):
        return float(to_host(unsteadiness(tensor(first), tensor(second), np.int32(shift)))[0])

    assert unsteady(moved, (3, 5)) == 0
    assert unsteady(moved + np.float32(0.1), (3, 5)) == pytest.approx(0.01 / (1 + 0.01 / 0.05), rel=1e-3)
    assert unsteady(moved, (0, 0)) > 1e-3
    assert unsteady(moved, (5, 3)) > 1e-3


def test_a_decoder_carried_over_to_the_same_encoder_paints_as_before(folders, judge):
    """Least squares find what the decoder reads already; of another encoder what is nearest to it."""
    weights = new_onepass_network(3, encoder_widths(judge))
    weights |= scales_of(judge, Crops([folders / "styles"]), CARRYING)
    known = OnePassNetwork(name="known", encoder=judge, weights={k: tensor(v) for k, v in weights.items()})
    other = replace(known, weights=known.weights | {"edges/kernel": 0 * known.weights["edges/kernel"]})
    rng = np.random.default_rng(1)

    def batch_at(number):
        return {k: rng.random((2, 64, 64, 3)).astype(np.float32) for k in ("photo", "style")}

    found = carried_over(known, other, batch_at, 40)
    for name, wanted in weights.items():
        if name.split("/")[0] not in READERS and name != "code_in/kernel" and name != "code_in/bias":
            np.testing.assert_array_equal(found[name], wanted)
    photo, style = tensor([picture(64, 64, 1)]), tensor([picture(64, 64, 60)])
    again = replace(known, weights={k: tensor(v) for k, v in found.items()})
    features = known.encode(photo)
    maps = transfer_maps(moments_of(features), moments_of(known.encode(style)))
    before, after, broken = (
        to_host(net.paint(features, maps, tensor(np.ones(1, np.float32)))) for net in (known, again, other)
    )
    assert np.abs(after - before).mean() < 0.2 * np.abs(broken - before).mean()


@pytest.mark.slow
def test_a_training_that_left_the_numbers_is_stopped(folders, judge):
    begun = training(folders, judge, "nan.npz", steps=3)
    begun.trainer.trained["pixels/bias"].assign(np.full(12, np.nan, np.float32))
    with pytest.raises(DivergenceError, match="not finite after step 0"):
        list(begun.steps())


@pytest.mark.slow
def test_it_learns_resumes_and_writes_a_network(folders, judge):
    first = training(folders, judge, "onepass.npz", steps=120, learning_rate=2e-3)
    before = first.evaluate()
    losses = [step.terms["loss"] for step in first.steps()]
    assert np.median(losses[-10:]) < 0.7 * np.median(losses[:3])  # a single step may still be far off
    again = training(folders, judge, "onepass.npz", steps=122, learning_rate=2e-3)
    assert [step.step for step in again.steps()] == [121, 122]
    figures = again.finish()
    for strength in ("0.2", "0.5", "1"):
        for kind in ("style", "content"):
            assert figures[strength][kind] < 0.5 * before[strength][kind]
    assert json.loads(json.dumps(figures)) == read_manifest(folders)["onepass"].figures
    network = read_onepass_network(folders / "onepass.npz", judge)
    photos, styles = (np.stack([picture(48, 48, i) for i in range(n, n + 2)]) for n in (0, 70))
    sheet = contact_sheet(network, photos, styles, 0.5)
    assert sheet.shape == (144, 144, 3)
    assert sheet.min() >= 0 and sheet.max() <= 1
    np.testing.assert_array_equal(sheet[:48, 48:96], styles[0])
    assert np.abs(sheet[48:96, 48:96] - sheet[48:96, 96:]).max() > 0.01  # styles differ
    with pytest.raises(WeightsError, match="other settings"):
        list(training(folders, judge, "onepass.npz", steps=70, seed=1).steps())
