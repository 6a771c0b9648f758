"""Every command through its door: results, exit codes, and one sentence for each accident."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
from PIL import Image

from conftest import make_desk
from impasto.cli.stylize import _ways_to_more
from impasto.preparation import Inputs
from impasto.presets import settings_for
from impasto.runs.job import Job

META = {"name": "tiny", "family": "distilled", "pooling": "average", "padding": "reflect"}


@pytest.fixture
def desk(tmp_path):
    """A folder with a photo, a painting and a tiny network."""
    return make_desk(tmp_path, ("photo.png", "painting.png"))


def tiny(desk, *more):
    return (
        "stylize", desk / "photo.png", desk / "painting.png", "-o", desk / "out.png",
        "--network", desk / "tiny.npz", "--content-layers", "relu1_2",
        "--style-layer-weights", "relu1_1=0.5,relu1_2=0.5", "--iterations", "3,2", *more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--max-size", "48"), "48 x 36 px in [0-9.]+ s; larger: --max-size 64.\n$"),
        (("--max-size", "24"), "24 x 18 px in [0-9.]+ s; larger: --max-size 48.\n$"),
        (("--max-size", "64"), "64 x 48 px in [0-9.]+ s.\n$"),
    ],
)
def test_the_last_line_says_how_the_picture_can_be_larger(impasto, desk, more, said):
    assert re.search(said, impasto(*tiny(desk, *more))[2])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--iterations", "1"), "nearer to the style: --preset fine"),
        (("--method", "onepass"), "nearer to the style: --refine 16"),
        (("--method", "onepass", "--refine", "1"), "nearer to the style: --preset fine"),
        (("--method", "onepass", "--quiet"), None),
    ],
)
def test_the_last_line_says_how_to_come_nearer_to_the_style(impasto, desk, more, said):
    line = impasto("stylize", desk / "photo.png", desk / "painting.png", "--overwrite", *more)[2]
    assert line == "" if said is None else said in line


def test_the_last_line_recommends_nothing_that_changes_nothing(impasto, desk):
    Image.new("RGB", (16, 16), "red").save(desk / "red.png")  # one pass collapses
    line = ("stylize", desk / "photo.png", desk / "red.png", "-o", desk / "out.png", "--overwrite")
    _, _, err = impasto(*line, "--method", "onepass", "--iterations", "1")
    assert "the optimization made the picture" in " ".join(err.split())
    assert "nearer to the style: --preset fine" in err
    assert "nearer" not in impasto(*line, "--strength", "0")[2]


@pytest.mark.parametrize(
    ("preset", "said"),
    [("instant", ["--refine 16"]), ("fast", ["--preset fine"]), ("fine", ["--preset best"]), ("best", [])],
)
def test_each_quality_names_the_next(desk, preset, said):
    inputs = Inputs.of(desk / "photo.png", desk / "painting.png")
    job = Job(inputs=inputs, output=desk / "out.png", settings=settings_for(preset, {}))
    hints = [str(hint) for hint in _ways_to_more(job, 64)]
    assert hints == [f"nearer to the style: {option}" for option in said]


def test_stylize_writes_the_pastiche_and_says_how_long_it_took(impasto, desk):
    code, out, err = impasto(*tiny(desk))
    assert (code, out) == (0, "")
    assert "out.png: 64 x 48 px in " in err
    result = np.asarray(Image.open(desk / "out.png"))
    assert result.shape == (48, 64, 3)
    assert not np.array_equal(result, np.asarray(Image.open(desk / "photo.png")))


def test_strength_zero_returns_the_photo(impasto, desk):
    assert impasto(*tiny(desk, "--strength", "0"))[0] == 0
    result, photo = (np.asarray(Image.open(desk / n)) for n in ("out.png", "photo.png"))
    np.testing.assert_array_equal(result, photo)


def test_the_same_seed_gives_the_same_file(impasto, desk):
    files = []
    for _ in range(2):
        assert impasto(*tiny(desk, "--overwrite", "--initial", "noise", "--seed", "7"))[0] == 0
        files.append((desk / "out.png").read_bytes())
    assert files[0] == files[1]
    impasto(*tiny(desk, "--overwrite", "--initial", "noise", "--seed", "8"))
    assert (desk / "out.png").read_bytes() != files[0]


def test_an_existing_file_is_kept_unless_asked(impasto, desk):
    (desk / "out.png").write_bytes(b"precious")
    code, _, err = impasto(*tiny(desk))
    assert code == 1
    assert "already exists" in err
    assert "--overwrite" in err
    assert (desk / "out.png").read_bytes() == b"precious"
    assert impasto(*tiny(desk, "--overwrite"))[0] == 0


def test_previews_are_written(impasto, desk):
    assert impasto(*tiny(desk, "--preview-every", "2"))[0] == 0
    assert sorted(p.name for p in desk.glob("out-previews/*")) == ["00002.png", "00004.png"]
    assert Image.open(desk / "out-previews" / "00002.png").size == (64, 48)


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--strength", "101"], 2, "strength must be a number from 0 to 100, not 101."),
        (["--strength", "101%"], 2, "strength must be a number from 0 to 100, not 101."),
        (["--quality", "200"], 2, "--quality must be a whole number from 1 to 100, not '200'"),
        (["--quality", "fine"], 2, "--quality must be a whole number from 1 to 100, not 'fine'"),
        (["--quality"], 2, "--quality needs a value"),
        (["too", "much"], 2, "'too much' is too much"),
        (["--optimizer", "lbgfs"], 2, "did you mean 'lbfgs'?"),
        (["--style-weight", "-1"], 2, "--style-weight must be a number from 0"),
        (["--iterations", "many"], 2, "--iterations must be numbers separated by commas, not 'many'"),
        (["--style-layer-weights", "relu1_1"], 2, "--style-layer-weights must be layer=weight"),
        (["--style-layer-weights", "relu9_9=1"], 2, "layers must be named relu1_1 ... relu5_4"),
        (["--style-layer-weights", "relu3_1=1"], 1, "the network has no weights for relu3_1"),
        (["--preset", "fats"], 2, "did you mean 'fast'?"),
        (["--bit-depth", "12"], 2, "--bit-depth must be 8 or 16, not 12."),
        (["--style-layer-weights", "relu1_1=2e9"], 2, "--style-layer-weights[relu1_1] must be a number"),
        (["--style-layer-weights", "relu1_1=0"], 2, "--style-layer-weights must have a weight above 0"),
        (["--content-weight", "0", "--style-weight", "0"], 2, "--content-weight and --style-weight must not"),
        (["--initial", "nosie.png"], 2, "--initial must be content, noise or a picture's file name"),
        (["--network", "compcat"], 1, "did you mean 'compact'?"),
        (["--strenght", "3"], 2, "there is no option --strenght; did you mean '--strength'?"),
        (["--max-size", "huge"], 2, "must be a whole number from 16 to 999999, not 'huge'"),
    ],
)
def test_a_wrong_option_is_one_clear_sentence(impasto, desk, options, code, sentence):
    found, _, err = impasto(*tiny(desk, *options))
    assert found == code
    assert sentence in " ".join(err.split())
    assert "Traceback" not in err
    assert not (desk / "out.png").exists()


@pytest.mark.parametrize(
    ("content", "output", "code", "sentence"),
    [
        ("missing.png", "out.png", 1, "missing.png"),
        (".", "out.png", 1, "folder"),
        ("text.jpg", "out.png", 1, "not a picture"),
        ("empty.jpg", "out.png", 1, "empty"),
        ("small.png", "out.png", 1, "at least 16"),
        ("photo.png", "out", 2, "must end in one of .png, .jpg"),
        ("photo.png", "out.xyz", 2, "xyz"),
        ("photo.png", "nowhere/out.png", 1, "nowhere"),
        ("photo.png", "photo.png", 1, "photo.png"),
    ],
)
def test_a_wrong_file_is_one_clear_sentence(impasto, desk, content, output, code, sentence):
    (desk / "text.jpg").write_text("this is no picture")
    (desk / "empty.jpg").write_bytes(b"")
    Image.new("RGB", (10, 10)).save(desk / "small.png")
    before = (desk / "photo.png").read_bytes()
    arguments = [*tiny(desk)]
    arguments[1], arguments[4] = desk / content, desk / output
    found, _, err = impasto(*arguments)
    assert (found, "Traceback" in err) == (code, False)
    assert sentence in err
    assert len([line for line in err.splitlines() if line.startswith("impasto: ")]) == 1
    assert (desk / "photo.png").read_bytes() == before


def test_debug_shows_the_traceback(impasto, desk):
    from impasto.errors import SettingError

    with pytest.raises(SettingError):
        impasto("--debug", *tiny(desk, "--strength", "101"))


def test_version_presets_and_weights_list(impasto):
    from impasto import __version__

    assert impasto("--version")[1].strip() == __version__
    assert "gatys2016" in impasto("presets")[1]
    assert "vgg19" in impasto("weights", "list")[1]


def test_every_setting_is_an_option(impasto):
    import dataclasses

    from impasto.settings import Settings

    code, out, _ = impasto("stylize", "--help")
    assert code == 0
    for spec in dataclasses.fields(Settings):
        assert "--" + spec.name.replace("_", "-")[:20] in out


@pytest.mark.slow
def test_ctrl_c_saves_the_picture_as_it_is(desk):
    command = [
        sys.executable,
        "-m",
        "impasto.cli",
        *map(str, tiny(desk, "--iterations", "100000", "--optimizer", "adam", "--preview-every", "500")),
    ]
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a background shell ignores it
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heed)
    previews = desk / "out-previews"
    while not previews.is_dir() and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted; the picture as it was is in" in err
    assert Image.open(desk / "out.png").size == (64, 48)


@pytest.mark.slow
def test_without_an_engine_one_sentence(desk):
    code = (
        "import sys, importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda n, *a: None if n in ('tensorflow', 'jax', 'torch') else find(n, *a)\n"
        f"sys.argv = {['impasto', *map(str, tiny(desk))]!r}\n"
        "from impasto.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "the engine tensorflow is not installed; install one with" in done.stderr


def test_previews_do_not_replace_anything(impasto, desk):
    (desk / "out-previews").mkdir()
    code, _, err = impasto(*tiny(desk, "--preview-every", "2"))
    assert code == 1
    assert "out-previews already exists" in err


def test_the_start_picture_is_not_written_over(impasto, desk):
    Image.open(desk / "photo.png").save(desk / "start.png")
    arguments = [*tiny(desk, "--initial", desk / "start.png", "--overwrite")]
    arguments[4] = desk / "start.png"
    code, _, err = impasto(*arguments)
    assert code == 1
    assert "start.png" in err


def test_the_file_tells_how_it_was_made_unless_asked_not_to(impasto, desk):
    import json

    from impasto.pictures.writing import read_recipe

    assert impasto(*tiny(desk, "--strength", "65"))[0] == 0
    recipe = json.loads(read_recipe(desk / "out.png"))
    assert recipe["settings"]["strength"] == 65
    assert recipe["content"]["name"] == "photo.png"
    assert len(recipe["network"]["sha256"]) == 64
    assert impasto(*tiny(desk, "--overwrite", "--no-recipe"))[0] == 0
    assert read_recipe(desk / "out.png") is None


def test_a_network_that_is_not_vgg19_is_said(impasto, desk, shared):
    import runpy

    tool = runpy.run_path(str(shared / "tools" / "make_vgg19_standin.py"))
    flat = {
        f"block{n[4]}_conv{n[6]}/{k}": a
        for n, p in tool["standin"]().items()
        for k, a in zip(("kernel", "bias"), p, strict=True)
    }
    np.savez(desk / "standin.npz", mean_rgb=tool["MEAN_RGB"], **flat)
    code, _, err = impasto(*tiny(desk, "--network", desk / "standin.npz", "--max-size", "32"))
    assert code == 0
    assert "Note: " in err
    from impasto.pictures.writing import read_recipe

    assert '"vgg19-unverified"' in read_recipe(desk / "out.png")


@pytest.mark.slow
def test_demo(impasto, tmp_path):
    code, _, err = impasto("demo", "-o", tmp_path / "demo.png")
    assert code == 0
    assert "demo.png: 451 x 300 px in " in err
    assert Image.open(tmp_path / "demo.png").size == (451, 300)


def test_weights_check_and_import_refuse_what_is_not_vgg19(impasto, desk, monkeypatch):
    monkeypatch.setenv("IMPASTO_HOME", str(desk / "home"))
    for command in ("check", "import"):
        code, _, err = impasto("weights", command, desk / "tiny.npz")
        assert code == 1
        assert err.startswith("impasto: ")
    assert not (desk / "home" / "weights").exists()
    assert impasto("weights", "import", desk / "nothing.mat")[0] == 1


@pytest.mark.slow
def test_doctor(impasto):
    code, out, _ = impasto("doctor")
    assert code == 0
    for word in ("engine", "bfloat16", "GFLOP/s", "compact", "verified"):
        assert word in out
