"""The reference itself: literals worked out by hand, SciPy's correlation, finite differences."""

from __future__ import annotations

import ast
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.signal import correlate

from . import adam, lbfgs, reference
from .reference import (
    Array,
    Network,
    content_loss,
    convolve,
    evaluator,
    expand,
    features,
    gram,
    out_of_range,
    pool,
    prepare,
    style_loss,
    tv_absolute,
    tv_johnson,
    tv_squared,
    value_and_gradient,
)

CHOICES = list(product(("average", "max"), ("zero", "reflect"), ("floor", "ceil")))
PAIR = np.array([[[1.0, 0, 2], [0, 1, 1]]])
"""Features of two positions and three channels."""
TARGET = np.array([[[1.0, 0, 0], [0, 0, 0]]])


def tiny_network(pooling: str = "average", padding: str = "reflect", rounding: str = "floor") -> Network:
    """Return sixteen random layers of two to four channels, with expand heads to five."""
    random = np.random.default_rng(19)
    weights = {
        "preprocess/kernel": np.eye(3)[None, None, ::-1] * 2 + random.normal(0, 0.2, (1, 1, 3, 3)),
        "preprocess/bias": random.normal(0, 0.5, 3),
    }
    channels = 3
    for layer in reference.LAYERS:
        wide = 2 + int(layer[-1]) % 3
        name = layer.replace("relu", "conv")
        weights[f"{name}/kernel"] = random.normal(0, (2 / 9 / channels) ** 0.5, (3, 3, channels, wide))
        weights[f"{name}/bias"] = random.normal(0.1, 0.1, wide)
        head = layer.replace("relu", "expand")
        weights[f"{head}/kernel"] = random.normal(0, 0.5, (1, 1, wide, 5))
        weights[f"{head}/bias"] = random.normal(0, 0.1, 5)
        channels = wide
    return Network(weights=weights, pooling=pooling, padding=padding, pool_rounding=rounding)


def picture(height: int, width: int, seed: int) -> Array:
    """Return a random picture (height, width, 3) in [0, 1]."""
    return np.random.default_rng(seed).random((height, width, 3))


def assert_slopes(function: Callable[[Array], tuple[float, Array]], point: Array) -> None:
    """Compare a gradient with central differences, at 24 places and along 4 random directions."""
    random = np.random.default_rng(5)
    gradient = function(point)[1]
    assert gradient.shape == point.shape
    assert np.abs(gradient).max() > 0
    places = np.eye(point.size)[random.choice(point.size, min(24, point.size), replace=False)]
    directions = np.concatenate([places, random.normal(size=(4, point.size))])
    found, expected = [], []
    for flat in directions:
        move = 1e-6 * flat.reshape(point.shape)
        expected.append((function(point + move)[0] - function(point - move)[0]) / 2e-6)
        found.append(np.sum(gradient * flat.reshape(point.shape)))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("padding", "expected"),
    [("zero", [[77, 67], [47, 37]]), ("reflect", [[135, 120], [105, 90]])],
)
def test_a_convolution_by_hand(padding: str, expected: list[list[float]]) -> None:
    x = np.array([[1.0, 2], [3, 4]])[:, :, None]
    kernel = np.arange(1.0, 10).reshape(3, 3, 1, 1)
    y, _ = convolve(x, kernel, np.array([0.5]), padding)
    np.testing.assert_array_equal(y[:, :, 0] - 0.5, expected)


def test_a_row_of_one_pixel_is_repeated_where_it_cannot_be_mirrored() -> None:
    y, _ = convolve(np.array([[[1.0], [2], [3]]]), np.ones((3, 3, 1, 1)), np.zeros(1), "reflect")
    np.testing.assert_array_equal(y[:, :, 0], [[12, 18, 24]])


def test_a_convolution_of_many_channels_is_scipys_correlation() -> None:
    random = np.random.default_rng(1)
    x, kernel = random.normal(size=(7, 6, 3)), random.normal(size=(3, 3, 3, 4))
    for padding, ringed in (
        ("zero", np.pad(x, ((1, 1), (1, 1), (0, 0)))),
        ("reflect", np.pad(x, ((1, 1), (1, 1), (0, 0)), mode="reflect")),
    ):
        y, _ = convolve(x, kernel, np.zeros(4), padding)
        for out in range(4):
            expected = correlate(ringed, kernel[:, :, :, out], "valid", "direct")[:, :, 0]
            np.testing.assert_allclose(y[:, :, out], expected, atol=1e-13)


