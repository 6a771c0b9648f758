"""Videos by optimization: each frame from the painting before; steady, resumable, nothing compiled anew."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("av")
pytest.importorskip("cv2")

from clips import film, moving, moving_mask
from conftest import picture
from impasto.errors import SettingError
from impasto.pictures.frames.clip import Frame
from impasto.pictures.frames.opening import open_clip
from impasto.pictures.stillness import Stillness, boundaries
from impasto.preparation import Inputs
from impasto.runs.interruption import Interruption
from impasto.runs.shot_optimizer import ShotOptimizer, further_settings
from impasto.runs.shot_painter import Carried
from impasto.runs.video import VideoRun
from impasto.runs.video_job import VideoJob
from impasto.settings import Settings
from impasto.workshop import Workshop

QUICK = Settings(method="optimize", iterations=(6,))


@pytest.fixture(scope="module")
def workshop():
    with Workshop() as kept:
        yield kept


def job_of(source, output, **choices):
    inputs = Inputs.of(None, "mosaic", choices.pop("regions", ()))
    settings = choices.pop("settings", QUICK)
    return VideoJob(clip=open_clip(source), inputs=inputs, settings=settings, output=output, **choices)


def run(job, workshop, stop=None):
    ending = Interruption()
    video = VideoRun(job, print, workshop)
    for number, _ in enumerate(filter(None, video.steps(ending)), 1):
        if number == stop:
            ending.ask()
    return video.outcome


def pictures_in(folder):
    return [np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))]


def test_a_run_goes_on_without_loss(tmp_path, workshop):
    source = film(tmp_path / "clip.mp4", moving(5))
    for name, stops in (("a", [None]), ("b", [2, 1, None])):
        (tmp_path / name).mkdir()
        for stop in stops:
            outcome = run(job_of(source, tmp_path / name / "%02d.png"), workshop, stop)
    assert (outcome.frames, outcome.resumed) == (5, 3)
    whole, resumed = pictures_in(tmp_path / "a"), pictures_in(tmp_path / "b")
    assert len(whole) == 5
    for one, other in zip(whole, resumed, strict=True):
        np.testing.assert_array_equal(one, other)


def frame_of(pixels, index):
    return Frame(index=index, ticks=index, duration=1, pixels=pixels)


def test_further_frames_compile_nothing_and_are_steadier(workshop):
    """A still scene under noise: held to the painting before, the next one differs less."""
    scene, random = picture(48, 64, 3), np.random.default_rng(4)
    noisy = [np.clip(scene + random.normal(0, 0.02, scene.shape), 0, 1).astype("f4") for _ in range(4)]
    frames = [frame_of(pixels, index) for index, pixels in enumerate(noisy)]
    changes = {}
    for stillness in (0, 90):
        with Workshop() as own:
            painter = ShotOptimizer(Inputs.of(None, "mosaic"), QUICK, frames[:1], "clip", own)
            carried = Carried(stillness)
            painted = [painter.paint(frame, 50, carried)[0] for frame in frames[:2]]
            made = own.get
            own.get = lambda kind, key, make, *rest, made=made: made(
                kind, key, make if kind != "functions" else pytest.fail, *rest
            )
            painted += [painter.paint(frame, 50, carried)[0] for frame in frames[2:]]
        changes[stillness] = np.mean([np.abs(b - a).mean() for a, b in itertools.pairwise(painted)])
        assert np.abs(painted[-1] - noisy[-1]).mean() > 0.03
    assert changes[90] < 0.4 * changes[0]


def test_at_a_cut_it_starts_anew_from_the_photo(tmp_path, workshop):
    other = [255 - frame for frame in moving(3)]
    both = film(tmp_path / "both.mkv", [*moving(3), *other], codec="ffv1", pix_fmt="bgr0")
    alone = film(tmp_path / "alone.mkv", other, codec="ffv1", pix_fmt="bgr0")
    for source in (both, alone):
        (tmp_path / source.stem).mkdir()
        outcome = run(job_of(source, tmp_path / source.stem / "%02d.png"), workshop)
    assert outcome.shots == 1
    after, by_itself = pictures_in(tmp_path / "both")[3:], pictures_in(tmp_path / "alone")
    for one, same in zip(after, by_itself, strict=True):
        np.testing.assert_array_equal(one, same)


def test_a_frame_in_work_is_given_up_and_nothing_is_kept_of_it(tmp_path, workshop):
    frame, carried = frame_of(picture(48, 64, 1), 0), Carried(90)
    painter = ShotOptimizer(Inputs.of(None, "mosaic"), QUICK, [frame], "clip", workshop, lambda: True)
    assert painter.paint(frame, 50, carried) == (None, "")
    assert carried.state == {}
    pixels, _ = painter.paint(frame, 0, carried)
    np.testing.assert_array_equal(pixels, frame.pixels)


def test_masks_are_held_and_those_that_move_are_refused(tmp_path, workshop):
    source, mask = film(tmp_path / "clip.mp4", moving(2)), film(tmp_path / "mask.mp4", moving_mask(2))
    with pytest.raises(SettingError, match="masks that move need one pass"):
        run(job_of(source, tmp_path / "a.mp4", regions=[f"{mask}=photo"]), workshop)
    left = np.where(np.mgrid[:48, :64][1] < 32, 255, 0).astype(np.uint8)
    Image.fromarray(left).save(tmp_path / "left.png")
    run(job_of(source, tmp_path / "%02d.png", regions=[f"{tmp_path / 'left.png'}=photo"]), workshop)
    filmed = [frame.pixels for frame in open_clip(source).frames()]
    for number, before in enumerate(filmed, 1):
        change = np.abs(np.asarray(Image.open(tmp_path / f"{number:02d}.png")) / 255 - before).mean(axis=2)
        assert change[:, :30].mean() < 0.004 < 0.02 < change[:, 34:].mean()


def test_further_frames_take_a_part_of_the_iterations():
    assert further_settings(Settings(method="optimize"), (144, 256)).iterations == (15,)
    assert further_settings(QUICK, (48, 64)).iterations == (8,)


def test_motions_meet_at_edges_only():
    flow = np.zeros((20, 30, 2), np.float32)
    flow[:, 15:] = (3, 1)
    met = boundaries(flow)
    assert met[:, 14:16].all()
    assert not met[:, :13].any()
    assert not met[:, 17:].any()


def test_a_painting_is_moved_along():
    scene, steady = picture(60, 120, 3), Stillness(90)
    assert steady.moved(scene[:, :80]) is None
    steady.keep(scene[:, :80], scene[:, :80])
    moved, certain = steady.moved(scene[:, 2:82])
    inside = np.s_[6:-6, 6:-8]
    assert certain[inside].mean() > 0.9
    assert np.abs(moved - scene[:, 2:82])[inside].mean() < 0.01
    assert Stillness(0).moved(scene) is None
