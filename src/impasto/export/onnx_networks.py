"""The one-pass network as ONNX graphs.

A style of one's own is one graph. Any style is three: the encoder, the maps from its moments, which iterate
in float64, and the painter, which fits a browser's GPU: float32 throughout, and no loops.

The graphs need nothing but an ONNX runtime; heights and widths are free. Pictures are (batch, height,
width, 3) outside as everywhere in Impasto, and (batch, channels, height, width) inside as ONNX has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from impasto.errors import SettingError
from impasto.export.onnx_graph import DOUBLE, FLOAT, Array, Graph
from impasto.layers import CONVOLUTION_NAMES
from impasto.onepass.network import BLOCKS, MODULATED, OnePassNetwork
from impasto.onepass.painter import WEAKEST
from impasto.onepass.transfer import EXTENT, MOST_GAIN, RIDGE, STATISTICS_LAYERS, amount_at

LARGEST = 2**31 - 1
ITERATIONS = 40
"""Enough for eigenvalues that differ by a factor of 1e12."""
AMOUNT = float(amount_at(np.float64(1)))
POWER = float(np.log(AMOUNT / amount_at(np.float64(0.5))) / np.log(2))
"""`amount_at` is AMOUNT x strength^POWER."""
PLANE = [2, 3]
PICTURE = ("batch", "height", "width", 3)


def whole_graph(network: OnePassNetwork, statistics: Mapping[str, Array]) -> Any:
    """Return the ONNX model that paints one style: ``photo`` and ``strength`` in, ``pastiche`` out.

    Strengths are in [0, 1], pictures are sRGB in [0, 1] with sides of at least 32 px.

    Args:
        network: of the style.
        statistics: its moments, as of `keras_models.rows_of`.

    Raises:
        SettingError: the feature network cannot be exported.
    """
    graph = _graph_of(network)
    photo = graph.add("Transpose", graph.input("photo", PICTURE), perm=[0, 3, 1, 2])
    features = _encode(graph, photo, network.encoder.pooling)
    photo_moments = {layer: _moments(graph, x) for layer, x in features.items()}
    style_moments = {
        layer: (graph.constant(r[None, -1:]), graph.constant(r[None, :-1])) for layer, r in statistics.items()
    }
    maps = {
        layer: _transfer_map(graph, photo_moments[layer], style_moments[layer]) for layer in photo_moments
    }
    pair = _statistics(graph, photo_moments), _statistics(graph, style_moments)
    return graph.model("impasto_style", {"pastiche": (_paint(graph, photo, features, maps, pair), PICTURE)})


def painter_graph(network: OnePassNetwork) -> Any:
    """Return the ONNX model that paints any style, ``pastiche`` out.

    In go ``photo``, ``strength`` and what `maps_graph` returns. It computes in float32, without loops.

    Raises:
        SettingError: the feature network cannot be exported.
    """
    graph = _graph_of(network)
    photo = graph.add("Transpose", graph.input("photo", PICTURE), perm=[0, 3, 1, 2])
    features, maps = _encode(graph, photo, network.encoder.pooling), {}
    for layer in features:
        offset, matrix = _rows(graph, graph.input(layer, _shape(graph, layer)))
        maps[layer] = matrix, offset
    statistics = graph.input("statistics", ("batch", 2, _length(graph)))
    first, last = (graph.add("Slice", statistics, [index], [index + 1], [1]) for index in (0, 1))
    pastiche = _paint(graph, photo, features, maps, (first, last))
    return graph.model("impasto_painter", {"pastiche": (pastiche, PICTURE)})


def maps_graph(network: OnePassNetwork) -> Any:
    """Return the ONNX model that finds what takes a photo to a style, from the moments of both.

    In go the outputs of `encoder_graph`, the photo's as ``photo_relu1_1`` and so on, the style's as
    ``style_relu1_1``. By layer comes out the map (c, c) with the offset as its last row, float32
    (batch, c + 1, c); and ``statistics``, the means and deviations of photo and style, (batch, 2, n).
    """
    graph = _graph_of(network)
    moments = [
        {k: _rows(graph, graph.input(f"{of}_{k}", _shape(graph, k))) for k in STATISTICS_LAYERS}
        for of in ("photo", "style")
    ]
    outputs: dict[str, tuple[str, Sequence[int | str]]] = {}
    for layer in STATISTICS_LAYERS:
        matrix, offset = _transfer_map(graph, *(one[layer] for one in moments))
        outputs[layer] = graph.add("Concat", matrix, offset, axis=1), _shape(graph, layer)
    pair = graph.add("Concat", *(_statistics(graph, one) for one in moments), axis=1)
    outputs["statistics"] = pair, ("batch", 2, _length(graph))
    return graph.model("impasto_maps", outputs)


def encoder_graph(network: OnePassNetwork) -> Any:
    """Return the ONNX model that looks at pictures: ``style`` in, its moments by layer out.

    Each is the covariance (c, c) with the mean as its last row, float32 (batch, c + 1, c). The photo, too,
    goes through it.

    Raises:
        SettingError: the feature network cannot be exported.
    """
    graph = _graph_of(network)
    planes = graph.add("Transpose", graph.input("style", PICTURE), perm=[0, 3, 1, 2])
    outputs: dict[str, tuple[str, Sequence[int | str]]] = {}
    for layer, features in _encode(graph, planes, network.encoder.pooling).items():
        mean, covariance = _moments(graph, features)
        outputs[layer] = graph.add("Concat", covariance, mean, axis=1), _shape(graph, layer)
    return graph.model("impasto_style_encoder", outputs)


def _shape(graph: Graph, layer: str) -> tuple[str, int, int]:
    width = graph.weights[f"scale/{layer}"].size
    return "batch", width + 1, width


def _length(graph: Graph) -> int:
    """Return how many means and deviations there are."""
    return 2 * sum(graph.weights[f"scale/{layer}"].size for layer in STATISTICS_LAYERS)


def _rows(graph: Graph, rows: str) -> tuple[str, str]:
    """Return the last of rows (batch, c + 1, c), (batch, 1, c), and the square matrix above it."""
    return graph.add("Slice", rows, [-1], [LARGEST], [1]), graph.add("Slice", rows, [0], [-1], [1])


def _graph_of(network: OnePassNetwork) -> Graph:
    encoder = network.encoder
    if (encoder.padding, encoder.pool_rounding) != ("reflect", "floor"):
        raise SettingError(
            "a network can be exported with padding reflect and pool_rounding floor, not "
            "{padding} and {pool_rounding}",
            padding=encoder.padding,
            pool_rounding=encoder.pool_rounding,
        )
    return Graph({**encoder.weights, **network.weights})


def _encode(graph: Graph, planes: str, pooling: str) -> dict[str, str]:
    """Return `OnePassNetwork.encode`."""
    kernel = graph.weights["preprocess/kernel"].reshape(3, 3)
    x = graph.convolve(planes, kernel.T[:, :, None, None], graph.weights["preprocess/bias"])
    pool = "AveragePool" if pooling == "average" else "MaxPool"
    last, features = STATISTICS_LAYERS[-1].replace("relu", "conv"), {}
    for name in CONVOLUTION_NAMES[: CONVOLUTION_NAMES.index(last) + 1]:
        if name.endswith("_1") and name != "conv1_1":
            x = graph.add(pool, x, kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0])
        x = graph.add("Relu", graph.convolve_by(x, name))
        if (layer := name.replace("conv", "relu")) in STATISTICS_LAYERS:
            features[layer] = x
    return features


def _moments(graph: Graph, features: str) -> tuple[str, str]:
    """Return `transfer.moments_of` a layer's features: means (batch, 1, c) and covariances (batch, c, c)."""
    flat = graph.add("Reshape", features, [0, 0, -1])
    mean = graph.add("ReduceMean", flat, axes=[2], keepdims=1)
    centered = graph.add("Sub", flat, mean)
    products = graph.add("MatMul", centered, graph.add("Transpose", centered, perm=[0, 2, 1]))
    # Not from a Shape: onnxruntime's WebGPU 1.30 took the first layer's number for all.
    ones = graph.add("Add", graph.add("Mul", graph.add("Slice", flat, [0], [1], [1]), 0.0), 1.0)
    count = graph.add("ReduceSum", ones, [2], keepdims=1)
    return graph.add("Transpose", mean, perm=[0, 2, 1]), graph.add("Div", products, count)


