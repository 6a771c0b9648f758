"""The optimization: its scales, its steps, its end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conftest import TINY_SETTINGS, picture
from impasto.errors import DivergenceError
from impasto.optimization import gatys
from impasto.optimization.gatys import optimize_steps, plan_scales, starting_point
from impasto.pictures.resizing import resize
from impasto.prepared import Prepared, everywhere
from impasto.settings import Settings
from impasto.workshop import Workshop


def shapes(scales):
    return [(s.shape, s.iterations) for s in scales]


def test_default_scales_double_up_to_the_picture():
    scales = plan_scales((384, 512), Settings())
    assert [s.shape for s in scales] == [(96, 128), (192, 256), (384, 512)]
    assert [s.shape for s in plan_scales((100, 130), Settings())] == [(100, 130)]
    assert len(plan_scales((3000, 4000), Settings())) == 6


def test_explicit_iterations_fix_the_scales():
    assert shapes(plan_scales((64, 64), Settings(iterations=(3, 2)))) == [((32, 32), 3), ((64, 64), 2)]
    assert shapes(plan_scales((64, 64), Settings(iterations=7))) == [((64, 64), 7)]


def test_scales_below_sixteen_pixels_are_left_out_and_their_iterations_kept():
    assert shapes(plan_scales((20, 64), Settings(iterations=(5, 4, 3)))) == [((20, 64), 12)]


def given(content, style, network, settings):
    return Prepared.of(content, everywhere(style), settings, network, Workshop())


def run(network, **changes):
    settings = Settings(**{**TINY_SETTINGS, **changes})
    return list(optimize_steps(given(picture(33, 40, 1), picture(24, 30, 2), network, settings)))


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_losses_fall_and_the_picture_stays_in_range(tiny_network, optimizer):
    steps = run(tiny_network, iterations=(10, 10), optimizer=optimizer)
    assert [(s.scale, s.iteration) for s in steps] == [(a, b) for a in (1, 2) for b in range(1, 11)]
    assert [s.last for s in steps] == [False] * 19 + [True]
    assert steps[9].losses["total"] < 0.7 * steps[0].losses["total"]
    assert steps[19].losses["total"] < steps[10].losses["total"]
    assert steps[0].shape == (16, 20)
    image = steps[-1].image
    assert image.shape == (33, 40, 3)
    assert image.dtype == np.float32
    assert image.min() >= 0
    assert image.max() <= 1


def test_a_finer_scale_starts_with_half_of_the_initial_image_s_details():
    initial = picture(64, 48, 3)
    coarse = resize(initial, (32, 24))
    other = np.clip(coarse + 0.1, 0.3, 0.7)
    enlarged, lost = resize(other, (64, 48)), initial - resize(coarse, (64, 48))
    found = starting_point(initial, other, (64, 48), Settings())
    np.testing.assert_allclose(found, np.clip(enlarged + 0.5 * lost, 0, 1), atol=1e-6)
    assert np.abs(lost).max() > 0.05
    noise = starting_point(initial, other, (64, 48), Settings(initial="noise"))
    np.testing.assert_array_equal(noise, enlarged)
    np.testing.assert_array_equal(starting_point(initial, None, (32, 24), Settings()), coarse)


def test_more_strength_means_more_style(tiny_network):
    ends = [run(tiny_network, strength=s, iterations=(25,))[-1].losses for s in (10, 50, 95)]
    assert ends[0]["content"] < ends[1]["content"] < ends[2]["content"]
    assert ends[0]["style"] > ends[1]["style"] > ends[2]["style"]


def test_the_same_seed_gives_the_same_bytes(tiny_network):
    first, second = (run(tiny_network)[-1].image for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_total_variation_smooths(tiny_network):
    rough, smooth = (run(tiny_network, tv_weight=w, iterations=(20,))[-1].image for w in (0.0, 1e3))
    assert np.abs(np.diff(smooth, axis=0)).mean() < 0.8 * np.abs(np.diff(rough, axis=0)).mean()


def test_a_nan_ends_the_run_and_names_the_loss(tiny_network):
    content = picture(32, 32)
    bad = content.copy()
    bad[3, 3] = np.nan
    prepared = given(content, picture(32, 32, 5), tiny_network, Settings(**TINY_SETTINGS))
    with pytest.raises(DivergenceError, match=r"the .* loss became nan at scale 1, iteration 1"):
        list(optimize_steps(replace(prepared, initial=bad)))


def test_a_resumed_run_keeps_its_tiles_whatever_memory_is_free(tiny_network, monkeypatch):
    settings = Settings(**{**TINY_SETTINGS, "iterations": (2, 4)})
    prepared = given(picture(352, 496, 1), picture(64, 80, 2), tiny_network, settings)
    sides = {"now": 336}

    def tiles(scales, network, settings):
        return [None, sides["now"]]

    monkeypatch.setattr(gatys, "choose_tiles", tiles)
    whole = list(optimize_steps(prepared))
    steps, state = optimize_steps(prepared), None
    for step in steps:
        if (step.scale, step.iteration) == (2, 2):
            state = step.make_state()
            break
    assert list(state.tiles) == [None, 336]
    sides["now"] = None
    resumed = list(optimize_steps(prepared, state))
    assert [step.iteration for step in resumed] == [3, 4]
    assert resumed[-1].image.tobytes() == whole[-1].image.tobytes()
