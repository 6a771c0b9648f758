"""Where one pass collapses, the optimization makes the picture, at every door and with a note."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
import skimage.data
from keras import ops
from PIL import Image

import impasto
from conftest import picture
from impasto import pastiche
from impasto.engine import runtime
from impasto.onepass import painter
from impasto.onepass.collapse import collapse_of
from impasto.pictures.resizing import fit, resize
from impasto.preparation import Inputs, prepare
from impasto.prepared import Prepared, StyledRegion, StyleImage, everywhere
from impasto.settings import Settings
from impasto.workshop import Workshop
from pattern_styles import LOOKED_AT, UNSEEN

SIDE = 192
QUICK = {"method": "onepass", "max_size": 128, "iterations": (4,)}
PHOTO = picture(80, 96, 5)
STRIPES = LOOKED_AT["stripes"]
ALL = LOOKED_AT | UNSEEN


@pytest.fixture(scope="module")
def workshop():
    with Workshop() as one:
        yield one


@pytest.fixture
def bursting(monkeypatch):
    """The embedded network, but for what its last convolution adds to every pixel: it paints white."""
    network = painter.load_onepass_network(runtime.resolve_precision("auto"))
    bias = network.weights["pixels/bias"]
    weights = {**network.weights, "pixels/bias": bias + ops.cast(2.0, bias.dtype)}
    burst = replace(network, weights=weights)
    monkeypatch.setattr(painter, "warm_network", lambda workshop, dtype: burst)


def cat(side: int) -> np.ndarray:
    pixels = skimage.data.chelsea().astype(np.float32) / 255
    return resize(pixels, fit(pixels.shape[:2], side))


def numbers(pixels: np.ndarray, photo: np.ndarray) -> tuple[float, float, float]:
    """Return the definition's three: clipped pixels, luminance correlation with the photo, deviation."""
    clipped = ((pixels <= 0.5 / 255) | (pixels >= 254.5 / 255)).any(-1).mean()
    first, second = (p @ np.array((0.2126, 0.7152, 0.0722)) for p in (pixels, photo))
    return clipped, np.corrcoef(first.ravel(), second.ravel())[0, 1], first.std()


def judged(painted, photo, *masks, strength=50.0):
    """Return what is found of a painting in regions of these masks."""
    style = StyleImage(pixels=photo)
    regions = [StyledRegion(styles=(style,), mask=mask) for mask in masks] or everywhere(photo)
    settings = Settings(method="onepass", strength=strength)
    return collapse_of(painted, Prepared.of(photo, regions, settings, None, None))


def test_what_is_wrong_is_named():
    photo = 0.1 + 0.8 * PHOTO
    assert judged(photo, photo) == judged(0.2 + 0.6 * photo, photo) == ""
    assert judged(np.where(photo > np.median(photo), 1.2, 0.0).astype(np.float32), photo) == "clipped"
    assert judged(0.5 + 0.02 * photo, photo) == "flat"
    assert judged(1 - photo, photo) == "unrecognizable"
    assert judged(1 - photo, photo, strength=100) == ""


def test_half_of_the_pixels_is_the_limit():
    photo = 0.1 + 0.8 * picture(300, 300, 6)
    for share, found in ((0.45, ""), (0.55, "clipped")):
        painted = photo.copy()
        painted[: round(300 * share), :, 0] = 1.0
        assert judged(painted, photo) == found


def test_a_photo_that_is_flat_or_clipped_does_not_count():
    flat = np.full((80, 96, 3), 0.5, np.float32) + 0.01 * PHOTO
    black = np.where(np.arange(96)[:, None] < 60, 0, PHOTO).astype(np.float32)
    assert judged(flat, flat) == judged(1 - flat, flat) == judged(PHOTO, flat) == ""
    assert judged(black, black) == ""
    assert judged(np.zeros_like(flat), flat) == "clipped"


def test_a_region_is_judged_where_it_is():
    photo = 0.1 + 0.8 * PHOTO
    for height, found in ((80, "clipped"), (8, "")):  # 240 pixels are too few to tell
        left = np.zeros((80, 96), np.float32)
        left[:height, :30] = 1
        painted = np.where(left[..., None] > 0, 0, photo).astype(np.float32)
        assert judged(painted, photo, left, 1 - left) == judged(painted, photo, 1 - left, left) == found
        assert judged(painted, photo, 1 - left) == ""


