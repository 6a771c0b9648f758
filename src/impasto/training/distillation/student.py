"""A student's weights by name, and the linear maps of them that are fitted rather than trained.

Beside its convolutions a student in training has, for every layer, a linear ``head`` to the teacher's
channels and, for style layers, an ``expand`` head that a ReLU follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.engine.gradients import to_host
from impasto.errors import WeightsError
from impasto.layers import CONVOLUTION_NAMES, LAYERS, STYLE_LAYERS
from impasto.networks.feature_network import FeatureNetwork

Array = NDArray[np.float32]
Arrays = dict[str, Array]

REACHED = LAYERS.index("relu5_1") + 1
"""How many layers a student has: to relu5_1."""
SCALING_PICTURES = 4
"""At once, of those on which the teacher's features are measured."""


def blank_student(widths: tuple[int, ...], teacher_widths: tuple[int, ...]) -> Arrays:
    """Return a student's weights, all zero but the preprocessing.

    Args:
        widths: channels of the student's convolutions.
        teacher_widths: of the teacher's.
    """
    heads: Arrays = {}
    weights = preprocessing()
    names = CONVOLUTION_NAMES[:REACHED]
    for name, inputs, outputs in zip(names, (3, *widths), widths, strict=False):
        weights |= _zeros(name, (3, 3, inputs, outputs))
    for name, width, channels in zip(names, widths, teacher_widths, strict=True):
        weights |= _zeros(f"head{name[4:]}", (width, channels))
        if f"relu{name[4:]}" in STYLE_LAYERS:
            heads |= _zeros(f"expand{name[4:]}", (width, channels))
    return weights | heads


def preprocessing() -> Arrays:
    """Return what takes a student's pictures from [0, 1] to [-2, 2]."""
    return {
        "preprocess/kernel": np.eye(3, dtype=np.float32)[None, None] * 4,
        "preprocess/bias": np.full(3, -2.0, np.float32),
    }


def _zeros(name: str, shape: tuple[int, ...]) -> Arrays:
    return {f"{name}/kernel": np.zeros(shape, np.float32), f"{name}/bias": np.zeros(shape[-1], np.float32)}


def widths_of(network: FeatureNetwork) -> tuple[int, ...]:
    """Return the channels of a network's convolutions up to relu5_1.

    Raises:
        WeightsError: it does not reach so far.
    """
    if len(network.layers) < REACHED:
        raise WeightsError(
            "distillation needs networks that reach relu5_1, and {name} does not", name=network.name
        )
    return tuple(int(network.weights[f"{name}/bias"].shape[0]) for name in CONVOLUTION_NAMES[:REACHED])


def unit_features(network: FeatureNetwork, pictures: Array) -> FeatureNetwork:
    """Return a network up to relu5_1 with each layer's features scaled so that their mean square is 1.

    One factor a layer, which moves into its weights and out of the next layer's: exact, since
    relu(a x) = a relu(x) for a > 0.

    Args:
        network: of which relu5_1 is reached.
        pictures: float32 (count, height, width, 3) in [0, 1], over which the mean is taken.
    """
    squares, layers = dict.fromkeys(LAYERS[:REACHED], 0.0), LAYERS[:REACHED]
    for start in range(0, len(pictures), SCALING_PICTURES):
        part = pictures[start : start + SCALING_PICTURES]
        for layer, features in network.features(ops.convert_to_tensor(part), layers).items():
            mean = ops.mean(ops.square(ops.cast(features, "float32")))
            squares[layer] += float(mean) * len(part) / len(pictures)
    weights = {k: network.weights[k] for k in ("preprocess/kernel", "preprocess/bias")}
    before = 1.0
    for name, layer in zip(CONVOLUTION_NAMES, layers, strict=False):
        scale = float(squares[layer] ** -0.5)
        weights[f"{name}/kernel"] = ops.cast(network.weights[f"{name}/kernel"], "float32") * (scale / before)
        weights[f"{name}/bias"] = ops.cast(network.weights[f"{name}/bias"], "float32") * scale
        before = scale
    return replace(network, weights=weights)


class LinearFit:
    """An affine map by least squares, over batches of rows that need not be held together.

    Args:
        ridge: added to the squares' diagonal, relative to its mean.
    """

    def __init__(self, ridge: float = 1e-6) -> None:
        self._ridge = ridge
        self._squares: Any = 0.0
        self._products: Any = 0.0

    def add(self, inputs: Array, targets: Array) -> None:
        """Add rows: (positions, inputs) and what they should become, (positions, outputs)."""
        x = np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1, dtype=np.float64)
        self._squares = self._squares + x.T @ x
        self._products = self._products + x.T @ targets

    def solve(self) -> tuple[Array, Array]:
        """Return the kernel (inputs, outputs) and the bias (outputs,), float32."""
        size = len(self._squares)
        ridge = self._ridge * np.trace(self._squares) / size * np.eye(size)
        solution = np.linalg.solve(self._squares + ridge, self._products).astype(np.float32)
        return solution[:-1], solution[-1]


def fit_linear(batches: Iterable[Mapping[str, tuple[Array, Array]]]) -> Iterator[tuple[str, Array, Array]]:
    """Fit affine maps by least squares: yields (name, kernel (inputs, outputs), bias (outputs,)), float32.

    Args:
        batches: by name, features (positions, inputs) and what they should become, (positions, outputs).
    """
    fits: dict[str, LinearFit] = {}
    for batch in batches:
        for name, (inputs, targets) in batch.items():
            fits.setdefault(name, LinearFit()).add(inputs, targets)
    for name, fit in fits.items():
        yield (name, *fit.solve())


def rows_of(features: Any) -> Array:
    """Return feature maps (batch, h, w, c) as float32 rows on the host, (positions, c)."""
    return to_host(ops.cast(features, "float32")).reshape(-1, features.shape[-1])
