"""The one-pass network and its style encoder written as ONNX graphs, node by node.

The graphs need nothing but an ONNX runtime; heights and widths are free. Pictures are (batch, height,
width, 3) outside as everywhere in Impasto, and (batch, channels, height, width) inside as ONNX has them.

Reference: ONNX operators, opset 17.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.engine.gradients import to_host
from impasto.errors import EngineError, SettingError
from impasto.layers import CONVOLUTION_NAMES
from impasto.onepass.network import BLOCKS, MODULATED, PasticheNetwork
from impasto.onepass.painter import WEAKEST
from impasto.onepass.transfer import MOST_GAIN, REACH, RIDGE, STATISTICS_LAYERS, amount_at

Array = NDArray[np.float32]

OPSET, IR_VERSION = 17, 8
FLOAT, DOUBLE = 1, 11
"""ONNX' numbers of the types float32 and float64."""
LARGEST = 2**31 - 1
ITERATIONS = 40
"""Enough for eigenvalues that differ by a factor of 1e12."""
AMOUNT = float(amount_at(np.float64(1)))
POWER = float(np.log(AMOUNT / amount_at(np.float64(0.5))) / np.log(2))
"""`amount_at` is AMOUNT x strength^POWER."""
PLANE = [2, 3]
RING = [0, 0, 1, 1, 0, 0, 1, 1]
PICTURE = ("batch", "height", "width", 3)


def import_onnx() -> Any:
    """Return the package onnx.

    Raises:
        EngineError: it is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise EngineError(
            "exporting to ONNX needs onnx and onnxruntime: pip install onnx onnxruntime"
        ) from error
    return onnx


class Graph:
    """An ONNX graph that grows node by node; values are known by their names."""

    def __init__(self, weights: Mapping[str, Any]) -> None:
        self._onnx = import_onnx()
        self.weights = {name: to_host(value) for name, value in weights.items()}
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}
        self._inputs: list[Any] = []

    def input(self, name: str, shape: Sequence[int | str]) -> str:
        """Declare a float32 input; words in its shape are free sizes."""
        self._inputs.append(self._value(name, shape))
        return name

    def add(self, kind: str, *inputs: str | Any, **attributes: Any) -> str:
        """Add a node and return its output; inputs that are not names become constants."""
        outputs = self.add_many(kind, 1, *inputs, **attributes)
        return outputs[0]

    def add_many(self, kind: str, count: int, *inputs: str | Any, **attributes: Any) -> list[str]:
        """Add a node with several outputs."""
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        outputs = [f"{kind}_{len(self._nodes)}_{index}" for index in range(count)]
        self._nodes.append(self._onnx.helper.make_node(kind, names, outputs, **attributes))
        return outputs

    def constant(self, value: Any) -> str:
        """Return the name of a constant: int64, float64 if it is NumPy's number, else float32."""
        array: NDArray[Any] = np.asarray(value)
        if not isinstance(value, np.float64):
            array = array.astype(np.int64 if array.dtype.kind == "i" else np.float32)
        name = f"constant_{len(self._constants)}"
        self._constants[name] = self._onnx.numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def model(self, name: str, outputs: Mapping[str, tuple[str, Sequence[int | str]]]) -> Any:
        """Return the finished, checked model.

        Args:
            name: of the graph.
            outputs: by their names outside, the values that the graph returns and their shapes.
        """
        helper, results = self._onnx.helper, []
        for output, (value, shape) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [value], [output]))
            results.append(self._value(output, shape))
        graph = helper.make_graph(self._nodes, name, self._inputs, results, list(self._constants.values()))
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="impasto",
        )
        self._onnx.checker.check_model(model, full_check=True)
        return model

    def convolve(self, x: str, name: str) -> str:
        """Return a 3 x 3 convolution of x, mirrored by one position at its borders."""
        kernel = self.weights[f"{name}/kernel"].transpose(3, 2, 0, 1)
        padded = self.add("Pad", x, RING, mode="reflect")
        return self.add("Conv", padded, kernel, self.weights[f"{name}/bias"])

    def enlarge(self, x: str) -> str:
        """Return x with every position repeated twice in both directions."""
        words = {
            "mode": "nearest",
            "nearest_mode": "floor",
            "coordinate_transformation_mode": "asymmetric",
        }
        return self.add("Resize", x, "", np.asarray([1, 1, 2, 2], np.float32), **words)

    def _value(self, name: str, shape: Sequence[int | str]) -> Any:
        return self._onnx.helper.make_tensor_value_info(name, self._onnx.TensorProto.FLOAT, list(shape))


