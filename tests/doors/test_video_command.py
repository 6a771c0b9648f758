"""`impasto video` and `impasto plan` of a clip, as a person types them."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")

from PIL import Image

from clips import film, moving, packets, seconds
from impasto.pictures.frames.opening import open_clip


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
        ("clip.mp4 mosaic --method optimize", 2, "leave --method out"),
        ("clip.mp4 mosaic --refine 5", 2, "leave --refine out"),
        ("clip.mp4 mosaic --stillness 200", 2, "--stillness must be a number from 0 to 100"),
        ("clip.mp4 mosaic --strength 0:20,0:30", 2, "the times of --strength must follow each other"),
        ("clip.mp4 mosaic --preview soon", 2, "a time must be written as 5s"),
        ("clip.mp4 mosaic --rate 0", 2, "--rate must be frames per second"),
        ("frames/%04d.png mosaic -o out.mp4", 1, "there are no numbered pictures"),
    ):
        found, out, err = impasto("video", *line.split())
        assert (found, out, err.count("\n")) == (code, "", 1), (line, err)
        assert sentence in err, (line, err)
    assert sorted(path.name for path in desk.iterdir()) == ["clip.mp4", "still.png", "taken.mp4"]


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
    assert np.isclose(plan["seconds"], 12 * plan["seconds_per_frame"], atol=0.1)
    assert "frames per second" in impasto("plan", "clip.mp4")[1]
