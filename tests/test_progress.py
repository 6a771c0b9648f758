"""The clock's predictions follow from the steps that were made."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from impasto.progress import Clock, Step

WORK = [(75 * 113, 40), (150 * 226, 28), (300 * 451, 21)]
RECORDED = (
    14.96, 15.07, 15.29, 15.41, 15.51, 15.62, 15.85, 15.96, 16.07, 16.19, 16.29, 16.40,
    16.52, 16.64, 16.74, 16.85, 16.95, 17.07, 17.20, 17.31, 17.43, 17.54, 17.65, 17.77,
    17.89, 17.99, 18.11, 18.23, 18.35, 18.46, 18.57, 18.68, 18.79, 18.91, 19.03, 19.13,
    19.23, 19.36, 19.48, 19.62, 25.24, 26.16, 26.75, 27.32, 27.92, 28.53, 29.17, 29.71,
    30.30, 30.88, 31.71, 32.28, 32.87, 33.44, 34.06, 34.66, 35.23, 35.77, 36.31, 36.90,
    37.34, 37.86, 38.37, 38.91, 39.44, 39.98, 40.48, 41.03, 49.35, 50.71, 51.55, 52.39,
    53.37, 54.22, 55.08, 55.60, 56.55, 57.38, 57.89, 58.77, 59.67, 60.62, 61.41, 62.30,
    63.15, 63.98, 64.92, 65.62, 66.16,
)  # fmt: skip
"""Seconds after the start at which the steps of a default run came, 512 px, two cores beside other work."""


def step(scale, iteration):
    return Step(
        scale=scale, scales=2, iteration=iteration, iterations=10, shape=(10, 10), losses={},
        make_image=lambda: np.zeros((10, 10, 3)),
    )  # fmt: skip


def steps(work):
    return [step(k, i) for k, (_, count) in enumerate(work, 1) for i in range(1, count + 1)]


def readings(work, times):
    clock = Clock(work, started=0.0)
    return [clock.tick(one, now) for one, now in zip(steps(work), times, strict=True)]


def even(work, compiling, rate, loading=0.0):
    """Return the times of a run whose iterations and compilations are all alike."""
    gaps = [(p * rate + (compiling if i == 0 else 0)) for p, n in work for i in range(n)]
    gaps[0] += loading
    return list(itertools.accumulate(gaps))


def test_an_even_run_is_predicted_exactly_once_it_can_be():
    work = [(100, 10), (400, 10)]
    times = even(work, compiling=2.0, rate=0.01, loading=3.0 - 0.01 * 100)
    for (share, left), now in list(zip(readings(work, times), times, strict=True))[4:]:
        assert left == pytest.approx(times[-1] - now, abs=1.0 if now <= times[9] else 0.01)
        assert 0 <= share <= 1
    assert readings(work, times)[-1] == (1.0, 0.0)


def test_nothing_is_predicted_before_there_is_something_to_go_by():
    work = [(100, 10), (400, 10)]
    assert [left for _, left in readings(work, even(work, 2.0, 0.01))[:4]] == [None] * 4


def test_a_recorded_run_is_never_predicted_to_take_twice_as_long_or_half():
    told = [(now, left) for (_, left), now in zip(readings(WORK, RECORDED), RECORDED, strict=True) if left]
    assert len(told) > len(RECORDED) - 8
    for now, left in told:
        assert 0.5 < (now + left) / RECORDED[-1] < 2
    first = told[0]
    assert 0.5 < first[1] / (RECORDED[-1] - first[0]) < 2


def test_the_share_never_falls():
    shares = [share for share, _ in readings(WORK, RECORDED)]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_one_scale_of_one_step_ends_at_once():
    assert readings([(100, 1)], [3.0]) == [(1.0, 0.0)]


def test_an_image_is_made_when_asked_for():
    assert step(1, 1).image.shape == (10, 10, 3)
