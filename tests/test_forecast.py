"""Forecasts: of the method that was asked for, and near what the machine then takes."""

from __future__ import annotations

import os
import statistics
import time
from types import SimpleNamespace

import pytest

import impasto
from conftest import picture
from impasto import forecast
from impasto.forecast import plan_method, plan_picture
from impasto.networks import speed
from impasto.networks.catalogue import load_network
from impasto.networks.speed import Speed, measure_speed
from impasto.onepass.planning import PASSES, plan_onepass
from impasto.optimization.planning import SPREAD
from impasto.preparation import load_network_for
from impasto.settings import Settings
from impasto.workshop import Workshop

ONE_PASS = Settings(method="onepass", precision="float32")


@pytest.fixture
def network():
    return load_network("compact")


@pytest.fixture
def measured(monkeypatch):
    """A speed that does not depend on what else the machine does between two plans."""
    for name in ("networks.speed", "optimization.planning"):
        monkeypatch.setattr(f"impasto.{name}.measure_speed", lambda network: Speed(1e-7, 0.2))


def test_one_pass_is_one_scale_of_one_iteration(network, measured):
    plan = plan_picture((600, 800), [network], ONE_PASS)
    assert plan.shape == (384, 512)
    assert [(scale.shape, scale.iterations) for scale in plan.scales] == [((384, 512), 1)]
    assert list(plan.tiles) == [None]
    optimized = plan_picture((600, 800), [network], Settings(precision="float32"))
    assert plan.seconds < optimized.seconds / 3
    assert len(optimized.scales) > 1


def test_a_refinement_is_planned_as_well(network, measured):
    plain = plan_method((192, 256), [network], ONE_PASS)
    refined = plan_method((192, 256), [network], Settings(method="onepass", refine=30, precision="float32"))
    assert [scale.iterations for scale in refined.scales] == [1, 30]
    assert refined.seconds > 1.5 * plain.seconds
    assert refined.memory >= plain.memory


def test_a_large_picture_is_painted_in_tiles():
    rate = Speed(1e-7, 0.0)
    whole, tiled = (plan_onepass((n, n), "float32", ONE_PASS, rate) for n in (1440, 4000))
    assert (whole.tile, tiled.tile) == (None, 1440)
    assert tiled.seconds > (4000 / 1440) ** 2 * whole.seconds
    assert whole.seconds > PASSES * 1440**2 * 1e-7
    smaller = plan_onepass((4000, 4000), "float32", Settings(method="onepass", tile_size=800), rate)
    assert smaller.memory < tiled.memory < 16 * whole.memory
    assert plan_onepass((1440, 1440), "bfloat16", ONE_PASS, rate).memory < whole.memory


def test_the_speed_is_of_the_network_s_own_layers(network, monkeypatch):
    found = measure_speed(network)
    assert 1e-12 < found.pixel_seconds < 1e-4
    assert found.compile_seconds >= 0
    slow = iter(range(100))
    monkeypatch.setattr(speed.time, "perf_counter", lambda: float(next(slow)))
    assert measure_speed(network).pixel_seconds == pytest.approx(1 / 256**2)


@pytest.fixture
def clock(monkeypatch):
    """A clock of how long a run takes; where other programs run, the processor's time for this one."""
    if os.getloadavg()[0] < 1.2:
        return time.perf_counter
    monkeypatch.setattr(speed, "time", SimpleNamespace(perf_counter=time.process_time))
    return time.process_time


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("method", ["optimize", "onepass"])
def test_a_forecast_is_near_the_truth(precision, method, clock):
    photo, style, ratios = picture(300, 400, 1), picture(300, 400, 2), []
    for size in (368, 384, 400):
        settings = {"max_size": size, "precision": precision, "method": method}
        if method == "optimize":
            settings["iterations"] = (30, 20)
        chosen = Settings(**settings)
        plan = forecast.plan_picture(photo.shape[:2], [load_network_for(chosen)], chosen)
        began = clock()
        impasto.stylize(photo, style, workshop=Workshop(), **settings)  # nothing is compiled yet
        ratios.append((clock() - began) / plan.seconds)
    print(method, precision, [round(ratio, 2) for ratio in ratios], clock)
    assert 1 / SPREAD < statistics.median(ratios) < SPREAD, ratios