def _statistics(graph: Graph, moments: Mapping[str, tuple[str, str]]) -> str:
    """Return `transfer.statistics_of`, (batch, 1, 2 x channels)."""
    parts = [part for mean, square in moments.values() for part in (mean, _deviation(graph, square))]
    return graph.add("Concat", *parts, axis=2)


def _paint(
    graph: Graph,
    photo: str,
    features: Mapping[str, str],
    maps: Mapping[str, tuple[str, str]],
    statistics: tuple[str, str],
) -> str:
    """Declare the input ``strength`` and return `OnePassNetwork.paint`, clipped, as (batch, h, w, 3).

    Args:
        graph: to be added to.
        photo: (batch, 3, h, w).
        features: of the photo.
        maps: by layer matrices (batch, c, c) and offsets (batch, 1, c).
        statistics: of photo and style.
    """
    strength = graph.input("strength", ("batch",))
    amount = graph.add("Mul", graph.add("Pow", graph.add("Unsqueeze", strength, [1, 2]), POWER), AMOUNT)
    names = [*features, "statistics"]
    amounts = graph.add("Mul", amount, [EXTENT[name] for name in names])

    def between(photo: str, style: str, name: str) -> str:
        index = names.index(name)
        reached = graph.add("Slice", amounts, [index], [index + 1], [2])
        return graph.add("Add", photo, graph.add("Mul", reached, graph.add("Sub", style, photo)))

    mixed = {}
    for layer, x in features.items():
        flat = graph.add("Reshape", x, [0, 0, -1])
        matrix, offset = (graph.add("Transpose", part, perm=[0, 2, 1]) for part in maps[layer])
        moved = between(flat, graph.add("Add", graph.add("MatMul", matrix, flat), offset), layer)
        mixed[layer] = graph.add("Reshape", moved, graph.add("Shape", x))
    modulation = _modulation(graph, between(*statistics, "statistics"))
    painted = _decode(graph, mixed, modulation)
    shown = graph.add("Clip", graph.add("Div", strength, WEAKEST), 0.0, 1.0)
    change = graph.add("Mul", graph.add("Sub", painted, photo), graph.add("Unsqueeze", shown, [1, 2, 3]))
    pastiche = graph.add("Clip", graph.add("Add", photo, change), 0.0, 1.0)
    return graph.add("Transpose", pastiche, perm=[0, 2, 3, 1])


