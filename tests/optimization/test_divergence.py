"""Runs that leave the path: taken back, reported, and ended after the third time with a good picture."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

import impasto as library
from conftest import picture, tiny_weights
from impasto import cli
from impasto.engine.gradients import Evaluation
from impasto.errors import DivergenceError
from impasto.networks.catalogue import write_weights
from impasto.networks.feature_network import FeatureNetwork
from impasto.optimization import gatys
from impasto.optimization.gatys import new_optimizer
from impasto.optimization.guard import CAUTION, TROUBLES, Guard
from impasto.optimization.objective import TERMS
from impasto.optimization.scales import Scale
from impasto.settings import Settings

SHAPE = (1, 16, 16, 3)
DEEP = tiny_weights(widths=(4, 4, 4, 4, 4))
QUICK = {
    "content_layers": ("relu1_2",),
    "style_layer_weights": {"relu1_1": 0.5, "relu2_1": 0.5},
    "iterations": (6, 6),
    "precision": "float32",
}


@pytest.fixture(scope="module")
def network():
    from keras import ops

    return FeatureNetwork(name="tiny", weights={k: ops.convert_to_tensor(v) for k, v in DEEP.items()})


class Bowl:
    """A quadratic bowl about a picture, that gives wrong answers at chosen calls."""

    def __init__(self, wrong=None):
        self.calls, self.wrong = 0, wrong or {}
        self.bottom = picture(16, 16, 4)[None]

    def __call__(self, point):
        self.calls += 1
        wrong = self.wrong.get("always" if "always" in self.wrong else self.calls)
        if wrong is not None:
            return wrong(point)
        error = np.asarray(point, np.float32) - self.bottom
        total = float(np.square(error).sum())
        terms = np.zeros(len(TERMS), np.float32)
        terms[TERMS.index("content")] = total
        return Evaluation(total, terms, 2 * error)


def nan_in(term):
    def answer(point):
        terms = np.ones(len(TERMS), np.float32)
        terms[TERMS.index(term)] = np.nan
        return Evaluation(float("nan"), terms, np.full(SHAPE, np.nan, np.float32))

    return answer


def huge(point):
    return Evaluation(1e9, np.full(len(TERMS), 1e9, np.float32), np.ones(SHAPE, np.float32))


def guarded(optimizer, wrong=None):
    settings = Settings(optimizer=optimizer, learning_rate=0.05)
    found = new_optimizer(Bowl(wrong), picture(16, 16, 7)[None], Scale((16, 16), 40), settings)
    return found, Guard(found)


def run(guard, iterations):
    return [guard.step(1, iteration) for iteration in range(1, iterations + 1)]


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_nothing_is_said_of_a_good_run(optimizer):
    _, guard = guarded(optimizer)
    assert {note for _, note in run(guard, 20)} == {""}


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("term", TERMS)
def test_one_nan_is_reported_and_overcome(optimizer, term):
    found, guard = guarded(optimizer, {3: nan_in(term)})
    steps = run(guard, 40)
    notes = [note for _, note in steps if note]
    assert len(notes) == 1
    assert notes[0].startswith(
        f"the {term} loss became nan at scale 1, iteration 2; going on from the last good"
    )
    assert np.isfinite(found.point).all()
    assert np.isfinite([evaluation.total for evaluation, _ in steps]).all()
    assert steps[-1][0].total < 0.05 * steps[0][0].total


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_steps_are_smaller_after_a_trouble(optimizer):
    moves = []
    for wrong in ({}, {2: nan_in("style")}):
        found, guard = guarded(optimizer, wrong)
        start = found.point
        guard.step(1, 1)
        moves.append(np.sqrt(np.mean((found.point - start) ** 2)))
    assert moves[1] == pytest.approx(CAUTION * moves[0], rel=0.05)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_troubles_end_a_run_at_the_third_and_name_the_term(optimizer):
    found, guard = guarded(optimizer)
    run(guard, 5)
    good = found.point.copy()
    found.evaluate.wrong = {"always": nan_in("style")}
    before = found.evaluate.calls
    with pytest.raises(DivergenceError, match="the style loss became nan at scale 2, iteration 6; lower the"):
        guard.step(2, 6)
    assert found.evaluate.calls - before <= TROUBLES * 8
    assert np.isfinite(good).all()


def test_an_explosion_is_seen_at_the_iteration_at_which_it_happens():
    _, guard = guarded("adam", {4: huge})
    notes = [note for _, note in run(guard, 10)]
    assert [bool(note) for note in notes] == [False, False, True] + 7 * [False]
    assert "the total loss exploded to 1e+09 at scale 1, iteration 3" in notes[2]


def test_a_collapse_to_one_color_is_seen():
    found, guard = guarded("adam")
    found.evaluate.bottom = np.full(SHAPE, 0.5, np.float32)
    with pytest.raises(DivergenceError, match="the picture collapsed to one color at scale 1, iteration"):
        run(guard, 3000)


def test_a_plain_photo_is_no_collapse(network):
    plain = np.full((32, 32, 3), 0.5, np.float32)
    result = library.stylize(plain, picture(32, 32, 2), network=network, strength=1, **QUICK)
    assert np.isfinite(result.pixels).all()


def last_step(network, monkeypatch, spoil, **settings):
    """Run the product with an objective that is spoiled at some calls; return the steps and the error."""
    real = gatys.BoundedEvaluation.__call__
    calls = []

    def spoiled(self, point):
        calls.append(1)
        found = real(self, point)
        return spoil(len(calls), found)

    monkeypatch.setattr(gatys.BoundedEvaluation, "__call__", spoiled)
    steps = []
    try:
        for step in library.stylize_steps(
            picture(40, 48, 1), picture(32, 32, 2), network=network, **{**QUICK, **settings}
        ):
            steps.append((step, step.image))
    except DivergenceError as error:
        return steps, error
    return steps, None


def nan_style(found):
    terms = found.terms.copy()
    terms[TERMS.index("style")] = np.nan
    return Evaluation(float("nan"), terms, found.gradient * np.nan)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_stylize_recovers_from_one_nan(network, monkeypatch, optimizer):
    steps, error = last_step(
        network, monkeypatch, lambda n, found: nan_style(found) if n == 5 else found, optimizer=optimizer
    )
    assert error is None
    assert len(steps) == 12
    assert len([step for step, _ in steps if "the style loss became nan" in step.note]) == 1
    losses = [step.losses["total"] for step, _ in steps]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[6]


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_stylize_ends_with_the_last_good_step(network, monkeypatch, optimizer):
    steps, error = last_step(
        network, monkeypatch, lambda n, found: nan_style(found) if n > 5 else found, optimizer=optimizer
    )
    assert "the style loss became nan at scale 1" in str(error)
    assert 1 <= len(steps) < 6
    assert all(np.isfinite(image).all() for _, image in steps)
    np.testing.assert_array_equal(steps[-1][0].image, steps[-1][1])


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "adam", "learning_rate": 1.0, "style_weight": 1e12, "content_weight": 1e12},
        {"optimizer": "adam", "learning_rate": 1.0, "tv_weight": 1e12},
        {"style_weight": 1e12, "content_weight": 1e12, "tv_weight": 1e12},
    ],
)
def test_absurd_weights_never_give_a_broken_picture(network, settings):
    steps = []
    try:
        for step in library.stylize_steps(
            picture(40, 48, 1), picture(32, 32, 2), network=network, **{**QUICK, **settings}
        ):
            steps.append(step)
    except DivergenceError as error:
        assert "lower the weights or the learning rate" in str(error)
    assert steps
    assert np.isfinite(steps[-1].image).all()
    assert steps[-1].image.std() > 1e-3


@pytest.fixture
def desk(tmp_path, monkeypatch):
    for name, seed in (("photo.png", 1), ("painting.png", 2)):
        Image.fromarray((picture(48, 64, seed) * 255).astype(np.uint8)).save(tmp_path / name)
    meta = {"name": "tiny", "family": "distilled", "pooling": "average", "padding": "reflect"}
    write_weights(tmp_path / "tiny.npz", DEEP, meta)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_line_saves_the_last_good_picture(desk, monkeypatch, capsys):
    real, calls = gatys.BoundedEvaluation.__call__, []

    def spoiled(self, point):
        calls.append(1)
        found = real(self, point)
        return found if len(calls) <= 5 else nan_style(found)

    monkeypatch.setattr(gatys.BoundedEvaluation, "__call__", spoiled)
    arguments = (
        "stylize", "photo.png", "painting.png", "-o", "out.png", "--network", "tiny.npz",
        "--content-layers", "relu1_2", "--style-layer-weights", "relu1_1=1", "--iterations", "20",
    )  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["impasto", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    err = " ".join(capsys.readouterr().err.split())
    assert end.value.code == 1
    assert "The last good picture is in out.png." in err
    assert "impasto: the style loss became nan at scale 1, iteration" in err
    saved = np.asarray(Image.open(desk / "out.png"))
    assert saved.shape == (48, 64, 3)
    assert saved.std() > 5


def test_a_restored_guard_counts_on():
    bowl = Bowl({"always": nan_in("style")})
    first = Bowl()
    optimizer = new_optimizer(first, picture(16, 16, 1)[None], Scale((16, 16), 5), Settings())
    guard = Guard(optimizer)
    guard.restore({**guard.state(), "troubles": TROUBLES - 1})
    optimizer.evaluate = bowl
    with pytest.raises(DivergenceError, match="scale 1, iteration 1"):
        guard.step(1, 1)
    assert guard.state()["troubles"] == TROUBLES