def painter_graph(network: PasticheNetwork, statistics: Mapping[str, Array] | None = None) -> Any:
    """Return the ONNX model that paints: ``photo`` and ``strength`` in, ``pastiche`` out.

    Without statistics the moments of a style, by layer, are more inputs; they are what `encoder_graph`
    returns. Strengths are in [0, 1], pictures are sRGB in [0, 1] with sides of at least 32 px.

    Args:
        network: of any style or of one.
        statistics: the one style's moments, as of `keras_models.rows_of`.

    Raises:
        SettingError: the feature network cannot be exported.
    """
    graph = _graph_of(network)
    photo, strength = graph.input("photo", PICTURE), graph.input("strength", ("batch",))
    planes = graph.add("Transpose", photo, perm=[0, 3, 1, 2])
    share = graph.add("Mul", graph.add("Pow", graph.add("Unsqueeze", strength, [1, 2]), POWER), AMOUNT)
    mixed, reached, statistics_share = {}, [], graph.add("Mul", share, REACH["statistics"])
    for layer, features in _encode(graph, planes, network.encoder.pooling).items():
        width = graph.weights[f"scale/{layer}"].size
        rows = (
            graph.input(layer, ("batch", width + 1, width)) if statistics is None else statistics[layer][None]
        )
        shares = graph.add("Mul", share, REACH[layer]), statistics_share
        mixed[layer], mixed_statistics = _transferred(graph, features, rows, shares)
        reached += mixed_statistics
    painted = _decode(graph, mixed, _modulation(graph, reached))
    shown = graph.add("Clip", graph.add("Div", strength, WEAKEST), 0.0, 1.0)
    change = graph.add("Mul", graph.add("Sub", painted, planes), graph.add("Unsqueeze", shown, [1, 2, 3]))
    pastiche = graph.add("Clip", graph.add("Add", planes, change), 0.0, 1.0)
    pastiche = graph.add("Transpose", pastiche, perm=[0, 2, 3, 1])
    return graph.model("impasto_painter", {"pastiche": (pastiche, PICTURE)})


def encoder_graph(network: PasticheNetwork) -> Any:
    """Return the ONNX model that looks at styles: ``style`` in, its moments by layer out.

    Each is the covariance (c, c) with the mean as its last row, float32 (batch, c + 1, c).

    Raises:
        SettingError: the feature network cannot be exported.
    """
    graph = _graph_of(network)
    planes = graph.add("Transpose", graph.input("style", PICTURE), perm=[0, 3, 1, 2])
    outputs: dict[str, tuple[str, Sequence[int | str]]] = {}
    for layer, features in _encode(graph, planes, network.encoder.pooling).items():
        _, mean, covariance = _moments(graph, _as_rows(graph, features))
        width = graph.weights[f"scale/{layer}"].size
        outputs[layer] = graph.add("Concat", covariance, mean, axis=1), ("batch", width + 1, width)
    return graph.model("impasto_style_encoder", outputs)


def _graph_of(network: PasticheNetwork) -> Graph:
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
    """Return `PasticheNetwork.encode`."""
    kernel = graph.weights["preprocess/kernel"].reshape(3, 3)
    x = graph.add("Conv", planes, kernel.T[:, :, None, None], graph.weights["preprocess/bias"])
    pool = "AveragePool" if pooling == "average" else "MaxPool"
    last, features = STATISTICS_LAYERS[-1].replace("relu", "conv"), {}
    for name in CONVOLUTION_NAMES[: CONVOLUTION_NAMES.index(last) + 1]:
        if name.endswith("_1") and name != "conv1_1":
            x = graph.add(pool, x, kernel_shape=[2, 2], strides=[2, 2])
        x = graph.add("Relu", graph.convolve(x, name))
        if (layer := name.replace("conv", "relu")) in STATISTICS_LAYERS:
            features[layer] = x
    return features


