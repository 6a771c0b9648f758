"""Neural style transfer once more, in float64 NumPy with gradients derived by hand.

The product's numbers are checked against this file, so it shares nothing with the product: no
import of it, no Keras, no automatic differentiation. Each operation returns its result and a
function that pulls a gradient back through it; ``value_and_gradient`` chains those. Pictures are
(height, width, 3), RGB in [0, 1], and gradients are taken with respect to them.

References: Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks"
(CVPR 2016); Simonyan and Zisserman (ICLR 2015), configuration E; Johnson, neural-style (2015).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Pull = Callable[[Array], Array]

BLOCKS = (2, 2, 4, 4, 4)
LAYERS = tuple(f"relu{b}_{i}" for b, n in enumerate(BLOCKS, 1) for i in range(1, n + 1))
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


@dataclass(frozen=True, kw_only=True)
class Network:
    """A VGG-shaped network: weights and the treatment of pools and borders.

    Attributes:
        weights: ``preprocess/kernel`` (1, 1, 3, 3), ``preprocess/bias`` (3,), ``conv1_1/kernel``
            (3, 3, in, out), ``conv1_1/bias`` (out,) ...; ``expand1_1/kernel`` (1, 1, c, wide) ...
        pooling: ``average`` or ``max``, over 2 x 2 windows 2 px apart.
        padding: ``zero``, or ``reflect`` (repeating the border instead where a side is 1 px).
        pool_rounding: ``floor`` drops an odd last row or column; ``ceil`` pools what it has.
    """

    weights: Mapping[str, NDArray[Any]]
    pooling: str = "average"
    padding: str = "reflect"
    pool_rounding: str = "floor"

    def weight(self, name: str) -> Array:
        """Return one array of the weights in float64."""
        return np.asarray(self.weights[name], np.float64)


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What a pastiche is compared with, by which formulas, and each term's weight; see ``prepare``.

    Attributes:
        network: the feature extractor.
        formula: a key of ``FORMULAS``.
        content: ``{layer: features P}``, (h, w, channels) each.
        style: ``{layer: Gram matrix A}`` in the formula's own normalization.
        style_layer_weights: ``{layer: w_l}``.
        metric: ``plain``, ``linear`` or ``relu``; see ``expand``.
        tv: a key of ``TOTAL_VARIATIONS``.
    """

    network: Network
    formula: str
    content: Mapping[str, Array]
    style: Mapping[str, Array]
    style_layer_weights: Mapping[str, float]
    metric: str = "plain"
    tv: str = "squared"
    content_weight: float = 1.0
    style_weight: float = 1.0
    tv_weight: float = 0.0
    range_weight: float = 0.0


FIFTHS = dict.fromkeys(STYLE_LAYERS, 0.2)
FORMULAS: dict[str, dict[str, Any]] = {
    "article": {"style_layer_weights": FIFTHS, "content_weight": 5.0},
    "gatys2016": {"style_layer_weights": FIFTHS, "content_weight": 1e-3},
    "relative": {"style_layer_weights": FIFTHS},
    "johnson": {
        "style_layer_weights": dict.fromkeys(STYLE_LAYERS, 1.0),
        "content_weight": 5.0,
        "style_weight": 100.0,
        "tv_weight": 1e-3,
        "tv": "johnson",
    },
}
"""Each formula's weights as its source has them; ``relative`` has no source, hence ones."""


# The network's operations, each with the pull of its gradient.
def pad(x: Array, padding: str) -> tuple[Array, Pull]:
    """Return x inside one ring of zeros or of mirrored pixels, (h + 2, w + 2, c)."""
    ring = ((1, 1), (1, 1), (0, 0))
    if {"zero": True, "reflect": False}[padding]:
        return np.pad(x, ring), lambda g: g[1:-1, 1:-1]
    mirrored = 0 if 1 in x.shape[:2] else 1

    def pull(g: Array) -> Array:
        rows = g[1:-1].copy()
        rows[mirrored] += g[0]
        rows[-1 - mirrored] += g[-1]
        inner = rows[:, 1:-1].copy()
        inner[:, mirrored] += rows[:, 0]
        inner[:, -1 - mirrored] += rows[:, -1]
        return inner

    return np.pad(x, ring, mode="reflect" if mirrored else "symmetric"), pull


