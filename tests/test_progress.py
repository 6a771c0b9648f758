"""The clock's predictions follow from the work done."""

from __future__ import annotations

import time

import numpy as np
import pytest

from impasto.progress import Clock, Step


def step(scale, iteration):
    return Step(
        scale=scale, scales=2, iteration=iteration, iterations=10, shape=(10, 10), losses={},
        make_image=lambda: np.zeros((10, 10, 3)),
    )  # fmt: skip


def test_work_is_pixels_times_iterations_and_compiling():
    clock = Clock([(100, 10), (400, 10)], compiling=2)
    assert clock.total == 100 * 12 + 400 * 12
    assert clock.done(step(1, 3)) == 100 * 5
    assert clock.done(step(2, 10)) == clock.total


def test_the_time_left_is_in_proportion():
    clock = Clock([(100, 10), (300, 10)], started=time.monotonic() - 8, compiling=0)
    assert clock.seconds_left(step(1, 10)) == pytest.approx(24, rel=0.01)
    assert clock.seconds_left(step(2, 10)) == 0


def test_an_image_is_made_when_asked_for():
    assert step(1, 1).image.shape == (10, 10, 3)
