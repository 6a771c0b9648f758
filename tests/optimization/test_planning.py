"""The planner: more work costs more, short memory means tiles, and a refusal names what fits."""

from __future__ import annotations

import re
import sys
from itertools import pairwise

import numpy as np
import pytest
from keras import ops
from PIL import Image

import impasto
from conftest import picture, tiny_weights
from impasto import cli
from impasto.engine import runtime
from impasto.errors import OutOfMemoryError
from impasto.forecast import plan_picture
from impasto.networks.catalogue import load_network
from impasto.networks.feature_network import FeatureNetwork
from impasto.networks.speed import Speed
from impasto.optimization import planning, tiling
from impasto.optimization.planning import plan_run
from impasto.optimization.scales import Scale, plan_scales
from impasto.settings import Settings

GIB = 2**30
USUAL = Speed(2e-7, 0.2)


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def network(request):
    return load_network("compact", dtype=request.param)


@pytest.fixture
def machine(monkeypatch):
    """Set the machine's free memory and speed."""

    def be(gib=64.0, speed=USUAL):
        monkeypatch.setattr(runtime, "free_memory", lambda: int(gib * GIB))
        monkeypatch.setattr(planning, "measure_speed", lambda network: speed)

    be()
    return be


def test_more_pixels_and_iterations_cost_more(machine, network):
    plans = [plan_run((side * 3 // 4, side), network, Settings()) for side in (256, 512, 1024, 2048, 4096)]
    for small, large in pairwise(plans):
        assert large.memory > small.memory
        assert large.seconds > small.seconds
    few, many = (plan_run((384, 512), network, Settings(iterations=n)) for n in (10, 100))
    assert many.seconds > 5 * few.seconds


def test_time_is_work_over_speed(machine, network):
    seconds = []
    for pixel in (1e-7, 4e-7):
        machine(speed=Speed(pixel, 0.0))
        seconds.append(plan_run((384, 512), network, Settings(iterations=100)).seconds)
    fixed = (100 + planning.TARGET_ITERATIONS) * planning.ITERATION_SECONDS
    assert (seconds[1] - fixed) / (seconds[0] - fixed) == pytest.approx(4)
    machine(speed=Speed(1e-7, 0.5))
    compiling = plan_run((384, 512), network, Settings(iterations=100)).seconds - seconds[0]
    assert compiling == pytest.approx(0.5 * planning.COMPILATIONS)


def test_a_range_holds_the_prediction(machine, network):
    plan = plan_run((384, 512), network, Settings())
    least, most = plan.seconds_range
    assert least < plan.seconds < most
    assert most / least == pytest.approx(planning.SPREAD**2)


def test_a_plan_names_what_will_be_run(machine, network):
    plan = plan_run((384, 512), network, Settings())
    assert list(plan.scales) == plan_scales((384, 512), Settings())
    assert plan.shape == (384, 512)
    assert list(plan.tiles) == [None] * len(plan.scales)
    assert plan.free == 64 * GIB
    assert plan.memory < plan.free


def test_operations_are_those_of_the_convolutions():
    shapes = {
        name: value.shape
        for name, value in tiny_weights(widths=(4, 5, 6, 7, 8)).items()
        if "conv" in name and "kernel" in name
    }
    network = FeatureNetwork(name="tiny", weights=tiny_weights(widths=(4, 5, 6, 7, 8)))
    per_pixel = sum(2 * 2 * np.prod(shape) / 4 ** (int(name[4]) - 1) for name, shape in shapes.items())
    assert planning.operations(network) == pytest.approx(per_pixel)
    features = 2 * 4 + 2 * 5 / 4 + 4 * 6 / 16 + 4 * 7 / 64 + 8 / 256
    assert planning.feature_bytes(network) == pytest.approx(4 * features)


def test_short_memory_means_tiles_and_shorter_memory_smaller_ones(machine, network):
    sides = []
    for gib in (64, 4, 3, 2.5):
        machine(gib)
        plan = plan_run((2048, 2048), network, Settings())
        sides.append(plan.tiles[-1] or 2048)
        assert plan.memory <= gib * GIB
    assert sides[0] == 2048
    assert sides == sorted(sides, reverse=True)
    assert 320 <= sides[-1] < 2048


def test_tiles_take_less_memory_and_more_time(machine, network):
    whole = plan_run((1536, 2048), network, Settings(iterations=10))
    tiled = plan_run((1536, 2048), network, Settings(iterations=10, tile_size=512))
    assert list(tiled.tiles) == [512]
    assert tiled.memory < whole.memory
    assert tiled.seconds > whole.seconds
    assert list(plan_run((384, 512), network, Settings(tile_size=2048)).tiles)[-1] is None


@pytest.mark.parametrize("shape", [(4096, 4096), (6000, 8000), (1000, 16_000), (12_288, 16_384)])
@pytest.mark.parametrize("gib", [0.25, 0.5, 1, 2, 4, 8])
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_a_refusal_names_a_size_that_then_fits(machine, network, shape, gib, optimizer):
    machine(gib)
    settings = Settings(max_size=16_384, optimizer=optimizer)
    try:
        plan = plan_run(shape, network, settings)
    except OutOfMemoryError as error:
        named = re.search(
            r"px need about [\d.]+ GiB, and [\d.]+ GiB are free; choose max_size (\d+) or less", str(error)
        )
        assert named, error
        size = int(named[1])
        assert 16 <= size < max(shape)
        smaller = plan_picture(shape, [network], Settings(max_size=size, optimizer=optimizer))
        assert max(smaller.shape) == size
    else:
        assert plan.memory <= gib * GIB + planning.PROCESS_BYTES


def test_a_photo_is_planned_at_its_reduced_size(machine, network):
    assert plan_picture((3000, 4000), [network], Settings(max_size=800)).shape == (600, 800)
    assert plan_picture((300, 400), [network], Settings(max_size=800)).shape == (300, 400)


def small_network():
    weights = tiny_weights(widths=(4, 4, 4, 4, 4))
    return FeatureNetwork(name="tiny", weights={k: ops.convert_to_tensor(v) for k, v in weights.items()})


@pytest.fixture
def tight(machine):
    """Leave so little memory that a picture of a shape needs tiles."""

    def be(shape, settings):
        scale, network = Scale(shape, 1), small_network()
        need = planning.picture_memory(scale, network, settings) + planning.tile_memory(network, 336**2)
        machine(need / planning.USABLE / GIB)

    return be


def test_a_run_in_short_memory_uses_tiles_and_gives_the_same_picture(machine, tight, monkeypatch):
    photo, style = picture(340, 400, 1), picture(128, 128, 2)
    values = {
        "iterations": (2,),
        "content_layers": ("relu1_2",),
        "style_layer_weights": {"relu1_1": 0.5, "relu2_1": 0.5},
    }
    whole = impasto.stylize(photo, style, network=small_network(), **values)
    tight((340, 400), Settings(**values))
    sides = []
    real = tiling.compile_in_tiles
    monkeypatch.setattr(
        tiling, "compile_in_tiles", lambda objective, side: sides.append(side) or real(objective, side)
    )
    tiled = impasto.stylize(photo, style, network=small_network(), **values)
    assert sides == [336]
    np.testing.assert_allclose(tiled.pixels, whole.pixels, atol=2e-3)
    assert np.abs(whole.pixels - photo).mean() > 0.005


def test_the_command_line_refuses_before_the_work(machine, tmp_path, monkeypatch, capsys):
    for name, seed in (("photo.png", 1), ("painting.png", 2)):
        Image.fromarray((picture(96, 128, seed) * 255).astype(np.uint8)).save(tmp_path / name)
    machine(0.001)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["impasto", "stylize", "photo.png", "painting.png", "-o", "out.png"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    err = " ".join(capsys.readouterr().err.split())
    assert end.value.code == 1
    assert re.search(
        r"impasto: 128 x 96 px need about [\d.]+ GiB, and 0.0 GiB are free; choose --max-size \d+ or less",
        err,
    )
    assert not (tmp_path / "out.png").exists()
