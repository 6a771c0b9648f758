"""Pastiches made against a network while it learns, so that it is shown its own mistakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.engine.gradients import compile_value_and_gradient, to_host
from impasto.layers import CONTENT_LAYER, STYLE_LAYERS
from impasto.networks.feature_network import FeatureNetwork, Tensor
from impasto.training.losses import batch_gram_error, unexplained

Array = NDArray[np.float32]


class PastichePool:
    """Pastiches that are optimized against the student while it learns.

    An optimization finds whatever the student mistakes for the style, and such pictures occur in no
    data set. So a few of the pool are improved by one step before each training step, and the student
    is shown them with the teacher's opinion. A pastiche is replaced after `lifetime` improvements.

    Args:
        student: the network in training, whose weights are variables.
        fresh: index -> (photos and styles) to start new pastiches from, float32 (2, size, size, 3).
        count: pastiches improved per step.
        size: side in pixels.
        seed: of the choices.
    """

    capacity = 48
    lifetime = 80
    rate = 0.03

    def __init__(
        self,
        student: FeatureNetwork,
        fresh: Callable[[int], Array],
        count: int,
        size: int,
        seed: int,
    ) -> None:
        self._fresh, self._count, self._born = fresh, count, 0
        self._rng = np.random.default_rng((seed, 2))
        self._pictures = np.zeros((self.capacity, 3, size, size, 3), np.float32)
        self._moments = np.zeros((self.capacity, 2, size, size, 3), np.float32)
        self._ages = self._rng.integers(1, self.lifetime, self.capacity)
        for slot in range(self.capacity):
            self._replace(slot)
        self._student = student
        shape = (3 * count, size, size, 3)
        self._evaluate = compile_value_and_gradient(self._loss, shape)

    def _replace(self, slot: int) -> None:
        photo, style = self._fresh(self._born)
        self._born += 1
        start = photo if self._rng.random() < 0.7 else self._rng.uniform(0, 1, photo.shape)
        self._pictures[slot] = start, photo, style
        self._moments[slot] = 0

    def _loss(self, stack: Tensor, weights: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        network, count = replace(self._student, weights=weights), self._count
        layers = (*STYLE_LAYERS, CONTENT_LAYER)
        parts = stack[:count], ops.stop_gradient(stack[count:])
        features, targets = (network.features(part, layers) for part in parts)
        loss = count * unexplained(features[CONTENT_LAYER], targets[CONTENT_LAYER][:count])
        for layer in STYLE_LAYERS:
            pastiche, style = (network.projected(layer, f[layer]) for f in (features, targets))
            loss = loss + 8.0 * count * batch_gram_error(pastiche, style[count:])
        return loss, ops.stack([loss])

    def improve(self) -> Array:
        """Improve some pastiches by one Adam step and return them, (count, size, size, 3)."""
        slots = self._rng.choice(self.capacity, self._count, replace=False)
        for slot in slots[self._ages[slots] >= self.lifetime]:
            self._replace(int(slot))
            self._ages[slot] = 0
        self._ages[slots] += 1
        stack = self._pictures[slots].transpose(1, 0, 2, 3, 4).reshape(-1, *self._pictures.shape[2:])
        weights = {k: ops.convert_to_tensor(v) for k, v in self._student.weights.items() if k[:4] != "head"}
        gradient = to_host(self._evaluate(stack, weights).gradient)[: self._count]
        first, second = self._moments[slots, 0], self._moments[slots, 1]
        self._moments[slots, 0] = first = 0.8 * first + 0.2 * gradient
        self._moments[slots, 1] = second = 0.95 * second + 0.05 * np.square(gradient)
        moved: Array = self._pictures[slots, 0] - self.rate * first / (np.sqrt(second) + 1e-10)
        self._pictures[slots, 0] = np.clip(moved, 0, 1)
        return np.asarray(self._pictures[slots, 0])
