"""Recipes: written into pictures, read back from them and from files, and repeated."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from conftest import make_desk, picture, tiny_weights
from impasto import __version__, gallery, stylize
from impasto.cli.language import tell
from impasto.errors import ImageError, MissingFileError, SettingError
from impasto.networks.catalogue import write_weights
from impasto.pictures.writing import OutputOptions, write_picture
from impasto.recipes import load_recipe
from impasto.styles import RegionSpec

RECIPE = {
    "impasto": __version__,
    "settings": {"strength": 61.5, "iterations": [3, 2]},
    "network": {"name": "tiny", "sha256": "00", "precision": "float32"},
    "engine": "tensorflow",
    "content": {"name": "photo.jpg", "sha256": "11"},
    "styles": [{"name": "swirls", "sha256": "built-in:swirls", "weight": 2.0, "part": "fine"}],
    "regions": [],
}


def written(path, values=RECIPE):
    """Write a recipe as a file's extension wants it."""
    if path.suffix == ".json":
        path.write_text(json.dumps(values), encoding="utf-8")
    else:
        options = OutputOptions(recipe=json.dumps(values, ensure_ascii=False), overwrite=True)
        write_picture(path, picture(24, 24), options)
    return path


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with photos, paintings, a mask and a tiny network."""
    names = ("photo.png", "painting.png", "other.png", "second.png")
    make_desk(tmp_path, names, widths=(4, 4, 4, 4, 4))
    mask = np.zeros((48, 64), np.uint8)
    mask[:, :20] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def impasto(impasto):
    """Run the command line in this process; return (exit code, stderr as one line)."""

    def run(*arguments):
        code, _, err = impasto(*arguments)
        return code, " ".join(err.split())

    return run


@pytest.mark.parametrize("extension", ["png", "jpg", "webp", "tif", "json"])
def test_a_recipe_is_read_from_everything_that_holds_one(tmp_path, extension):
    recipe = load_recipe(written(tmp_path / f"out.{extension}"))
    assert recipe.settings == RECIPE["settings"]
    (style,) = recipe.styles()
    assert (style.source, style.weight, style.part) == ("swirls", 2.0, "fine")
    assert recipe.regions() == []


def test_names_in_any_script_survive(tmp_path):
    values = RECIPE | {"content": {"name": "星月夜 – ÄÖ.jpg", "sha256": "11"}}
    for extension in ("png", "jpg", "webp"):
        assert load_recipe(written(tmp_path / f"out.{extension}", values))["content"] == values["content"]


def test_toml_with_tables(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(
        '[settings]\nstrength = 70\niterations = [3, 2]\n[[styles]]\nname = "mosaic"\nweight = 3\n'
    )
    recipe = load_recipe(path)
    assert recipe.settings == {"strength": 70, "iterations": [3, 2]}
    assert [(s.source, s.weight, s.part) for s in recipe.styles()] == [("mosaic", 3, "all")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("recipe.toml", 'strength = 70\ncolors = "luminance"'),
        ("recipe.json", '{"strength": 70, "colors": "luminance"}'),
    ],
)
def test_a_plain_table_of_settings_is_enough(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    recipe = load_recipe(tmp_path / name)
    assert recipe.settings == {"strength": 70, "colors": "luminance"}
    with pytest.raises(SettingError, match="names no style; name one after the photo"):
        recipe.styles()


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.toml", "strenght = 70", "there is no setting 'strenght'; did you mean 'strength'?"),
        ("a.toml", "strength = 170", "strength must be a number from 0 to 100, not 170"),
        ("a.toml", "[settings]\nstrenght = 70", "there is no setting 'strenght'; did you mean 'strength'?"),
        ("a.toml", "style = 1\n[settings]\n", "has an unknown key 'style'; did you mean 'styles'?"),
        ("a.toml", "strength = 1\n[settings]\n", "'strength'; settings belong in the table settings"),
        ("a.toml", "settings = 3", "must have a table as settings, not 3"),
        ("a.toml", 'styles = "a.jpg"', "must list styles as tables with name, not 'a.jpg'"),
        ("a.toml", 'styles = ["a.jpg"]', r"must list styles as tables with name, not \['a.jpg'\]"),
        ("a.toml", '[settings]\n[[regions]]\nmask = "m.png"', "list regions as tables with mask and style"),
        ("a.toml", "strength = ", "a.toml is not a readable TOML file"),
        ("a.toml", 'strength = "high"', r"a\.toml: strength must be a number from 0 to 100, not 'high'"),
        ("a.json", '{"strenght": 5}', r"a\.json: there is no setting 'strenght'"),
        ("a.json", '{"a": ' * 2000, "a.json is not a readable JSON file: it is nested too deeply"),
        ("a.toml", "a = " + "[" * 2000, "a.toml is not a readable TOML file"),
        ("a.json", "{", "a.json is not a readable JSON file"),
        ("a.json", "\udcff", "a.json is not a readable JSON file"),
        ("a.json", "[1, 2]", "must be a table of settings, not list"),
        ("a.json", '{"impasto": "99.1", "settings": {}}', f"made by Impasto 99.1; update from {__version__}"),
    ],
)  # fmt: skip
def test_a_bad_recipe_is_one_sentence(tmp_path, name, text, sentence):
    (tmp_path / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingError, match=sentence) as caught:
        _ = load_recipe(tmp_path / name).settings
    assert "\n" not in str(caught.value)
    assert "--" not in tell(caught.value.message)


@pytest.mark.parametrize(("version", "newer"), [("0.0.1", False), (__version__, False), ("100.0", True)])
def test_only_newer_versions_are_refused(tmp_path, version, newer):
    path = written(tmp_path / "a.json", RECIPE | {"impasto": version})
    if newer:
        with pytest.raises(SettingError, match="update"):
            load_recipe(path)
    else:
        assert load_recipe(path).settings == RECIPE["settings"]


def test_a_picture_without_a_recipe_and_a_missing_file_are_one_sentence(desk):
    with pytest.raises(ImageError, match=r"photo\.png has no recipe: Impasto did not write it"):
        load_recipe(desk / "photo.png")
    with pytest.raises(MissingFileError, match=r"there is no recipe .*gone\.png"):
        load_recipe(desk / "gone.png")
    (desk / "text.txt").write_text("strength = 3")
    with pytest.raises(ImageError):
        load_recipe(desk / "text.txt")


def tiny(output, *more):
    return (
        "stylize", "photo.png", *more, "-o", output, "--network", "tiny.npz", "--content-layers", "relu1_2",
        "--style-layer-weights", "relu1_1=0.5,relu2_1=0.5", "--iterations", "3,2", "--precision", "float32",
    )  # fmt: skip


def pixels(path):
    return np.asarray(Image.open(path))


CONTROLS = {
    "one style": ("painting.png", "--strength", "72", "--colors", "content"),
    "blend": ("--style", "painting.png:2.3456789@fine", "--style", "second.png"),
    "regions": ("painting.png", "--region", "mask.png=second.png#photo.png", "--background", "style"),
}


@pytest.mark.parametrize("controls", CONTROLS.values(), ids=CONTROLS)
@pytest.mark.parametrize("output", ["out.png", "out.webp"])
def test_the_recipe_of_a_picture_repeats_it(impasto, desk, controls, output):
    code, err = impasto(*tiny(output, *controls))
    assert code == 0, err
    code, err = impasto("stylize", "--recipe", output, "photo.png", "-o", "again.png")
    assert code == 0, err
    first, again = load_recipe(output), load_recipe("again.png")
    assert first == again
    if output.endswith("png"):
        np.testing.assert_array_equal(pixels("again.png"), pixels(output))


@pytest.mark.parametrize("output", ["out.png", "out.jpg", "out.webp"])
def test_painted_masks_and_adjustments_stand_in_the_recipe(impasto, desk, output):
    """Soft masks of no file, a part that stays as photographed, adjustments: the same pixels again."""
    rows, columns = np.indices((480, 640), np.float32)
    soft = np.clip(1.5 - np.hypot(rows - 200, columns - 300) / 150, 0, 1)
    soft += np.random.default_rng(0).uniform(0, 0.01, soft.shape) * (soft < 0.99)
    regions = [
        RegionSpec(soft, "second.png", np.random.default_rng(1).uniform(0, 1, (48, 64))),
        RegionSpec(columns > 480),
    ]
    made = stylize(
        "photo.png", "painting.png", regions=regions, network="tiny.npz", content_layers="relu1_2",
        style_layer_weights={"relu1_1": 0.5, "relu2_1": 0.5}, iterations=2, precision="float32",
        exposure=0.4, contrast=-20, saturation=25, film_grain=30, seed=5,
    )  # fmt: skip
    made.save(output)
    photo = pixels("photo.png")
    assert made.recipe["regions"][1]["style"] == "photo" and made.recipe["regions"][1]["mask"].isascii()
    again = stylize(
        "photo.png", load_recipe(output).styles(), regions=load_recipe(output).regions(),
        **load_recipe(output).settings,
    )  # fmt: skip
    np.testing.assert_array_equal(again.pixels, made.pixels)
    assert again.recipe.to_mapping() == made.recipe.to_mapping()
    code, err = impasto("stylize", "--recipe", output, "photo.png", "-o", "again.png")
    assert code == 0, err
    made.save("made.png")
    np.testing.assert_array_equal(pixels("again.png"), pixels("made.png"))
    assert load_recipe("again.png") == load_recipe(output)
    assert not np.array_equal(pixels("again.png"), photo)


def test_a_recipe_paints_another_photo(impasto, desk):
    assert impasto(*tiny("out.png", "painting.png"))[0] == 0
    assert impasto("stylize", "--recipe", "out.png", "other.png", "-o", "x.png")[0] == 0
    arguments = [a if a != "photo.png" else "other.png" for a in tiny("wanted.png", "painting.png")]
    assert impasto(*arguments)[0] == 0
    np.testing.assert_array_equal(pixels("x.png"), pixels("wanted.png"))
    assert not np.array_equal(pixels("x.png"), pixels("out.png"))


def test_options_beside_a_recipe_win(impasto, desk):
    assert impasto(*tiny("out.png", "painting.png"))[0] == 0
    code, err = impasto(
        "stylize", "--recipe", "out.png", "photo.png", "second.png", "--strength", "90", "-o", "x.png"
    )
    assert code == 0, err
    found = load_recipe("x.png")
    assert found.settings["strength"] == 90
    assert found.settings["iterations"] == [3, 2]
    assert [style["name"] for style in found["styles"]] == ["second.png"]


def test_styles_are_found_beside_the_recipe_first(impasto, desk, monkeypatch):
    assert impasto(*tiny("out.png", "painting.png"))[0] == 0
    (desk / "elsewhere").mkdir()
    monkeypatch.chdir(desk / "elsewhere")
    (style,) = load_recipe("../out.png").styles()
    assert style.source.resolve() == desk / "painting.png"


def test_a_style_that_is_another_picture_by_now_is_refused(impasto, desk):
    assert impasto(*tiny("out.png", "painting.png"))[0] == 0
    (desk / "second.png").replace(desk / "painting.png")
    code, err = impasto("stylize", "--recipe", "out.png", "photo.png", "-o", "x.png")
    assert code == 1
    assert "was made with painting.png (sha256 " in err
    assert "which is not beside it; put it there or name a style after the photo" in err
    assert not (desk / "x.png").exists()


def test_a_mask_that_is_another_picture_by_now_is_refused(impasto, desk):
    assert impasto(*tiny("out.png", "painting.png", "--region", "mask.png=second.png"))[0] == 0
    Image.fromarray(255 - pixels("mask.png")).save("mask.png")
    code, err = impasto("stylize", "--recipe", "out.png", "photo.png", "-o", "x.png")
    assert code == 1
    assert "was made with mask.png (sha256 " in err


def test_a_network_that_is_missing_is_one_sentence(impasto, desk):
    assert impasto(*tiny("out.png", "painting.png"))[0] == 0
    (desk / "tiny.npz").unlink()
    code, err = impasto("stylize", "--recipe", "out.png", "photo.png", "-o", "x.png")
    assert code == 1
    assert "a network must be" in err
    assert "tiny.npz" in err


def test_a_network_that_is_another_by_now_is_said(impasto, desk):
    assert impasto(*tiny("out.png", "painting.png"))[0] == 0
    meta = {"name": "tiny", "family": "distilled", "pooling": "average", "padding": "reflect"}
    write_weights(desk / "tiny.npz", tiny_weights(seed=9, widths=(4, 4, 4, 4, 4)), meta)
    code, err = impasto("stylize", "--recipe", "out.png", "photo.png", "-o", "x.png")
    assert code == 0
    assert "the recipe was made with another tiny" in " ".join(err.split())


def test_a_named_style_keeps_the_recipe_s_regions(impasto, desk):
    assert impasto(*tiny("out.png", "painting.png", "--region", "mask.png=second.png"))[0] == 0
    code, err = impasto("stylize", "--recipe", "out.png", "photo.png", "second.png", "-o", "x.png")
    assert code == 0, err
    found = load_recipe("x.png")
    assert [style["name"] for style in found["styles"]] == ["second.png"]
    assert [region["mask"] for region in found["regions"]] == ["mask.png"]


def test_without_a_recipe_nothing_can_be_repeated(impasto, desk):
    assert impasto(*tiny("out.png", "painting.png"), "--no-recipe")[0] == 0
    code, err = impasto("stylize", "--recipe", "out.png", "photo.png", "-o", "x.png")
    assert code == 1
    assert "has no recipe" in err


def test_the_recipe_names_no_folder(impasto, desk):
    assert (
        impasto(*tiny("out.png", desk / "painting.png", "--region", f"{desk}/mask.png={desk}/second.png"))[0]
        == 0
    )
    values = dict(load_recipe("out.png"))
    values.pop("settings")
    assert str(desk) not in json.dumps(values)


@pytest.mark.parametrize(
    ("sha256", "told"), [(None, False), (gallery.card("swirls").sha256, False), ("built-in:swirls", True)]
)
def test_a_built_in_style_that_was_painted_anew_is_said(desk, impasto, sha256, told):
    styles = [{"name": "swirls", "sha256": sha256}]
    recipe = written(desk / "old.json", {"settings": {"strength": 0}, "styles": styles})
    assert load_recipe(recipe).styles()[0].source == "swirls"
    code, err = impasto("stylize", desk / "photo.png", "-o", desk / "out.png", "--recipe", recipe)
    assert code == 0
    note = (
        "Note: the style swirls has been painted anew since the recipe was written; the picture will differ."
    )
    assert (note in err) == told
    shown = ("stylize", desk / "photo.png", desk / "painting.png", "-o", desk / "b.png", "--recipe", recipe)
    assert "painted anew" not in impasto(*shown)[1]


def test_a_style_of_ones_own_is_found_by_id_and_content(desk, monkeypatch):
    monkeypatch.setenv("IMPASTO_HOME", str(desk / "home"))
    card = gallery.add_style(desk / "painting.png", "evening")
    for sha256, found in ((card.sha256, True), ("1" * 64, False)):
        recipe = written(desk / f"{found}.json", {"styles": [{"name": "evening", "sha256": sha256}]})
        if found:
            assert load_recipe(recipe).styles()[0].source == "evening"
        else:
            with pytest.raises(MissingFileError, match="was made with evening"):
                load_recipe(recipe).styles()
