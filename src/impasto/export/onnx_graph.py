"""An ONNX graph that is written node by node.

Reference: ONNX operators, opset 17.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.engine.gradients import to_host
from impasto.errors import EngineError

Array = NDArray[np.float32]

OPSET, IR_VERSION = 17, 8
FLOAT, DOUBLE = 1, 11
"""ONNX' numbers of the types float32 and float64."""
LEAST_SMALL = 64
"""Fewer weights than these are not worth a cast."""
RING = [0, 0, 1, 1, 0, 0, 1, 1]


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
        self._count = 0
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
        outputs = [f"{kind}_{self._count}_{index}" for index in range(count)]
        self._count += 1
        self._nodes.append(self._onnx.helper.make_node(kind, names, outputs, **attributes))
        return outputs

    def loop(self, count: int, step: Callable[..., Sequence[str]], *values: str) -> list[str]:
        """Return float64 values after so many steps, each of which takes and returns them."""

        def typed(name: str, kind: int, shape: Sequence[int] | None = None) -> Any:
            return self._onnx.helper.make_tensor_value_info(name, kind, shape)

        types, outer = self._onnx.TensorProto, self._nodes
        index, goes_on, *names = (f"Loop_{self._count}_{number}" for number in range(2 + len(values)))
        self._count, self._nodes = self._count + 1, []
        ends = [self.add("Identity", goes_on), *step(*names)]
        inputs = [typed(index, types.INT64, []), typed(goes_on, types.BOOL, [])]
        inputs += [typed(name, DOUBLE) for name in names]
        outputs = [typed(ends[0], types.BOOL, []), *(typed(name, DOUBLE) for name in ends[1:])]
        body = self._onnx.helper.make_graph(self._nodes, f"{index}_body", inputs, outputs)
        self._nodes = outer
        return self.add_many("Loop", len(values), count, "", *values, body=body)

    def stored(self, array: Array) -> str:
        """Return the name of weights, kept in float16 where that loses nothing."""
        small = array.astype(np.float16)
        if array.size < LEAST_SMALL or not np.array_equal(small.astype(np.float32), array):
            return self.constant(array)
        name = f"constant_{len(self._constants)}"
        self._constants[name] = self._onnx.numpy_helper.from_array(np.ascontiguousarray(small), name)
        return self.add("Cast", name, to=FLOAT)

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
        helper, declared = self._onnx.helper, []
        for output, (value, shape) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [value], [output]))
            declared.append(self._value(output, shape))
        graph = helper.make_graph(self._nodes, name, self._inputs, declared, list(self._constants.values()))
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="impasto",
        )
        self._onnx.checker.check_model(model, full_check=True)
        return model

    def convolve(self, x: str, kernel: Array, bias: Array | None = None, group: int = 1) -> str:
        """Return a convolution of x, mirrored at its borders by what the kernel needs.

        Args:
            x: (batch, inputs, h, w).
            kernel: (outputs, inputs / group, side, side), as ONNX has them.
            bias: (outputs,).
            group: as ONNX has it.
        """
        side = kernel.shape[-1]
        words: dict[str, Any] = {"group": group}
        # onnxruntime's WebGPU wants what could be left out elsewhere.
        words |= {"kernel_shape": [side, side], "strides": [1, 1], "dilations": [1, 1], "pads": [0, 0, 0, 0]}
        if side > 1:
            x = self.add("Pad", x, RING, mode="reflect")
        inputs = [self.stored(kernel), *([] if bias is None else [bias])]
        return self.add("Conv", x, *inputs, **words)

    def convolve_by(self, x: str, name: str) -> str:
        """Return a convolution of x by the weights of that name."""
        return self.convolve(
            x, self.weights[f"{name}/kernel"].transpose(3, 2, 0, 1), self.weights[f"{name}/bias"]
        )

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