@pytest.mark.parametrize(
    ("pooling", "rounding", "expected"),
    [
        ("average", "floor", [[3]]),
        ("max", "floor", [[5]]),
        ("average", "ceil", [[3, 4.5], [7.5, 9]]),
        ("max", "ceil", [[5, 6], [8, 9]]),
    ],
)
def test_a_pooling_by_hand(pooling: str, rounding: str, expected: list[list[float]]) -> None:
    y, _ = pool(np.arange(1.0, 10).reshape(3, 3, 1), pooling, rounding)
    np.testing.assert_array_equal(y[:, :, 0], expected)


def test_nothing_beyond_the_border_is_the_largest() -> None:
    y, _ = pool(-np.arange(1.0, 10).reshape(3, 3, 1), "max", "ceil")
    np.testing.assert_array_equal(y[:, :, 0], [[-1, -3], [-7, -9]])


@pytest.mark.parametrize(("pooling", "padding", "rounding"), CHOICES)
@pytest.mark.parametrize("size", [(2, 2), (3, 4), (5, 2), (17, 22)])
def test_pulls_are_adjoint(pooling: str, padding: str, rounding: str, size: tuple[int, int]) -> None:
    """Pools and convolutions are linear near a point: <y, g> is <x, pull(g)>."""
    random = np.random.default_rng(7)
    x, kernel = random.normal(size=(*size, 2)), random.normal(size=(3, 3, 2, 3))
    for y, pull in (pool(x, pooling, rounding), convolve(x, kernel, np.zeros(3), padding)):
        g = random.normal(size=y.shape)
        assert np.sum(y * g) == pytest.approx(np.sum(x * pull(g)), rel=1e-12, abs=1e-12)


def test_a_gram_matrix_by_hand() -> None:
    products = np.array([[1.0, 0, 2], [0, 1, 1], [2, 1, 5]])
    np.testing.assert_array_equal(gram(PAIR), products)
    np.testing.assert_allclose(gram(PAIR, "article"), products / 6, rtol=1e-15)
    np.testing.assert_allclose(gram(PAIR, "relative"), products / 2, rtol=1e-15)


def test_a_gram_matrix_does_not_know_where_things_are() -> None:
    f = np.random.default_rng(3).normal(size=(6, 5, 4))
    shuffled = np.random.default_rng(4).permutation(f.reshape(30, 4)).reshape(5, 6, 4)
    np.testing.assert_allclose(gram(shuffled), gram(f), rtol=1e-12)


@pytest.mark.parametrize(
    ("formula", "style", "content"),
    [
        ("article", 1 / 9, 1),
        ("johnson", 1 / 9, 1),
        ("gatys2016", 1 / 4, 3),
        ("relative", 36, 12),
    ],
)
def test_the_losses_by_hand(formula: str, style: float, content: float) -> None:
    """The undivided Gram matrices differ by 36 in squares, the features by 6."""
    target = gram(TARGET, formula)
    assert style_loss(PAIR, target, formula)[0] == pytest.approx(style, rel=1e-14)
    assert content_loss(PAIR, TARGET, formula)[0] == pytest.approx(content, rel=1e-14)


def test_gatys_divides_each_gram_matrix_by_its_own_positions() -> None:
    """One position [1, 0, 0] and two of them are the same style; else 9.25 in squares by hand."""
    alone, twice = TARGET[:, :1], np.repeat(TARGET[:, :1], 2, axis=1)
    assert style_loss(twice, gram(alone, "gatys2016"), "gatys2016")[0] == 0
    value, _ = style_loss(PAIR, gram(alone, "gatys2016"), "gatys2016")
    assert value == pytest.approx(9.25 / 36, rel=1e-14)


@pytest.mark.parametrize(
    ("function", "expected"),
    [(tv_squared, 1.25), (tv_absolute, 1.5), (tv_johnson, 255**2 * 1.25 / 2)],
)
def test_the_total_variations(function: Callable[[Array], tuple[float, Array]], expected: float) -> None:
    value, _ = function(np.array([[[0.0], [1]], [[0.5], [0]]]))
    assert value == pytest.approx(expected, rel=1e-14)
    assert function(np.full((3, 4, 3), 0.3))[0] == 0
    assert_slopes(function, picture(7, 6, 0))


def test_neural_style_leaves_out_pairs_along_the_far_borders() -> None:
    image = np.zeros((4, 5, 3))
    image[-1, -1] = 1
    assert tv_johnson(image)[0] == 0
    assert tv_squared(image)[0] > 0


def test_out_of_range() -> None:
    assert out_of_range(np.array([-0.5, 0.5, 1.25]))[0] == pytest.approx(0.3125 / 3, rel=1e-14)
    assert_slopes(out_of_range, 3 * picture(5, 4, 2) - 1)


