"""Interrupted runs: what they leave behind, and that going on ends with the same bytes."""

from __future__ import annotations

import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from conftest import make_desk, picture, tiny_weights
from impasto import pastiche
from impasto.networks.catalogue import write_weights

META = {"name": "tiny", "family": "distilled", "pooling": "average", "padding": "reflect"}
HASTY = (
    "import sys, impasto.runs.run as job\n"
    "job.LEAST_SECONDS_BETWEEN_CHECKPOINTS, job.WRITING_SHARE = 0, 1\n"
    "from impasto.cli import main; main()"
)
"""The command line, writing a checkpoint after every iteration."""


@pytest.fixture
def impasto(impasto, monkeypatch, tmp_path):
    """Run the command line in this process and folder; return (exit code, stdout, stderr as one line)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code, out, err = impasto(*arguments)
        return code, out, " ".join(err.split())

    return run


@pytest.fixture
def desk(tmp_path):
    """A folder with a photo, a painting and a tiny network."""
    return make_desk(tmp_path, ("photo.png", "painting.png"), widths=(4, 4, 4, 4, 4))


def job(output="out.png", *more, iterations="6,6"):
    return (
        "stylize", "photo.png", "painting.png", "-o", output, "--network", "tiny.npz",
        "--content-layers", "relu1_2", "--style-layer-weights", "relu1_1=0.5,relu2_1=0.5",
        "--iterations", iterations, "--precision", "float32", *more,
    )  # fmt: skip


@pytest.fixture
def interrupted(impasto, desk, monkeypatch):
    """Run a job that gets a real signal after some iterations."""

    def run(after, *arguments, number=signal.SIGINT):
        real = pastiche.run

        def steps(prepared, start=None):
            for count, step in enumerate(real(prepared, start), 1):
                if count == after:
                    os.kill(os.getpid(), number)
                yield step

        with monkeypatch.context() as patched:
            patched.setattr(pastiche, "run", steps)
            return impasto(*arguments)

    return run


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("after", "optimizer"), [(1, "lbfgs"), (6, "lbfgs"), (9, "lbfgs"), (6, "adam"), (11, "adam")]
)
def test_a_resumed_run_ends_with_the_same_bytes(impasto, interrupted, desk, after, optimizer):
    options = ("--optimizer", optimizer, "--initial", "noise", "--seed", "4")
    assert impasto(*job("whole.png", *options))[0] == 0
    code, _, err = interrupted(after, *job("out.png", *options))
    assert code == 130
    assert "go on with impasto resume out.png.checkpoint" in err
    assert "Interrupted; the picture as it was is in out.png" in err
    assert Image.open("out.png").size == (64, 48)
    unfinished = (desk / "out.png").read_bytes()
    code, _, err = impasto("resume", "out.png.checkpoint")
    assert code == 0, err
    assert (desk / "out.png").read_bytes() == (desk / "whole.png").read_bytes() != unfinished
    assert not (desk / "out.png.checkpoint").exists()


@pytest.mark.parametrize("output", ["my pic's.png", "./-x.png"])
def test_the_command_to_go_on_can_be_copied(impasto, interrupted, desk, output):
    err = interrupted(2, *job(output))[2]
    words = shlex.split(err[err.index("go on with impasto resume") :].split(". ")[0])
    assert impasto(*words[4:])[0] == 0


def test_a_run_may_be_interrupted_again_and_again(impasto, interrupted, desk):
    impasto(*job("whole.png"))
    assert interrupted(4, *job())[0] == 130
    for _ in range(2):
        assert interrupted(3, "resume", "out.png.checkpoint", number=signal.SIGTERM)[0] == 143
    assert impasto("resume", "out.png.checkpoint")[0] == 0
    assert (desk / "out.png").read_bytes() == (desk / "whole.png").read_bytes()


def test_controls_are_resumed_too(impasto, interrupted, desk):
    mask = np.zeros((48, 64), np.uint8)
    mask[:, :30] = 255
    Image.fromarray(mask).save("left.png")
    options = (
        "--style", "swirls:2@fine", "--region", "left.png=mosaic", "--colors", "luminance",
        "--grain", "0.5", "--stroke-size", "0.8", "--bit-depth", "16",
    )  # fmt: skip
    code, _, err = impasto(*job("whole.png", *options))
    assert code == 0, err
    assert interrupted(8, *job("out.png", *options))[0] == 130
    assert impasto("resume", "out.png.checkpoint")[0] == 0
    assert (desk / "out.png").read_bytes() == (desk / "whole.png").read_bytes()


def test_a_resumed_run_goes_on_where_it_stopped(impasto, interrupted, desk, monkeypatch):
    interrupted(8, *job())
    seen = []
    real = pastiche.run

    def steps(prepared, start=None):
        for step in real(prepared, start):
            seen.append((step.scale, step.iteration))
            yield step

    monkeypatch.setattr(pastiche, "run", steps)
    assert impasto("resume", "out.png.checkpoint")[0] == 0
    assert seen == [(2, 3), (2, 4), (2, 5), (2, 6)]


def test_resuming_works_from_another_folder_and_under_another_name(impasto, interrupted, desk, monkeypatch):
    impasto(*job("whole.png"))
    interrupted(7, *job())
    (desk / "elsewhere").mkdir()
    shutil.move("out.png.checkpoint", "elsewhere/run.checkpoint")
    monkeypatch.chdir(desk / "elsewhere")
    code, _, err = impasto("resume", "run.checkpoint")
    assert code == 0, err
    assert (desk / "out.png").read_bytes() == (desk / "whole.png").read_bytes()
    assert names(desk / "elsewhere") == []


@pytest.mark.parametrize(("elsewhere", "times"), [(False, 2), (True, 1)])
def test_an_output_that_was_changed_meanwhile_is_kept(
    impasto, interrupted, desk, elsewhere, times, monkeypatch
):
    interrupted(3, *job())
    if times == 2:
        interrupted(2, "resume", "out.png.checkpoint")
    (desk / "out.png").write_bytes(b"precious")
    if elsewhere:
        (desk / "elsewhere").mkdir()
        monkeypatch.chdir(desk / "elsewhere")
    code, _, err = impasto("resume", desk / "out.png.checkpoint")
    assert code == 1
    assert "out.png has been changed since the run was interrupted; move it away to resume" in err
    assert (desk / "out.png").read_bytes() == b"precious"
    assert (desk / "out.png.checkpoint").exists()
    (desk / "out.png").unlink()
    assert impasto("resume", desk / "out.png.checkpoint")[0] == 0
    assert Image.open(desk / "out.png").size == (64, 48)


@pytest.mark.parametrize("changed", ["photo.png", "painting.png", "mask.png", "region-style.png", "tiny.npz"])
def test_a_changed_input_is_refused(impasto, interrupted, desk, changed):
    for name, seed in (("mask.png", 5), ("region-style.png", 6)):
        Image.fromarray((picture(48, 64, seed) * 255).astype(np.uint8)).save(name)
    interrupted(3, *job("out.png", "--region", "mask.png=region-style.png"))
    before = (desk / "out.png").read_bytes()
    if changed == "tiny.npz":
        write_weights(desk / "tiny.npz", tiny_weights(seed=8, widths=(4, 4, 4, 4, 4)), META)
    else:
        Image.fromarray((picture(48, 64, 9) * 255).astype(np.uint8)).save(changed)
    code, _, err = impasto("resume", "out.png.checkpoint")
    assert code == 1
    name = {"photo.png": "content", "painting.png": "styles", "tiny.npz": "network"}.get(changed, "regions")
    assert f"out.png.checkpoint cannot be resumed: {name} was " in err
    assert (desk / "out.png").read_bytes() == before
    assert (desk / "out.png.checkpoint").exists()


def test_an_input_that_is_gone_is_one_sentence(impasto, interrupted, desk):
    interrupted(3, *job())
    (desk / "painting.png").unlink()
    code, _, err = impasto("resume", "out.png.checkpoint")
    assert code == 1
    assert "painting.png" in err
    assert "Traceback" not in err


def test_an_interruption_before_the_first_iteration_writes_nothing(impasto, desk, monkeypatch):
    from impasto.runs import run as jobs

    real = jobs.prepare

    def prepare(*arguments):
        os.kill(os.getpid(), signal.SIGINT)
        return real(*arguments)

    monkeypatch.setattr(jobs, "prepare", prepare)
    before = names(desk)
    code, _, err = impasto(*job())
    assert code == 130
    assert "Interrupted before there was a picture; nothing was written." in err
    assert names(desk) == before


def test_a_signal_at_the_last_iteration_finds_a_finished_picture(impasto, interrupted, desk):
    code, _, err = interrupted(12, *job())
    assert code == 0
    assert "Interrupted" not in err
    assert not (desk / "out.png.checkpoint").exists()


def test_signals_are_the_callers_again_afterwards(impasto, interrupted, desk):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    interrupted(2, *job())
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_an_existing_checkpoint_is_not_thrown_away(impasto, interrupted, desk):
    interrupted(3, *job())
    (desk / "out.png").unlink()
    kept = (desk / "out.png.checkpoint").read_bytes()
    code, _, err = impasto(*job())
    assert code == 1
    assert "out.png.checkpoint is the checkpoint of an unfinished run; go on with impasto resume" in err
    assert (desk / "out.png.checkpoint").read_bytes() == kept
    assert impasto(*job("out.png", "--overwrite"))[0] == 0
    assert not (desk / "out.png.checkpoint").exists()


def test_a_checkpoint_that_is_asked_for_is_written_on_the_way_and_removed_at_the_end(
    impasto, desk, monkeypatch
):
    from impasto.runs import run as jobs

    monkeypatch.setattr(jobs, "LEAST_SECONDS_BETWEEN_CHECKPOINTS", 0)
    seen = []
    real = jobs.RunCheckpoint.save

    def save(self, path):
        real(self, path)
        seen.append((self.state.scale, self.state.iteration))

    monkeypatch.setattr(jobs.RunCheckpoint, "save", save)
    assert impasto(*job("out.png", "--checkpoint", "run.state"))[0] == 0
    assert seen
    assert seen == sorted(set(seen))
    assert "run.state" not in names(desk)


@pytest.mark.parametrize("taken", ["out.png", "photo.png", "painting.png", "tiny.npz"])
def test_a_checkpoint_never_takes_the_place_of_another_file(impasto, desk, taken):
    before = {name: (desk / name).read_bytes() for name in names(desk)}
    code, _, err = impasto(*job("out.png", "--checkpoint", taken, "--overwrite"))
    assert code == 1
    assert f"the checkpoint must be a file of its own, not {taken}" in err
    assert {name: (desk / name).read_bytes() for name in names(desk)} == before


def test_a_checkpoint_that_cannot_be_written_is_refused_before_the_work(impasto, desk):
    (desk / "file").write_text("no folder")
    code, _, err = impasto(*job("out.png", "--checkpoint", "file/run.state"))
    assert code == 1
    assert "file/run.state cannot be written" in err
    assert not (desk / "out.png").exists()


def test_a_checkpoint_that_can_no_longer_be_written_costs_a_note(impasto, interrupted, desk, monkeypatch):
    from impasto.runs import run as jobs

    monkeypatch.setattr(jobs, "LEAST_SECONDS_BETWEEN_CHECKPOINTS", 0)
    monkeypatch.setattr(jobs, "check_side_files", lambda job: None)  # it became so since
    monkeypatch.setattr("impasto.cli.stylize._checked", lambda job: job)
    (desk / "file").write_text("no folder")
    code, _, err = impasto(*job("out.png", "--checkpoint", "file/run.state"))
    assert code == 0
    assert "Note: the checkpoint could not be written: file/run.state " in err
    assert Image.open("out.png").size == (64, 48)
    code, _, err = interrupted(2, *job("again.png", "--checkpoint", "file/run.state"))
    assert code == 130
    assert "impasto resume" not in err
    assert Image.open("again.png").size == (64, 48)


def test_an_interrupted_run_whose_picture_cannot_be_written_still_keeps_its_state(impasto, interrupted, desk):
    (desk / "results").mkdir()
    arguments = job("results/out.png", "--checkpoint", "run.state", "--preview-every", "3")
    impasto(*job("whole.png"))
    code, _, err = interrupted(5, *arguments, number=signal.SIGTERM)
    assert code == 143
    shutil.rmtree("results")
    code, _, err = impasto("resume", "run.state")
    assert code == 1
    assert "results" in err
    assert (desk / "run.state").exists()
    (desk / "results").mkdir()
    assert impasto("resume", "run.state")[0] == 0
    assert (desk / "results" / "out.png").read_bytes() == (desk / "whole.png").read_bytes()


@pytest.mark.parametrize(
    "content", [b"", b"not a checkpoint", b"PK\x03\x04 nor a zip", None], ids=["empty", "text", "zip", "png"]
)
def test_a_file_that_is_no_checkpoint_is_one_sentence(impasto, desk, content):
    path = desk / "photo.png"
    if content is not None:
        path = desk / "x.checkpoint"
        path.write_bytes(content)
    code, _, err = impasto("resume", path)
    assert code == 1
    if content is None:
        assert err == f"impasto: there is no unfinished run beside {path}."
    else:
        assert err == f"impasto: {path} is not a whole checkpoint of Impasto."


def test_a_checkpoint_that_is_not_there_is_one_sentence(impasto, desk):
    code, _, err = impasto("resume", "nothing.checkpoint")
    assert code == 1
    assert err == f"impasto: there is no checkpoint {desk / 'nothing.checkpoint'}."


def test_a_working_folder_that_is_gone_is_one_sentence(impasto, interrupted, desk, monkeypatch, tmp_path):
    (desk / "gone").mkdir()
    for name in ("photo.png", "painting.png", "tiny.npz"):
        shutil.copy(name, "gone")
    monkeypatch.chdir(desk / "gone")
    interrupted(3, *job("out.png", "--checkpoint", desk / "run.state"))
    monkeypatch.chdir(desk)
    shutil.rmtree("gone")
    code, _, err = impasto("resume", "run.state")
    assert code == 1
    assert re.search(r"the folder \S+gone, in which the run was started, is not there", err)


def start(desk, code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=desk, stderr=subprocess.PIPE, text=True
    )


def finish(process):
    err = process.communicate(timeout=300)[1]
    return process.returncode, " ".join(err.split())


@pytest.mark.slow
def test_real_processes_with_real_signals_end_with_the_same_bytes(desk):
    driver = (
        "import os, signal, sys, impasto.pastiche as p\n"
        "real, number, after = p.run, int(sys.argv.pop(1)), int(sys.argv.pop(1))\n"
        "def run(prepared, start=None):\n"
        "    for count, step in enumerate(real(prepared, start), 1):\n"
        "        if count == after: os.kill(os.getpid(), number)\n"
        "        yield step\n"
        "p.run = run\n"
        "from impasto.cli import main; main()"
    )
    plain = "from impasto.cli import main; main()"
    assert finish(start(desk, plain, *job("whole.png")))[0] == 0
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        output = f"{code}.png"
        found, err = finish(start(desk, driver, int(number), 8, *job(output)))
        assert found == code
        assert f"go on with impasto resume {output}.checkpoint" in err
        assert finish(start(desk, plain, "resume", f"{output}.checkpoint"))[0] == 0
        assert (desk / output).read_bytes() == (desk / "whole.png").read_bytes()


def wait_for(path, seconds):
    until = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.01)


@pytest.mark.slow
def test_kill_9_at_random_moments_never_leaves_half_a_file(impasto, desk):
    from impasto.runs.checkpoint import RunCheckpoint

    random_moment, loaded, resumed = random.Random(5), 0, 0
    impasto(*job("whole.png", iterations="120,120"))
    for _ in range(8):
        for name in ("out.png", "out.state"):
            (desk / name).unlink(missing_ok=True)
        arguments = job("out.png", "--checkpoint", "out.state", "--quiet", iterations="120,120")
        process = start(desk, HASTY, *arguments)
        wait_for(desk / "out.state", 60)
        time.sleep(random_moment.uniform(0, 0.6))
        process.kill()
        process.communicate()
        if (desk / "out.state").exists():
            RunCheckpoint.load(desk / "out.state")
            loaded += 1
        if (desk / "out.png").exists():
            assert (desk / "out.png").read_bytes() == (desk / "whole.png").read_bytes()
        elif not resumed:
            resumed += 1
            code, _, err = impasto("resume", "out.state")
            assert code == 0, err
            assert (desk / "out.png").read_bytes() == (desk / "whole.png").read_bytes()
    assert loaded >= 3 and resumed


@pytest.fixture
def full_disk(tmp_path):
    """A file system of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "impasto-test", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk_leaves_the_earlier_checkpoint_whole(impasto, interrupted, desk, full_disk, monkeypatch):
    assert impasto(*job("whole.png"))[0] == 0
    state = full_disk / "run.state"
    assert interrupted(4, *job("out.png", "--checkpoint", state))[0] == 130
    earlier = state.read_bytes()
    filler, real = full_disk / "filler", pastiche.run

    def filling(prepared, start=None):
        """Fill the disk when the run has begun: a disk that is full before is refused."""
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(b"x" * 4096):
                pass
        yield from real(prepared, start)

    with monkeypatch.context() as patched:
        patched.setattr(pastiche, "run", filling)
        code, _, err = interrupted(3, "resume", state)
    assert code == 130, err
    assert "Note: the checkpoint could not be written" in err
    assert "No space left" in err
    assert state.read_bytes() == earlier
    assert names(full_disk) == ["filler", "run.state"]
    filler.unlink()
    (desk / "out.png").unlink()  # of the second interruption, which the checkpoint does not know of
    assert impasto("resume", state)[0] == 0
    assert (desk / "out.png").read_bytes() == (desk / "whole.png").read_bytes()
