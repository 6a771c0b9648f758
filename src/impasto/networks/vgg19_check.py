"""Self-test of a VGG-19: is it the one, which way do its kernels lie, which channels come first?

The reference is ``data/fingerprint.json``, measured by `take_fingerprint` on the first five layers
of the true network in its activation-normalized form (every channel scaled by a positive number):

- the 64 filters of conv1_1 as they act on RGB in [0, 1], each with its largest magnitude at 127;
- for relu1_1 ... relu3_1, the share of positions, out of 255, where each channel is above zero on
  the built-in picture, with zero padding and max pooling.

A positive scale per channel changes neither, so the Caffe weights and the normalized ones have the
same fingerprint. Of the layers behind relu3_1 no true values were at hand: for them the check only
asks for loose sanity (finite, neither dead nor exploding) and cannot tell VGG-19 from another.

Reference: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
Recognition" (ICLR 2015); their weights are published by the Visual Geometry Group, University of
Oxford, under CC BY 4.0. Normalized after Gatys, Ecker and Bethge (CVPR 2016), section 2.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from impasto.engine import runtime
from impasto.errors import Message, WeightsError
from impasto.files import digest
from impasto.layers import CONVOLUTION_NAMES, WIDTHS
from impasto.networks.formats import WeightFile, caffe_preprocess

FINGERPRINT = Path(__file__).parents[1] / "data" / "fingerprint.json"
MEASURED = CONVOLUTION_NAMES[:5]
"""The layers whose activations the fingerprint holds."""

LEAST_LIKENESS = 0.98
"""Mean cosine of the conv1_1 filters; RGB for BGR gives 0.69, rows for columns 0.42."""
MOST_DRIFT = 0.01
"""Mean difference of a layer's shares of activity: bfloat16 or another mean pixel makes 0.002, one
layer's rows for columns 0.019, random kernels 0.3."""
LARGEST_CAFFE_NORM = 10.0
"""Median norm of conv1_1 filters made for pixels 0..255; those for pixels around 1 are larger."""

NORMALIZED_MEAN = 4.0
"""Largest mean activation of a layer whose channels were normalized to 1 on photos (1.0-1.4 on the
built-in picture); the Caffe weights' lie in the tens."""

KNOWN_MD5 = {
    "8ee3263992981a1d26e73b3ca028a123": Message("imagenet-vgg-verydeep-19.mat in its old layout"),
    "106118b7cf60435e6d8e04f6a6dc3657": Message("imagenet-vgg-verydeep-19.mat in its new layout"),
}

_TURNS: dict[Message, Callable[[np.ndarray], np.ndarray]] = {
    Message(""): lambda k: k,
    Message("the kernels' rows and columns were exchanged and have been turned"): lambda k: k.swapaxes(0, 1),
    Message("the kernels were upside down and have been turned"): lambda k: k[::-1, ::-1],
    Message("the kernels were upside down with rows and columns exchanged and have been turned"): (
        lambda k: k[::-1, ::-1].swapaxes(0, 1)
    ),
}


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """What the self-test found.

    Attributes:
        name: ``vgg19``, or ``vgg19-unverified`` when there are problems.
        family: ``caffe``, ``torchvision``, ``normalised`` or ``distilled``.
        sha256: of the file.
        layers: the convolutions that the file has.
        parameters: numbers in them.
        likeness: mean cosine between its conv1_1 filters and VGG-19's, in [-1, 1].
        activity_drift: for each measured layer, the mean difference of its channels' shares of
            activity from VGG-19's, in [0, 1]; empty when the first layer is not VGG-19's.
        notes: sentences on what was recognized and put right.
        problems: sentences on why it is not VGG-19; empty when it is.
    """

    name: str
    family: str
    sha256: str
    layers: tuple[str, ...]
    parameters: int
    likeness: float
    activity_drift: Mapping[str, float]
    notes: tuple[str, ...]
    problems: tuple[Message, ...]

    @property
    def is_vgg19(self) -> bool:
        """Whether every check passed."""
        return not self.problems