def _as_rows(graph: Graph, features: str) -> str:
    """Return (batch, c, h, w) as (batch, h w, c)."""
    channels = graph.add("Slice", graph.add("Shape", features), [0], [2], [0])
    flat = graph.add("Reshape", features, graph.add("Concat", channels, [-1], axis=0))
    return graph.add("Transpose", flat, perm=[0, 2, 1])


def _moments(graph: Graph, rows: str) -> tuple[str, str, str]:
    """Return the features less their means, and `transfer.moments_of` of a layer."""
    mean = graph.add("ReduceMean", rows, axes=[1], keepdims=1)
    centered = graph.add("Sub", rows, mean)
    products = graph.add("MatMul", graph.add("Transpose", centered, perm=[0, 2, 1]), centered)
    count = graph.add("Cast", graph.add("Slice", graph.add("Shape", rows), [1], [2], [0]), to=FLOAT)
    return centered, mean, graph.add("Div", products, count)


def _transferred(
    graph: Graph, features: str, statistics: str | Array, shares: Sequence[str]
) -> tuple[str, list[str]]:
    """Return features with a share of the style's moments, and a layer's statistics with another.

    `transfer_maps`, `apply_map` and `statistics_of` of a layer; statistics are (batch, 1, c).
    """
    rows = _as_rows(graph, features)
    centered, mean, covariance = _moments(graph, rows)
    style = graph.add("Slice", statistics, [0], [-1], [1])
    target = graph.add("Slice", statistics, [-1], [LARGEST], [1])
    matrix = graph.add("Cast", _transfer_map(graph, covariance, style), to=FLOAT)
    moved = graph.add("Add", graph.add("MatMul", centered, matrix), target)
    moved = graph.add("Add", rows, graph.add("Mul", shares[0], graph.add("Sub", moved, rows)))
    moved = graph.add("Transpose", moved, perm=[0, 2, 1])
    pairs = ((mean, target), (_deviation(graph, covariance), _deviation(graph, style)))
    reached = [
        graph.add("Add", seen, graph.add("Mul", shares[1], graph.add("Sub", wanted, seen)))
        for seen, wanted in pairs
    ]
    return graph.add("Reshape", moved, graph.add("Shape", features)), reached


def _deviation(graph: Graph, covariance: str) -> str:
    """Return the square roots of the diagonals of (batch, c, c), (batch, 1, c)."""
    eye = graph.add("Cast", _eye(graph, covariance), to=FLOAT)
    variances = graph.add("ReduceSum", graph.add("Mul", covariance, eye), [1], keepdims=1)
    return graph.add("Sqrt", graph.add("Add", graph.add("Relu", variances), 1e-8))


