"""Muon for convolutions: the optimizer with which this project's networks are trained.

A kernel of shape (height, width, in, out) is taken as a matrix (height x width x in, out), and its
momentum is replaced by the nearest semi-orthogonal matrix before each step, so that all directions of
the matrix learn at one pace. Small kernels and biases get Adam's step, and so do 1 x 1 heads, whose outputs
differ in size.

Reference: Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024); the scale of
the step after Liu et al., "Muon is Scalable for LLM Training" (2025).
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

Tensor = Any
LEAST_SIDE = 32
"""Kernels whose matrices have a shorter side get Adam's step."""
ADAM_SHARE, HEAD_SHARE = 1.0, 4.0
"""Learning rates over Muon's: of biases and small kernels, and of 1 x 1 heads."""
HEADS = ("head", "expand")
"""How the names of heads begin."""


class ConvolutionMuon(keras.optimizers.Muon):  # type: ignore[misc]
    """Keras' Muon, which leaves kernels of four dimensions to AdamW, for these as well.

    Args:
        learning_rate: a number or a schedule; a kernel's step has this times 0.2 as its root mean square.
    """

    def __init__(self, learning_rate: Any) -> None:
        super().__init__(
            learning_rate, weight_decay=None, adam_weight_decay=0.0, adam_beta_2=0.99, clipnorm=None
        )

    def _should_use_adamw(self, variable: keras.Variable) -> bool:
        shape = variable.shape
        return len(shape) < 4 or min(int(np.prod(shape[:-1])), shape[-1]) < LEAST_SIDE

    def _adamw_update_step(
        self,
        gradient: Tensor,
        variable: keras.Variable,
        learning_rate: Tensor,
        m: keras.Variable,
        v: keras.Variable,
    ) -> None:
        factor = HEAD_SHARE if variable.name.startswith(HEADS) else ADAM_SHARE
        super()._adamw_update_step(gradient, variable, factor * learning_rate, m, v)

    def _muon_update_step(
        self, gradient: Tensor, variable: keras.Variable, lr: Tensor, momentum: keras.Variable
    ) -> None:
        self.assign_add(momentum, gradient + momentum * (self.momentum - 1))
        ahead = gradient + self.momentum * momentum
        matrix = ops.reshape(ahead, (-1, variable.shape[-1]))
        step = self.zeropower_via_newtonschulz5(matrix, self.ns_steps)
        scale = self.rms_rate * float(np.sqrt(max(matrix.shape)))
        self.assign_sub(variable, ops.reshape(lr * scale * step, variable.shape))
