"""Jobs: what they are made of, how they listen, and what they leave when something fails."""

from __future__ import annotations

import json
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import picture, write_tiny
from impasto.errors import CheckpointError, OutputError, SettingError
from impasto.preparation import Inputs
from impasto.recipes import load_recipe
from impasto.runs import run as jobs
from impasto.runs.checkpoint import job_of, job_text
from impasto.runs.interruption import Interruption
from impasto.runs.job import Job, Saving
from impasto.runs.run import resumed_job, run_job
from impasto.settings import Settings
from impasto.styles import StyleSpec

SETTINGS = Settings(
    network="tiny.npz",
    content_layers=("relu1_2",),
    style_layer_weights={"relu1_1": 0.5, "relu2_1": 0.5},
    iterations=(3, 3),
    precision="float32",
)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    for name, seed in (("photo.png", 1), ("painting.png", 2)):
        Image.fromarray((picture(40, 48, seed) * 255).astype(np.uint8)).save(tmp_path / name)
    write_tiny(tmp_path / "tiny.npz", (4,) * 5)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def new(**changes):
    values = {"inputs": Inputs.of("photo.png", "painting.png"), "output": "out.png", "settings": SETTINGS}
    values |= changes
    paths = {name: Path(values[name]) for name in ("output", "checkpoint", "folder") if name in values}
    return Job(**(values | paths))


def run(job, show=lambda prepared, step: None, resumed=None):
    """Run a job; return its outcome and what was said."""
    said = []
    return run_job(job, show, said.append, resumed), said


def stop_at(count, number=signal.SIGINT):
    """Return what shows steps and sends a real signal at one of them."""
    seen = []

    def show(prepared, step):
        seen.append(step)
        if len(seen) == count:
            os.kill(os.getpid(), number)

    return show


def test_a_job_survives_json():
    styles = [StyleSpec(source="a:2.png", weight=0.1 + 0.2, part="fine"), "b.png"]
    inputs = Inputs.of("photo.png", styles, ["m.png=c.png#d.png"])
    job = new(
        inputs=inputs, saving=Saving(quality=90, recipe=False), preview_every=3, networks={"network": "ab"}
    )
    assert job_of(json.loads(json.dumps(job_text(job)))) == job
    job = new(checkpoint="there.state", folder="/desk")
    assert job_of(json.loads(json.dumps(job_text(job)))) == job


def test_where_a_job_keeps_things():
    assert new(output="a/out.png").checkpoint_path == Path("a/out.png.checkpoint")
    assert new(checkpoint="b/c").checkpoint_path == Path("b/c")
    assert new(output="a/out.png").previews == Path("a/out-previews")
    assert new(output="a/out.png", folder="/desk").output_path == Path("/desk/a/out.png")
    assert new(output="/results/out.png", folder="/desk").output_path == Path("/results/out.png")


def test_a_job_shows_every_step_and_saves_the_last(desk):
    shown = []
    outcome, said = run(new(), lambda prepared, step: shown.append((step.scale, step.iteration)))
    assert shown == [(scale, iteration) for scale in (1, 2) for iteration in (1, 2, 3)]
    assert said == []
    assert (outcome.interruption, outcome.error) == (None, None)
    saved = np.asarray(Image.open("out.png")) / 255
    np.testing.assert_allclose(saved, outcome.result.pixels, atol=0.6 / 255)
    assert len(outcome.result.losses) == 6


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_lets_the_iteration_finish(desk, number):
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
    try:
        outcome, _ = run(new(), stop_at(2, number))
    finally:
        signal.signal(signal.SIGHUP, before)
    assert outcome.interruption == number
    assert outcome.error is None
    assert len(outcome.result.losses) == 2
    assert outcome.result.pixels.shape == (40, 48, 3)
    assert any("impasto resume out.png.checkpoint" in note for note in outcome.notes)


def test_a_resumed_job_knows_all_losses(desk):
    whole = run(new(output="whole.png"))[0].result
    run(new(), stop_at(4))
    job, checkpoint = resumed_job(desk / "out.png.checkpoint")
    result = run(job, resumed=(checkpoint, desk / "out.png.checkpoint"))[0].result
    assert result.losses == whole.losses
    np.testing.assert_array_equal(result.pixels, whole.pixels)
    assert result.recipe == whole.recipe


def test_strength_zero_is_a_job_like_any_other(desk):
    outcome, _ = run(new(settings=replace(SETTINGS, strength=0), checkpoint="run.state"))
    assert len(outcome.result.losses) == 1
    np.testing.assert_array_equal(np.asarray(Image.open("out.png")), np.asarray(Image.open("photo.png")))
    assert not Path("run.state").exists()


def test_the_second_signal_does_not_wait():
    interruption = Interruption()
    with interruption.heard():
        os.kill(os.getpid(), signal.SIGTERM)
        assert interruption.signal == signal.SIGTERM
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_run_under_nohup_outlives_its_terminal(desk):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        outcome, _ = run(new(), stop_at(2, signal.SIGHUP))
    finally:
        signal.signal(signal.SIGHUP, before)
    assert outcome.interruption is None
    assert len(outcome.result.losses) == 6


def test_a_second_signal_leaves_no_half_file(desk):
    def twice(prepared, step):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    before = sorted(desk.iterdir())
    handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with pytest.raises(KeyboardInterrupt):
        run(new(), twice)
    assert sorted(desk.iterdir()) == before
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == handlers


