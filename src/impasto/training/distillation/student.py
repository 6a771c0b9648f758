"""The weights that a distillation begins with, and the linear maps that are fitted rather than trained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.errors import WeightsError
from impasto.layers import CONVOLUTION_NAMES

Array = NDArray[np.float32]

WIDTHS = (16, 16, 32, 32, 64, 80, 80, 80, 128, 160, 128, 128, 224)
"""Channels of each convolution: a quarter of VGG-19's, more where the layers behind need it most."""


def new_student(seed: int, widths: tuple[int, ...] = WIDTHS) -> dict[str, Array]:
    """Return random weights for a student that reaches relu5_1 (He et al. 2015 initialisation)."""
    rng = np.random.default_rng(seed)
    weights = {
        "preprocess/kernel": np.eye(3, dtype=np.float32)[None, None] * 4,
        "preprocess/bias": np.full(3, -2.0, np.float32),
    }
    channels = 3
    for name, width in zip(CONVOLUTION_NAMES, widths, strict=False):
        kernel = rng.normal(0, np.sqrt(2 / 9 / channels), (3, 3, channels, width))
        weights[f"{name}/kernel"] = kernel.astype(np.float32)
        weights[f"{name}/bias"] = np.zeros(width, np.float32)
        channels = width
    return weights


def grown_student(
    start: Mapping[str, Array], seed: int, widths: tuple[int, ...] = WIDTHS
) -> dict[str, Array]:
    """Return a trained student's weights, widened: it sees as before until it is trained.

    Args:
        start: weights of a student of these widths or less.
        seed: of the new channels, which are random; what reads them is zero.
        widths: of the student that is returned.

    Raises:
        WeightsError: the start lacks a layer or is wider.
    """
    grown = new_student(seed, widths)
    for name, fresh in grown.items():
        if name not in start or any(np.greater(start[name].shape, fresh.shape)):
            raise WeightsError(
                f"a training goes on only from an earlier student, and this network has no {name} of at "
                f"most {' x '.join(map(str, fresh.shape))}; leave --start out to begin with random weights"
            )
        old = np.asarray(start[name], np.float32)
        if fresh.ndim == 4:
            fresh[:, :, old.shape[2] :] = 0
        fresh[tuple(slice(side) for side in old.shape)] = old
    return grown


def fit_linear(batches: Iterable[Mapping[str, tuple[Array, Array]]]) -> Iterator[tuple[str, Array, Array]]:
    """Fit affine maps by least squares: yields (name, kernel (narrow, wide), bias (wide,)), float32.

    Args:
        batches: by name, features (positions, narrow) and what they should become, (positions, wide).
    """
    sums: dict[str, list[Any]] = {}
    for batch in batches:
        for name, (narrow, wide) in batch.items():
            x = np.concatenate([narrow, np.ones((len(narrow), 1))], axis=1, dtype=np.float64)
            total = sums.setdefault(name, [0.0, 0.0])
            total[0], total[1] = total[0] + x.T @ x, total[1] + x.T @ wide
    for name, (squares, products) in sums.items():
        ridge = 1e-6 * np.trace(squares) / len(squares) * np.eye(len(squares))
        solution = np.linalg.solve(squares + ridge, products).astype(np.float32)
        yield name, solution[:-1], solution[-1]
