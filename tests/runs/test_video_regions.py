"""Regions of videos: masks that move, masks that are held, the subject of each frame."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("av")
pytest.importorskip("cv2")

from clips import film, moving_mask
from conftest import picture
from impasto.errors import ImageError, MissingFileError
from impasto.pictures import stillness
from impasto.pictures.frames.masks import FrameMasks
from impasto.pictures.frames.opening import open_clip
from impasto.pictures.frames.recipe import read_clip_recipe
from impasto.pictures.steady_subject import SteadySubject
from impasto.pictures.stillness import Stillness
from impasto.preparation import Inputs
from impasto.runs.interruption import Interruption
from impasto.runs.shot_painter import Carried
from impasto.runs.video import VideoRun, run_video
from impasto.runs.video_job import VideoJob
from impasto.settings import Settings
from impasto.workshop import Workshop

WHERE = np.stack(moving_mask())[..., 0] / 255


@pytest.fixture(scope="module")
def workshop():
    with Workshop() as shared:
        yield shared


@pytest.fixture
def source(tmp_path):
    return film(tmp_path / "clip.mp4")


def masks_as(kind, folder):
    """Write the moving mask as a film, an animation or numbered pictures; return its name."""
    frames = [Image.fromarray(frame[..., 0]) for frame in moving_mask()]
    if kind == "film":
        return film(folder / "mask.mkv", moving_mask())
    if kind == "animation":
        frames[0].save(folder / "mask.webp", save_all=True, append_images=frames[1:], lossless=True)
        return folder / "mask.webp"
    for number, frame in enumerate(frames, 1):
        frame.save(folder / f"mask{number:02d}.png")
    return folder / "mask%02d.png"


def painted(source, output, workshop, regions=(), **settings):
    job = VideoJob(
        clip=open_clip(source),
        inputs=Inputs.of(None, "mosaic", regions),
        settings=Settings(method="onepass", **settings),
        output=output,
        stillness=0,
    )
    run_video(job, lambda step: None, print, workshop)
    return np.stack([frame.pixels for frame in open_clip(output).frames()])


def change_in(frames, source):
    """Return how much each frame differs from the filmed one where the square is, and where it is not."""
    filmed = np.stack([frame.pixels for frame in open_clip(source).frames()])
    change = np.abs(frames - filmed).mean(axis=3)
    inside, outside = WHERE > 0.5, WHERE < 0.5
    return [(c[i].mean(), c[o].mean()) for c, i, o in zip(change, inside, outside, strict=True)]


@pytest.mark.parametrize("kind", ["film", "animation", "numbered"])
def test_a_mask_that_moves_goes_with_its_frames(tmp_path, source, workshop, kind):
    mask = masks_as(kind, tmp_path)
    frames = painted(source, tmp_path / "%02d.png", workshop, [f"{mask}=aurora-lake"], background="photo")
    for inside, outside in change_in(frames, source):
        assert inside > 0.08
        assert outside < 0.005
    frames = painted(source, tmp_path / "b%02d.png", workshop, [f"{mask}=photo"])
    for inside, outside in change_in(frames, source):
        assert inside < 0.03
        assert outside > 0.04


def test_masks_that_move_and_masks_that_are_held(tmp_path, source):
    left = np.where(np.mgrid[:96, :128][1] < 64, 255, 0).astype(np.uint8)
    Image.fromarray(left).save(tmp_path / "left.png")
    masks = FrameMasks([tmp_path / "left.png", masks_as("film", tmp_path)], open_clip(source), (48, 64))
    masks.check()
    found = list(itertools.islice(masks.frames(), 12))
    assert masks.moving
    for (held, moved), expected in zip(found, WHERE, strict=True):
        np.testing.assert_allclose(held, np.mgrid[:48, :64][1] < 32, atol=0.6)
        assert np.abs(moved - expected).mean() < 0.02
        assert moved.dtype == np.float32
    assert found[0][0] is found[1][0]
    still = FrameMasks([tmp_path / "left.png"], open_clip(source), (48, 64))
    assert not still.moving


def test_bad_masks_are_refused_before_anything_is_painted(tmp_path, source, workshop):
    film(tmp_path / "short.mp4", moving_mask(11))
    film(tmp_path / "long.mp4", moving_mask(13))
    film(tmp_path / "tall.mp4", moving_mask(12, 96, 64))
    (tmp_path / "damaged.mp4").write_bytes(b"no film at all, whatever its name")
    Image.fromarray(np.zeros((48, 64), np.uint8)).save(tmp_path / "black.png")
    masks_as("numbered", tmp_path)
    (tmp_path / "mask07.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    for mask, kind, sentence in (
        ("short.mp4", ImageError, r"a frame for each of clip\.mp4's; it has 11, not 12"),
        ("long.mp4", ImageError, r"it has 13, not 12"),
        ("tall.mp4", ImageError, "aspect ratios may differ"),
        ("damaged.mp4", ImageError, r"damaged\.mp4 is"),
        ("black.png", ImageError, "black everywhere"),
        ("gone.mp4", MissingFileError, "there is no file"),
        ("gone%02d.png", MissingFileError, "no numbered pictures"),
        ("mask%02d.png", ImageError, r"mask07\.png is"),
    ):
        with pytest.raises(kind, match=sentence):
            painted(source, tmp_path / "out.mp4", workshop, [f"{tmp_path / mask}=aurora-lake"])
    assert not list(tmp_path.glob("out*"))


def test_of_a_preview_as_many_masks_as_are_painted_are_enough(tmp_path, source):
    mask = film(tmp_path / "short.mp4", moving_mask(5))
    masks = FrameMasks([mask], open_clip(source), (48, 64))
    masks.check(stop=open_clip(source).time_base.denominator // 5)
    with pytest.raises(ImageError, match="it has 5, not 12"):
        masks.check()
    frames = masks.frames()
    assert len(list(itertools.islice(frames, 5))) == 5
    with pytest.raises(ImageError, match="it has 5, not 6"):
        next(frames)


@pytest.mark.parametrize("settings", [{}, {"subject": "only"}])
def test_a_run_with_moving_regions_goes_on_without_loss(tmp_path, workshop, settings):
    """The subject is found in what moves; ended twice, the same pictures come as of a run that was not."""
    source, mask = film(tmp_path / "clip.mp4"), masks_as("film", tmp_path)
    regions = [] if settings else [f"{mask}=aurora-lake", f"{mask}=photo"]
    for name, stops in (("a", [None]), ("b", [5, 3, None])):
        (tmp_path / name).mkdir()
        job = VideoJob(
            clip=open_clip(source),
            inputs=Inputs.of(None, "mosaic", regions),
            settings=Settings(method="onepass", **settings),
            output=tmp_path / name / "%02d.png",
        )
        for stop in stops:
            ending = Interruption()
            run = VideoRun(job, print, workshop)
            for number, _ in enumerate(filter(None, run.steps(ending)), 1):
                if number == stop:
                    ending.ask()
    for number in range(1, 13):
        pictures = (np.asarray(Image.open(tmp_path / name / f"{number:02d}.png")) for name in "ab")
        np.testing.assert_array_equal(*pictures)


def test_a_recipe_names_its_masks_and_repeats_them(tmp_path, source, workshop, impasto, monkeypatch):
    monkeypatch.chdir(tmp_path)
    masks_as("numbered", tmp_path)
    code, _, err = impasto("video", "clip.mp4", "mosaic", "--region", "mask%02d.png=photo", "-o", "a.mp4")
    assert code == 0, err
    region = json.loads(read_clip_recipe(tmp_path / "a.mp4"))["regions"][0]
    assert (region["mask"], region["style"], len(region["mask_sha256"])) == ("mask%02d.png", "photo", 64)
    code, _, err = impasto("video", "clip.mp4", "--recipe", "a.mp4", "-o", "b.mp4")
    assert code == 0, err
    pairs = zip(open_clip("a.mp4").frames(), open_clip("b.mp4").frames(), strict=True)
    assert max(np.abs(one.pixels - other.pixels).mean() for one, other in pairs) < 0.02
    (tmp_path / "mask03.png").unlink()
    code, out, err = impasto("video", "clip.mp4", "--recipe", "a.mp4", "-o", "c.mp4")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "not beside it" in err


def filmed(count=10, noise=0.03):
    """Return frames of a red disc that moves over a plain ground, with noise, and where it is."""
    random, (rows, columns) = np.random.default_rng(5), np.mgrid[:90, :160]
    ground = 0.6 + 0.1 * picture(90, 160, 7)
    for number in range(count):
        disc = (rows - 45) ** 2 + (columns - 60 - 3 * number) ** 2 < 22**2
        pixels = np.where(disc[..., None], np.float32((0.75, 0.2, 0.15)), ground)
        yield np.clip(pixels + random.normal(0, noise, pixels.shape), 0, 1).astype("f4"), disc


def test_the_subject_is_found_steadily():
    steady, frames = SteadySubject(), list(filmed())
    masks = [steady.mask(pixels) for pixels, _ in frames]
    alone = [SteadySubject().mask(pixels) for pixels, _ in frames]
    for mask, (_, disc) in zip(masks, frames, strict=True):
        assert np.minimum(mask, disc).sum() / np.maximum(mask, disc).sum() > 0.85

    def flicker(found):
        pairs = itertools.pairwise(found)
        return np.mean([np.abs(np.roll(a, 3, axis=1) - b)[:, 8:-8].mean() for a, b in pairs])

    assert flicker(masks) < 0.6 * flicker(alone)
    steady.restart()
    np.testing.assert_array_equal(steady.mask(frames[3][0]), alone[3])


def test_painting_and_mask_move_along_with_one_motion(monkeypatch):
    measured, calls = stillness.certainty, []
    monkeypatch.setattr(stillness, "certainty", lambda *frames: calls.append(1) or measured(*frames))
    frames, carried = [pixels for pixels, _ in filmed(4)], Carried(80)
    drawn, subject = Stillness(80), SteadySubject()
    for pixels in frames:
        np.testing.assert_array_equal(carried.subject.mask(pixels), subject.mask(pixels))
        painted = 1 - pixels
        np.testing.assert_array_equal(carried.stillness.drawn(pixels, painted), drawn.drawn(pixels, painted))
    assert len(calls) == 3 + 2 * 3


def test_a_subject_that_is_gone_fades_and_none_at_all_is_refused(tmp_path, workshop):
    steady, frames = SteadySubject(), list(filmed(3))
    for pixels, _ in frames:
        seen = steady.mask(pixels)
    plain = np.full((90, 160, 3), 0.6, np.float32)
    for _ in range(12):
        gone = steady.mask(plain)
    assert seen.max() > 0.9
    assert gone.max() < 0.1
    gray = film(tmp_path / "gray.mp4", [np.full((48, 64, 3), 128, np.uint8)] * 4)
    with pytest.raises(ImageError, match="nothing in the photo stands out"):
        painted(gray, tmp_path / "out.mp4", workshop, subject="only")


def test_the_subject_of_a_video_is_painted_and_nothing_else(tmp_path, workshop):
    source = film(tmp_path / "disc.mp4", [(pixels * 255).astype("u1") for pixels, _ in filmed(4)])
    frames = painted(source, tmp_path / "%02d.png", workshop, subject="only")
    kept = np.stack([frame.pixels for frame in open_clip(source).frames()])
    for frame, before, (_, disc) in zip(frames, kept, filmed(4), strict=True):
        change = np.abs(frame - before).mean(axis=2)
        assert change[disc].mean() > 4 * change[~disc].mean()