def check(file: WeightFile) -> tuple[WeightFile, CheckReport]:
    """Test whether a file is VGG-19 and put its kernels right.

    Args:
        file: what `read_weights` returned.

    Returns:
        The file with kernels turned and input channels exchanged if its first layer said so, and
        the report. A file whose first layer is not VGG-19's is returned as it came.

    Raises:
        WeightsError: the layers are not as wide as VGG-19's.
    """
    _check_widths(file)
    recognized = KNOWN_MD5.get(digest(file.path, "md5")) if file.format == "mat" else None
    if recognized:
        note = Message("the file is the known {edition}", edition=recognized)
        file = replace(file, notes=(note, *file.notes))
    file, likeness = _put_right(file)
    problems: list[Message] = []
    drift: dict[str, float] = {}
    if likeness < LEAST_LIKENESS:
        problems.append(
            Message(
                "its first layer agrees with that of Oxford's VGG-19 to {likeness:.2f} (at least {least} is "
                "needed, whichever way it is turned)",
                likeness=likeness,
                least=LEAST_LIKENESS,
            )
        )
    else:
        file, drift, problems = _check_activity(file)
    if len(file.layers) < 13:
        problems.append(Message("it ends at {layer}, but at least conv5_1 is needed", layer=file.layers[-1]))
    return file, CheckReport(
        name="vgg19-unverified" if problems else "vgg19",
        family=file.family,
        sha256=file.sha256,
        layers=file.layers,
        parameters=file.parameters,
        likeness=likeness,
        activity_drift=drift,
        notes=file.notes,
        problems=tuple(problems),
    )


def _check_widths(file: WeightFile) -> None:
    for name, width in zip(file.layers, WIDTHS, strict=False):
        channels = file.weights[f"{name}/bias"].size
        if channels != width:
            raise WeightsError(
                "{path} is not VGG-19: {name} has {found} channels, not {width}",
                path=file.path,
                name=name,
                found=channels,
                width=width,
            )