def convolve(x: Array, kernel: Array, bias: Array, padding: str) -> tuple[Array, Pull]:
    """Return y[p] = bias + sum over the nine taps t of x[p + t - 1] @ kernel[t], (h, w, out)."""
    h, w, c = x.shape
    padded, unpad = pad(x, padding)
    taps = [(slice(i, i + h), slice(j, j + w)) for i in range(3) for j in range(3)]
    matrix = kernel.reshape(9 * c, -1)
    columns = np.concatenate([padded[tap] for tap in taps], axis=2).reshape(h * w, 9 * c)

    def pull(g: Array) -> Array:
        spread = (g.reshape(h * w, -1) @ matrix.T).reshape(h, w, 9, c)
        total = np.zeros_like(padded)
        for index, tap in enumerate(taps):
            total[tap] += spread[:, :, index]
        return unpad(total)

    return (columns @ matrix).reshape(h, w, -1) + bias, pull


def relu(x: Array) -> tuple[Array, Pull]:
    """Return max(x, 0), whose derivative at 0 is taken as 0."""
    return np.maximum(x, 0.0), lambda g: g * (x > 0)


def pool(x: Array, pooling: str, rounding: str) -> tuple[Array, Pull]:
    """Return the mean or the largest of each 2 x 2 window.

    ``floor`` gives (h // 2, w // 2, c), as TensorFlow's VALID; ``ceil`` rounds up, as its SAME:
    windows at the far borders then have fewer pixels, and the mean is over those only. Of equal
    largest values the first in reading order receives the gradient.
    """
    h, w, c = x.shape
    up = {"floor": 0, "ceil": 1}[rounding]
    rows, columns = (h + up) // 2, (w + up) // 2
    if not (rows and columns):
        raise ValueError(f"pooling by floor needs sides of at least 2 px, not {h} x {w}")

    def to_windows(y: Array, fill: float) -> Array:
        whole = np.full((2 * rows, 2 * columns, c), fill)
        whole[:h, :w] = y[: 2 * rows, : 2 * columns]
        paired = whole.reshape(rows, 2, columns, 2, c).transpose(0, 2, 1, 3, 4)
        return paired.reshape(rows, columns, 4, c)

    if {"average": True, "max": False}[pooling]:
        present = to_windows(np.ones_like(x), 0.0)
        share = present / present.sum(axis=2, keepdims=True)
    else:
        winner = to_windows(x, -np.inf).argmax(axis=2)
        share = (np.arange(4)[:, None] == winner[:, :, None]).astype(np.float64)

    def pull(g: Array) -> Array:
        spread = (g[:, :, None] * share).reshape(rows, columns, 2, 2, c).transpose(0, 2, 1, 3, 4)
        whole = spread.reshape(2 * rows, 2 * columns, c)[:h, :w]
        return np.pad(whole, ((0, h - whole.shape[0]), (0, w - whole.shape[1]), (0, 0)))

    return (to_windows(x, 0.0) * share).sum(axis=2), pull


def features(
    image: Array,
    weights: Mapping[str, NDArray[Any]],
    layers: Iterable[str],
    *,
    pooling: str,
    padding: str,
    pool_rounding: str,
) -> dict[str, Array]:
    """Return ``{layer: features after the ReLU, (h, w, channels)}``; see ``Network``."""
    choices = {"pooling": pooling, "padding": padding, "pool_rounding": pool_rounding}
    return _forward(image, Network(weights=weights, **choices), layers)[0]


def _forward(
    image: Array, network: Network, layers: Iterable[str]
) -> tuple[dict[str, Array], list[tuple[str, Pull]]]:
    """Return the wanted features and, in order, every operation's pull beside its layer's name."""
    wanted = set(layers)
    if unknown := wanted - {*LAYERS}:
        raise ValueError(f"layers must be named relu1_1 ... relu5_4, not {sorted(unknown)}")
    matrix = network.weight("preprocess/kernel")[0, 0]
    x = np.asarray(image, np.float64) @ matrix + network.weight("preprocess/bias")
    found: dict[str, Array] = {}
    tape: list[tuple[str, Pull]] = [("", lambda g: g @ matrix.T)]
    for layer in LAYERS:
        if len(found) == len(wanted):
            break
        if layer.endswith("_1") and layer != "relu1_1":
            x, back = pool(x, network.pooling, network.pool_rounding)
            tape.append(("", back))
        name = layer.replace("relu", "conv")
        kernel, bias = network.weight(f"{name}/kernel"), network.weight(f"{name}/bias")
        x, back = convolve(x, kernel, bias, network.padding)
        tape.append(("", back))
        x, back = relu(x)
        tape.append((layer, back))
        if layer in wanted:
            found[layer] = x
    return found, tape


