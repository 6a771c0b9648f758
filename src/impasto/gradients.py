"""Value and gradient of a function of a picture on the active engine.

The only perception file that knows which engine is running: compiling, differentiating, and moving
numbers between the engine and NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from impasto.errors import EngineError

Tensor = Any
Array = NDArray[np.float32]
Function = Callable[[Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Evaluation:
    """A function's value, its terms and its gradient at one point, on the host.

    Attributes:
        total: the value.
        terms: float32 (terms,).
        gradient: float32, the shape of the point.
    """

    total: float
    terms: Array
    gradient: Array


def compile_value_and_gradient(function: Function, shape: tuple[int, ...]) -> Callable[[Array], Evaluation]:
    """Compile a function for one shape, once.

    Args:
        function: tensor of that shape -> (scalar total, terms tensor).
        shape: of the picture, (1, height, width, 3).

    Returns:
        A function of a float32 array of that shape. On a processor the arrays share the engine's
        memory where the engine allows it, so nothing is copied that need not be.

    Raises:
        EngineError: when called, if the engine runs out of memory.
    """
    engine = keras.backend.backend()
    compiled = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[engine](function, shape)

    def evaluate(point: Array) -> Evaluation:
        try:
            total, terms, gradient = compiled(point)
        except Exception as error:
            if out_of_memory(error):
                pixels = "x".join(str(side) for side in shape[1:3])
                raise EngineError(
                    f"the engine ran out of memory at {pixels} px; choose a smaller --max-size"
                ) from error
            raise
        return Evaluation(float(total), np.asarray(terms), gradient)

    return evaluate


def out_of_memory(error: BaseException) -> bool:
    """Return whether an engine's error says that memory ran out."""
    text = f"{type(error).__name__} {error}"
    signs = ("ResourceExhausted", "RESOURCE_EXHAUSTED", "out of memory", "OutOfMemory", "bad_alloc")
    return isinstance(error, MemoryError) or any(sign in text for sign in signs)


def _tensorflow(function: Function, shape: tuple[int, ...]) -> Callable[[Array], Any]:
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32)], autograph=False)  # type: ignore[untyped-decorator]
    def value_and_gradient(image: Tensor) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(image)
            total, terms = function(image)
        return total, terms, tape.gradient(total, image)

    def call(point: Array) -> Any:
        total, terms, gradient = value_and_gradient(tf.convert_to_tensor(point))
        return total, terms.numpy(), gradient.numpy()

    return call


def _jax(function: Function, shape: tuple[int, ...]) -> Callable[[Array], Any]:
    import jax

    value_and_gradient = jax.jit(jax.value_and_grad(function, has_aux=True))

    def call(point: Array) -> Any:
        (total, terms), gradient = value_and_gradient(point)
        return total, np.asarray(terms), np.asarray(gradient)

    return call


def _torch(function: Function, shape: tuple[int, ...]) -> Callable[[Array], Any]:
    import torch

    device = keras.src.backend.torch.core.get_device()

    def call(point: Array) -> Any:
        image = torch.tensor(point, device=device, requires_grad=True)
        total, terms = function(image)
        (gradient,) = torch.autograd.grad(total, image)
        return total.detach(), terms.detach().cpu().numpy(), gradient.cpu().numpy()

    return call


def to_host(tensor: Tensor) -> Array:
    """Return a tensor as a float32 NumPy array, without a copy where the engine allows it."""
    return np.asarray(keras.ops.convert_to_numpy(tensor), np.float32)
