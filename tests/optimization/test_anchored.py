"""The temporal loss: its value by hand, its gradient by differences, where a picture goes that is held."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conftest import TINY_SETTINGS, picture
from impasto.engine.gradients import Evaluation
from impasto.optimization.anchored import AnchoredEvaluation
from impasto.optimization.gatys import optimize_steps
from impasto.prepared import Anchor, Prepared, everywhere
from impasto.settings import Settings
from impasto.workshop import Workshop


class Bowl:
    """A function with a value and a gradient that are known: the sum of squares."""

    side = None

    def __call__(self, point):
        return Evaluation(float((point**2).sum()), np.zeros(5, np.float32), 2 * point)


def test_the_loss_is_the_mean_of_what_is_certain():
    settings = Settings(strength=50)  # content weight 1, style weight 36
    point = np.zeros((1, 2, 2, 3), np.float32)
    certain = np.array([[1, 0], [0, 0.5]], np.float32)
    anchor = Anchor(pixels=np.full((2, 2, 3), 0.2, np.float32), certainty=certain, weight=10)
    held = AnchoredEvaluation(Bowl(), anchor, settings, point)(point)
    # 10 x 37 x (3 x 0.2^2 x (1 + 0.5)) / 12 values
    assert held.total == pytest.approx(5.55, rel=1e-5)
    expected = -2 * 370 * 0.2 / 12 * certain[..., None].repeat(3, 2)
    np.testing.assert_allclose(held.gradient[0], expected, rtol=1e-5)


def test_its_gradient_is_that_of_its_value():
    random = np.random.default_rng(1)
    point = random.uniform(0, 1, (1, 3, 4, 3)).astype("f4")
    anchor = Anchor(pixels=picture(3, 4), certainty=random.uniform(0, 1, (3, 4)).astype("f4"), weight=20)
    held = AnchoredEvaluation(Bowl(), anchor, Settings(), point)
    for place in ((0, 0, 0, 0), (0, 2, 3, 1), (0, 1, 2, 2)):
        ahead, back = point.copy(), point.copy()
        ahead[place] += 0.01
        back[place] -= 0.01
        slope = (held(ahead).total - held(back).total) / 0.02
        assert held(point).gradient[place] == pytest.approx(slope, rel=1e-2)


def test_a_picture_stays_where_it_is_held(tiny_network):
    before, content = picture(32, 40, 3), picture(32, 40, 4)
    certain = np.zeros((32, 40), np.float32)
    certain[:, :20] = 1
    settings = Settings(**TINY_SETTINGS | {"iterations": (12,)})
    moved = []
    with Workshop() as workshop:
        for weight in (0.0, 1e4):
            given = Prepared.of(content, everywhere(picture(32, 32, 5)), settings, tiny_network, workshop)
            anchor = Anchor(pixels=before, certainty=certain, weight=weight)
            prepared = replace(given, initial=before, anchor=anchor)
            (last,) = [step for step in optimize_steps(prepared) if step.last]
            moved.append(np.abs(last.image - before).mean(axis=2))
    free, held = moved
    assert held[:, :20].mean() < 0.2 * free[:, :20].mean()
    assert held[:, 24:].mean() > 0.5 * free[:, 24:].mean()
