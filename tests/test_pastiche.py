"""The public way to a pastiche, from paths, images and arrays."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import impasto
from conftest import TINY_SETTINGS, picture
from impasto import progress_bar
from impasto.errors import ImageError, MissingFileError, OutputError, SettingError
from impasto.pictures.adjustments import adjusted
from impasto.preparation import Inputs
from impasto.runs.batch.batch import Batch
from impasto.settings import Settings


def make(network, content=None, style=None, **changes):
    content = picture(40, 52, 1) if content is None else content
    style = picture(36, 30, 2) if style is None else style
    return impasto.stylize(content, style, network=network, **{**TINY_SETTINGS, **changes})


def test_a_result_knows_everything(tiny_network):
    result = make(tiny_network, strength=70)
    assert result.pixels.shape == (40, 52, 3)
    assert result.image.size == (52, 40)
    assert result.settings.strength == 70
    assert result.network == "tiny"
    assert len(result.losses) == 5
    assert set(result.losses[0]) == {"total", "content", "style", "variation", "range", "grain"}
    assert result.losses[-1]["total"] < result.losses[0]["total"]
    assert result.seconds > 0


def test_paths_images_and_arrays_give_the_same_pastiche(tiny_network, tmp_path):
    pixels = (picture(40, 52, 1) * 255).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    found = [
        make(tiny_network, source).pixels
        for source in (tmp_path / "photo.png", str(tmp_path / "photo.png"), Image.fromarray(pixels), pixels)
    ]
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)


def test_save_keeps_an_existing_file(tiny_network, tmp_path):
    result = make(tiny_network)
    result.save(tmp_path / "a.png")
    first = (tmp_path / "a.png").read_bytes()
    with pytest.raises(OutputError, match="already exists"):
        result.save(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == first
    result.save(tmp_path / "a.png", overwrite=True)
    np.testing.assert_allclose(
        np.asarray(Image.open(tmp_path / "a.png")) / 255, result.pixels, atol=0.5 / 255 + 1e-6
    )
    with pytest.raises(SettingError, match="path must be a path, not None"):
        result.save(None)


def test_max_size_limits_and_never_enlarges(tiny_network):
    assert make(tiny_network, max_size=26).pixels.shape == (20, 26, 3)
    assert make(tiny_network, max_size=500).pixels.shape == (40, 52, 3)
    assert make(tiny_network, max_size=32, fit="stretch").pixels.shape == (32, 32, 3)


def test_alpha_is_carried_through(tiny_network):
    content = np.dstack([picture(40, 52, 1), np.linspace(0, 1, 40 * 52, dtype=np.float32).reshape(40, 52)])
    result = make(tiny_network, content)
    assert result.image.mode == "RGBA"
    np.testing.assert_allclose(result.alpha, content[..., 3], atol=1e-6)


def test_starts(tiny_network):
    pictures = [make(tiny_network, initial=start, iterations=1).pixels for start in ("content", "noise")]
    assert np.abs(pictures[0] - pictures[1]).mean() > 0.05


def test_a_start_from_a_file(tiny_network, tmp_path):
    start = (picture(40, 52, 9) * 255).astype(np.uint8)
    Image.fromarray(start).save(tmp_path / "start.png")
    result = make(tiny_network, initial=str(tmp_path / "start.png"), iterations=1, optimizer="adam")
    assert np.abs(result.pixels - start / 255).mean() < 0.03


def test_built_in_styles(tiny_network):
    assert make(tiny_network, style="mosaic", iterations=1).pixels.shape == (40, 52, 3)


def test_steps_end_with_the_finished_pastiche(tiny_network):
    steps = list(
        impasto.stylize_steps(picture(40, 52, 1), picture(36, 30, 2), network=tiny_network, **TINY_SETTINGS)
    )
    assert steps[-1].last
    np.testing.assert_array_equal(steps[-1].image, make(tiny_network).pixels)


def test_steps_offer_the_pastiche_and_its_recipe(tiny_network, tmp_path):
    steps = list(
        impasto.stylize_steps(picture(40, 52, 1), picture(36, 30, 2), network=tiny_network, **TINY_SETTINGS)
    )
    result, early = steps[-1].pastiche, steps[1].pastiche
    np.testing.assert_array_equal(result.pixels, make(tiny_network).pixels)
    assert (len(result.losses), len(early.losses)) == (5, 2)
    assert early.seconds < result.seconds
    assert result.recipe["settings"]["iterations"] == [5]
    result.save(tmp_path / "out.png")
    assert impasto.load_recipe(tmp_path / "out.png") == result.recipe


def test_a_result_shows_itself(tiny_network):
    content = np.dstack([picture(40, 52, 1), np.full((40, 52), 0.5, np.float32)])
    result = make(tiny_network, content)
    assert re.fullmatch(r"<Pastiche: 52 x 40 px, optimize, \d+\.\d s>", repr(result))
    shown = Image.open(io.BytesIO(result._repr_png_()))
    assert (shown.size, shown.mode) == ((52, 40), "RGBA")
    np.testing.assert_allclose(np.asarray(shown)[..., :3] / 255, result.pixels, atol=0.5 / 255 + 1e-6)
    np.testing.assert_array_equal(np.asarray(result), result.pixels)
    assert np.asarray(result, np.float64).dtype == np.float64
    assert np.array(result) is not result.pixels


def test_a_result_is_a_picture_to_go_on_with(tiny_network):
    first = make(tiny_network)
    assert make(tiny_network, np.asarray(first)).pixels.shape == first.pixels.shape


def test_wrong_layer_names_are_told_before_a_picture_is_read():
    with pytest.raises(SettingError, match="not 'relu9_1'"):
        impasto.stylize("gone.jpg", "gone.jpg", content_layers="relu9_1")


def test_plan_predicts_what_stylize_takes(tiny_network):
    found = impasto.plan(picture(40, 52, 1), network=tiny_network, **{**TINY_SETTINGS, "max_size": 26})
    assert found.shape == (20, 26)
    assert [scale.iterations for scale in found.scales] == [5]
    assert found.seconds > 0 and found.memory > 0
    of_shape = impasto.plan((40, 52), network=tiny_network, **{**TINY_SETTINGS, "max_size": 26})
    assert (of_shape.shape, of_shape.tiles) == (found.shape, found.tiles)


@pytest.mark.slow
def test_a_clear_sky_is_painted():
    """A gradient has no detail to lose: the style's forms are to fill it, not to leave it flat."""
    down = np.linspace(0, 1, 160)[:, None, None]
    sky = (
        np.array([0.35, 0.55, 0.85]) * (1 - down) + np.array([0.85, 0.9, 0.95]) * down + np.zeros((1, 160, 1))
    )
    painted, style = (
        np.abs(np.diff(pixels.mean(axis=-1), axis=1))[32:-32, 32:-32].mean()
        for pixels in (impasto.stylize(sky, "swirls").pixels, impasto.gallery.style_pixels("swirls", 160))
    )
    assert painted > 0.6 * style  # with a content loss as large as the sky's features are small: 0.19


