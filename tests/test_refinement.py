"""Refinements: iterations at full size that go on from a method's picture, with a network of their own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import impasto
from conftest import picture, tiny_weights
from impasto import pastiche
from impasto.errors import SettingError, WeightsError
from impasto.forecast import plan_picture
from impasto.networks.catalogue import load_network, write_weights
from impasto.networks.speed import Speed
from impasto.preparation import Inputs, prepare
from impasto.recipes import load_recipe
from impasto.runs.job import Job
from impasto.runs.run import run_job
from impasto.settings import Settings
from impasto.workshop import Workshop

META = {"family": "distilled", "pooling": "average", "padding": "reflect"}
WIDTHS = (4, 4, 4, 4, 4)
STEPS = {
    "content_layers": ("relu1_2",),
    "style_layer_weights": {"relu1_1": 0.5, "relu2_1": 0.5},
    "precision": "float32",
    "iterations": (3, 2),
}

TWO = {"network": "first.npz", "refine": 2, "refine_network": "second.npz"}


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A photo, a style and two networks that see otherwise."""
    for name, seed in (("photo.png", 1), ("painting.png", 2)):
        Image.fromarray((picture(40, 48, seed) * 255).astype(np.uint8)).save(tmp_path / name)
    for name, seed in (("first", 3), ("second", 8)):
        write_weights(tmp_path / f"{name}.npz", tiny_weights(seed, WIDTHS), {"name": name, **META})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def steps_of(start=None, workshop=None, **settings):
    chosen = Settings(**{**STEPS, "network": "first.npz", "refine_network": "second.npz", **settings})
    prepared = prepare(Inputs.of("photo.png", "painting.png"), chosen, workshop=workshop or Workshop())
    return pastiche.run(prepared, start)


def test_it_goes_on_from_the_optimized_picture_with_the_other_network(desk):
    plain = impasto.stylize("photo.png", "painting.png", network="first.npz", **STEPS)
    plain.save("plain.png", bit_depth=16)
    again = {**STEPS, "initial": "plain.png", "iterations": (2,), "network": "second.npz"}
    expected = impasto.stylize("photo.png", "painting.png", **again)
    steps = list(steps_of(refine=2))
    assert [(step.scale, step.scales, step.iteration) for step in steps] == [
        (1, 3, 1), (1, 3, 2), (1, 3, 3), (2, 3, 1), (2, 3, 2), (3, 3, 1), (3, 3, 2)
    ]  # fmt: skip
    assert [step.last for step in steps] == [False] * 6 + [True]
    assert steps[5].losses["style"] == pytest.approx(expected.losses[0]["style"], rel=1e-3)
    np.testing.assert_allclose(steps[-1].image, expected.pixels, atol=2e-3)
    assert np.abs(steps[-1].image - plain.pixels).max() > 0.01
    own = list(steps_of(refine=2, refine_network=None))
    assert np.abs(steps[-1].image - own[-1].image).max() > 5e-3


@pytest.mark.parametrize("stopped_after", [2, 4, 6])
@pytest.mark.parametrize("method", ["optimize", "onepass"])
def test_an_interrupted_run_goes_on(desk, method, stopped_after):
    whole, state = [], None
    settings = {"method": method, "refine": 3}
    if method == "onepass":
        settings |= {"refine": 7}
    for step in steps_of(**settings):
        whole.append(step.image)
        if len(whole) == stopped_after:
            state = step.make_state()
    rest = list(steps_of(state, **settings))
    assert len(rest) == len(whole) - stopped_after
    np.testing.assert_array_equal(rest[-1].image, whole[-1])


def test_the_recipe_names_both_networks_and_repeats_the_picture(desk):
    first = run_job(new_job("a.png", Settings(**STEPS, **TWO)), lambda prepared, step: None, print)
    recipe = load_recipe("a.png")
    assert recipe.networks == {
        "network": load_network("first.npz").sha256,
        "refine_network": load_network("second.npz").sha256,
    }
    settings = Settings.from_mapping(recipe.settings)
    assert settings == first.result.settings == Settings(**STEPS, **TWO)
    again = run_job(new_job("b.png", settings, recipe.networks), lambda prepared, step: None, print)
    np.testing.assert_array_equal(*(np.asarray(Image.open(name)) for name in ("a.png", "b.png")))
    assert not again.notes
    write_weights(desk / "second.npz", tiny_weights(9, WIDTHS), {"name": "second", **META})
    other = run_job(new_job("c.png", settings, recipe.networks), lambda prepared, step: None, print)
    assert "the recipe was made with another second; the picture differs" in map(str, other.notes)


def new_job(output, settings, networks=None):

    inputs = Inputs.of("photo.png", "painting.png")
    return Job(inputs=inputs, output=Path(output), settings=settings, networks=networks or {})


def test_a_run_stopped_in_its_refinement_is_repeated_as_it_was(desk):
    steps = steps_of(refine=5)
    for step in steps:
        if (step.scale, step.iteration) == (3, 2):
            break
    steps.close()
    made = step.pastiche
    assert (made.settings.refine, made.settings.iterations) == (2, (3, 2))
    again = [step.image for step in steps_of(refine=2)]
    np.testing.assert_array_equal(again[-1], made.pixels)
    assert json.loads(json.dumps(made.recipe.to_mapping()))["refine_network"]["name"] == "second"


def test_one_pass_that_collapses_leaves_the_refinement_out(desk, monkeypatch):
    settings = Settings(**{**STEPS, "method": "onepass", "refine": 2, "refine_network": "second.npz"})
    prepared = prepare(Inputs.of("photo.png", "painting.png"), replace(settings, network="first.npz"))
    steps = list(pastiche._optimized_instead(prepared, None, "flat"))
    assert len(steps) == 5
    assert steps[0].fallback == "flat"


def test_it_is_planned(desk, monkeypatch):
    monkeypatch.setattr("impasto.optimization.planning.measure_speed", lambda network: Speed(1e-7, 0.1))
    networks = [load_network(name, dtype="float32") for name in ("first.npz", "second.npz")]
    settings = Settings(**{**STEPS, **TWO})
    plan = plan_picture((40, 48), networks, settings)
    assert [scale.iterations for scale in plan.scales] == [3, 2, 2]
    assert plan.seconds > plan_picture((40, 48), networks, Settings(**STEPS)).seconds


def test_names_and_settings_are_checked_first(desk, impasto):
    with pytest.raises(SettingError, match="refine_network needs refine above 0"):
        Settings(refine_network="vgg19")
    with pytest.raises(WeightsError, match=r"fist\.npz"):
        next(steps_of(refine=2, refine_network="fist.npz"))
    code, _, err = impasto("stylize", "photo.png", "painting.png", "--refine-network", "vgg19")
    assert (code, err.count("--refine-network needs --refine above 0")) == (2, 1)
