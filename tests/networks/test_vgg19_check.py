"""The self-test of VGG-19, on the true first five layers; test_fetching has the whole network in 8 bit.

What passes here is `vgg19_as_far_as_known`: the true first five layers (activation-normalized, from
``shared/weights``) and random ones behind them, which the self-test cannot tell from the true ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import SHARED, needs, script
from impasto.errors import WeightsError
from impasto.files import digest
from impasto.layers import CONVOLUTION_NAMES, WIDTHS
from impasto.networks.formats import (
    CAFFE_MEAN,
    TORCHVISION_MEAN,
    TORCHVISION_STD,
    WeightFile,
    caffe_preprocess,
    read_weights,
    torchvision_preprocess,
)
from impasto.networks.vgg19_check import (
    FINGERPRINT,
    KNOWN_MD5,
    check,
    check_picture,
    read_fingerprint,
    take_fingerprint,
)

TRUE_LAYERS = SHARED / "weights" / "vgg19-normalised-conv1_1-conv3_1.npz"
COMPRESSED = SHARED / "weights" / "vgg19-compressed-16x.npz"
STANDIN = SHARED / "tools" / "make_vgg19_standin.py"


@pytest.fixture(scope="module")
def vgg19_as_far_as_known() -> WeightFile:
    """Five true layers of VGG-19 and eleven random ones (He et al. 2015)."""
    file = read_weights(needs(TRUE_LAYERS))
    rng = np.random.default_rng(0)
    weights = dict(file.weights)
    for inputs, name, width in zip(WIDTHS[4:], CONVOLUTION_NAMES[5:], WIDTHS[5:], strict=False):
        kernel = rng.standard_normal((3, 3, inputs, width), np.float32)
        weights[f"{name}/kernel"] = kernel * np.float32(np.sqrt(2 / (9 * inputs)))
        weights[f"{name}/bias"] = np.zeros(width, np.float32)
    return replace(file, weights=weights)


def with_first_layer(file: WeightFile, kernel: np.ndarray) -> WeightFile:
    return replace(file, weights={**file.weights, "conv1_1/kernel": kernel})


def rescaled(file: WeightFile) -> WeightFile:
    """Scale the channels of the first five layers by 20 to 80, the same function up to scale."""
    rng = np.random.default_rng(1)
    weights, before = dict(file.weights), np.ones(3)
    for name in CONVOLUTION_NAMES[:6]:
        width = weights[f"{name}/bias"].size
        after = rng.uniform(20, 80, width) if name in CONVOLUTION_NAMES[:5] else np.ones(width)
        kernel = weights[f"{name}/kernel"] / before[:, None] * after
        weights[f"{name}/kernel"] = kernel.astype(np.float32)
        weights[f"{name}/bias"] = (weights[f"{name}/bias"] * after).astype(np.float32)
        before = after
    return replace(file, weights=weights)


def test_the_embedded_fingerprint_is_that_of_the_true_layers() -> None:
    taken, kept = take_fingerprint(read_weights(needs(TRUE_LAYERS)).weights), read_fingerprint()
    assert taken["filters"] == kept["filters"]
    for name, share in taken["activity"].items():
        np.testing.assert_allclose(share, kept["activity"][name], atol=1)
    assert digest(TRUE_LAYERS) in kept["source"]
    assert "CC BY 4.0" in kept["licence"]
    assert FINGERPRINT.stat().st_size < 20_000


def test_the_picture_covers_the_range_and_is_fixed() -> None:
    picture = check_picture()
    assert picture.shape == (1, 96, 96, 3)
    assert picture.min() == 0 and picture.max() == 1
    assert 0.15 < picture.std() < 0.25
    # By hand, top left pixel, red: every wave is at its phase, sin(wave) / wave.
    red = 0.45 + 0.22 * sum(np.sin(wave) / wave for wave in range(1, 25))
    assert picture[0, 0, 0, 0] == pytest.approx(red, abs=1e-6)


def test_normalized_vgg19_passes(vgg19_as_far_as_known: WeightFile) -> None:
    file, report = check(vgg19_as_far_as_known)
    assert (report.name, report.family, report.is_vgg19) == ("vgg19", "normalised", True)
    assert report.problems == ()
    assert report.likeness > 0.9999
    assert max(report.activity_drift.values()) < 0.002
    assert report.parameters == 20_024_384
    np.testing.assert_array_equal(
        file.weights["conv1_1/kernel"], vgg19_as_far_as_known.weights["conv1_1/kernel"]
    )


def test_the_scale_of_each_channel_is_free(vgg19_as_far_as_known: WeightFile) -> None:
    _, report = check(rescaled(vgg19_as_far_as_known))
    assert (report.name, report.family, report.notes) == ("vgg19", "caffe", ())
    assert max(report.activity_drift.values()) < 0.002


@pytest.mark.parametrize(
    ("turn", "note"),
    [
        (lambda k: k.swapaxes(0, 1), "rows and columns were exchanged and have been turned"),
        (lambda k: k[::-1, ::-1], "were upside down and have been turned"),
        (lambda k: k[::-1, ::-1].swapaxes(0, 1), "upside down with rows and columns exchanged and"),
    ],
)
@pytest.mark.parametrize("bgr", [False, True])
def test_wrong_orientation_and_order_are_put_right(
    vgg19_as_far_as_known: WeightFile,
    turn: Callable[[np.ndarray], np.ndarray],
    note: str,
    bgr: bool,
) -> None:
    true = vgg19_as_far_as_known
    weights = {k: turn(v) if v.shape[:2] == (3, 3) else v for k, v in true.weights.items()}
    if bgr:
        weights["conv1_1/kernel"] = weights["conv1_1/kernel"][:, :, ::-1]
    file, report = check(replace(true, weights=weights))
    assert report.is_vgg19
    assert note in " ".join(report.notes)
    assert ("were BGR" in " ".join(report.notes)) == bgr
    for name, array in true.weights.items():
        np.testing.assert_array_equal(file.weights[name], array, err_msg=name)


def test_bgr_alone_is_put_right(vgg19_as_far_as_known: WeightFile) -> None:
    first = vgg19_as_far_as_known.weights["conv1_1/kernel"]
    file, report = check(with_first_layer(vgg19_as_far_as_known, first[:, :, ::-1]))
    assert report.is_vgg19
    assert "BGR and have been put in RGB order" in report.notes[0]
    np.testing.assert_array_equal(file.weights["conv1_1/kernel"], first)


def test_torchvision_scaling_is_understood(vgg19_as_far_as_known: WeightFile) -> None:
    """The same function for pixels (x - mean) / deviation, as in a file converted for PyTorch."""
    true = rescaled(vgg19_as_far_as_known)
    kernel, std = true.weights["conv1_1/kernel"], np.float32(TORCHVISION_STD)
    scaled = kernel * 255 * std[:, None]
    weights = {**true.weights, **torchvision_preprocess(), "conv1_1/kernel": scaled}
    file, report = check(replace(true, weights=weights, family="torchvision"))
    assert (report.is_vgg19, report.family, report.notes) == (True, "torchvision", ())
    white = np.ones(3) @ file.weights["preprocess/kernel"][0, 0] + file.weights["preprocess/bias"]
    np.testing.assert_allclose(white, (1 - np.array(TORCHVISION_MEAN)) / std, rtol=1e-6)


def test_caffe_weights_in_a_pytorch_file(vgg19_as_far_as_known: WeightFile) -> None:
    """As they are handed around: Caffe's numbers, BGR, and no word on the preprocessing."""
    true = vgg19_as_far_as_known
    bgr = true.weights["conv1_1/kernel"][:, :, ::-1]
    weights = {**true.weights, **torchvision_preprocess(), "conv1_1/kernel": bgr}
    file, report = check(replace(true, weights=weights, family="torchvision"))
    assert report.is_vgg19
    assert "PyTorch copy of the Caffe weights" in " ".join(report.notes)
    np.testing.assert_allclose(file.weights["preprocess/bias"], -np.float32(CAFFE_MEAN))