@pytest.mark.parametrize(("pooling", "padding", "rounding"), CHOICES)
def test_the_gradient_through_every_kind_of_network(pooling: str, padding: str, rounding: str) -> None:
    network = tiny_network(pooling, padding, rounding)
    objective = prepare("relative", network, picture(17, 22, 1), picture(19, 16, 2))
    assert_slopes(evaluator(objective), picture(17, 22, 3))


@pytest.mark.parametrize("formula", list(reference.FORMULAS))
@pytest.mark.parametrize("metric", ["plain", "linear", "relu"])
def test_the_gradient_of_every_formula(formula: str, metric: str) -> None:
    """Both sides are heard: each formula's terms are brought to the same size first."""
    pictures = picture(18, 21, 1), picture(16, 25, 2)
    point = 1.4 * picture(18, 21, 3) - 0.2
    weights: dict[str, Any] = {"metric": metric, "tv": "absolute"}
    weights["content_layers"] = ("relu2_2", "relu4_2")
    _, terms, _ = value_and_gradient(point, prepare(formula, tiny_network(), *pictures, **weights))
    for name, value in terms.items():
        assert value > 0
        weights[f"{name}_weight"] = 1 / value
    objective = prepare(formula, tiny_network(), *pictures, **weights)
    assert value_and_gradient(point, objective)[0] == pytest.approx(4, rel=1e-12)
    assert_slopes(evaluator(objective), point)


def test_the_presets_weigh_as_their_sources_do() -> None:
    pictures, point = (picture(18, 21, 1), picture(18, 21, 2)), picture(18, 21, 3)
    network = tiny_network()
    f, p, a = (
        features(
            image,
            network.weights,
            (*reference.STYLE_LAYERS, "relu4_2"),
            pooling="average",
            padding="reflect",
            pool_rounding="floor",
        )
        for image in (point, *pictures)
    )
    content = np.sum((f["relu4_2"] - p["relu4_2"]) ** 2)
    spread = np.sum((p["relu4_2"] - p["relu4_2"].mean(axis=(0, 1), keepdims=True)) ** 2)
    spread = max(spread, np.sum(p["relu4_2"] ** 2) / 4)
    squares = {k: np.sum((gram(f[k]) - gram(a[k])) ** 2) for k in reference.STYLE_LAYERS}
    n = {k: f[k].shape[2] for k in squares}
    m = {k: f[k].shape[0] * f[k].shape[1] for k in squares}
    by_size = {k: squares[k] / (n[k] * m[k]) ** 2 / n[k] ** 2 for k in squares}
    expected = {
        "article": 5 * content / f["relu4_2"].size + 0.2 * sum(by_size.values()),
        "gatys2016": 1e-3 * content / 2 + sum(squares[k] / (4 * n[k] ** 2 * m[k] ** 2) for k in squares) / 5,
        "relative": content / spread + sum(squares[k] / np.sum(gram(a[k]) ** 2) for k in squares) / 5,
        "johnson": 5 * content / f["relu4_2"].size
        + 100 * sum(by_size.values())
        + 1e-3 * tv_johnson(point)[0],
    }
    for formula, value in expected.items():
        objective = prepare(formula, network, *pictures)
        assert value_and_gradient(point, objective)[0] == pytest.approx(value, rel=1e-12), formula


def test_the_layers_lie_where_vgg19_has_them() -> None:
    network = tiny_network(rounding="floor")
    found = features(
        picture(35, 50, 0),
        network.weights,
        reference.LAYERS,
        pooling="max",
        padding="zero",
        pool_rounding="floor",
    )
    assert list(found) == list(reference.LAYERS) and len(found) == 16
    assert found["relu1_2"].shape[:2] == (35, 50)
    assert found["relu2_1"].shape[:2] == (17, 25)
    assert found["relu3_4"].shape[:2] == (8, 12)
    assert found["relu5_4"].shape[:2] == (2, 3)


def test_the_first_layer_by_hand() -> None:
    """2 x red - 1 goes in; a convolution that only looks at its center trebles it."""
    kernel = np.zeros((3, 3, 3, 1))
    kernel[1, 1, 0, 0] = 3
    weights = {
        "preprocess/kernel": 2 * np.eye(3)[None, None],
        "preprocess/bias": -np.ones(3),
        "conv1_1/kernel": kernel,
        "conv1_1/bias": np.array([0.25]),
    }
    image = np.array([[[0.75, 9, 9], [0.25, 9, 9]]])
    found = features(image, weights, ["relu1_1"], pooling="max", padding="zero", pool_rounding="floor")
    np.testing.assert_array_equal(found["relu1_1"], [[[1.75], [0]]])


