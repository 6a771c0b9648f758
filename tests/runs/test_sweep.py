"""Sweeps: which pictures they make, what they share and keep, and the commands sweep, plan and recipe."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from conftest import TINY_SETTINGS, picture, tiny_weights, write_tiny
from impasto import stylize
from impasto.cli import inspect
from impasto.cli import sweep as sweep_command
from impasto.errors import ImageError, ImpastoError, OutputError, SettingError
from impasto.networks import catalogue
from impasto.preparation import Inputs, prepare
from impasto.runs.sweep import plan_sweep, run_sweep, sweep_steps
from impasto.settings import Settings
from impasto.styles import RegionSpec, StyleSpec
from impasto.workshop import Workshop

TINY = {**TINY_SETTINGS, "iterations": (2,)}
WORDS = (
    "--content-layers", "relu1_2", "--style-layer-weights", "relu1_1=0.5,relu1_2=0.5", "--iterations", "2",
)  # fmt: skip


@pytest.fixture(scope="module")
def network():
    """A real extractor of five narrow blocks."""
    from keras import ops

    from impasto.networks.feature_network import FeatureNetwork

    weights = tiny_weights(widths=(4,) * 5)
    return FeatureNetwork(name="tiny", weights={k: ops.convert_to_tensor(v) for k, v in weights.items()})


@pytest.fixture
def inputs():
    return Inputs.of(picture(24, 32, 1), picture(24, 32, 2))


@pytest.fixture
def desk(tmp_path):
    """A folder with a photo, a painting and a tiny network."""
    for name, seed in (("photo.png", 1), ("painting.png", 2)):
        Image.fromarray((picture(24, 32, seed) * 255).astype(np.uint8)).save(tmp_path / name)
    write_tiny(tmp_path / "tiny.npz", (4,) * 5)
    return tmp_path


@pytest.fixture
def command(desk):
    """Run a command; return (its result, all that it printed)."""
    app = typer.Typer()
    sweep_command.register(app)
    inspect.register(app)

    def run(*arguments):
        result = CliRunner().invoke(app, [str(word) for word in arguments])
        if isinstance(result.exception, ImpastoError):
            raise result.exception
        return result, result.output

    return run


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_pictures_are_all_combinations_and_are_named_by_them(inputs, network, tmp_path):
    plan = plan_sweep(
        inputs, tmp_path / "out", {**TINY, "strength": [20, 80.5], "colors": ["style", "luminance"]}
    )
    result = run_sweep(plan, network)
    assert names(tmp_path / "out") == [
        "sheet.png",
        "strength-20_colors-luminance.png", "strength-20_colors-style.png",
        "strength-80.5_colors-luminance.png", "strength-80.5_colors-style.png",
    ]  # fmt: skip
    assert [end.outcome for end in result.ends] == ["made"] * 4
    assert plan.variations[0].label == "strength 20, colors style"


def test_each_picture_is_the_one_that_stylize_makes(inputs, network, tmp_path):
    given = {"strength": [20, 80], "colors": ["style", "luminance"], "stroke_size": [1.0, 0.5]}
    plan = plan_sweep(inputs, tmp_path / "out", {**TINY, **given})
    run_sweep(plan, network)
    assert len(plan.variations) == 8
    content, style = inputs.content, inputs.styles[0].source
    for variation in plan.variations:
        alone = stylize(content, style, network=network, **TINY, **variation.values)
        np.testing.assert_array_equal(np.asarray(Image.open(variation.path)), np.asarray(alone.image))


def test_strengths_share_what_is_compiled(inputs, network, tmp_path, monkeypatch):
    from impasto.optimization import tiling

    shapes, real = [], tiling.compile_value_and_gradient
    monkeypatch.setattr(
        tiling, "compile_value_and_gradient", lambda f, shape: shapes.append(shape) or real(f, shape)
    )
    given = {"strength": [20, 50, 80], "style_loss": ["gram", "moments"]}
    run_sweep(plan_sweep(inputs, tmp_path / "out", {**TINY, **given}), network)
    assert shapes == [(1, 24, 32, 3)] * 2  # one for each measure of style


def test_strengths_share_their_targets(inputs, network, tmp_path, monkeypatch):
    from impasto.optimization import gatys

    losses, real = [], gatys.build_objective

    def counted(network, content, regions, settings, *others):
        losses.append(settings.style_loss)
        return real(network, content, regions, settings, *others)

    monkeypatch.setattr(gatys, "build_objective", counted)
    given = {"strength": [20, 50, 80], "style_loss": ["gram", "moments"], "grain": [None, 1.0]}
    run_sweep(plan_sweep(inputs, tmp_path / "out", {**TINY, **given}), network)
    assert sorted(losses) == ["gram", "gram", "moments", "moments"]  # with grain and without


@pytest.fixture(scope="module")
def shared():
    """A workshop in which more and more lies that could be taken for something else."""
    with Workshop() as shop:
        yield shop


@pytest.mark.parametrize(
    "other",
    [
        {"content": picture(24, 32, 7)},
        {"style": picture(24, 32, 7)},
        {"style": ["a:2", "b"]},
        {"settings": {"style_loss": "moments"}},
        {"settings": {"strength": 0}},
        {"settings": {"colors": "luminance"}},
        {"regions": [RegionSpec(mask=np.tri(24, 32, dtype=np.float32), style=picture(24, 32, 8))]},
    ],
    ids=["content", "style", "blend", "loss", "no style", "colors", "regions"],
)
def test_targets_that_lie_in_the_workshop_are_taken_for_no_others(network, shared, other):
    given = {"content": picture(24, 32, 1), "style": picture(24, 32, 2), "regions": [], "settings": {}}

    def made(workshop, values):
        values = {**given, **values}
        if isinstance(values["style"], list):
            values["style"] = [
                StyleSpec(source=picture(24, 32, s), weight=w) for s, w in ((2, 2.0), (3, 1.0))
            ]
        settings = {**TINY, **values["settings"], "regions": values["regions"]}
        return stylize(
            values["content"], values["style"], network=network, workshop=workshop, **settings
        ).pixels

    with Workshop() as fresh:
        first = made(shared, {})
        np.testing.assert_array_equal(made(shared, other), made(fresh, other))
        np.testing.assert_array_equal(made(shared, {}), first)
        assert not np.array_equal(made(shared, other), first)


def test_rows_of_the_sheet_hold_the_first_setting_and_columns_the_last(inputs, network, tmp_path):
    run_sweep(
        plan_sweep(inputs, tmp_path / "out", {**TINY, "grain": [None, 1], "strength": [0, 50, 100]}),
        network,
    )
    sheet = np.asarray(Image.open(tmp_path / "out" / "sheet.png"))
    photo_width, gap, text = round(256 * 32 / 24), 8, 16
    assert sheet.shape == (2 * (256 + 2 * text + gap) + gap, 3 * (photo_width + gap) + gap, 3)
    photo = (inputs.content * 255).mean(axis=(0, 1))
    for row in range(2):  # strength 0 is the photo, in the first column
        top = gap + row * (256 + 2 * text + gap)
        cell = sheet[top : top + 256, gap : gap + photo_width]
        np.testing.assert_allclose(cell.mean(axis=(0, 1)), photo, atol=1)
        assert sheet[top + 256 : top + 256 + 2 * text].min() < 100  # a label


def test_an_interrupted_sweep_goes_on_and_ends_with_the_same_files(inputs, network, tmp_path):
    given = {**TINY, "strength": [20, 50, 80]}
    whole = plan_sweep(inputs, tmp_path / "whole", given)
    run_sweep(whole, network)
    cut = plan_sweep(inputs, tmp_path / "cut", given)
    steps = sweep_steps(cut, network)
    while next(steps).number < 3:
        pass
    steps.close()
    assert names(tmp_path / "cut") == ["strength-20.png", "strength-50.png"]
    before = [v.path.stat().st_mtime_ns for v in cut.variations[:2]]
    result = run_sweep(cut, network)
    assert [end.outcome for end in result.ends] == ["kept", "kept", "made"]
    assert [v.path.stat().st_mtime_ns for v in cut.variations[:2]] == before
    for name in names(tmp_path / "whole"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_nothing_of_somebody_else_is_overwritten(inputs, network, tmp_path):
    given = {**TINY, "strength": [20, 50]}
    run_sweep(plan_sweep(inputs, tmp_path, given), network)
    old = (tmp_path / "strength-50.png").read_bytes()
    other = {**given, "stroke_size": 0.5}
    with pytest.raises(OutputError, match=r"strength-20.png is there already, with other settings"):
        run_sweep(plan_sweep(inputs, tmp_path, other), network)
    with pytest.raises(OutputError, match="with other content"):
        run_sweep(plan_sweep(replace(inputs, content=picture(24, 32, 9)), tmp_path, given), network)
    assert (tmp_path / "strength-50.png").read_bytes() == old
    result = run_sweep(plan_sweep(inputs, tmp_path, other, overwrite=True), network)
    assert [end.outcome for end in result.ends] == ["made", "made"]
    assert (tmp_path / "strength-50.png").read_bytes() != old
    Image.new("RGB", (32, 32)).save(tmp_path / "sheet.png")
    with pytest.raises(OutputError, match=r"sheet.png already exists"):
        run_sweep(plan_sweep(inputs, tmp_path, other), network)


def test_an_input_is_never_replaced(desk):
    Image.open(desk / "photo.png").save(desk / "strength-20.png")
    photo = desk / "strength-20.png"
    plan = plan_sweep(Inputs.of(photo, "swirls"), desk, {"strength": [20, 50]}, overwrite=True)
    with pytest.raises(OutputError, match=r"is the input .*strength-20.png, which is never replaced"):
        run_sweep(plan)


def test_one_picture_that_cannot_be_made_does_not_end_the_sweep(inputs, network, tmp_path):
    plan = plan_sweep(inputs, tmp_path, {**TINY, "initial": ["content", "missing.png"]})
    ends = run_sweep(plan, network).ends
    assert [end.outcome for end in ends] == ["made", "failed"]
    assert "initial must be content, noise or a picture's file name" in str(ends[1].error)
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert (sheet[8:264, -260:] == 255).all()
    assert names(tmp_path) == ["initial-content.png", "sheet.png"]


def test_when_none_can_be_made_the_first_error_is_raised(network, tmp_path):
    flat = Inputs.of(np.full((32, 32, 3), 0.5, np.float32), picture(32, 32))
    plan = plan_sweep(flat, tmp_path, {**TINY, "subject": ["only", "keep"]})
    with pytest.raises(ImageError, match="nothing in the photo stands out"):
        run_sweep(plan, network)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"strength": 20}, "a sweep needs a setting with several values"),
        ({"strength": [20, 20.0]}, "strength must have each value once, not 20 twice"),
        ({"strength": []}, "strength must have each value once, not no value"),
        ({"strength": [20, 120]}, "strength must be a number from 0 to 100, not 120"),
        ({"strenght": [20, 50]}, "there is no setting 'strenght'; did you mean 'strength'?"),
        ({"colors": ["style", "luminanse"]}, "did you mean 'luminance'?"),
        ({"iterations": [(40, 20), (10, 5)]}, "iterations is a list or a table itself"),
        ({"seed": range(65)}, "a sweep makes at most 64 pictures, not 65"),
        ({"network": ["a/net.npz", "b/net.npz"]}, "has the same file name as another picture"),
    ],
)
def test_what_cannot_be_swept_is_refused_in_a_sentence(inputs, tmp_path, given, message):
    with pytest.raises(SettingError) as error:
        plan_sweep(inputs, tmp_path / "out", given)
    assert message in str(error.value)
    assert not (tmp_path / "out").exists()


def test_later_settings_do_not_change_what_is_prepared(inputs, network):
    later = {s.name for s in fields(Settings) if s.metadata["stage"] in ("objective", "weights")}
    other = Settings(
        strength=7, style_loss="sliced", formulas="article", optimizer="adam", learning_rate=0.5, grain=2,
        tile_size=256, content_weight=3, style_weight=4, tv_weight=5, content_layers=("relu1_1",),
        style_layer_weights={"relu1_2": 1}, colors="luminance", subject="all",
    )  # fmt: skip
    ours = Settings(colors="luminance")
    assert all(getattr(other, name) != getattr(ours, name) for name in later)
    assert ours.up_to("network") == other.up_to("network")
    one, two = (prepare(inputs, settings, network) for settings in (ours, other))
    for name in ("content", "initial", "photo"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    np.testing.assert_array_equal(one.regions[0].styles[0].pixels, two.regions[0].styles[0].pixels)
    assert (one.cover, one.record, one.notes) == (two.cover, two.record, two.notes)


def test_networks_are_loaded_once_for_each_way_they_are_asked_for(desk, monkeypatch):
    loaded, load = [], catalogue.load_network
    monkeypatch.setattr(
        catalogue, "load_network", lambda name, **how: loaded.append(how["pooling"]) or load(name, **how)
    )
    given = {**TINY, "network": str(desk / "tiny.npz"), "pooling": ["average", "max"]}
    given |= {"strength": [20, 50], "colors": ["style", "luminance"]}
    inputs = Inputs.of(desk / "photo.png", desk / "painting.png")
    run_sweep(plan_sweep(inputs, desk / "out", given))
    assert sorted(loaded) == ["average", "max"]


def test_the_command_takes_several_values_by_commas(command, desk):
    arguments = ("sweep", desk / "photo.png", desk / "painting.png", "-o", desk / "out", "--network",
                 desk / "tiny.npz", *WORDS, "--strength", "20, 80", "--grain", "none,1")  # fmt: skip
    result, text = command(*arguments)
    assert result.exit_code == 0
    assert "sheet.png: 4 pictures made, 0 kept." in text
    assert len(names(desk / "out")) == 5
    assert "strength-20_grain-none.png" in names(desk / "out")
    assert "0 pictures made, 4 kept" in command(*arguments)[1]


def test_the_command_refuses_what_the_settings_refuse(command, desk):
    with pytest.raises(SettingError, match="strength must be a number from 0 to 100, not 'much'"):
        command("sweep", desk / "photo.png", "swirls", "-o", desk / "out", "--strength", "20,much")
    with pytest.raises(SettingError, match="a style must be named"):
        command("sweep", desk / "photo.png", "-o", desk / "out", "--strength", "20,30")


def test_every_setting_is_an_option_of_sweep(command):
    text = command("sweep", "--help")[1]
    for spec in fields(Settings):
        assert f"--{spec.name.replace('_', '-')}"[:20] in text


def test_plan_prints_scales_tiles_time_and_memory(command, desk):
    Image.new("RGB", (900, 600), "navy").save(desk / "large.png")
    result, text = command(
        "plan", desk / "large.png", "--max-size", "900", "--network", desk / "tiny.npz", *WORDS,
        "--tile-size", "600", "--style-layer-weights", "relu1_1=1",
    )  # fmt: skip
    assert result.exit_code == 0
    assert "900 x 600" in text
    assert "tiles of" in text
    for words in ("time", "memory, peak", "memory, free", "GiB"):
        assert words in text
    assert not list(desk.glob("*.checkpoint"))


def test_recipe_prints_what_a_picture_was_made_with(command, desk):
    result = stylize(desk / "photo.png", desk / "painting.png", network=None, strength=0)
    result.save(desk / "out.png")
    found = json.loads(command("recipe", desk / "out.png")[1])
    assert found["settings"]["strength"] == 0
    assert found["content"]["name"] == "photo.png"
    with pytest.raises(ImageError, match="has no recipe"):
        command("recipe", desk / "photo.png")
