"""Tiled values and gradients are the whole picture's, and what happens when memory runs out."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from keras import ops

from conftest import picture, tensor, tiny_weights
from impasto.errors import EngineError, OutOfMemoryError, SettingError
from impasto.layers import LAYERS, reach
from impasto.networks.catalogue import load_network
from impasto.networks.feature_network import FeatureNetwork
from impasto.networks.tile_grid import smallest_side, tile_grid
from impasto.optimization.targets import build_objective
from impasto.optimization.tiling import BoundedEvaluation, compile_in_tiles, compile_whole
from impasto.prepared import StyledRegion, StyleImage, everywhere
from impasto.settings import Settings
from impasto.workshop import Workshop


@pytest.fixture(scope="module")
def compact():
    return load_network("compact")


@pytest.fixture(scope="module")
def small():
    """VGG-19's form to relu5_1, with a few channels: as deep as others, and quicker to compile and run."""
    weights = {name: tensor(value) for name, value in tiny_weights(widths=(4, 4, 6, 6, 8)).items()}
    return FeatureNetwork(name="small", weights=weights)


@pytest.mark.parametrize("length", [300, 433, 1000, 2049, 4096])
@pytest.mark.parametrize("side", [256, 320, 700])
def test_cores_cover_every_pixel_once_within_the_network_s_reach(length, side):
    tiles = tile_grid((length, 64), side, ["relu5_1"])
    assert len({tile.shape for tile in tiles}) == 1
    spans = [tile.rows for tile in tiles]
    assert (spans[0].core_start, spans[-1].core_end) == (0, length)
    assert all(before.core_end == after.core_start for before, after in pairwise(spans))
    for span in spans:
        assert span.start % 16 == span.core_start % 16 == 0
        assert span.core_start == 0 or span.core_start - span.start >= reach(["relu5_1"])
        assert span.core_end == length or span.end // 16 * 16 - span.core_end >= reach(["relu5_1"])


def test_the_reach_is_the_receptive_field_s():
    """Poke a pixel of a random network: features farther away than the reach stay what they are."""
    rng = np.random.default_rng(0)
    weights = {"preprocess/kernel": np.eye(3, dtype="f4")[None, None], "preprocess/bias": np.zeros(3, "f4")}
    width = 3
    for layer in LAYERS[:13]:
        weights[f"conv{layer[4:]}/kernel"] = rng.uniform(0, 0.2, (3, 3, width, 2)).astype("f4")
        weights[f"conv{layer[4:]}/bias"] = np.full(2, 0.1, "f4")
        width = 2
    network = FeatureNetwork(name="t", weights={k: ops.convert_to_tensor(v) for k, v in weights.items()})
    photo = picture(320, 32, 1)
    poked = photo.copy()
    poked[160] += 0.5
    for layer, least in (("relu3_1", 7), ("relu4_2", 30), ("relu5_1", 54)):
        one, two = (ops.convert_to_numpy(network.features(p[None], [layer])[layer]) for p in (photo, poked))
        stride = 2 ** (int(layer[4]) - 1)
        changed = np.flatnonzero(np.abs(one - two).max(axis=(0, 2, 3)) > 0) * stride
        span = max(160 - (changed[0] + stride - 1), changed[-1] - 160)
        assert least <= span <= reach([layer])