def test_expansion_by_hand() -> None:
    weights = {
        "expand1_1/kernel": np.array([[1.0, -1], [2, 0], [0, 1]])[None, None],
        "expand1_1/bias": np.array([0.5, 0]),
    }
    network = Network(weights=weights)
    linear, _ = expand(PAIR, network, "relu1_1", "linear")
    np.testing.assert_array_equal(linear, [[[1.5, 1], [2.5, 1]]])
    rectified, _ = expand(-PAIR, network, "relu1_1", "relu")
    np.testing.assert_array_equal(rectified, [[[0, 0], [0, 0]]])


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="relu9_9"):
        features(picture(8, 8, 0), {}, ["relu9_9"], pooling="max", padding="zero", pool_rounding="ceil")
    with pytest.raises(ValueError, match="at least 2 px, not 1 x 4"):
        pool(np.zeros((1, 4, 1)), "max", "floor")
    for pooling, rounding in (("mean", "floor"), ("max", "round")):
        with pytest.raises(KeyError):
            pool(np.zeros((4, 4, 1)), pooling, rounding)


def half_square(x: Array) -> tuple[float, Array]:
    """Return |x|^2 / 2 and its gradient."""
    return float(np.sum(x**2)) / 2, x


def test_adam_by_hand() -> None:
    """Without epsilon the first step is the learning rate; m = 0.18, v = 0.001809 at the second."""
    found = adam(half_square, np.array([1.0]), 2, 0.1, (0.9, 0.999, 0.0))
    second = 0.9 - 0.1 * (0.001999**0.5 / 0.19) * 0.18 / 0.001809**0.5
    np.testing.assert_allclose(np.concatenate(found.points), [1, 0.9, second], rtol=1e-12)
    assert second == pytest.approx(0.800412, abs=1e-6)
    np.testing.assert_allclose(found.values, [0.5, 0.405, second**2 / 2], rtol=1e-12)


def test_adam_adds_epsilon_to_the_uncorrected_root() -> None:
    found = adam(half_square, np.array([1.0]), 1, 0.1, (0.9, 0.999, 1.0))
    assert 1 - found.points[1][0] == pytest.approx(0.00306534, rel=1e-5)


def test_adam_stays_within_limits() -> None:
    found = adam(half_square, np.array([1.0, -1]), 3, 0.3, limits=(-0.95, 0.6))
    np.testing.assert_allclose(found.points[1], [0.6, -0.7], rtol=1e-5)


def rosenbrock(x: Array) -> tuple[float, Array]:
    """Return Rosenbrock's valley at x, (2, 1), and its gradient; least at (1, 1)."""
    a, b = x.ravel()
    slope = np.array([-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)])
    return float((1 - a) ** 2 + 100 * (b - a * a) ** 2), slope.reshape(x.shape)


def test_lbfgs_reaches_the_end_of_the_valley() -> None:
    found = lbfgs(rosenbrock, np.array([[-1.2], [1.0]]), 60)
    np.testing.assert_allclose(found.points[-1], [[1], [1]], atol=1e-6)
    assert len(found.points) == len(found.values) > 20
    assert all(later < earlier for earlier, later in zip(found.values, found.values[1:], strict=False))
    shorter = lbfgs(rosenbrock, np.array([[-1.2], [1.0]]), 60, memory=1)
    assert not np.array_equal(shorter.points[9], found.points[9])
    assert found.values == [rosenbrock(point)[0] for point in found.points]


@pytest.mark.parametrize("scale", [1.0, 255.0])
def test_a_pastiche_descends_in_any_units(scale: float) -> None:
    start, content, style = picture(16, 18, 4), picture(16, 18, 1), picture(17, 16, 2)
    objective = prepare("relative", tiny_network(), content, style)
    evaluate, start = evaluator(objective, scale), scale * start
    assert_slopes(evaluate, start)
    assert evaluate(start)[0] == pytest.approx(value_and_gradient(start / scale, objective)[0])
    for descent in (adam(evaluate, start, 8, 0.003 * scale), lbfgs(evaluate, start, 8)):
        assert len(descent.points) == 9
        assert descent.values[-1] < 0.7 * descent.values[0]


def test_nothing_of_the_product_is_imported() -> None:
    for name in ("reference.py", "__init__.py"):
        tree = ast.parse(Path(__file__).with_name(name).read_text(encoding="utf-8"))
        imported = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").split(".")[0])
        assert imported <= {"__future__", "collections", "dataclasses", "numpy", "scipy", "typing"}