@pytest.mark.parametrize("name", ["stripes", "spiral"])
def test_the_optimization_makes_what_one_pass_cannot(name, workshop, bursting):
    photo, style, made = cat(128), ALL[name](), []
    for method in ("onepass", "optimize"):
        steps = list(
            impasto.stylize_steps(photo, style, workshop=workshop, method=method, iterations=8, strength=60)
        )
        assert [step.iteration for step in steps] == list(range(1, 9))
        assert {(step.scale, step.scales, step.iterations) for step in steps} == {(1, 1, 8)}
        assert [step.last for step in steps] == [False] * 7 + [True]
        made.append((steps, steps[-1].pastiche))
    (steps, found), (_, optimized) = made
    clipped, correlation, deviation = numbers(found.pixels, photo)
    assert clipped <= 0.5
    assert correlation >= 0.1
    assert deviation >= 0.03
    np.testing.assert_array_equal(found.pixels, optimized.pixels)
    assert [bool(step.note) for step in steps] == [True] + [False] * 7
    (note,) = set(found.notes) - set(optimized.notes)
    assert note == steps[0].note
    assert "the optimization made the picture" in note
    assert found.settings.method == found.recipe["settings"]["method"] == "onepass"
    assert found.recipe["fallback"] == {"method": "optimize", "onepass": "clipped"}
    assert "fallback" not in optimized.recipe


def test_every_way_to_one_pass_has_it(workshop, bursting):
    photo, mask = cat(128), np.zeros((85, 128), np.float32)
    mask[:, 40:] = 1
    region = impasto.RegionSpec(mask, STRIPES())
    results = {
        "refine": impasto.stylize(photo, STRIPES(), workshop=workshop, refine=3, **QUICK),
        "pure": impasto.stylize(photo, STRIPES(), workshop=workshop, strength=100, **QUICK),
        "region": impasto.stylize(photo, "swirls", workshop=workshop, regions=[region], **QUICK),
        "stylizer": impasto.Stylizer(STRIPES(), workshop=workshop, max_size=128, iterations=(4,))(photo),
    }
    found = {name: (result.recipe.fallback, len(result.losses)) for name, result in results.items()}
    assert found == dict.fromkeys(results, ({"method": "optimize", "onepass": "clipped"}, 4))


def test_an_ordinary_style_is_painted_in_one_pass(workshop):
    (step,) = impasto.stylize_steps(cat(128), "swirls", method="onepass", workshop=workshop)
    assert step.last
    assert not step.fallback
    assert step.pastiche.recipe.fallback is None


def test_an_interrupted_fallback_goes_on(workshop, bursting):
    settings = Settings(**{**QUICK, "iterations": (2, 2)})
    prepared = prepare(Inputs.of(cat(128), STRIPES()), settings, workshop=workshop)
    whole, state = [], None
    for step in pastiche.run(prepared):
        whole.append(step)
        if len(whole) == 3:
            state = step.make_state()
    (last,) = pastiche.run(prepared, state)
    assert last.last
    assert last.fallback == whole[-1].fallback != ""
    np.testing.assert_array_equal(last.image, whole[-1].image)


def test_a_recipe_repeats_the_pixels(impasto, tmp_path, monkeypatch, bursting):
    monkeypatch.chdir(tmp_path)
    for name, pixels in (("photo.png", cat(128)), ("stripes.png", STRIPES())):
        Image.fromarray((pixels * 255).astype(np.uint8)).save(name)
    command = "stylize", "photo.png", "stripes.png"
    code, _, err = impasto(*command, "--method", "onepass", "--iterations", "4", "-o", "a.png")
    assert code == 0
    assert err.count("the optimization made the picture") == 1
    assert impasto("stylize", "photo.png", "--recipe", "a.png", "-o", "b.png")[0] == 0
    np.testing.assert_array_equal(*(np.asarray(Image.open(name)) for name in ("a.png", "b.png")))


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_no_pattern_leaves_a_collapsed_one_pass_picture(name, workshop):
    photo = cat(SIDE)
    result = impasto.stylize(photo, ALL[name](), method="onepass", strength=60, workshop=workshop)
    if result.recipe.fallback:  # what the optimization makes of such a style is as good as it gets here
        assert result.recipe.fallback["method"] == "optimize"
        assert len(result.losses) > 1
        return
    clipped, correlation, deviation = numbers(result.pixels, photo)
    assert clipped <= 0.5
    assert correlation >= 0.1
    assert deviation >= 0.03


@pytest.mark.slow
def test_looking_for_a_collapse_takes_a_hundredth_of_one_pass(workshop):
    photo = cat(512)
    settings = Settings(method="onepass")
    prepared = prepare(Inputs.of(resize(photo, (512, 512)), "swirls"), settings, workshop=workshop)
    painted, seconds = [], []
    for call in (lambda: list(pastiche.run(prepared)), lambda: collapse_of(prepared.content, prepared)):
        call()
        times = []
        for _ in range(7):
            began = time.perf_counter()
            painted.append(call())
            times.append(time.perf_counter() - began)
        seconds.append(min(times))
    assert seconds[1] < 0.01 * seconds[0], seconds
