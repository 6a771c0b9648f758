"""`impasto video` and `impasto plan` of a clip, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")

from PIL import Image

from clips import film, moving, packets, seconds
from impasto.networks.speed import Speed
from impasto.pictures.frames.opening import open_clip
from impasto.preparation import Inputs
from impasto.runs.interruption import Interruption
from impasto.runs.keyframes import Keyframes
from impasto.runs.video import VideoRun
from impasto.runs.video_job import VideoJob
from impasto.settings import Settings
from impasto.workshop import Workshop


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """The working folder, with a clip of twelve frames."""
    monkeypatch.chdir(tmp_path)
    film(tmp_path / "clip.mp4", sound=("aac",))
    return tmp_path


def test_wrong_lines_are_one_sentence(impasto, desk):
    Image.fromarray(moving()[0]).save("still.png")
    (desk / "taken.mp4").touch()
    for line, code, sentence in (
        ("clip.mp4", 2, "a style must be named"),
        ("clip.mp4 mosaik", 1, "did you mean 'mosaic'?"),
        ("clip.mp5 mosaic", 1, "there is no file clip.mp5; did you mean 'clip.mp4'?"),
        ("still.png mosaic", 1, "still.png is a still picture; paint it with impasto stylize"),
        ("clip.mp4 mosaic -o out.avi", 2, "must end in one of .mp4, .mov, .mkv"),
        ("clip.mp4 mosaic -o -", 2, "a video needs a file"),
        ("clip.mp4 mosaic -o clip.mp4 --overwrite", 1, "clip.mp4 is the input clip.mp4"),
        ("clip.mp4 mosaic -o taken.mp4", 1, "taken.mp4 already exists; add --overwrite"),
        ("clip.mp4 mosaic --refine 5", 2, "leave --refine out"),
        ("clip.mp4 mosaic --stillness 200", 2, "--stillness must be a number from 0 to 100"),
        ("clip.mp4 mosaic --strength 0:20,0:30", 2, "the times of --strength must follow each other"),
        ("clip.mp4 mosaic --preview soon", 2, "a time must be written as 5s"),
        ("clip.mp4 mosaic --rate 0", 2, "--rate must be frames per second above 0, up to 1000"),
        ("frames/%04d.png mosaic -o out.mp4", 1, "there are no numbered pictures"),
    ):
        found, out, err = impasto("video", *line.split())
        assert (found, out, err.count("\n")) == (code, "", 1), (line, err)
        assert sentence in err, (line, err)
    assert sorted(path.name for path in desk.iterdir()) == ["clip.mp4", "still.png", "taken.mp4"]


def test_the_help_offers_what_videos_have(impasto):
    out = " ".join(impasto("video", "--help")[1].replace("│", " ").split())
    assert "onepass paints it at once. One of optimize, onepass. (default: onepass)" in out
    assert "--refine" not in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--rate 30", "--rate is read with numbered pictures only"),
        ("--grain 1 --iterations 2", "one pass does not read --iterations, --grain: the optimization does"),
    ],
)
def test_options_that_change_nothing_are_told(impasto, desk, options, said):
    line = ("clip.mp4", "mosaic", "--preview", "1ms", "--overwrite", *options.split())
    code, _, err = impasto("video", *line)
    assert (code, f"Note: {said}." in err) == (0, True), err
    assert "does not read" not in impasto("video", *line, "--quiet")[2]


@pytest.mark.parametrize("name", ["out.mp4", "out.mp4.parts"])
def test_resume_goes_on_with_a_video_from_anywhere(impasto, desk, tmp_path_factory, monkeypatch, name):
    Image.fromarray(np.where(np.mgrid[:48, :64][1] < 32, 255, 0).astype(np.uint8)).save("mask.png")
    inputs = Inputs.of(None, "mosaic", ["mask.png=aurora-lake"])
    job = VideoJob(
        clip=open_clip("clip.mp4"),
        inputs=inputs,
        settings=Settings(method="onepass"),
        output=Path("out.mp4"),
        keyframes=Keyframes.parsed("0:30,300ms:70"),
        stillness=60,
        overwrite=True,
    )
    ending = Interruption()
    with Workshop() as workshop:
        run = VideoRun(job, print, workshop)
        for step in run.steps(ending):
            if step is not None and step.frame == 5:
                ending.ask()
    assert (run.outcome.frames, (desk / "out.mp4.parts").is_dir()) == (5, True)
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    code, out, err = impasto("resume", str(desk / name), "--json")
    assert code == 0, err
    report = json.loads(out)
    assert (report["frames"], report["resumed_frames"]) == (12, 5)
    assert seconds(desk / "out.mp4") == seconds(desk / "clip.mp4")
    recipe = json.loads(impasto("recipe", str(desk / "out.mp4"))[1])
    assert (recipe["video"]["stillness"], recipe["video"]["strength"]) == (60, [[0, 30], [0.3, 70]])
    assert not (desk / "out.mp4.parts").exists()
    code, _, err = impasto("resume", str(desk / "out.mp4"))
    assert (code, "there is no unfinished run beside" in err) == (1, True)


def test_a_folder_that_does_not_tell_its_job_is_one_sentence(impasto, desk):
    (desk / "out.mp4.parts").mkdir()
    for text in ("{}", "no json", '{"job": null}', '{"job": {"folder": "/nowhere"}}'):
        (desk / "out.mp4.parts/manifest.json").write_text(text)
        code, out, err = impasto("resume", "out.mp4")
        assert (code, out, err.count("\n")) == (1, "", 1), err
        assert "go on with the same command" in err or "is not there" in err


@pytest.mark.slow
def test_a_video_its_recipe_and_its_plan(impasto, desk):
    code, out, err = impasto(
        "video", "clip.mp4", "mosaic", "--strength", "0:20,300ms:80", "--stillness", "60", "--json"
    )
    assert code == 0, err
    report = json.loads(out)
    assert (report["output"], report["frames"], report["shots"]) == ("clip-mosaic.mp4", 12, 1)
    assert report["frames_per_second"] > 0
    assert packets(desk / "clip-mosaic.mp4") == packets(desk / "clip.mp4")
    recipe = json.loads(impasto("recipe", "clip-mosaic.mp4")[1])
    assert recipe["video"]["strength"] == [[0, 20], [0.3, 80]]
    code, _, err = impasto("video", "clip.mp4", "--recipe", "clip-mosaic.mp4", "-o", "again.mp4")
    assert code == 0, err
    assert "again.mp4: 12 frames of 64 x 48 px in" in err
    pairs = zip(open_clip("again.mp4").frames(), open_clip("clip-mosaic.mp4").frames(), strict=True)
    assert max(np.abs(one.pixels - other.pixels).mean() for one, other in pairs) < 0.02
    assert seconds(desk / "again.mp4") == seconds(desk / "clip.mp4")
    assert impasto("video", "clip.mp4", "mosaic", "--preview", "0.1s", "-o", "short.gif")[0] == 0
    assert [frame.pixels.shape for frame in open_clip("short.gif").frames()] == [(48, 64, 3)] * 3
    code, out, err = impasto("plan", "clip.mp4", "--json")
    assert code == 0, err
    plan = json.loads(out)
    assert (plan["width"], plan["height"], plan["frames"]) == (64, 48, 12)
    assert plan["seconds"] > 12 * plan["seconds_per_frame"] > 0
    assert "frames per second" in impasto("plan", "clip.mp4")[1]
    optimized = json.loads(impasto("plan", "clip.mp4", "--method", "optimize", "--json")[1])
    assert (optimized["frames"], optimized["seconds_per_frame"] > 0) == (12, True)


@pytest.mark.parametrize("method", ["onepass", "optimize"])
def test_a_plan_counts_what_is_compiled_once(impasto, desk, monkeypatch, method):
    for name in ("networks.speed", "optimization.planning"):
        monkeypatch.setattr(f"impasto.{name}.measure_speed", lambda network: Speed(1e-8, 1.0))
    code, out, err = impasto("plan", "clip.mp4", "--method", method, "--iterations", "1", "--json")
    assert code == 0, err
    plan = json.loads(out)
    compiled = {"onepass": 6, "optimize": 4.5}[method]
    assert plan["seconds_per_frame"] < 0.2
    assert 0 <= plan["seconds"] - compiled < 13 * plan["seconds_per_frame"] + 0.1


@pytest.mark.slow
def test_a_video_by_optimization_and_its_recipe(impasto, desk):
    words = ("--method", "optimize", "--iterations", "4", "--preview", "0.1s")
    code, _, err = impasto("video", "clip.mp4", "mosaic", *words, "-o", "a.mkv")
    assert code == 0, err
    recipe = json.loads(impasto("recipe", "a.mkv")[1])
    assert (recipe["settings"]["method"], "onepass" in recipe) == ("optimize", False)
    code, _, err = impasto("video", "clip.mp4", "--recipe", "a.mkv", "-o", "b.mkv")
    assert code == 0, err
    pairs = zip(open_clip("a.mkv").frames(), open_clip("b.mkv").frames(), strict=True)
    assert max(np.abs(one.pixels - other.pixels).mean() for one, other in pairs) < 0.01
