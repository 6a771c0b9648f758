"""The clock's predictions follow from the steps that were made."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from impasto.progress import Clock, Step

WORK = [(75 * 113, 40), (150 * 226, 28), (300 * 451, 21)]
RECORDED = (
    4.99, 5.04, 5.16, 5.21, 5.25, 5.30, 5.41, 5.45, 5.50, 5.57, 5.62, 5.67,
    5.71, 5.73, 5.74, 5.75, 5.77, 5.78, 5.80, 5.81, 5.83, 5.84, 5.85, 5.87,
    5.88, 5.91, 5.93, 5.94, 5.96, 5.97, 5.99, 6.00, 6.05, 6.11, 6.17, 6.22,
    6.28, 6.31, 6.32, 6.34, 8.41, 8.79, 9.07, 9.36, 9.64, 9.92, 10.16, 10.39,
    10.69, 10.94, 11.27, 11.34, 11.38, 11.43, 11.47, 11.56, 11.59, 11.63, 11.79, 11.87,
    11.92, 12.07, 12.18, 12.25, 12.33, 12.38, 12.41, 12.44, 14.90, 15.12, 15.21, 15.34,
    15.45, 15.64, 15.85, 15.97, 16.07, 16.26, 16.34, 16.53, 16.70, 16.80, 17.02, 17.16,
    17.25, 17.55, 17.75, 17.97, 18.42,
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
