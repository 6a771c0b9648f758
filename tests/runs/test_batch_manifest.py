"""The manifest: what is done survives whatever ends the program, and nobody else's file is touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import make_desk
from impasto.cli.options import parsed
from impasto.errors import CheckpointError, OutputError
from impasto.runs.batch.entries import Choice, entries_of, find_rows
from impasto.runs.batch.fingerprints import Fingerprints, Stamp
from impasto.runs.batch.manifest import NAME, Manifest, known_outputs, manifest_id
from impasto.runs.job import Saving


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_desk(tmp_path, ("photo.png", "a.png", "b.png"))


def finish(manifest, name, fingerprint="f"):
    path = manifest.path.parent / name
    path.write_bytes(name.encode())
    manifest.finish(path, fingerprint, (Path("photo.png"), Stamp.of(Path("photo.png"))), seconds=1.0)
    return path


def test_what_is_done_is_known_again(desk):
    with Manifest(desk / NAME) as manifest:
        manifest.start(desk / "x.png", 1)
        path = finish(manifest, "x.png")
        manifest.start(desk / "y.png", 2)
        manifest.start(desk / "z.png", 1)
        manifest.fail(desk / "z.png", "broken")
        before = manifest.records
    with Manifest(desk / NAME) as again:
        assert again.records == before
        assert (again.id, manifest_id(desk / NAME)) == (manifest.id, manifest.id)
        record = again.record_of(path)
        assert (record.fingerprint, record.begun) == ("f", False)
        assert record.file.fits(path)
        assert again.record_of(desk / "y.png").begun
        assert again.record_of(desk / "z.png").fingerprint == ""
        assert known_outputs(desk / NAME) == {desk / name for name in ("x.png", "y.png", "z.png")}
    assert known_outputs(desk / "none") == frozenset()


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_a_line_that_was_cut_off_does_not_count(desk, cut):
    with Manifest(desk / NAME) as manifest:
        finish(manifest, "x.png")
        finish(manifest, "y.png")
    (desk / NAME).write_bytes((desk / NAME).read_bytes()[:-cut])
    with Manifest(desk / NAME) as manifest:
        assert set(manifest.records) == ({"x.png", "y.png"} if cut == 1 else {"x.png"})
        finish(manifest, "w.png")  # and does not hang on to what was left of it
    with Manifest(desk / NAME) as manifest:
        assert manifest.records["w.png"].fingerprint == "f"


def test_a_first_line_that_was_cut_off_is_written_anew(desk):
    with Manifest(desk / NAME) as manifest:
        finish(manifest, "x.png")
    whole = (desk / NAME).read_bytes()
    for left in (0, 5, 20):
        (desk / NAME).write_bytes(whole[:left])
        with Manifest(desk / NAME) as manifest:
            assert manifest.records == {}
            assert manifest_id(desk / NAME) == manifest.id
        assert not (desk / NAME).exists()  # it says nothing


def test_two_batches_do_not_share_a_folder(desk):
    with (
        Manifest(desk / NAME),
        pytest.raises(OutputError, match="another batch is at work in"),
    ):
        Manifest(desk / NAME)
    with Manifest(desk / NAME):
        pass


def test_a_killed_program_lets_go_and_leaves_whole_lines(desk):
    code = (
        "import itertools, pathlib; from impasto.runs.batch.manifest import *\n"
        f"with Manifest(pathlib.Path({str(desk / NAME)!r})) as manifest:\n"
        "    for number in itertools.count():\n"
        "        manifest.start(manifest.path.parent / f'{number}-{\"x\" * 2000}.png', 1)\n"
    )
    program = subprocess.Popen([sys.executable, "-c", code])
    until = time.monotonic() + 60
    while time.monotonic() < until and not (
        (desk / NAME).exists() and (desk / NAME).stat().st_size > 1_000_000
    ):
        time.sleep(0.05)
    os.kill(program.pid, signal.SIGKILL)
    program.wait()
    with Manifest(desk / NAME) as manifest:
        assert len(manifest.records) >= 400
        numbers = sorted(int(name.partition("-")[0]) for name in manifest.records)
        assert numbers == list(range(len(numbers)))


def test_somebody_elses_file_is_refused(desk):
    (desk / NAME).write_text('{"my": "own"}\n')
    with pytest.raises(CheckpointError, match="is not the manifest of a batch; move it away"):
        Manifest(desk / NAME)
    (desk / NAME).write_text('{"impasto": "99", "batch": 99, "id": "x"}\n')
    with pytest.raises(CheckpointError, match="was written by Impasto 99; update"):
        Manifest(desk / NAME)
    assert (desk / NAME).read_text().startswith('{"impasto": "99"')


def test_a_fingerprint_is_of_what_is_inside(desk):
    def fingerprint(photo="photo.png", style="a.png", saving=None, **settings):
        (entry,) = entries_of(find_rows([photo], parsed), Choice(styles=[style], settings=settings))
        fingerprints = Fingerprints()
        return fingerprints.of(entry, saving or Saving(), fingerprints.photo(entry.photo))

    first = fingerprint()
    (desk / "copy.png").write_bytes((desk / "photo.png").read_bytes())
    (desk / "style.png").write_bytes((desk / "a.png").read_bytes())
    assert fingerprint("copy.png", "style.png") == first
    assert fingerprint(saving=Saving(overwrite=True)) == first
    others = {
        fingerprint("b.png"), fingerprint(style="b.png"), fingerprint(style="a.png:2"),
        fingerprint(style="a.png@fine"), fingerprint(style="swirls"), fingerprint(strength=51),
        fingerprint(saving=Saving(quality=90)), fingerprint(network="tiny.npz"), fingerprint(initial="b.png"),
        first,
    }  # fmt: skip
    assert len(others) == 10


def test_a_photo_that_was_not_changed_is_not_read_again(desk):
    old = time.time() - 60
    os.utime("photo.png", (old, old))
    stamp = Stamp.of(Path("photo.png"))
    known = {str(Path("photo.png").absolute()): replace(stamp, sha256="noted")}
    assert Fingerprints(known).photo(Path("photo.png")).sha256 == "noted"
    os.utime("photo.png", (old + 1, old + 1))
    assert Fingerprints(known).photo(Path("photo.png")).sha256 == stamp.sha256
    os.utime("photo.png")  # now: it may be changed again within the clock's tick
    assert Stamp.of(Path("photo.png")).time == 0
    assert Stamp.of(Path("photo.png"), own=True).time > 0
