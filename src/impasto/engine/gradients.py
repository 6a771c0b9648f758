"""Value and gradient of a function of a picture on the active engine.

The only perception file that knows which engine is running: compiling, differentiating, and moving
numbers between the engine and NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.engine import runtime
from impasto.errors import Argument, OutOfMemoryError

Tensor = Any
Array = NDArray[np.float32]
Function = Callable[..., tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Evaluation:
    """A function's value, its terms and its gradient at one point.

    Attributes:
        total: the value.
        terms: float32 (terms,), on the host.
        gradient: float32, the shape of the point: a NumPy array, or the engine's on a GPU.
    """

    total: float
    terms: Array
    gradient: Any


def compile_value_and_gradient(function: Function, shape: tuple[int, ...]) -> Callable[..., Evaluation]:
    """Compile a function for one shape, once.

    Args:
        function: tensor of that shape, and perhaps constants -> (scalar total, terms tensor).
        shape: of the picture, (1, height, width, 3).

    Returns:
        A function of a float32 array of that shape and of the constants. On a processor arrays are
        NumPy's and share the engine's memory where it allows that; on a GPU they are the engine's and stay
        there.

    Raises:
        OutOfMemoryError: when called, if the engine runs out of memory.
    """
    compiled = compile_gradient(function)
    on_host = runtime.device() == "cpu"

    def evaluate(point: Any, *constants: Any) -> Evaluation:
        with memory_errors(shape[1:3]):
            total, terms, gradient = compiled(point, *constants)
        gradient = to_host(gradient) if on_host else gradient
        return Evaluation(float(total), to_host(terms), gradient)

    return evaluate


def compile_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of tensors, or of mappings of tensors, once for each set of shapes."""
    forms = {"tensorflow": _traced, "jax": _jitted, "torch": _without_gradient}
    return _guarded(forms[keras.backend.backend()](function))


def compile_for_any_size(function: Callable[..., Any], *sides: Sequence[int]) -> Callable[..., Any]:
    """Compile a function for pictures of all sizes at once, where the engine can; else as `compile_function`.

    TensorFlow can, so that photos of many shapes cost one tracing: a second where a photo of 512 px takes a
    twentieth of one to be painted. What is computed for a size does not depend on those before it.

    Args:
        function: of tensors or mappings of tensors.
        *sides: for each of its arguments the axes of its tensors that are of any length.
    """
    if keras.backend.backend() != "tensorflow":
        return compile_function(function)
    return _guarded(_traced_once(function, sides))


def known_by(shape: tuple[int, int]) -> tuple[int, int] | None:
    """Return what a function of `compile_for_any_size` is kept by: nothing where one serves all sizes."""
    return None if keras.backend.backend() == "tensorflow" else shape


def compile_gradient(function: Callable[..., tuple[Tensor, Tensor]]) -> Callable[..., Any]:
    """Compile (variable, *constants) -> (total, terms) so that it also gives the variable's gradient.

    Variable and constants are tensors or mappings of tensors; the gradient has the variable's form.

    Returns:
        A function that returns (total, terms, gradient), compiled once for each set of shapes.
    """
    forms = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
    return _guarded(forms[keras.backend.backend()](function))


def compile_pull_back(
    function: Callable[..., Mapping[str, Tensor]],
) -> Callable[..., tuple[Mapping[str, Tensor], Callable[[Mapping[str, Tensor]], Tensor]]]:
    """Compile (variable, *constants) -> tensors by name so that their slopes can be taken back later.

    Returns:
        A function that returns the tensors and what takes slopes by the same names, once, to the gradient of
        their weighed sum. Until then what it needs for that stays in memory; the function itself is not
        computed a second time.
    """
    forms = {"tensorflow": _tensorflow_pull_back, "jax": _jax_pull_back, "torch": _torch_pull_back}
    return _guarded(forms[keras.backend.backend()](function))


