"""What surrounds a convolution: biases and borders, as each engine computes them best."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

Tensor = Any


def add_bias(features: Tensor, bias: Tensor) -> Tensor:
    """Return features + bias over the last axis, by the operation that the engine fuses best.

    TensorFlow fuses a convolution with BiasAdd and Relu, but not with a general addition: a tenth of
    an iteration of ``compact``.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.nn.bias_add(features, bias)
    return features + bias


def pad_by_reflection(x: Tensor) -> Tensor:
    """Return (batch, h + 2, w + 2, c): one ring mirrored about the border pixels.

    A side of one pixel, which has nothing to mirror, is repeated instead.
    """
    tiny = any(side == 1 for side in x.shape[1:3])
    return pad_by_repetition(x) if tiny else _ringed(x, "reflect")


def pad_by_repetition(x: Tensor) -> Tensor:
    """Return (batch, h + 2, w + 2, c): the border pixels repeated once."""
    return _ringed(x, "symmetric")


def _ringed(x: Tensor, mode: str) -> Tensor:
    """Return x with one more pixel on each side.

    TensorFlow's own operation takes several times as long as joining the borders to the picture does;
    the slope is its own.
    """
    rings = ((0, 0), (1, 1), (1, 1), (0, 0))
    if keras.backend.backend() != "tensorflow":
        return ops.pad(x, rings, mode=mode)
    import tensorflow as tf

    first, last = (slice(1, 2), slice(-2, -1)) if mode == "reflect" else (slice(0, 1), slice(-1, None))

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def joined(x: Tensor) -> tuple[Tensor, Any]:
        def gradient(upstream: Tensor) -> Tensor:
            return tf.raw_ops.MirrorPadGrad(input=upstream, paddings=rings, mode=mode.upper())

        x = tf.concat([x[:, first], x, x[:, last]], axis=1)
        return tf.concat([x[:, :, first], x, x[:, :, last]], axis=2), gradient

    return joined(x)