def _deviation(graph: Graph, covariance: str) -> str:
    """Return the square roots of the diagonals of (batch, c, c), (batch, 1, c)."""
    eye = graph.add("Cast", _eye(graph, covariance), to=FLOAT)
    variances = graph.add("ReduceSum", graph.add("Mul", covariance, eye), [1], keepdims=1)
    return graph.add("Sqrt", graph.add("Add", graph.add("Relu", variances), 1e-8))


def _modulation(graph: Graph, reached: str) -> dict[str, tuple[str, str]]:
    """Return `OnePassNetwork.modulation_for`: by convolution the factor and the shift, (batch, c, 1, 1)."""
    scales = [graph.weights[f"scale/{layer}"] for layer in STATISTICS_LAYERS]
    scale = np.concatenate([scale for scale in scales for _ in range(2)])
    x = graph.add("Squeeze", graph.add("Mul", reached, scale), [1])
    widths = [width for width in MODULATED.values() for _ in range(2)]
    factors = np.repeat(np.tile([1.0, 0.0], len(MODULATED)), widths).astype(np.float32)
    for name in ("code_in", "code_out"):
        bias = graph.weights[f"{name}/bias"] + (factors if name == "code_out" else 0)
        x = graph.add("MatMul", x, graph.stored(graph.weights[f"{name}/kernel"]))
        x = graph.add("Add", x, bias)
        x = graph.add("Relu", x) if name == "code_in" else x
    x = graph.add("Unsqueeze", x, [2, 3])
    ends = np.cumsum(widths).tolist()  # a Split has more outputs than WebGPU's shaders have buffers
    parts = [
        graph.add("Slice", x, [end - width], [end], [1]) for end, width in zip(ends, widths, strict=True)
    ]
    return dict(zip(MODULATED, zip(parts[::2], parts[1::2], strict=True), strict=True))


def _transfer_map(graph: Graph, photo: tuple[str, str], style: tuple[str, str]) -> tuple[str, str]:
    """Return the matrix and the offset of `transfer_maps`, computed in float64.

    With covariances A of the photo and B of the style the matrix is S (S A S)^-1/2 S, S = B^1/2, which equals
    the form that `transfer_maps` has. ONNX has no eigenvalues: roots come from Newton-Schulz iterations, and
    the bound g of the gains from min(M, g) = (M + g - (M - g) sign(M - g)) / 2.

    Args:
        graph: to be added to.
        photo: its means (batch, 1, c) and covariances (batch, c, c).
        style: the same.

    Reference: Higham, "Functions of Matrices" (2008), sections 5.3 (sign) and 6.3 (roots).
    """
    first, second = (graph.add("Cast", covariance, to=DOUBLE) for _, covariance in (photo, style))
    eye = _eye(graph, second)
    size = graph.add("Div", _trace(graph, second, eye), graph.add("ReduceSum", eye, keepdims=1))
    ridge = graph.add("Mul", graph.add("Mul", size, np.float64(RIDGE)), eye)
    first, second = (graph.add("Add", x, ridge) for x in (first, second))
    root, _ = _matrix_roots(graph, second, eye)
    _, inverse = _matrix_roots(graph, _product(graph, root, first, root), eye)
    matrix = _product(graph, root, inverse, root)
    most = graph.add("Mul", eye, np.float64(MOST_GAIN))
    beyond = graph.add("Sub", matrix, most)
    sign = _matrix_sign(graph, beyond)
    matrix = graph.add("Sub", graph.add("Add", matrix, most), _product(graph, beyond, sign))
    matrix = graph.add("Cast", graph.add("Mul", matrix, np.float64(0.5)), to=FLOAT)
    return matrix, graph.add("Sub", style[0], graph.add("MatMul", photo[0], matrix))