def _backward(tape: list[tuple[str, Pull]], gradients: Mapping[str, Array]) -> Array:
    """Return the image's gradient from those with respect to the features."""
    g = np.zeros(())
    for layer, back in reversed(tape):
        if layer in gradients:
            g = g + gradients[layer]
        g = back(g)
    return g


def expand(f: Array, network: Network, layer: str, metric: str) -> tuple[Array, Pull]:
    """Return f, or f @ kernel + bias, or its ReLU, as metric is ``plain``, ``linear``, ``relu``."""
    if metric == "plain":
        return f, lambda g: g
    name = layer.replace("relu", "expand")
    matrix = network.weight(f"{name}/kernel")[0, 0]
    s, back = {"linear": lambda y: (y, lambda g: g), "relu": relu}[metric](
        f @ matrix + network.weight(f"{name}/bias")
    )
    return s, lambda g: back(g) @ matrix.T


# The losses, each returning its value and its gradient.
def gram(f: Array, formula: str = "") -> Array:
    """Return F'F of the (positions, channels) matrix F, symmetric (channels, channels).

    Undivided without a formula (Gatys et al. 2016, eq. 3); divided by positions * channels for
    ``article`` and ``johnson``, by positions for ``gatys2016`` and ``relative``.
    """
    matrix = f.reshape(-1, f.shape[-1])
    return (matrix.T @ matrix) / _gram_divisor(f, formula)


def _gram_divisor(f: Array, formula: str) -> int:
    if not formula:
        return 1
    return f.size if formula in ("article", "johnson") else f.size // f.shape[-1]


def style_loss(f: Array, target: Array, formula: str) -> tuple[float, Array]:
    """Return one layer's style loss and its gradient, with G = ``gram(f, formula)``.

    - ``article``, ``johnson``: mean over elements of (G - A)^2.
    - ``gatys2016``: E = sum (G - A)^2 / (4 N^2), N channels. Where both pictures have M positions
      this is eq. 4, whose undivided Gram matrices take 1 / (4 N^2 M^2); otherwise each Gram matrix
      is divided by the positions of its own picture, which the paper leaves open.
    - ``relative``: |G - A|^2 / |A|^2, Frobenius norms.
    """
    divisor = {
        "article": target.size,
        "johnson": target.size,
        "gatys2016": 4.0 * target.size,
        "relative": np.sum(target**2),
    }[formula]
    difference = gram(f, formula) - target
    gradient = 4.0 / (divisor * _gram_divisor(f, formula)) * (f @ difference)
    return float(np.sum(difference**2) / divisor), gradient


def content_loss(f: Array, target: Array, formula: str) -> tuple[float, Array]:
    """Return one layer's content loss and its gradient; f and target are (h, w, channels).

    - ``article``, ``johnson``: mean over elements of (F - P)^2.
    - ``gatys2016``: sum (F - P)^2 / 2 (eq. 1).
    - ``relative``: |F - P|^2 / |P - mean P|^2, the mean over positions, channel by channel; the divisor is
      at least |P|^2 / 4.
    """
    divisor = {
        "article": target.size,
        "johnson": target.size,
        "gatys2016": 2.0,
        "relative": max(np.sum((target - target.mean(axis=(0, 1))) ** 2), np.sum(target**2) / 4),
    }[formula]
    difference = f - target
    return float(np.sum(difference**2) / divisor), 2.0 / divisor * difference


def tv_squared(image: Array) -> tuple[float, Array]:
    """Return mean (right - left)^2 + mean (lower - upper)^2, each over its own pairs' channels."""
    across, down = np.diff(image, axis=1), np.diff(image, axis=0)
    value = np.sum(across**2) / across.size + np.sum(down**2) / down.size
    return float(value), _undiff(2 * across / across.size, 2 * down / down.size)


def tv_absolute(image: Array) -> tuple[float, Array]:
    """Return mean |right - left| + mean |lower - upper| (anisotropic); the slope at 0 is 0."""
    across, down = np.diff(image, axis=1), np.diff(image, axis=0)
    value = np.sum(np.abs(across)) / across.size + np.sum(np.abs(down)) / down.size
    return float(value), _undiff(np.sign(across) / across.size, np.sign(down) / down.size)