def test_a_job_runs_outside_the_main_thread(desk):
    found = []
    thread = threading.Thread(target=lambda: found.append(run(new())))
    thread.start()
    thread.join()
    assert found[0][0].result is not None


def test_previews_cost_notes_not_the_run(desk):
    Path("out-previews").write_text("in the way")
    outcome, said = run(new(preview_every=2))
    assert len(said) == 3
    assert said[0].startswith("preview 2 could not be written")
    assert outcome.result is not None


def test_an_output_that_appeared_meanwhile_is_kept_and_so_is_the_work(desk):
    def appear(prepared, step):
        Path("out.png").write_bytes(b"precious")
        os.kill(os.getpid(), signal.SIGINT) if step.iteration == 2 else None

    with pytest.raises(OutputError, match="already exists"):
        run(new(), appear)
    assert Path("out.png").read_bytes() == b"precious"
    assert Path("out.png.checkpoint").exists()


def test_checkpoints_are_not_written_more_often_than_they_may(desk, monkeypatch):
    saved = []
    monkeypatch.setattr(jobs.RunCheckpoint, "save", lambda self, path: saved.append(self.state.iteration))
    run(new(checkpoint="run.state"))
    assert saved == []
    monkeypatch.setattr(jobs, "LEAST_SECONDS_BETWEEN_CHECKPOINTS", 0)
    monkeypatch.setattr(jobs, "WRITING_SHARE", 1e9)
    run(new(output="again.png", checkpoint="run.state"))
    assert saved == [1, 2, 3, 1, 2]


def test_only_long_runs_keep_checkpoints_by_themselves(desk, monkeypatch):
    for seconds, expected in ((30, False), (0, True)):
        monkeypatch.setattr(jobs, "LEAST_SECONDS_BETWEEN_CHECKPOINTS", seconds)
        seen = []
        run(
            new(output=f"{seconds}.png"),
            lambda prepared, step, seen=seen: seen.append(any(desk.glob("*.checkpoint"))),
        )
        assert any(seen) == expected
        assert not any(desk.glob("*.checkpoint"))


def test_a_job_measures_no_speed(desk, monkeypatch):
    """As a forecast does: half a second, for a picture that may be made in less."""
    monkeypatch.setattr("impasto.networks.speed.measure_speed", None)
    monkeypatch.setattr("impasto.optimization.planning.measure_speed", None)
    assert run(new())[0].result is not None


@pytest.mark.parametrize("taken", ["out.png", "photo.png", "painting.png", "tiny.npz", "./photo.png"])
def test_a_checkpoint_is_a_file_of_its_own(desk, taken):
    before = {path.name: path.read_bytes() for path in desk.iterdir()}
    with pytest.raises(OutputError, match="the checkpoint must be a file of its own"):
        run(new(checkpoint=taken, saving=Saving(overwrite=True)))
    assert {path.name: path.read_bytes() for path in desk.iterdir()} == before


def test_a_resumed_job_may_replace_its_own_picture_only(desk):
    run(new(), stop_at(2))
    assert resumed_job(desk / "out.png.checkpoint")[0].saving.overwrite
    Path("out.png").write_bytes(b"precious")
    with pytest.raises(CheckpointError, match="has been changed since the run was interrupted"):
        resumed_job(desk / "out.png.checkpoint")


def test_a_job_that_may_overwrite_may_do_so_after_a_resume_too(desk):
    run(new(saving=Saving(overwrite=True)), stop_at(2))
    Path("out.png").write_bytes(b"not precious")
    job, checkpoint = resumed_job(desk / "out.png.checkpoint")
    run(job, resumed=(checkpoint, desk / "out.png.checkpoint"))
    assert Image.open("out.png").size == (48, 40)


def test_names_that_become_too_long_are_refused_before_anything_is_computed(desk):
    longest = os.pathconf(desk, "PC_NAME_MAX")
    for job in (
        new(output="o" * (longest - 4) + ".png"),  # its checkpoint's name is longer
        new(output="o" * (longest - 4) + ".png", checkpoint="c", preview_every=1),
        new(checkpoint="c" * (longest + 1)),
    ):
        with pytest.raises(OutputError, match="cannot be written: File name too long; choose another name"):
            run(job, lambda prepared, step: pytest.fail("it was computed"))
    with pytest.raises(OutputError, match="nowhere does not exist; make it first"):
        run(new(checkpoint="nowhere/c"))


def test_names_that_are_not_utf8_survive_a_run(desk):
    name = os.fsdecode(b"caf\xe9.png")
    (desk / "photo.png").rename(desk / name)
    (desk / "painting.png").rename(desk / f"b{name}")
    inputs = Inputs.of(name, f"b{name}")
    job = new(inputs=inputs, preview_every=2, checkpoint=f"c{name}", output=f"o{name}")
    run(job, stop_at(3))
    known, checkpoint = resumed_job(desk / f"c{name}")
    outcome, said = run(known, resumed=(checkpoint, desk / f"c{name}"))
    assert not said and len(outcome.result.losses) == 6 and len(list(job.previews.iterdir())) >= 1
    recipe = load_recipe(desk / f"o{name}")
    assert recipe["content"]["name"] == name
    assert [style.source for style in recipe.styles()] == [desk / f"b{name}"]


@pytest.mark.parametrize("wrong", [{"bit_depth": 12}, {"quality": 0}, {"quality": 101}])
def test_how_a_picture_is_written_is_checked_before_it_is_made(wrong):
    (name,) = wrong
    with pytest.raises(SettingError, match=f"{name} must be"):
        Saving(**wrong)
