"""A trained decoder carried over to another encoder, so that its training need not begin anew.

The decoder reads the encoder in four convolutions and in the layer that takes the statistics in. Each of
these is fitted by least squares to what it gives with the encoder that it was trained with, on features and
statistics as it meets them: a photo's, transferred part of the way to a style's. Everything else stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.engine.gradients import to_host
from impasto.onepass.network import OnePassNetwork, changes_at
from impasto.onepass.transfer import apply_map, moments_of, transfer_maps

Array = NDArray[np.float32]
Batch = Mapping[str, Array]

READERS = {"eighth": "relu4_1", "skip_quarter": "relu3_1", "skip_half": "relu2_1", "edges": "relu1_1"}
"""The convolutions that read the encoder, and the layer that each reads."""
POSITIONS = 6000
"""Of each batch and layer, drawn at random."""
RIDGE, CODE_RIDGE = 1e-4, 3e-3
"""Relative to the mean of a covariance's diagonal."""
LEAST_AMOUNT, MOST_AMOUNT = 0.3, 1.12
"""How far features go to a style's, as strengths from 1 to 100 have them."""


class LeastSquares:
    """Sums for a linear map with an offset from x (n, inputs) to y (n, outputs)."""

    def __init__(self) -> None:
        self._xx: Any = 0.0
        self._xy: Any = 0.0

    def add(self, x: Array, y: Array) -> None:
        """Take in some more pairs."""
        x = np.concatenate([x, np.ones((len(x), 1), np.float32)], axis=1)
        self._xx = self._xx + (x.T @ x).astype(np.float64)
        self._xy = self._xy + (x.T @ y).astype(np.float64)

    def solve(self, ridge: float) -> tuple[Array, Array]:
        """Return the matrix (inputs, outputs) and the offset (outputs,)."""
        size = len(self._xx)
        damped = self._xx + ridge * np.trace(self._xx) / size * np.eye(size)
        solution = np.linalg.solve(damped, self._xy).astype(np.float32)
        return solution[:-1], solution[-1]


def carried_over(
    known: OnePassNetwork, new: OnePassNetwork, batch_at: Callable[[int], Batch], batches: int
) -> dict[str, Array]:
    """Return the weights of a decoder that reads the new network's encoder as the known one reads its own.

    Args:
        known: the trained network.
        new: of which the encoder and the scales are used; as of `new_onepass_network`.
        batch_at: pictures ``photo`` and ``style``, float32 (batch, side, side, 3) in [0, 1], of a number.
        batches: how many of them; 120 of 4 pairs at 192 px were enough for R^2 of 0.83 to 0.99.
    """
    weights = {name: to_host(value) for name, value in new.weights.items()}
    old = {name: to_host(value) for name, value in known.weights.items()}
    weights |= {k: v for k, v in old.items() if not k.startswith("scale/") and weights[k].shape == v.shape}
    sums = {name: LeastSquares() for name in (*READERS, "code_in")}
    rng = np.random.default_rng(0)
    for number in range(batches):
        batch = batch_at(number)
        amount = rng.uniform(LEAST_AMOUNT, MOST_AMOUNT, len(batch["photo"])).astype(np.float32)
        (first, statistics), (features, new_statistics) = (_met(net, batch, amount) for net in (known, new))
        for name, layer in READERS.items():
            x, target = _patches(features[layer]), _patches(first[layer])
            chosen = rng.permutation(len(x))[:POSITIONS]
            kernel = old[f"{name}/kernel"]
            sums[name].add(x[chosen], target[chosen] @ kernel.reshape(-1, kernel.shape[-1]))
        sums["code_in"].add(new_statistics, statistics @ old["code_in/kernel"])
    for name, pairs in sums.items():
        matrix, offset = pairs.solve(CODE_RIDGE if name == "code_in" else RIDGE)
        weights[f"{name}/kernel"] = matrix.reshape(weights[f"{name}/kernel"].shape)
        weights[f"{name}/bias"] = offset + old[f"{name}/bias"]
    return weights


def _met(network: OnePassNetwork, batch: Batch, amount: Array) -> tuple[dict[str, Array], Array]:
    """Return the features and statistics that a decoder meets, scaled as it scales them."""
    photo, style = (network.encode(ops.convert_to_tensor(batch[name])) for name in ("photo", "style"))
    maps = transfer_maps(moments_of(photo), moments_of(style))
    changes, statistics = changes_at(maps, ops.convert_to_tensor(amount))
    features = {
        layer: to_host(apply_map(ops.cast(photo[layer], "float32"), *change))
        * to_host(network.weights[f"scale/{layer}"])
        for layer, change in changes.items()
    }
    return features, to_host(network.scaled(statistics))


def _patches(features: Array) -> Array:
    """Return the 3 x 3 neighborhoods of feature maps (batch, h, w, c) as rows of 9 c numbers."""
    count, height, width, channels = features.shape
    cuts = [features[:, i : height - 2 + i, j : width - 2 + j] for i in range(3) for j in range(3)]
    return np.stack(cuts, axis=3).reshape(count * (height - 2) * (width - 2), 9 * channels)