def take_fingerprint(weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return the fingerprint of a network that is known to be VGG-19, as lists of integers.

    Args:
        weights: the common form, up to conv3_1 at least.

    Returns:
        ``filters``: 64 lists of 27 numbers (row, column, RGB) in [-127, 127]; ``activity``:
        ``{layer: one number in [0, 255] per channel}``.
    """
    filters = _filters(weights)
    peaks = np.abs(filters).max(axis=1, keepdims=True)
    active = {
        name: np.rint(255 * activity).astype(int).tolist()
        for name, (activity, _) in measure_activity(weights, MEASURED).items()
    }
    return {"filters": np.rint(127 * filters / peaks).astype(int).tolist(), "activity": active}


def check_picture(side: int = 96) -> np.ndarray:
    """Return the picture that activity is measured on: waves of many widths and an edge.

    Returns:
        float32 array (1, side, side, 3), RGB in [0, 1]; the same on every machine.
    """
    y, x = np.mgrid[:side, :side] / side
    picture = np.zeros((side, side, 3))
    for channel in range(3):
        for wave in range(1, 25):
            angle = 2.399963 * wave + 0.4 * channel  # the golden angle spreads the directions
            along = np.cos(angle) * x + np.sin(angle) * y
            picture[:, :, channel] += np.sin(2 * np.pi * wave * along + wave) / wave
    picture[(x - 0.6) ** 2 + (y - 0.4) ** 2 < 0.04] -= (0.2, 0.5, -0.7)
    return np.clip(0.45 + 0.22 * picture, 0, 1).astype(np.float32)[None]


def measure_activity(
    weights: Mapping[str, np.ndarray], names: tuple[str, ...]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return how active a network's channels are on the built-in picture.

    Args:
        weights: the common form.
        names: convolutions, by their names.

    Returns:
        ``{name: (share of positions above zero, mean)}``, each (channels,), after the ReLU, with
        zero padding and max pooling.
    """
    runtime.start_engine()
    from keras import ops

    from impasto.networks.feature_network import FeatureNetwork

    network = FeatureNetwork(name="checked", weights=weights, pooling="max", padding="zero")
    layers = {name.replace("conv", "relu"): name for name in names}
    features = network.features(ops.convert_to_tensor(check_picture()), layers)
    measured = {}
    for layer, name in layers.items():
        feature = np.asarray(ops.convert_to_numpy(features[layer]), np.float64)[0]
        measured[name] = ((feature > 0).mean(axis=(0, 1)), feature.mean(axis=(0, 1)))
    return measured


@functools.cache
def read_fingerprint() -> Mapping[str, Any]:
    """Return the embedded fingerprint, with its source, licence and making."""
    fingerprint: Mapping[str, Any] = json.loads(FINGERPRINT.read_text(encoding="utf-8"))
    return fingerprint


def _filters(weights: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return conv1_1 as it acts on RGB in [0, 1]: (64, 27)."""
    matrix, kernel = weights["preprocess/kernel"][0, 0], weights["conv1_1/kernel"]
    filters: np.ndarray = np.einsum("rc,hwco->ohwr", matrix, kernel).reshape(-1, 27)
    return filters


def _likeness(weights: Mapping[str, np.ndarray]) -> float:
    """Return the mean cosine between the filters and the fingerprint's."""
    filters, true = _filters(weights), np.array(read_fingerprint()["filters"], np.float64)
    norms = np.linalg.norm(filters, axis=1) * np.linalg.norm(true, axis=1)
    return float(((filters * true).sum(axis=1) / np.maximum(norms, 1e-30)).mean())


def _put_right(file: WeightFile) -> tuple[WeightFile, float]:
    """Return the file turned the way its first layer says, and the likeness that it then has."""
    first = file.weights["conv1_1/kernel"]
    scores = {}
    for note, turn in _TURNS.items():
        for order in (1, -1):
            turned = {**file.weights, "conv1_1/kernel": turn(first)[:, :, ::order]}
            scores[note, order] = _likeness(turned)
    (note, order), likeness = max(scores.items(), key=lambda item: item[1])
    if likeness < LEAST_LIKENESS:
        return file, likeness
    weights = {
        name: np.ascontiguousarray(_TURNS[note](array))
        if name.startswith("conv") and array.ndim == 4
        else array
        for name, array in file.weights.items()
    }
    notes = file.notes + ((note,) if note else ())
    if order == -1:
        weights["conv1_1/kernel"] = weights["conv1_1/kernel"][:, :, ::-1].copy()
        notes += (Message("the first layer's channels were BGR and have been put in RGB order"),)
    norm = np.median(np.linalg.norm(weights["conv1_1/kernel"].reshape(27, -1), axis=0))
    family = file.family
    if family == "torchvision" and norm < LARGEST_CAFFE_NORM:
        weights |= caffe_preprocess()
        family = "caffe"
        notes += (Message("the file is a PyTorch copy of the Caffe weights: pixels 0..255 minus the mean"),)
    return replace(file, weights=weights, notes=notes, family=family), likeness


def _check_activity(file: WeightFile) -> tuple[WeightFile, dict[str, float], list[Message]]:
    """Compare the measured layers with the fingerprint, and the deeper ones with common sense."""
    problems = []
    measured = measure_activity(file.weights, file.layers)
    true = read_fingerprint()["activity"]
    drift = {
        name: float(np.abs(measured[name][0] - np.array(true[name]) / 255).mean())
        for name in file.layers
        if name in true
    }
    for name, value in drift.items():
        if value > MOST_DRIFT:
            problems.append(
                Message(
                    "its {layer} is active elsewhere than VGG-19's: {drift:.3f} apart on average (at most "
                    "{most} is allowed)",
                    layer=name,
                    drift=value,
                    most=MOST_DRIFT,
                )
            )
    for name, (active, mean) in measured.items():
        if not (active.mean() > 0.002 and 1e-6 < mean.mean() < 1e7):
            problems.append(
                Message(
                    "its {layer} is dead or explodes: mean activation {mean:.2g}",
                    layer=name,
                    mean=mean.mean(),
                )
            )
    if file.family == "caffe" and all(measured[name][1].mean() < NORMALIZED_MEAN for name in drift):
        note = Message("each channel's mean activation is about 1: this is the normalized VGG-19")
        file = replace(file, family="normalised", notes=(*file.notes, note))
    return file, drift, problems
