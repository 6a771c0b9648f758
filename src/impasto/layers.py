"""VGG-19's layers: their names, order, widths, levels, shapes and reach; nobody else spells them out."""

from __future__ import annotations

from collections.abc import Iterable

from impasto.errors import SettingError, WeightsError, did_you_mean

CONVOLUTIONS = (2, 2, 4, 4, 4)
"""Convolutions in each of VGG-19's five blocks; a 2 x 2 pooling lies between blocks."""
CONVOLUTION_NAMES = tuple(
    f"conv{block}_{index}" for block, count in enumerate(CONVOLUTIONS, 1) for index in range(1, count + 1)
)
LAYERS = tuple(name.replace("conv", "relu") for name in CONVOLUTION_NAMES)
WIDTHS = (64,) * 2 + (128,) * 2 + (256,) * 4 + (512,) * 8
"""VGG-19's output channels, convolution by convolution."""
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYER = "relu4_2"
STRIDE = 1 << len(CONVOLUTIONS) - 1
"""Pixels per position of the last block, to a side."""
MINIMUM_SIDE = STRIDE
"""Shorter sides would leave nothing of the picture after four poolings."""
ONEPASS_MINIMUM_SIDE = 2 * STRIDE
"""Shorter sides would leave nothing for one pass to take statistics of."""


def check_layer_names(layers: Iterable[str]) -> None:
    """Check that layers are VGG-19's.

    Raises:
        SettingError: a name is not one of its.
    """
    for layer in sorted(set(layers) - set(LAYERS)):
        raise SettingError(
            "layers must be named relu1_1 ... relu5_4, not {layer!r}{hint}",
            layer=layer,
            hint=did_you_mean(layer, LAYERS),
        )


def check_layers(layers: Iterable[str], available: Iterable[str]) -> tuple[str, ...]:
    """Return the layers in the network's order, each once.

    Raises:
        SettingError: a name is not one of VGG-19's.
        WeightsError: the network has no weights for it.
    """
    wanted = set(layers)
    check_layer_names(wanted)
    missing = wanted - set(available)
    if missing:
        raise WeightsError("the network has no weights for {missing}", missing=", ".join(sorted(missing)))
    return tuple(layer for layer in LAYERS if layer in wanted)


def level_of(layer: str) -> int:
    """Return how many poolings lie before a layer."""
    return int(layer[4]) - 1


def layer_shapes(shape: tuple[int, int], rounding: str) -> list[tuple[int, int]]:
    """Return the (height, width) of each block's layers for a picture of a shape."""
    shapes = [shape]
    for _ in range(level_of(LAYERS[-1])):
        up = 1 if rounding == "ceil" else 0
        shapes.append(((shapes[-1][0] + up) // 2, (shapes[-1][1] + up) // 2))
    return shapes


def reach(layers: Iterable[str]) -> int:
    """Return how many pixels beyond a position's own the deepest layer sees, in whole strides.

    Each 3 x 3 convolution of block b adds 2^(b - 1) pixels on each side; a pooling adds none beyond the
    positions that it joins.
    """
    deepest = max((LAYERS.index(layer) for layer in layers), default=-1)
    pixels = sum(1 << level_of(layer) for layer in LAYERS[: deepest + 1])
    return -(-pixels // STRIDE) * STRIDE
