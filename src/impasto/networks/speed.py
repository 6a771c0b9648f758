"""How fast a feature network runs on this machine at this moment, from which runs are predicted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from keras import ops

from impasto.engine.gradients import compile_function, to_host
from impasto.layers import STYLE_LAYERS
from impasto.networks.feature_network import FeatureNetwork, Tensor

SIDES = {True: 128, False: 256}
"""Of the picture that a wide network and others are timed with: large enough to keep all cores busy."""
SECONDS, LEAST_CALLS = 0.12, 3


@dataclass(frozen=True)
class Speed:
    """What a pass forward takes.

    Attributes:
        pixel_seconds: of one compiled pass to the last style layer, per pixel of the picture.
        compile_seconds: of tracing and compiling it.
    """

    pixel_seconds: float
    compile_seconds: float


def is_wide(network: FeatureNetwork) -> bool:
    """Return whether a network has VGG-19's widths rather than ``compact``'s."""
    return bool(network.weights["conv1_1/bias"].shape[0] >= 48)


def measure_speed(network: FeatureNetwork) -> Speed:
    """Time the network's own convolutions, in its precision; half a second with TensorFlow.

    A matrix product of the same number of operations says less: machines differ twofold in how much of its
    rate their convolutions reach.
    """
    cast, side = network.with_cast_weights(), SIDES[is_wide(network)]
    layers = [layer for layer in STYLE_LAYERS if layer in network.layers] or network.layers[-1:]
    picture = np.random.default_rng(0).random((1, side, side, 3), np.float32)

    def forward(image: Tensor) -> Tensor:
        features = cast.features(image, layers).values()
        return ops.stack([ops.mean(ops.cast(values, "float32")) for values in features])

    compiled = compile_function(forward)
    first, times = _seconds(lambda: to_host(compiled(picture))), [float("inf")]
    until = time.perf_counter() + SECONDS
    while len(times) <= LEAST_CALLS or time.perf_counter() < until:
        times.append(_seconds(lambda: to_host(compiled(picture))))
    return Speed(min(times) / side**2, max(0.0, first - min(times)))


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