def _matrix_sign(graph: Graph, matrix: str) -> str:
    """Return the sign of symmetric matrices (batch, c, c)."""
    squares = graph.add("ReduceSum", graph.add("Mul", matrix, matrix), [1, 2], keepdims=1)

    def step(sign: str) -> list[str]:
        cube = graph.add("Mul", _product(graph, sign, sign, sign), np.float64(0.5))
        return [graph.add("Sub", graph.add("Mul", sign, np.float64(1.5)), cube)]

    return graph.loop(ITERATIONS, step, graph.add("Div", matrix, graph.add("Sqrt", squares)))[0]


def _matrix_roots(graph: Graph, matrix: str, eye: str) -> tuple[str, str]:
    """Return the square root of symmetric positive matrices (batch, c, c), and its inverse."""
    size, start = _trace(graph, matrix, eye), graph.add("Mul", eye, np.float64(1.5))

    def step(root: str, inverse: str) -> list[str]:
        half = graph.add("Mul", _product(graph, inverse, root), np.float64(0.5))
        change = graph.add("Sub", start, half)
        return [_product(graph, root, change), _product(graph, change, inverse)]

    first = graph.add("Expand", eye, graph.add("Shape", matrix))
    root, inverse = graph.loop(ITERATIONS, step, graph.add("Div", matrix, size), first)
    size = graph.add("Sqrt", size)
    return graph.add("Mul", root, size), graph.add("Div", inverse, size)


def _eye(graph: Graph, matrix: str) -> str:
    """Return the unit matrix (1, c, c) of the size of matrices (batch, c, c)."""
    size = graph.add("Slice", graph.add("Shape", matrix), [1], [3], [0])
    zeros = graph.add("Expand", np.float64(0), size)
    return graph.add("Unsqueeze", graph.add("EyeLike", zeros, dtype=DOUBLE), [0])


def _trace(graph: Graph, matrix: str, eye: str) -> str:
    return graph.add("ReduceSum", graph.add("Mul", matrix, eye), [1, 2], keepdims=1)


def _product(graph: Graph, first: str, *others: str) -> str:
    """Return the product of matrices."""
    for other in others:
        first = graph.add("MatMul", first, other)
    return first


def _decode(graph: Graph, features: Mapping[str, str], modulation: Mapping[str, tuple[str, str]]) -> str:
    """Return `OnePassNetwork.decode`."""

    def modulated(x: str, name: str) -> str:
        factor, shift = modulation[name]
        return graph.add(
            "Relu", graph.add("Add", graph.add("Mul", graph.convolve_by(x, name), factor), shift)
        )

    scales = {k: graph.weights[f"scale/{k}"][:, None, None] for k in features}
    scaled = {k: graph.add("Mul", x, scales[k]) for k, x in features.items()}
    x = scaled["relu4_1"]
    for size, layer in (("eighth", "relu4_1"), ("quarter", "relu3_1"), ("half", "relu2_1")):
        if size != "eighth":
            skip = graph.convolve_by(scaled[layer], f"skip_{size}")
            x = _fit_to(graph, graph.convolve_by(graph.enlarge(x), f"up_{size}"), skip)
            x = graph.add("Relu", graph.add("Add", x, skip))
        x = modulated(x, size)
        for block in BLOCKS[size]:
            y = modulated(x, f"{block}_1")
            x = graph.add("Add", x, graph.convolve_by(y, f"{block}_2"))
    x = graph.add("DepthToSpace", graph.convolve_by(x, "pixels"), blocksize=2, mode="DCR")
    edges = graph.convolve_by(scaled["relu1_1"], "edges")
    x = _fit_to(graph, _smooth(graph, x), edges)
    return graph.add("Add", graph.add("Add", x, edges), 0.5)


def _fit_to(graph: Graph, x: str, like: str) -> str:
    """Return `rearrangements.fit_to`."""
    size = graph.add("Slice", graph.add("Shape", like), [2], [4], [0])
    padded = graph.add("Pad", x, [0, 0, 0, 0, 0, 0, 1, 1], mode="edge")
    return graph.add("Slice", padded, [0, 0], size, PLANE)


def _smooth(graph: Graph, pixels: str) -> str:
    row = np.array([0.25, 0.5, 0.25])
    kernel = np.broadcast_to(row[:, None] * row, (3, 1, 3, 3)).astype(np.float32)
    return graph.convolve(pixels, kernel, group=3)