def test_sweep_makes_pictures_and_a_sheet(tmp_path):
    photo, painting, chosen = picture(24, 32, 1), picture(24, 32, 2), {"max_size": 32, "iterations": 1}
    found = impasto.sweep(photo, painting, tmp_path / "out", strength=[0, 1], **chosen)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "sheet.png", "strength-0.png", "strength-1.png"
    ]  # fmt: skip
    assert [end.outcome for end in found.ends] == ["made", "made"]


def test_progress_is_drawn_round_any_steps(tiny_network, capsys):
    steps = impasto.stylize_steps(
        picture(40, 52, 1),
        picture(36, 30, 2),
        network=tiny_network,
        **{**TINY_SETTINGS, "iterations": (2, 3)},
    )
    shown = list(impasto.show_progress(steps))
    assert [(step.scale, step.iteration) for step in shown] == [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3)]
    assert capsys.readouterr() == ("", "")  # neither a terminal nor a notebook
    shares = [progress_bar.done(step) for step in shown]
    np.testing.assert_allclose(shares, [0.1, 0.2, 0.2 + 0.8 / 3, 0.2 + 1.6 / 3, 1])
    assert progress_bar.words(shown[2]) == "52 x 40 px, scale 2 of 2, iteration 1 of 3"


def test_style_equal_to_content_is_said(tiny_network):
    assert "content image itself" in make(tiny_network, style=picture(40, 52, 1)).notes[-1]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (np.full((40, 40, 3), np.nan, np.float32), ImageError),
        (np.zeros((40, 40, 5), np.float32), ImageError),
        (np.zeros((40,), np.float32), ImageError),
        (np.zeros((40, 40, 3), np.int64), ImageError),
        (np.full((40, 40, 3), 7.0, np.float32), ImageError),
        (np.zeros((1, 1, 3), np.uint8), ImageError),
        (np.zeros((3, 20_000, 3), np.uint8), ImageError),
        ("nothing-here.jpg", MissingFileError),
        (3.5, ImageError),
    ],
)
def test_bad_pictures_are_refused_in_one_sentence(tiny_network, content, error):
    with pytest.raises(error) as caught:
        make(tiny_network, content)
    assert "\n" not in str(caught.value)


