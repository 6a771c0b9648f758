"""A network in training: named weights, of which some stay as they are, and the terms of its last loss."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.engine.gradients import to_host

Array = NDArray[np.float32]


class Trainer(keras.Model):  # type: ignore[misc]
    """What the networks in training have in common; subclasses add how they are called, and the loss.

    Args:
        weights: by name; their order is that of the optimizer's variables.
        fixed: how the names of those begin that are not trained.
        terms: names of what `tell` is given, ``loss`` first.

    Attributes:
        trained: variables by name.
        fixed: tensors by name.
        seconds: how long they have been trained, over all runs.
    """

    def __init__(self, weights: Mapping[str, Array], fixed: str, terms: tuple[str, ...]) -> None:
        super().__init__(dtype="float32")
        self.fixed = {k: ops.convert_to_tensor(v) for k, v in weights.items() if k.startswith(fixed)}
        self.trained = {k: self._variable(k, v) for k, v in weights.items() if k not in self.fixed}
        self.seconds, self._names = 0.0, terms
        self._terms = self._variable("terms", np.zeros(len(terms), np.float32), trainable=False)
        self.built = True

    def _variable(self, name: str, value: Array, trainable: bool = True) -> keras.Variable:
        words = {"name": name.replace("/", "_"), "shape": value.shape, "trainable": trainable}
        return self.add_weight(**words, initializer=lambda *_, **__: ops.convert_to_tensor(value))

    def tell(self, *terms: object) -> None:
        """Remember the terms of a loss, scalar tensors in the order of their names."""
        self._terms.assign(ops.stack([ops.cast(term, "float32") for term in terms]))

    def last_terms(self) -> dict[str, float]:
        """Return the terms of the last loss by name."""
        return dict(zip(self._names, map(float, to_host(self._terms)), strict=True))
