"""A photo painted in windows is the one that is painted as a whole, and nothing half-painted stays."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

from conftest import picture
from impasto import Settings, stylize
from impasto.errors import ImageError, SettingError
from impasto.finished import LargePastiche
from impasto.onepass import window_painter
from impasto.onepass.encoded_photo import MomentSums
from impasto.onepass.window_errand import Errand, SentPhoto
from impasto.onepass.window_painter import WindowPainter
from impasto.photos import read_photo, result_shape
from impasto.pictures import tiff_segments
from impasto.pictures.tiled_tiff import Tiling, encoded_tile, write_tiles
from impasto.pictures.windows import LargePhoto
from impasto.pictures.writing import OutputOptions
from impasto.preparation import Inputs, prepare
from impasto.workshop import Workshop

SHAPE = (861, 101)
"""Seven windows that overlap by two thirds; in two directions they would be twenty."""
BOTH_WAYS = (465, 587)
WORKSHOP = Workshop()
SIDE = 400
CHOSEN = {"method": "onepass", "max_size": 900, "precision": "float32", "workshop": WORKSHOP}


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with photos, a painting and a mask; every photo is painted in windows."""
    for name, shape in (("both-ways.tif", BOTH_WAYS), ("photo.tif", SHAPE)):
        photo = np.rint(picture(*shape, 1) * 255).astype(np.uint8)
        tifffile.imwrite(tmp_path / name, photo, photometric="rgb", tile=(64, 64), compression="deflate")
    alpha = np.tile(np.linspace(20, 255, SHAPE[0]).astype(np.uint8)[:, None, None], (1, SHAPE[1], 1))
    tifffile.imwrite(tmp_path / "faded.tif", np.concatenate([photo, alpha], axis=2), photometric="rgb",
                     tile=(64, 64), extrasamples=["unassalpha"])  # fmt: skip
    Image.fromarray((picture(90, 120, 7) * 255).astype(np.uint8)).save(tmp_path / "painting.png")
    for name, (height, width) in (("mask.png", SHAPE), ("mask-both-ways.png", BOTH_WAYS)):
        mask = np.zeros((height // 2, width // 2), np.uint8)
        mask[height // 5 :, width // 5 :] = 255
        Image.fromarray(mask).save(tmp_path / name)
    monkeypatch.setenv("IMPASTO_WINDOW_PIXELS", "0")
    return tmp_path


def both(desk, monkeypatch, name="photo.tif", shape=SHAPE, **settings):
    """Return the picture painted in windows and as a whole, as 16 bit files have them."""
    found = []
    for pixels in ("0", "1000000"):
        monkeypatch.setenv("IMPASTO_WINDOW_PIXELS", pixels)
        result = stylize(desk / name, desk / "painting.png", **CHOSEN, tile_size=SIDE, **settings)
        assert isinstance(result, LargePastiche) == (pixels == "0") and result.shape == shape
        result.save(desk / "out.tif", bit_depth=16, overwrite=True)
        found.append(tifffile.imread(desk / "out.tif") / 65535)
    return found


@pytest.mark.parametrize(
    "settings",
    [
        {"strength": 80},
        {"colors": "luminance", "saturation": 30, "film_grain": 60, "strength": 5},
        {"colors": "histogram", "contrast": 20},
        {"regions": ["mask.png=swirls"], "background": "photo"},
        {"strength": 0},
    ],
    ids=lambda settings: "-".join(settings),
)
def test_windows_equal_the_whole(desk, monkeypatch, settings):
    monkeypatch.chdir(desk)
    windows, whole = both(desk, monkeypatch, **settings)
    assert np.abs(windows - whole).max() < 1 / 255
    assert np.abs(windows - whole).mean() < 0.05 / 255
    assert windows.std() > 0.02


def test_windows_in_both_directions_equal_the_whole(desk, monkeypatch):
    monkeypatch.chdir(desk)
    settings = {"regions": ["mask-both-ways.png=swirls"], "background": "photo", "film_grain": 60}
    windows, whole = both(desk, monkeypatch, "both-ways.tif", BOTH_WAYS, **settings, colors="luminance")
    assert np.abs(windows - whole).max() < 1 / 255
    assert windows.std() > 0.02


def test_a_png_is_painted_in_windows_as_a_tiff_is(desk, monkeypatch):
    monkeypatch.setattr("impasto.pictures.png_segments.STRIP_BYTES", 40_000)
    found = []
    for name in ("photo.tif", "photo.png"):
        Image.fromarray(tifffile.imread(desk / "photo.tif")).save(desk / "photo.png")
        result = stylize(desk / name, desk / "painting.png", **CHOSEN, tile_size=SIDE)
        assert isinstance(result, LargePastiche)
        result.save(desk / "out.tif", recipe=False, overwrite=True)
        found.append(tifffile.imread(desk / "out.tif"))
    np.testing.assert_array_equal(*found)


def test_alpha_counts_and_stays(desk, monkeypatch):
    windows, whole = both(desk, monkeypatch, name="faded.tif")
    assert windows.shape == (*SHAPE, 4)
    assert np.abs(windows - whole).max() < 1 / 255


def painter_of(desk, **settings):
    chosen = {k: v for k, v in CHOSEN.items() if k != "workshop"}
    inputs = Inputs.of(desk / "photo.tif", desk / "painting.png")
    return WindowPainter(prepare(inputs, Settings(**chosen, tile_size=SIDE, **settings), workshop=WORKSHOP))


def test_sums_add_up_in_any_order_and_windows_are_independent(desk):
    painter = painter_of(desk)
    sums = [painter.measure(tile) for tile in painter.looks]
    assert len(sums) == 3
    one, other = sum(sums[1:], start=sums[0]), sum(sums[:-1][::-1], start=sums[-1])
    assert one.weights == other.weights == {
        "relu1_1": 861 * 101, "relu2_1": 430 * 50, "relu3_1": 215 * 25, "relu4_1": 107 * 12
    }  # fmt: skip
    for layer, (mean, covariance) in one.moments().items():
        np.testing.assert_allclose(mean, other.moments()[layer][0], rtol=1e-6)
        np.testing.assert_allclose(covariance, other.moments()[layer][1], rtol=1e-4, atol=1e-7)
    assert isinstance(one, MomentSums)
    painter.fit(one)
    first = painter.paint(painter.windows[3])[0]
    painter.paint(painter.windows[0])
    np.testing.assert_array_equal(painter.paint(painter.windows[3])[0], first)


def test_windows_may_be_shared_out(desk):
    """What other processes need travels: the photo, the sums, the maps, and a file's tiles back."""
    own = painter_of(desk)
    travelling = pickle.loads(pickle.dumps(own.prepared.large))
    inputs = Inputs.of(travelling, desk / "painting.png")
    other = WindowPainter(prepare(inputs, own.prepared.settings, workshop=WORKSHOP))
    shares = [(own, other)[index % 2].measure(tile) for index, tile in enumerate(own.looks)]
    shares = pickle.loads(pickle.dumps(shares))
    own.fit(sum(shares[1:], start=shares[0]))
    other.fitted = pickle.loads(pickle.dumps(own.fitted))
    painted = [(own, other)[index % 2].paint(tile) for index, tile in enumerate(own.windows)]
    tiles = [encoded_tile(*found, own.tile, 8) for found in painted]
    write_tiles(desk / "shared.tif", tiles, Tiling(SHAPE, own.tile), OutputOptions())
    write_tiles(desk / "alone.tif", map(own.paint, own.windows), Tiling(SHAPE, own.tile), OutputOptions())
    assert (desk / "shared.tif").read_bytes() == (desk / "alone.tif").read_bytes()


def test_another_process_paints_by_an_errand_with_and_without_the_file(desk):
    own = painter_of(desk, colors="luminance")
    own.fit(sum((own.measure(tile) for tile in own.looks[1:]), start=own.measure(own.looks[0])))
    errand = pickle.loads(pickle.dumps(Errand.of(own)))
    seeing = errand.painter(Workshop())
    (desk / "photo.tif").rename(desk / "elsewhere.tif")
    blind = errand.painter(Workshop())
    assert isinstance(seeing.prepared.large, LargePhoto) and isinstance(blind.prepared.large, SentPhoto)
    with pytest.raises(RuntimeError, match="is sent before it is looked at"):
        blind.measure(own.looks[0])
    for other in (seeing, blind):
        assert (other.looks, other.windows, other.tile) == (own.looks, own.windows, own.tile)
        if other is blind:
            blind.prepared.large.sent = own.photo_in(own.looks[1])
        found, wanted = other.measure(own.looks[1]), own.measure(own.looks[1])
        np.testing.assert_array_equal(found.second["relu3_1"], wanted.second["relu3_1"])
        other.fitted = own.fitted
        if other is blind:
            blind.prepared.large.sent = own.photo_in(own.windows[4])
        assert other.encoded(own.windows[4], 16, False) == own.encoded(own.windows[4], 16, False)


def test_a_collapsed_picture_is_refused_before_it_is_painted(desk, monkeypatch):
    monkeypatch.setattr(window_painter, "collapse_of_parts", lambda parts: "clipped")
    with pytest.raises(ImageError, match="would give a clipped picture, and 101 x 861 px are too many"):
        stylize(desk / "photo.tif", desk / "painting.png", **CHOSEN, tile_size=SIDE)


def test_a_large_pastiche_has_no_pixels(desk):
    result = stylize(desk / "photo.tif", desk / "painting.png", **CHOSEN, strength=0)
    assert repr(result).startswith("<Pastiche: 101 x 861 px, onepass")
    for ask in (
        lambda: result.pixels,
        lambda: result.alpha,
        lambda: result.image,
        lambda: np.asarray(result),
    ):
        with pytest.raises(
            ImageError, match="101 x 861 px is painted while it is saved and is never in memory"
        ):
            ask()
    with pytest.raises(SettingError, match="written as TIFF"):
        result.save(desk / "out.png")


def command(desk, *more, output="out.tif"):
    words = ["stylize", desk / "photo.tif", desk / "painting.png", "-o", desk / output, "--method", "onepass"]
    return [*words, "--max-size", 900, "--tile-size", SIDE, "--precision", "float32", *more]


def test_the_command_paints_plans_and_keeps_the_recipe(impasto, desk):
    code, out, err = impasto(*command(desk, "--json"))
    assert code == 0, err
    told = json.loads(out)
    assert (told["width"], told["height"], told["error"]) == (101, 861, None)
    assert sorted(path.name for path in desk.glob("out*")) == ["out.tif"]
    code, out, err = impasto("recipe", desk / "out.tif")
    assert code == 0, err
    recipe = json.loads(out)
    assert recipe["settings"]["method"] == "onepass" and recipe["content"]["name"] == "photo.tif"
    first = tifffile.imread(desk / "out.tif")
    words = ["stylize", desk / "photo.tif", desk / "painting.png", "--recipe", desk / "out.tif"]
    assert impasto(*words, "-o", desk / "again.tif")[0] == 0
    np.testing.assert_array_equal(tifffile.imread(desk / "again.tif"), first)
    size = ["--max-size", 900, "--tile-size", SIDE]
    planned = json.loads(impasto("plan", desk / "photo.tif", "--method", "onepass", *size, "--json")[1])
    assert planned["scales"][0]["windows"] == 7 and planned["scales"][0]["window"] == [101, 397]
    said = impasto("plan", desk / "photo.tif", "--method", "onepass", *size)[1]
    assert "in 7 windows of 101 x 397 px" in said


def test_what_cannot_be_is_refused_before_anything_is_computed(impasto, desk):
    code, _, err = impasto(*command(desk, output="out.png"))
    assert code == 2 and "is painted in windows and written as TIFF" in err
    code, _, err = impasto(*command(desk, "--preview-every", 1))
    assert code == 2 and "without previews; leave out --preview-every" in err
    assert list(desk.glob("out*")) == []


@pytest.fixture
def interrupted(impasto, monkeypatch):
    """Run a command that gets a real signal at some window that it measures or paints."""

    def run(kind, window, *words):
        real, seen = getattr(WindowPainter, kind), []

        def counted(self, tile):
            seen.append(tile)
            if len(seen) == window:
                os.kill(os.getpid(), signal.SIGINT)
            return real(self, tile)

        with monkeypatch.context() as patched:
            patched.setattr(WindowPainter, kind, counted)
            return (*impasto(*words), len(seen))

    return run


def left(desk):
    return sorted(path.name for path in desk.glob("out*"))


@pytest.mark.parametrize(("kind", "first", "rest"), [("measure", 1, 1), ("paint", 2, 4)])
def test_an_interrupted_painting_goes_on_where_it_was(impasto, interrupted, desk, kind, first, rest):
    options = ["--bit-depth", "16"]
    assert impasto(*command(desk, *options, output="whole.tif"))[0] == 0
    code, _, err, seen = interrupted(kind, first, *command(desk, *options))
    assert code == 130 and seen == first
    assert "Interrupted; what is painted is kept." in " ".join(err.split())
    assert "impasto resume" in err
    assert left(desk) == ["out.tif.checkpoint", *(["out.tif.part"] if kind == "paint" else [])]
    code, _, err = impasto(*command(desk, *options))
    assert code == 1 and "is the checkpoint of an unfinished run" in " ".join(err.split())
    code, _, err, seen = interrupted(kind, 1, "resume", desk / "out.tif")
    assert code == 130 and seen == 1 and "out.tif" not in left(desk)
    code, _, err, seen = interrupted(kind, 99, "resume", desk / "out.tif")
    assert code == 0, err
    assert seen == rest
    assert left(desk) == ["out.tif"]
    assert (desk / "out.tif").read_bytes() == (desk / "whole.tif").read_bytes()


def test_a_part_that_is_lost_is_painted_again_and_another_is_refused(impasto, interrupted, desk):
    assert impasto(*command(desk, output="whole.tif"))[0] == 0
    assert interrupted("paint", 4, *command(desk))[0] == 130
    part = (desk / "out.tif.part").read_bytes()
    (desk / "out.tif.part").write_bytes(bytes(len(part)))
    code, _, err = impasto("resume", desk / "out.tif")
    assert code == 1 and "is not the unfinished picture of this run; remove it" in " ".join(err.split())
    (desk / "out.tif.part").unlink()
    code, _, err, seen = interrupted("paint", 99, "resume", desk / "out.tif")
    assert code == 0 and seen == 7, err
    assert (desk / "out.tif").read_bytes() == (desk / "whole.tif").read_bytes()


def test_memory_that_has_become_free_changes_nothing(impasto, interrupted, desk, monkeypatch):
    assert impasto(*command(desk, output="whole.tif"))[0] == 0
    assert interrupted("paint", 4, *command(desk))[0] == 130
    monkeypatch.delenv("IMPASTO_WINDOW_PIXELS")
    assert impasto("resume", desk / "out.tif")[0] == 0
    assert (desk / "out.tif").read_bytes() == (desk / "whole.tif").read_bytes()


KILLED = """
import os, signal, impasto.runs.run as run
run.LEAST_SECONDS_BETWEEN_CHECKPOINTS, run.WRITING_SHARE = 0, 1
from impasto.onepass.window_painter import WindowPainter
paint, seen = WindowPainter.paint, []
def killed(self, tile):
    seen.append(tile)
    if len(seen) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return paint(self, tile)
WindowPainter.paint = killed
from impasto.cli import main; main()
"""


@pytest.mark.slow
def test_a_killed_painting_goes_on_after_the_windows_that_are_written(impasto, interrupted, desk):
    assert impasto(*command(desk, output="whole.tif"))[0] == 0
    words = [sys.executable, "-c", KILLED, *map(str, command(desk))]
    assert subprocess.run(words, capture_output=True, timeout=120).returncode == -signal.SIGKILL
    assert left(desk) == ["out.tif.checkpoint", "out.tif.part"]
    code, _, err, seen = interrupted("paint", 99, "resume", desk / "out.tif")
    assert code == 0, err
    assert 4 <= seen <= 5  # the third was being written
    assert (desk / "out.tif").read_bytes() == (desk / "whole.tif").read_bytes()


def test_a_huge_photo_is_reduced_while_it_is_read(desk, monkeypatch):
    """For every method; what is not huge is read at once, however it is compressed."""
    photo = Settings(max_size=200)
    wanted = read_photo(desk / "photo.tif", photo)
    monkeypatch.setattr("impasto.pictures.windows.MAXIMUM_PIXELS", 1000)
    monkeypatch.setattr("impasto.photos.read_picture", None)
    found = read_photo(desk / "photo.tif", photo)
    assert result_shape(desk / "photo.tif", photo) == found.shape == wanted.shape == (200, 23)
    assert (found.full_shape, found.sha256) == (SHAPE, wanted.sha256)
    assert np.abs(found.pixels - wanted.pixels).max() < 0.05
    monkeypatch.undo()
    monkeypatch.setattr(tiff_segments, "MOST_PART_BYTES", 1000)
    assert read_photo(desk / "photo.tif", photo).shape == (200, 23)


def test_a_result_too_large_for_memory_needs_one_pass(desk, monkeypatch):
    monkeypatch.setattr("impasto.photos.MAXIMUM_PIXELS", 70_000)
    for settings in ({"method": "optimize"}, {"method": "onepass", "refine": 2}):
        with pytest.raises(SettingError, match=r"101 x 861 px is made in windows only, by method=onepass"):
            stylize(desk / "photo.tif", desk / "painting.png", **{**CHOSEN, **settings})