def _modulation(graph: Graph, reached: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return `PasticheNetwork.modulation_for`: by convolution the factor and the shift, (batch, c, 1, 1)."""
    scales = [graph.weights[f"scale/{layer}"] for layer in STATISTICS_LAYERS]
    scale = np.concatenate([scale for scale in scales for _ in range(2)])
    x = graph.add("Squeeze", graph.add("Mul", graph.add("Concat", *reached, axis=2), scale), [1])
    for name in ("code_in", "code_out"):
        x = graph.add("MatMul", x, graph.weights[f"{name}/kernel"])
        x = graph.add("Add", x, graph.weights[f"{name}/bias"])
        x = graph.add("Relu", x) if name == "code_in" else x
    widths = [width for width in MODULATED.values() for _ in range(2)]
    parts = graph.add_many("Split", len(widths), x, widths, axis=1)
    parts = [graph.add("Unsqueeze", part, [2, 3]) for part in parts]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return {
        n: (graph.add("Add", gain, 1.0), shift) for n, (gain, shift) in zip(MODULATED, pairs, strict=True)
    }


def _transfer_map(graph: Graph, photo: str, style: str) -> str:
    """Return the map of `transfer_maps`, in float64.

    With covariances A of the photo and B of the style it is S (S A S)^-1/2 S, S = B^1/2, which equals the
    form that `transfer_maps` has. ONNX has no eigenvalues: roots come from Newton-Schulz iterations, and
    the bound g of the gains from min(M, g) = (M + g - (M - g) sign(M - g)) / 2.

    Reference: Higham, "Functions of Matrices" (2008), sections 5.3 (sign) and 6.3 (roots).
    """
    photo, style = (graph.add("Cast", x, to=DOUBLE) for x in (photo, style))
    eye = _eye(graph, style)
    size = graph.add("Div", _trace(graph, style, eye), graph.add("ReduceSum", eye, keepdims=1))
    ridge = graph.add("Mul", graph.add("Mul", size, np.float64(RIDGE)), eye)
    photo, style = (graph.add("Add", x, ridge) for x in (photo, style))
    root, _ = _matrix_roots(graph, style, eye)
    _, inverse = _matrix_roots(graph, _product(graph, root, photo, root), eye)
    matrix = _product(graph, root, inverse, root)
    most = graph.add("Mul", eye, np.float64(MOST_GAIN))
    beyond = graph.add("Sub", matrix, most)
    squares = graph.add("ReduceSum", graph.add("Mul", beyond, beyond), [1, 2], keepdims=1)
    sign = graph.add("Div", beyond, graph.add("Sqrt", squares))
    for _ in range(ITERATIONS):
        cube = graph.add("Mul", _product(graph, sign, sign, sign), np.float64(0.5))
        sign = graph.add("Sub", graph.add("Mul", sign, np.float64(1.5)), cube)
    matrix = graph.add("Sub", graph.add("Add", matrix, most), _product(graph, beyond, sign))
    return graph.add("Mul", matrix, np.float64(0.5))


def _matrix_roots(graph: Graph, matrix: str, eye: str) -> tuple[str, str]:
    """Return the square root of symmetric positive matrices (batch, c, c), and its inverse."""
    size = _trace(graph, matrix, eye)
    root, inverse = graph.add("Div", matrix, size), eye
    start = graph.add("Mul", eye, np.float64(1.5))
    for _ in range(ITERATIONS):
        step = graph.add("Mul", _product(graph, inverse, root), np.float64(0.5))
        step = graph.add("Sub", start, step)
        root, inverse = _product(graph, root, step), _product(graph, step, inverse)
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
    """Return `PasticheNetwork.decode`."""

    def modulated(x: str, name: str) -> str:
        factor, shift = modulation[name]
        return graph.add("Relu", graph.add("Add", graph.add("Mul", graph.convolve(x, name), factor), shift))

    scales = {k: graph.weights[f"scale/{k}"][:, None, None] for k in features}
    scaled = {k: graph.add("Mul", x, scales[k]) for k, x in features.items()}
    x = scaled["relu4_1"]
    for size, layer in (("eighth", "relu4_1"), ("quarter", "relu3_1"), ("half", "relu2_1")):
        if size != "eighth":
            skip = graph.convolve(scaled[layer], f"skip_{size}")
            x = _fit_to(graph, graph.convolve(graph.enlarge(x), f"up_{size}"), skip)
            x = graph.add("Relu", graph.add("Add", x, skip))
        x = modulated(x, size)
        for block in BLOCKS[size]:
            y = modulated(x, f"{block}_1")
            x = graph.add("Add", x, graph.convolve(y, f"{block}_2"))
    x = graph.add("DepthToSpace", graph.convolve(x, "pixels"), blocksize=2, mode="DCR")
    edges = graph.convolve(scaled["relu1_1"], "edges")
    x = _fit_to(graph, _smooth(graph, x), edges)
    return graph.add("Add", graph.add("Add", x, edges), 0.5)


def _fit_to(graph: Graph, x: str, like: str) -> str:
    """Return `rearrangements.fit_to`."""
    size = graph.add("Slice", graph.add("Shape", like), [2], [4], [0])
    padded = graph.add("Pad", x, [0, 0, 0, 0, 0, 0, 1, 1], mode="edge")
    return graph.add("Slice", padded, [0, 0], size, PLANE)


def _smooth(graph: Graph, pixels: str) -> str:
    row = np.array([0.25, 0.5, 0.25])
    kernel = np.broadcast_to(row[:, None] * row, (3, 1, 3, 3))
    return graph.add("Conv", graph.add("Pad", pixels, RING, mode="reflect"), kernel, group=3)