def test_the_standin_is_not_vgg19() -> None:
    weights = caffe_preprocess()
    for name, (kernel, bias) in script(needs(STANDIN)).standin().items():
        weights |= {f"{name}/kernel": kernel, f"{name}/bias": bias}
    _, report = check(
        WeightFile(path=Path("x.npz"), format="npz", weights=weights, family="caffe", sha256="")
    )
    assert (report.is_vgg19, report.name) == (False, "vgg19-unverified")
    assert report.likeness < 0.9
    assert len(report.problems) == 1
    assert "first layer agrees with that of Oxford's VGG-19 to 0." in report.problems[0]


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("conv1_2/kernel", lambda a: a.swapaxes(0, 1), "its conv1_2 is active elsewhere"),
        ("conv3_1/kernel", lambda a: a.swapaxes(0, 1), "its conv3_1 is active elsewhere"),
        ("conv2_2/kernel", lambda a: np.roll(a, 1, axis=3), "its conv2_2 is active elsewhere"),
        ("preprocess/bias", lambda a: a[::-1], "its conv1_1 is active elsewhere"),
        ("conv4_2/bias", lambda a: a - 1e6, "its conv4_2 is dead or explodes"),
        ("conv5_3/kernel", lambda a: a * 1e9, "its conv5_3 is dead or explodes"),
    ],
)
def test_a_wrong_layer_behind_the_first_is_found(
    vgg19_as_far_as_known: WeightFile,
    name: str,
    change: Callable[[np.ndarray], np.ndarray],
    problem: str,
) -> None:
    true = vgg19_as_far_as_known
    _, report = check(replace(true, weights={**true.weights, name: change(true.weights[name])}))
    assert report.likeness > 0.99
    assert report.name == "vgg19-unverified"
    assert problem in " ".join(report.problems)


def test_five_layers_are_too_few_for_a_style() -> None:
    _, report = check(read_weights(needs(TRUE_LAYERS)))
    assert report.problems == ("it ends at conv3_1, but at least conv5_1 is needed",)


def test_other_widths_are_refused() -> None:
    with pytest.raises(WeightsError, match=r"is not VGG-19: conv1_1 has 16 channels, not 64"):
        check(read_weights(needs(COMPRESSED)))


def test_known_files_are_recognized(
    vgg19_as_far_as_known: WeightFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The true files are not at hand, so a third file joins the known ones."""
    assert len(KNOWN_MD5) == 2 and all(len(md5) == 32 for md5 in KNOWN_MD5)
    path = tmp_path / "x.mat"
    path.write_bytes(b"some bytes")
    file = replace(vgg19_as_far_as_known, path=path, format="mat")
    assert check(file)[1].notes == check(vgg19_as_far_as_known)[1].notes
    monkeypatch.setitem(KNOWN_MD5, digest(path, "md5"), "third file")
    assert check(file)[1].notes[0] == "the file is the known third file"