def _guarded(compiled: Callable[..., Any]) -> Callable[..., Any]:
    """Return a compiled function that refuses to hang in a forked process."""

    def call(*values: Any) -> Any:
        runtime.refuse_fork()
        return compiled(*values)

    return call


def _tensors(value: Any) -> Any:
    """Return arrays as the engine's tensors of their own dtypes, also within mappings, tuples and lists."""
    if isinstance(value, Mapping):
        return {name: _tensors(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_tensors(part) for part in value)
    tensor = ops.convert_to_tensor(value)
    if keras.backend.backend() == "torch" and tensor.is_inference():
        return tensor.clone()
    return tensor


@contextmanager
def ordinary_tensors() -> Iterator[None]:
    """Make tensors that a later gradient may use; a decorator, too.

    Those that PyTorch makes in its `inference_mode`, in which a caller may be, may not be used so for ever.
    """
    if keras.backend.backend() != "torch":
        yield
        return
    import torch

    with torch.inference_mode(False), torch.no_grad():
        yield


@contextmanager
def memory_errors(shape: tuple[int, ...]) -> Iterator[None]:
    """Translate an engine's running out of memory at a picture of this (height, width)."""
    try:
        yield
    except Exception as error:
        if out_of_memory(error):
            pixels = " x ".join(str(side) for side in reversed(shape))
            raise OutOfMemoryError(
                "the engine ran out of memory at {pixels} px; choose a smaller {max_size}",
                pixels=pixels,
                max_size=Argument("max_size"),
            ) from error
        raise


def out_of_memory(error: BaseException) -> bool:
    """Return whether an engine's error says that memory ran out."""
    text = f"{type(error).__name__} {error}"
    signs = ("ResourceExhausted", "RESOURCE_EXHAUSTED", "out of memory", "OutOfMemory", "bad_alloc")
    return isinstance(error, MemoryError) or any(sign in text for sign in signs)


def _traced(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile for TensorFlow, without its warning that functions are traced: each size is, once."""
    import tensorflow as tf

    compiled = tf.function(function, autograph=False)
    compiled._omit_frequent_tracing_warning = True  # only ours; the logger's level is the user's
    return compiled  # type: ignore[no-any-return]


def _traced_once(function: Callable[..., Any], sides: Sequence[Sequence[int]]) -> Callable[..., Any]:
    """Compile for TensorFlow with some axes of the arguments' tensors left open."""
    import tensorflow as tf

    compiled = _traced(function)
    known: dict[Any, Callable[..., Any]] = {}

    def opened(value: Any, axes: Sequence[int]) -> Any:
        if isinstance(value, Mapping):
            return {name: opened(part, axes) for name, part in value.items()}
        if isinstance(value, tuple | list):
            return type(value)(opened(part, axes) for part in value)
        shape = [None if axis in axes else side for axis, side in enumerate(value.shape)]
        return tf.TensorSpec(shape, value.dtype)

    def call(*values: Any) -> Any:
        tensors = [_tensors(value) for value in values]
        forms = [opened(value, axes) for value, axes in zip(tensors, sides, strict=True)]
        key = repr(forms)
        if key not in known:
            known[key] = compiled.get_concrete_function(*forms)  # type: ignore[attr-defined]
        return known[key](*tensors)

    return call


def _jitted(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile for JAX, in whole float32 (on GPUs it would mean TF32); its configuration stays as it is."""
    import jax

    compiled = jax.jit(function)

    def call(*values: Any) -> Any:
        with jax.default_matmul_precision("highest"):
            return compiled(*values)

    return call


def _without_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    import torch

    def call(*values: Any) -> Any:
        with torch.no_grad():
            return function(*(_tensors(value) for value in values))

    return call


def _tensorflow(function: Callable[..., Any]) -> Callable[..., Any]:
    import tensorflow as tf

    def value_and_gradient(variable: Any, *constants: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variable)
            total, terms = function(variable, *constants)
        return total, terms, tape.gradient(total, variable, unconnected_gradients="zero")

    compiled = _traced(value_and_gradient)
    return lambda *values: compiled(*(_tensors(value) for value in values))


def _jax(function: Callable[..., Any]) -> Callable[..., Any]:
    import jax

    value_and_gradient = _jitted(jax.value_and_grad(function, has_aux=True))

    def call(*values: Any) -> Any:
        (total, terms), gradient = value_and_gradient(*values)
        return total, terms, gradient

    return call


def _torch(function: Callable[..., Any]) -> Callable[..., Any]:
    import torch

    def watched(value: Any) -> Any:
        return ops.convert_to_tensor(value).detach().clone().requires_grad_(True)

    def call(variable: Any, *constants: Any) -> Any:
        with torch.inference_mode(False), torch.enable_grad():  # whatever mode the caller is in
            return differentiated(variable, *(_tensors(value) for value in constants))

    def differentiated(variable: Any, *constants: Any) -> Any:
        names = list(variable) if isinstance(variable, Mapping) else None
        leaves = [watched(variable[name]) for name in names] if names else [watched(variable)]
        given = dict(zip(names, leaves, strict=True)) if names else leaves[0]
        total, terms = function(given, *constants)
        slopes = torch.autograd.grad(total, leaves, allow_unused=True)
        slopes = [torch.zeros_like(x) if g is None else g for x, g in zip(leaves, slopes, strict=True)]
        gradient = dict(zip(names, slopes, strict=True)) if names else slopes[0]
        return total.detach(), terms.detach(), gradient

    return call


def _tensorflow_pull_back(function: Callable[..., Any]) -> Callable[..., Any]:
    import tensorflow as tf

    compiled = _traced(function)

    def call(variable: Any, *constants: Any) -> Any:
        variable = _tensors(variable)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variable)
            values = compiled(variable, *(_tensors(value) for value in constants))

        def pull_back(slopes: Mapping[str, Any]) -> Any:
            upstream = [_tensors(slopes[name]) for name in values]
            return tape.gradient(list(values.values()), variable, upstream, unconnected_gradients="zero")

        return values, pull_back

    return call


def _jax_pull_back(function: Callable[..., Any]) -> Callable[..., Any]:
    import jax

    def forward(variable: Any, *constants: Any) -> Any:
        return jax.vjp(lambda variable: dict(function(variable, *constants)), variable)

    compiled, backward = _jitted(forward), _jitted(lambda pull, slopes: pull(slopes)[0])

    def call(variable: Any, *constants: Any) -> Any:
        values, pull = compiled(variable, *constants)
        return values, lambda slopes: backward(pull, {name: slopes[name] for name in values})

    return call


def _torch_pull_back(function: Callable[..., Any]) -> Callable[..., Any]:
    import torch

    def call(variable: Any, *constants: Any) -> Any:
        with torch.inference_mode(False), torch.enable_grad():
            leaf = ops.convert_to_tensor(variable).detach().clone().requires_grad_(True)
            values = function(leaf, *(_tensors(value) for value in constants))

        def pull_back(slopes: Mapping[str, Any]) -> Any:
            names = [name for name, value in values.items() if value.requires_grad]
            upstream = [_tensors(slopes[name]) for name in names]
            return torch.autograd.grad([values[name] for name in names], leaf, upstream)[0]

        return {name: value.detach() for name, value in values.items()}, pull_back

    return call


def to_host(tensor: Tensor) -> Array:
    """Return a tensor as a float32 NumPy array, without a copy where the engine allows it."""
    return np.asarray(keras.ops.convert_to_numpy(tensor), np.float32)


def to_engine(array: Array) -> Any:
    """Return an array where the optimization keeps its vectors: as it is, or on the GPU."""
    return np.ascontiguousarray(array) if runtime.device() == "cpu" else ops.convert_to_tensor(array)
