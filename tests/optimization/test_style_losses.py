"""The four measures of style and the objective, against NumPy and against what they mean."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from conftest import picture, tiny_weights
from impasto.engine.gradients import compile_gradient
from impasto.errors import SettingError
from impasto.networks.feature_network import FeatureNetwork
from impasto.optimization.style_losses import (
    LAYER_WEIGHTS_OF_NEIGHBORS,
    SCALES,
    new_style_loss,
    style_layer_weights,
)
from impasto.optimization.targets import build_objective, style_targets
from impasto.pictures.resizing import resize
from impasto.prepared import StyledRegion, StyleImage, region_masks
from impasto.settings import Settings

KINDS = ("gram", "moments", "sliced", "neighbors")
LAYERS = {"relu1_1": 0.25, "relu2_1": 0.75}


@pytest.fixture(scope="module")
def network():
    weights = tiny_weights(widths=(5, 6, 6, 7, 6))
    return FeatureNetwork(name="tiny", weights={k: ops.convert_to_tensor(v) for k, v in weights.items()})


def everywhere(*pixels):
    return [StyledRegion(styles=tuple(StyleImage(pixels=p) for p in pixels))]


def frozen(network, kind, regions, shape, layers=None):
    layers = LAYERS if layers is None else layers
    masks = region_masks(regions, shape, layers, "floor")
    targets = style_targets(network, regions, layers, masks, shape)
    return new_style_loss(kind, "relative", targets, seed=0), masks


def judged(network, kind, regions, image, layers=None, known=False):
    loss, masks = frozen(network, kind, regions, image.shape[:2], layers)
    view = {f"mask/{k}": mask if known else ops.convert_to_tensor(mask) for k, mask in masks.items()}
    features = network.features(ops.convert_to_tensor(image[None]), loss.layers)
    return float(loss.loss(loss.measure(features, view)))


def rows(network, image, layer):
    """Return the features of a picture, float64 (positions, channels)."""
    found = np.asarray(network.features(ops.convert_to_tensor(image[None]), [layer])[layer], np.float64)
    return found.reshape(-1, found.shape[-1])


def relative(found, wanted):
    return np.square(found - wanted).sum() / np.square(wanted).sum()


def gram(x):
    return x.T @ x / len(x)


def by_hand(kind, x, y):
    """Return a layer's loss of features x against the style's features y, by another route."""
    if kind == "gram":
        return relative(gram(x), gram(y))
    if kind == "moments":
        covariances = [np.cov(z, rowvar=False, bias=True) for z in (x, y)]
        return SCALES["moments"] * (relative(*covariances) + relative(x.mean(axis=0), y.mean(axis=0)))
    x, y = x - y.mean(axis=0), y - y.mean(axis=0)
    x, y = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, y))
    return SCALES["neighbors"] * np.mean([min(1 - y @ row) for row in x])


@pytest.mark.parametrize("kind", ["gram", "moments", "neighbors"])
def test_a_measure_equals_its_formula(network, kind):
    image, style = picture(24, 30, 1), picture(20, 22, 2)
    wanted = sum(
        weight * by_hand(kind, rows(network, image, layer), rows(network, style, layer))
        for layer, weight in LAYERS.items()
    )
    found = judged(network, kind, everywhere(style), image)
    assert found == pytest.approx(wanted, rel=2e-3)
    assert found > 5e-4


def test_sliced_is_the_transport_between_sorted_projections(network):
    image, style = picture(24, 30, 1), picture(24, 30, 2)
    loss, _ = frozen(network, "sliced", everywhere(style), (24, 30))
    wanted = 0.0
    for layer, weight in LAYERS.items():
        directions = np.asarray(loss.values[f"directions/{layer}"], np.float64)
        np.testing.assert_allclose(directions.T @ directions, np.eye(len(directions)), atol=1e-5)
        x, y = (np.sort(rows(network, p, layer) @ directions, axis=0) for p in (image, style))
        wanted += weight * np.mean((x - y) ** 2) / np.mean(y.var(axis=0))
    assert judged(network, "sliced", everywhere(style), image) == pytest.approx(wanted, rel=0.05)
    assert wanted > 0.01


def test_sliced_needs_no_equal_sizes(network):
    image, style = picture(24, 30, 1), picture(48, 60, 2)
    twice = np.tile(style, (2, 2, 1))
    small, large = (judged(network, "sliced", everywhere(s), image) for s in (style, twice))
    assert small == pytest.approx(large, rel=0.1)


@pytest.mark.parametrize(
    ("kind", "most"), [("gram", 1e-9), ("moments", 1e-9), ("sliced", 0.02), ("neighbors", 1e-4)]
)
def test_the_style_itself_has_no_loss(network, kind, most):
    style = picture(24, 30, 2)
    assert 0 <= judged(network, kind, everywhere(style), style) <= most
    assert judged(network, kind, everywhere(style), picture(24, 30, 3)) > 10 * most


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_is_the_slope(network, kind):
    image, style = picture(24, 30, 1), picture(20, 22, 2)
    loss, _ = frozen(network, kind, everywhere(style), (24, 30))

    def total(point):
        found = loss.loss(loss.measure(network.features(point, loss.layers), {}))
        return found, found[None]

    value_and_gradient = compile_gradient(total)
    gradient = np.asarray(value_and_gradient(image[None])[2], np.float64)
    direction = gradient / np.abs(gradient).max()
    step = 2e-4  # larger ones cross the borders between neighbors
    up, down = (
        float(value_and_gradient((image + s * step * direction[0])[None].astype(np.float32))[0])
        for s in (1, -1)
    )
    assert (up - down) / (2 * step) == pytest.approx(np.sum(gradient * direction), rel=0.03)


@pytest.mark.parametrize("kind", KINDS)
def test_where_things_are_does_not_matter(network, kind):
    image, style = picture(32, 32, 1), picture(32, 32, 2)
    plain, turned = (
        judged(network, kind, everywhere(s), image, {"relu1_1": 1.0})
        for s in (style, np.roll(style, (6, 8), (0, 1)))
    )
    assert turned == pytest.approx(plain, rel=0.1)


@pytest.mark.parametrize("kind", ["gram", "moments"])
def test_a_blend_is_the_weighted_mean_of_gram_matrices(network, kind):
    one, other = picture(20, 22, 2), picture(24, 18, 3)
    region = StyledRegion(styles=(StyleImage(pixels=one, weight=3), StyleImage(pixels=other, weight=1)))
    loss, _ = frozen(network, kind, [region], (24, 30))
    for layer in LAYERS:
        x, y = rows(network, one, layer), rows(network, other, layer)
        second, first = (loss.values[f"{name}/0/{layer}"] for name in ("second", "first"))
        np.testing.assert_allclose(second, (3 * gram(x) + gram(y)) / 4, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(first, (3 * x.mean(axis=0) + y.mean(axis=0)) / 4, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_blend_lies_between_its_styles_and_no_weight_is_no_style(network, kind):
    image, one, other = picture(24, 30, 1), picture(24, 30, 2), picture(24, 30, 3) ** 2

    def blend(a, b):
        styles = (StyleImage(pixels=one, weight=a), StyleImage(pixels=other, weight=b))
        return judged(network, kind, [StyledRegion(styles=styles)], image)

    pure = judged(network, kind, everywhere(one), image)
    assert blend(1, 0) == pytest.approx(pure, rel=1e-4)
    assert blend(0, 5) == pytest.approx(judged(network, kind, everywhere(other), image), rel=1e-4)
    assert blend(2, 2) == pytest.approx(blend(7, 7), rel=1e-4)
    assert blend(1, 1) != pytest.approx(pure, rel=1e-3)


def test_fine_gives_brushwork_and_coarse_composition(network):
    layers = {"relu1_1": 0.5, "relu4_1": 0.5}
    brush, form = picture(32, 32, 2), picture(32, 32, 3)
    region = StyledRegion(
        styles=(StyleImage(pixels=brush, part="fine"), StyleImage(pixels=form, part="coarse"))
    )
    loss, _ = frozen(network, "gram", [region], (32, 32), layers)
    np.testing.assert_allclose(
        loss.values["second/0/relu1_1"], gram(rows(network, brush, "relu1_1")), rtol=1e-4
    )
    np.testing.assert_allclose(
        loss.values["second/0/relu4_1"], gram(rows(network, form, "relu4_1")), rtol=1e-4, atol=1e-7
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_that_no_style_covers_does_not_count(network, kind):
    layers = {"relu3_1": 0.5, "relu4_1": 0.5}
    image, brush = picture(32, 32, 1), picture(32, 32, 2)
    alone = StyledRegion(styles=(StyleImage(pixels=brush, part="fine"),))
    found = judged(network, kind, [alone], image, layers)
    assert found == pytest.approx(judged(network, kind, everywhere(brush), image, {"relu3_1": 0.5}), rel=1e-4)


def halves(shape, columns):
    left = np.zeros(shape, np.float32)
    left[:, :columns] = 1
    return left, 1 - left


def pooled(mask, level):
    for _ in range(level):
        mask = mask.reshape(mask.shape[0] // 2, 2, mask.shape[1] // 2, 2).mean(axis=(1, 3))
    return mask


@pytest.mark.parametrize("known", [False, True], ids=["parts", "whole"])
def test_regions_equal_masked_gram_matrices(network, known):
    image, one, other = picture(32, 48, 1), picture(20, 22, 2), picture(24, 18, 3)
    masks = halves((32, 48), 14)
    regions = [
        StyledRegion(styles=(StyleImage(pixels=style),), mask=mask)
        for style, mask in zip((one, other), masks, strict=True)
    ]
    wanted = 0.0
    for layer, weight in LAYERS.items():
        x = rows(network, image, layer)
        for style, mask in zip((one, other), masks, strict=True):
            counts = pooled(mask, int(layer[4]) - 1).reshape(-1, 1)
            guided = (x * counts).T @ x / counts.sum()
            wanted += weight * mask.mean() * relative(guided, gram(rows(network, style, layer)))
    assert judged(network, "gram", regions, image, known=known) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("kind", ["gram", "moments", "neighbors"])
def test_regions_of_the_same_style_are_drawn_to_it_alike_whatever_their_size(network, kind):
    image = np.tile(picture(16, 16, 1), (2, 6, 1))
    style = picture(32, 32, 2)
    small, large = halves((32, 96), 16)
    regions = [StyledRegion(styles=(StyleImage(pixels=style),), mask=mask) for mask in (small, large)]
    loss, masks = frozen(network, kind, regions, (32, 96))
    view = {f"mask/{layer}": ops.convert_to_tensor(mask) for layer, mask in masks.items()}

    def total(point):
        found = loss.loss(loss.measure(network.features(point, loss.layers), view))
        return found, found[None]

    pull = np.abs(np.asarray(compile_gradient(total)(image[None])[2])[0]).mean(axis=(0, 2))
    assert pull[2:14].mean() == pytest.approx(pull[34:46].mean(), rel=0.1)


@pytest.mark.parametrize("kind", ["gram", "neighbors"])
def test_a_pixel_outside_every_region_is_left_alone(network, kind):
    mask = halves((32, 48), 16)[0]
    regions = [StyledRegion(styles=(StyleImage(pixels=picture(32, 32, 2)),), mask=mask)]
    loss, masks = frozen(network, kind, regions, (32, 48))
    view = {f"mask/{layer}": ops.convert_to_tensor(m) for layer, m in masks.items()}

    def total(point):
        found = loss.loss(loss.measure(network.features(point, loss.layers), view))
        return found, found[None]

    pull = np.abs(np.asarray(compile_gradient(total)(picture(32, 48, 1)[None])[2])[0])
    assert pull[:, 8:12].max() > 0
    assert pull[:, 26:].max() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_painted_part_of_a_style_counts(network, kind):
    left, right = picture(32, 32, 2), picture(32, 32, 3) ** 3
    style, mask = np.concatenate([left, right], axis=1), halves((32, 64), 32)[0]
    image, layers = picture(32, 32, 1), {"relu1_1": 1.0}
    masked = [StyledRegion(styles=(StyleImage(pixels=style, mask=mask),))]
    found = judged(network, kind, masked, image, layers)
    assert found == pytest.approx(judged(network, kind, everywhere(left), image, layers), rel=0.1)
    assert found != pytest.approx(judged(network, kind, everywhere(right), image, layers), rel=0.2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_gray_style_mask_is_enough(network, kind):
    style = StyleImage(pixels=picture(32, 32, 2), mask=np.full((32, 32), 0.4, np.float32))
    found = judged(network, kind, [StyledRegion(styles=(style,))], picture(32, 32, 1))
    assert found == pytest.approx(
        judged(network, kind, everywhere(style.pixels), picture(32, 32, 1)), rel=0.05
    )


def test_sliced_reads_a_large_style_with_a_mask(network):
    pixels = np.tile(picture(48, 48, 2), (6, 6, 1))
    style = StyleImage(pixels=pixels, mask=halves((288, 288), 144)[0])
    assert (
        judged(network, "sliced", [StyledRegion(styles=(style,))], picture(32, 32, 1), {"relu1_1": 1.0}) > 0
    )


@pytest.mark.parametrize("count", [1, 2])
def test_sliced_refuses_regions(network, count):
    style = (StyleImage(pixels=picture(32, 32, 1)),)
    regions = [StyledRegion(styles=style, mask=mask) for mask in halves((32, 32), 9)][:count]
    with pytest.raises(SettingError, match=r"style_loss must not be sliced .* regions; choose gram"):
        objective_terms(network, picture(32, 32, 2), picture(32, 32, 3), regions, style_loss="sliced")


def test_neighbors_look_at_the_deep_layers():
    assert style_layer_weights("neighbors", {"relu1_1": 1.0, "relu4_1": 2.0}) == {"relu4_1": 1.0}
    assert style_layer_weights("neighbors", {"relu1_1": 1.0}) == LAYER_WEIGHTS_OF_NEIGHBORS
    assert style_layer_weights("sliced", {"relu1_1": 1.0, "relu2_1": 0.0}) == {"relu1_1": 1.0}


def objective_terms(network, image, content, style, **settings):
    chosen = {"content_layers": ("relu1_2",), "style_layer_weights": LAYERS} | settings
    regions = everywhere(style) if isinstance(style, np.ndarray) else style
    objective = build_objective(network, content[None], regions, Settings(**chosen))
    total, terms = objective(ops.convert_to_tensor(image[None]))
    names = ("content", "style", "variation", "range", "grain")
    return float(total), dict(zip(names, np.asarray(terms, np.float64), strict=True))


def fineness(image):
    kernel = np.array([1, 2, 1]) / 4
    rows = sum(k * image[i : image.shape[0] - 2 + i] for i, k in enumerate(kernel))
    blurred = sum(k * rows[:, i : image.shape[1] - 2 + i] for i, k in enumerate(kernel))
    return np.sqrt(np.mean((image[1:-1, 1:-1] - blurred) ** 2))


def test_grain_is_right_where_it_is_the_style_s_own(network):
    rough = np.random.default_rng(0).uniform(0.3, 0.7, (40, 40, 3)).astype(np.float32)
    smooth = picture(40, 40, 1)
    assert objective_terms(network, rough, smooth, rough, grain=1.0)[1]["grain"] == pytest.approx(0, abs=1e-4)
    milder = 0.5 + (rough - 0.5) / 2
    assert objective_terms(network, milder, smooth, rough, grain=0.5)[1]["grain"] == pytest.approx(
        0, abs=1e-4
    )
    wanted = (fineness(smooth) / fineness(rough) - 1) ** 2
    assert objective_terms(network, smooth, smooth, rough, grain=1.0)[1]["grain"] == pytest.approx(
        wanted, rel=1e-3
    )
    assert objective_terms(network, smooth, smooth, rough)[1]["grain"] == 0


def test_the_total_is_the_weighted_sum_of_the_terms(network):
    image, content, style = picture(32, 40, 1), picture(32, 40, 2), picture(24, 24, 3)
    weights = {"content_weight": 3.0, "style_weight": 5.0, "tv_weight": 0.5}
    total, terms = objective_terms(network, image, content, style, **weights)
    assert total == pytest.approx(
        3 * terms["content"] + 5 * terms["style"] + 0.5 * terms["variation"], rel=1e-5
    )
    assert min(terms["content"], terms["style"], terms["variation"]) > 0


def test_a_photo_is_its_own_content_and_a_style_its_own_style(network):
    image, other = picture(32, 40, 1), picture(32, 40, 2)
    assert objective_terms(network, image, image, other)[1]["content"] == 0
    assert objective_terms(network, image, other, image)[1]["style"] == pytest.approx(0, abs=1e-9)


def test_leaving_the_range_costs_and_staying_does_not(network):
    inside = picture(32, 40, 1)
    outside = inside.copy()
    outside[3:7, 4:9] += 1.5
    found = [objective_terms(network, p, inside, inside)[1]["range"] for p in (inside, outside)]
    assert found[0] == 0
    beyond = np.square(np.maximum(0, outside - 1)).mean()
    assert found[1] == pytest.approx(beyond, rel=1e-4)


@pytest.mark.parametrize("tile", [None, 256])
def test_a_small_style_image_is_enlarged_when_it_is_looked_at(network, tile):
    style, size = picture(140, 170, 3), (280, 340)
    mask = np.zeros((70, 85), np.float32)
    mask[:, 30:] = 1
    small = StyleImage(pixels=style, shape=size, mask=mask)
    large = StyleImage(pixels=resize(style, size), mask=resize(mask, size))
    for share in (1.0, 0.5):
        assert small.scaled(share).size == large.scaled(share).size == (280 * share, 340 * share)
    values = []
    for image in (small, large):
        targets = style_targets(network, [StyledRegion(styles=(image,))], LAYERS, {}, (64, 64), tile)
        loss = new_style_loss("gram", "relative", targets, seed=0)
        features = network.features(ops.convert_to_tensor(picture(64, 64, 2)[None]), loss.layers)
        values.append(float(loss.loss(loss.measure(features, {}))))
    assert values[0] == pytest.approx(values[1], rel=1e-5)