def tv_johnson(image: Array) -> tuple[float, Array]:
    """Return sum of ((right - here)^2 + (below - here)^2) / 2 on 0..255, as neural-style has it.

    That program states only a gradient, the plain differences, hence the half; it visits the
    pixels that have both neighbors, so the last row's and column's own pairs are left out. It
    works on 255 * image less the mean pixel in BGR; neither shift nor order changes the value. It
    does not report this term in its loss; here it is reported.
    """
    across, down = 255 * np.diff(image, axis=1), 255 * np.diff(image, axis=0)
    across[-1], down[:, -1] = 0.0, 0.0
    return float(np.sum(across**2) + np.sum(down**2)) / 2, 255 * _undiff(across, down)


def _undiff(across: Array, down: Array) -> Array:
    """Return the adjoint of the two ``np.diff``: each pair's gradient to its two pixels."""
    return -np.diff(across, axis=1, prepend=0, append=0) - np.diff(down, axis=0, prepend=0, append=0)


def out_of_range(image: Array) -> tuple[float, Array]:
    """Return the mean over elements of the squared distance from [0, 1]."""
    beyond = image - np.clip(image, 0.0, 1.0)
    return float(np.mean(beyond**2)), 2 * beyond / beyond.size


TOTAL_VARIATIONS = {"squared": tv_squared, "absolute": tv_absolute, "johnson": tv_johnson}


def prepare(
    formula: str,
    network: Network,
    content_image: Array,
    style_image: Array,
    *,
    content_layers: Iterable[str] = ("relu4_2",),
    **changes: Any,
) -> Objective:
    """Return the formula's objective for two pictures; changes are fields of ``Objective``.

    With the losses above and w_l = 1/5 over relu1_1 ... relu5_1:

    - ``article``: 5 * content + sum of w_l * style; its network takes RGB 0..255 less mean pixel.
    - ``gatys2016``: alpha * content + beta * sum of w_l * E_l (eqs. 5, 7), alpha / beta = 1e-3.
    - ``relative``: content + sum of w_l * style.
    - ``johnson``: 5 * content + 100 * sum of style (w_l = 1) + 1e-3 * TV.
    """
    fields = FORMULAS[formula] | changes
    content, _ = _forward(content_image, network, content_layers)
    style, _ = _forward(style_image, network, fields["style_layer_weights"])
    for layer, f in style.items():
        style[layer] = gram(expand(f, network, layer, fields.get("metric", "plain"))[0], formula)
    return Objective(network=network, formula=formula, content=content, style=style, **fields)


def value_and_gradient(image: Array, objective: Objective) -> tuple[float, dict[str, float], Array]:
    """Return the total, its terms and the total's gradient (h, w, 3), per unit of a [0, 1] image.

    The terms ``content`` (the mean over its layers), ``style`` (the weighted sum), ``tv`` and
    ``range`` are without the four weights; times those they add up to the total.
    """
    image, o = np.asarray(image, np.float64), objective
    found, tape = _forward(image, o.network, {**o.content, **o.style})
    content = style = 0.0
    gradients = {layer: np.zeros_like(f) for layer, f in found.items()}
    for layer, target in o.content.items():
        value, g = content_loss(found[layer], target, o.formula)
        content += value / len(o.content)
        gradients[layer] += o.content_weight / len(o.content) * g
    for layer, target in o.style.items():
        expanded, back = expand(found[layer], o.network, layer, o.metric)
        value, g = style_loss(expanded, target, o.formula)
        style += o.style_layer_weights[layer] * value
        gradients[layer] += o.style_weight * o.style_layer_weights[layer] * back(g)
    tv, tv_gradient = TOTAL_VARIATIONS[o.tv](image)
    beyond, range_gradient = out_of_range(image)
    terms = {"content": content, "style": style, "tv": tv, "range": beyond}
    total = sum(getattr(o, f"{name}_weight") * value for name, value in terms.items())
    gradient = _backward(tape, gradients)
    return total, terms, gradient + o.tv_weight * tv_gradient + o.range_weight * range_gradient


def evaluator(objective: Objective, scale: float = 1.0) -> Callable[[Array], tuple[float, Array]]:
    """Return the objective as a function of scale * image, for a descent in other units."""

    def evaluate(point: Array) -> tuple[float, Array]:
        total, _, gradient = value_and_gradient(point / scale, objective)
        return total, gradient / scale

    return evaluate
