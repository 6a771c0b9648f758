"""VGG-19's real weights: channel order and orientation, and the publications' presets on them."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import skimage.data
from keras import ops

from conftest import tensor
from impasto import gallery, stylize_steps
from impasto.engine.gradients import to_host
from impasto.layers import CONVOLUTION_NAMES, LAYERS
from impasto.networks.catalogue import load_network
from impasto.pictures.resizing import resize

from .reference import features

pytestmark = pytest.mark.slow

STYLE = tuple(f"relu{block}_1" for block in range(1, 6))
CONTENT = "relu4_2"
MEAN_BGR = (103.939, 116.779, 123.68)
"""Of Caffe's VGG networks, which were trained on pixels 0..255 in this order."""
SIDE = 96


@pytest.fixture(scope="module")
def real(vgg19):
    """VGG-19 as it was trained: max pooling, zero padding."""
    return load_network(vgg19, pooling="max", padding="zero")


@pytest.fixture(scope="module")
def photos():
    """Four upright photos, float32 (4, 160, 160, 3)."""
    found = []
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        pixels = getattr(skimage.data, name)() / np.float32(255)
        side = min(pixels.shape[:2])
        left = (pixels.shape[1] - side) // 2
        found.append(resize(pixels[:side, left : left + side], (160, 160)))
    return tensor(np.stack(found))


def strength_of_answer(network, photos, change=lambda kernel: kernel, names=CONVOLUTION_NAMES):
    """Return the root mean square of relu5_1 over the photos, with some layers' kernels changed."""
    changed = {f"{name}/kernel": change(network.weights[f"{name}/kernel"]) for name in names[:13]}
    other = replace(network, weights={**network.weights, **changed})
    answer = other.features(photos, ("relu5_1",))["relu5_1"]
    return float(ops.sqrt(ops.mean(ops.square(answer))))


def test_activations_are_those_of_the_published_numbers(real, shared):
    """Keras' arrays, whose pixels are 255 x BGR less the mean, in float64 by NumPy alone."""
    path = shared / "weights" / "vgg19-8bit-to-relu5_1.npz"
    weights = {"preprocess/kernel": 255 * np.eye(3)[::-1][None, None], "preprocess/bias": -np.array(MEAN_BGR)}
    with np.load(path) as stored:
        for name in CONVOLUTION_NAMES[:13]:
            weights[f"{name}/kernel"] = stored[f"{name}/table"].astype(np.float64)[stored[f"{name}/q"]]
            weights[f"{name}/bias"] = stored[f"{name}/bias"]
    picture = (skimage.data.astronaut()[60:108, 180:244] / 255).astype(np.float32)
    wanted = features(picture, weights, LAYERS[:13], pooling="max", padding="zero", pool_rounding="floor")
    found = real.features(tensor(picture[None]), LAYERS[:13])
    for layer, values in wanted.items():
        error = np.linalg.norm(to_host(found[layer])[0] - values) / np.linalg.norm(values)
        assert error < (1e-4 if real.kept_as == "8 bit" else 0.1), layer


def test_it_answers_most_to_upright_photos_in_their_colors(real, photos):
    """It was trained on upright photos and their mirror images: turned kernels are turned photos."""
    right = strength_of_answer(real, photos)
    assert strength_of_answer(real, photos, lambda k: k[:, ::-1]) == pytest.approx(right, rel=0.015)
    for wrong in (
        lambda k: ops.transpose(k, (1, 0, 2, 3)),
        lambda k: k[::-1],
        lambda k: k[::-1, ::-1],
    ):
        assert strength_of_answer(real, photos, wrong) < 0.96 * right
    swapped = strength_of_answer(real, photos, lambda k: k[:, :, ::-1], CONVOLUTION_NAMES[:1])
    assert swapped < 0.96 * right


def test_no_layer_is_turned_against_the_others(real, photos):
    right = strength_of_answer(real, photos)
    for name in CONVOLUTION_NAMES[1:13]:
        turned = strength_of_answer(real, photos, lambda k: ops.transpose(k, (1, 0, 2, 3)), (name,))
        assert turned < 0.96 * right, name


def looks(network, pixels):
    """Return the Gram matrices and the content features of a picture."""
    found = network.features(tensor(np.clip(pixels, 0, 1)[None]), (*STYLE, CONTENT))
    return [to_host(network.gram_matrix(layer, found[layer])) for layer in STYLE], to_host(found[CONTENT])


def distances(network, pixels, photo, style):
    """Return the relative distances from the style and from the photo."""
    (grams, seen), (targets, _), (_, kept) = (looks(network, p) for p in (pixels, style, photo))
    apart = [((g - a) ** 2).sum() / (a**2).sum() for g, a in zip(grams, targets, strict=True)]
    return float(np.mean(apart)), float(((seen - kept) ** 2).sum() / ((kept - kept.mean((1, 2))) ** 2).sum())


@pytest.mark.parametrize(
    ("preset", "style_below", "content_below"),
    [
        ("article", 0.4, 0.75),
        ("gatys2016", 0.4, 1.35),
        ("neural-style", 0.4, 1.1),
        ("johnson-baseline", 0.4, 0.9),
        ("article-literal", 6.0, 0.3),
    ],
)
def test_a_publication_s_preset_descends_and_paints(real, vgg19, preset, style_below, content_below):
    """From white noise, whose distances are 2.3 and 1.45; the photo's own distance to the style is 4.5."""
    photo = resize(skimage.data.astronaut() / np.float32(255), (SIDE, SIDE))
    style = gallery.style_pixels("swirls", SIDE)
    settings = {"network": str(vgg19), "max_size": SIDE, "iterations": 50}
    steps = list(stylize_steps(photo, style, preset=preset, **settings))
    totals = [step.losses["total"] for step in steps]
    assert all(later < before for before, later in itertools.pairwise(totals[::7]))
    assert totals[-1] < 0.2 * totals[0]
    style_distance, content_distance = distances(real, steps[-1].image, photo, style)
    assert style_distance < style_below
    assert content_distance < content_below
    if preset == "article-literal":  # it ends at the photo
        assert style_distance > 3