def regions(height, width):
    mask = np.zeros((height, width), np.float32)
    mask[:, : width // 3] = np.linspace(0, 1, height)[:, None]
    one = StyleImage(pixels=picture(90, 70, 5), weight=2.0)
    two = StyleImage(pixels=picture(64, 100, 6), part="fine")
    return [
        StyledRegion(styles=(one, two), mask=mask),
        StyledRegion(styles=(StyleImage(pixels=picture(80, 80, 7)),), mask=1 - mask),
    ]


SHALLOW = {"content_layers": ("relu2_2",), "style_layer_weights": {"relu1_1": 0.5, "relu3_1": 0.5}}
"""What is the same at every depth is looked at where little has to be compiled."""
CASES = {
    "gram, variation, range and grain": {"tv_weight": 3.0, "grain": 0.7},
    "moments": {"style_loss": "moments"} | SHALLOW,
    "neighbors": {"style_loss": "neighbors"},
    "article": {"formulas": "article"} | SHALLOW,
    "neural-style": {"formulas": "neural-style", "tv_weight": 1e-4} | SHALLOW,
    "max pooling, zero padding, ceil": {},
}


@pytest.mark.parametrize("case", CASES)
def test_tiled_equals_untiled(case, compact, small):
    """With `compact`, whose learned heads see what styles are made of, and its form without them."""
    shape, network = (
        (301, 237),
        compact if case in ("gram, variation, range and grain", "neighbors") else small,
    )
    if "pooling" in case:
        network = replace(network, pooling="max", padding="zero", pool_rounding="ceil")
    content, point = picture(*shape, 1)[None], picture(*shape, 3)[None] * 1.2 - 0.1
    assert_equal_in_tiles(network, content, regions(*shape), point, Settings(**CASES[case]))


def test_a_cutout_is_exact_in_tiles_and_what_is_invisible_does_not_count(small):
    shape = (301, 237)
    visible = np.zeros(shape, np.float32)
    visible[40:230, 60:200] = np.linspace(0.2, 1, 140)
    content, point = picture(*shape, 1)[None], picture(*shape, 3)[None] * 1.2 - 0.1
    for style, depth in ((regions(*shape), {}), (everywhere(picture(80, 80, 7)), SHALLOW)):
        settings = Settings(tv_weight=3.0, grain=0.7, **depth)
        assert_equal_in_tiles(small, content, style, point, settings, visible=visible)
    other, far = point.copy(), np.s_[:, :, -20:]  # farther from what is visible than the layers see
    visible[:, 90:] = 0
    objective = build_objective(small, content, style, Settings(grain=0.7), None, visible)
    other[far] = 0.3
    first, second = (compile_whole(objective)(objective, np.clip(p, 0, 1)) for p in (point, other))
    np.testing.assert_allclose(second.terms, first.terms, rtol=1e-5)
    assert np.abs(first.gradient[far]).max() == 0


def test_an_achromatic_objective_keeps_pictures_gray(small):
    content, point = picture(301, 237, 1)[None], picture(301, 237, 3)[None]
    settings, styles = Settings(**SHALLOW), regions(301, 237)
    whole = replace(build_objective(small, content, styles, settings), achromatic=True)
    gradient = compile_whole(whole)(whole, point).gradient
    assert np.ptp(gradient, axis=3).max() == 0 and np.abs(gradient).max() > 0
    tiled = replace(build_objective(small, content, styles, settings, 224), achromatic=True)
    found = compile_in_tiles(tiled, 224)(tiled, point).gradient
    assert np.linalg.norm(found - gradient) < 1e-4 * np.linalg.norm(gradient)


def assert_equal_in_tiles(network, content, style, point, settings, side=224, visible=None):
    whole = build_objective(network, content, style, settings, None, visible)
    tiled = build_objective(network, content, style, settings, side, visible)
    one = compile_whole(whole)(whole, point)
    two = compile_in_tiles(tiled, side)(tiled, point)
    np.testing.assert_allclose(two.terms, one.terms, rtol=1e-4)
    assert two.total == pytest.approx(one.total, rel=1e-4)
    error = np.linalg.norm(two.gradient - one.gradient) / np.linalg.norm(one.gradient)
    assert error < 1e-4


def test_strips_one_tile_wide_and_a_large_style_image(small):
    content, point = picture(500, 33, 1)[None], picture(500, 33, 3)[None]
    assert_equal_in_tiles(small, content, everywhere(picture(230, 280, 4)), point, Settings())


def test_the_sliced_measure_needs_the_whole_picture(compact):
    objective = build_objective(
        compact, picture(400, 400, 1)[None], everywhere(picture(64, 64, 2)), Settings(style_loss="sliced")
    )
    with pytest.raises(SettingError, match="style_loss sliced needs the whole picture"):
        compile_in_tiles(objective, 272)


def test_a_tile_must_have_a_core():
    assert tile_grid((900, 900), smallest_side(["relu5_1"]), ["relu5_1"])
    with pytest.raises(EngineError, match="tiles must be at least 180 px wide, not 160"):
        tile_grid((900, 900), 160, ["relu5_1"])


def test_memory_that_runs_out_halves_the_tiles_and_the_value_stays(small):
    content, point = picture(420, 700, 1)[None], picture(420, 700, 3)[None]
    style, settings, asked = everywhere(picture(64, 64, 2)), Settings(**SHALLOW), []

    def build(tile):
        asked.append(tile)
        if tile is None or tile > 350:  # as an engine does: the message is TensorFlow's
            raise MemoryError("OOM when allocating tensor")
        return build_objective(small, content, style, settings, tile)

    evaluate = BoundedEvaluation(build, (420, 700), None, Workshop())
    found = evaluate(point)
    assert asked == [None, 350]
    assert evaluate.note() == "memory ran out, so the picture is computed in tiles of 350 px"
    assert evaluate.note() == ""
    whole = build_objective(small, content, style, settings)
    assert found.total == pytest.approx(compile_whole(whole)(whole, point).total, rel=1e-4)


def test_memory_that_does_not_suffice_for_the_smallest_tile():
    def build(tile):
        raise MemoryError

    with pytest.raises(OutOfMemoryError, match="ran out even in tiles of 320 px; choose a smaller"):
        BoundedEvaluation(build, (420, 700), None, Workshop())(picture(420, 700, 1)[None])