def test_unknown_settings_are_refused(tiny_network):
    with pytest.raises(SettingError, match="did you mean 'strength'"):
        make(tiny_network, strengh=3)
    with pytest.raises(SettingError, match="did you mean 'article'"):
        make(tiny_network, preset="artcle")


def test_layer_names_are_checked(tiny_network):
    with pytest.raises(SettingError, match=r"relu1_1 \.\.\. relu5_4, not 'relu1_9'"):
        make(tiny_network, content_layers=("relu1_9",))


def stopped(network, scale, iteration, **settings):
    """Return the picture as it is after an iteration of a run that is stopped there."""
    steps = impasto.stylize_steps(
        picture(40, 52, 1), picture(36, 30, 2), network=network, **{**TINY_SETTINGS, **settings}
    )
    for step in steps:
        if (step.scale, step.iteration) == (scale, iteration):
            steps.close()
            return step.pastiche
    raise AssertionError("there is no such iteration")


@pytest.mark.parametrize(
    ("asked", "at", "made"),
    [
        ({"iterations": (3, 5)}, (2, 2), {"iterations": [3, 2]}),
        ({"iterations": 5}, (1, 3), {"iterations": [3]}),
        ({"iterations": None}, (1, 4), {"iterations": [4]}),
        ({"method": "onepass", "refine": 4, "iterations": None}, (2, 2), {"refine": 2, "iterations": None}),
        ({"method": "onepass", "refine": 4, "iterations": None}, (1, 1), {"refine": 0, "iterations": None}),
    ],
)
def test_a_stopped_run_s_recipe_repeats_the_picture_as_it_was(tiny_network, asked, at, made):
    result = stopped(tiny_network, *at, **asked)
    assert {name: result.recipe.settings[name] for name in made} == made
    assert result.settings.to_mapping() == result.recipe.settings
    settings = {name: value for name, value in result.recipe.settings.items() if name != "network"}
    again = make(tiny_network, **settings)
    np.testing.assert_array_equal(again.pixels, result.pixels)
    assert again.recipe == result.recipe and "stopped" not in result.recipe


def test_a_run_stopped_at_a_coarse_scale_says_so(tiny_network, tmp_path):
    result = stopped(tiny_network, 1, 2, iterations=(3, 5))
    assert result.recipe["stopped"] == {"scale": 1, "scales": 2, "iteration": 2, "iterations": 3}
    assert result.recipe.settings["iterations"] == [3, 5]
    result.save(tmp_path / "out.png")
    assert impasto.load_recipe(tmp_path / "out.png").stopped == result.recipe["stopped"]


def test_adjustments_are_made_last_and_stand_in_the_recipe(tiny_network):
    chosen = {"exposure": 0.5, "contrast": 20.0, "saturation": -30.0, "film_grain": 40.0}
    plain, result = make(tiny_network), make(tiny_network, **chosen)
    expected = adjusted(plain.pixels, Settings(**chosen))
    np.testing.assert_array_equal(result.pixels, expected)
    assert np.abs(expected - plain.pixels).mean() > 0.02
    assert {name: result.recipe.settings[name] for name in chosen} == chosen
    untouched = make(tiny_network, strength=0, exposure=1)
    np.testing.assert_array_equal(untouched.pixels, adjusted(picture(40, 52, 1), Settings(exposure=1)))


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: impasto.load_recipe(None), SettingError, "path must be a path, not None"),
        (lambda: impasto.sweep("p.png", "swirls", 5, strength=[1, 2]), SettingError, "folder must be a path"),
        (lambda: impasto.batch(5, "swirls", "out"), SettingError, "photos must be a path, not 5"),
        (lambda: impasto.batch(["p.png", 5], "swirls", "out"), SettingError, "photos must be a path, not 5"),
        (lambda: impasto.batch("p.png", "swirls", None), SettingError, "folder must be a path, not None"),
        (lambda: impasto.Stylizer(None), ImageError, "a picture must be a path, .* not NoneType"),
        (lambda: impasto.Subject("photo.jpg"), ImageError, r"pixels must be an array .* not str"),
        (lambda: impasto.Subject(np.zeros((9, 9))), ImageError, r"pixels must be an array .* not \(9, 9\)"),
        (lambda: Inputs.of(None, "swirls", [5]), SettingError, "a region must be written .* not 5"),
        (lambda: Inputs.of(None, "swirls", 5), SettingError, "a region must be written .* not 5"),
        (
            lambda: Batch(entries=(), outputs=(), folder=Path(), workers="2"),
            SettingError,
            "workers must be a whole number from 1 up, not '2'",
        ),
    ],
)
def test_a_wrong_type_is_one_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()


def test_one_region_needs_no_list():
    alone, listed = (Inputs.of(None, "swirls", regions) for regions in ("m.png=mosaic", ["m.png=mosaic"]))
    assert alone == listed
