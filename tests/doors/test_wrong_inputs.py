"""Whatever is typed, nobody sees a traceback."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys

import pytest

from conftest import make_desk
from impasto import __version__

WORDS = (
    "stylize", "sweep", "resume", "plan", "recipe", "weights", "presets", "list", "check", "import", "export",
    "photo.png", "painting.png", "tiny.npz", "missing.png", "folder", "text.txt", "empty.jpg", ".", "/", "",
    "-", "--", "-o", "--output", "--strength", "50%", "-1", "1e999", "nan", "inf", "0x10", "１２", "--json",
    "--max-size", "16", "--iterations", "1,,2", "1", "--region", "a=b#c", "=", "#", "--style", "a:b@c",
    "swirls:-1", "swirls:1@fine", "@", ":", "--recipe", "--network", "--preset", "article", "--initial",
    "noise", "--lang", "zh", "xx", "--quality", "999", "--format", "gif", "\udce9.png", "a\nb.png", "a" * 300,
    "http://a/b.png", "C:\\a.png", "~/x.png", "--help", "--version", "--nonsense", "-x", "--colours",
    "{0}", "%s", "[red]x[/red]", "🎨.png", "unreadable.png", "--checkpoint", "relu1_1=x",
)  # fmt: skip
"""Left out are commands that do what they should, for a long time: doctor, demo, train, fetch."""


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """The working folder, with all kinds of files."""
    monkeypatch.chdir(tmp_path)
    make_desk(tmp_path, ("photo.png", "painting.png"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.txt").write_text("no picture")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "unreadable.png").write_bytes(b"")
    (tmp_path / "unreadable.png").chmod(0)
    return tmp_path


def line(chance):
    """Return a line that is wrong somewhere: at least one word in it is."""
    words = chance.choices(WORDS, k=chance.randint(0, 7))
    return [*words, chance.choice(("--nonsense", "--strength=x", "--network=nothing", "--max-size=1"))]


def check(code, err, words):
    assert "Traceback" not in err, (words, err)
    assert code in (0, 1, 2), (words, code, err)
    assert code == 0 or err.startswith(("impasto", "\n", " ")) or not err, (words, err)


def run_all(impasto, monkeypatch, count):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    chance = random.Random(7)
    for _ in range(count):
        words = line(chance)
        code, _, err = impasto(*words)
        check(code, err, words)


def test_200_wrong_lines(impasto, desk, monkeypatch):
    run_all(impasto, monkeypatch, 200)


@pytest.mark.slow
def test_2000_wrong_lines(impasto, desk, monkeypatch):
    run_all(impasto, monkeypatch, 2000)


SURROUNDINGS = (
    {"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    {"PYTHONIOENCODING": "ascii:strict"},
    {"LC_ALL": "zh_CN.UTF-8"},
    {"LC_ALL": "zh_CN.UTF-8", "PYTHONIOENCODING": "ascii"},
    {"COLUMNS": "1"},
    {"HOME": "/nonexistent", "IMPASTO_HOME": "/proc"},
)


@pytest.mark.slow
def test_100_wrong_lines_as_processes_of_their_own(desk):
    chance = random.Random(11)
    for number in range(100):
        words = [word.encode("utf-8", "surrogateescape") for word in line(chance)]
        command = [sys.executable, "-m", "impasto.cli", *words]
        closed = ("", " >&-", " <&-", " | head -c 0", " >/dev/full")[number % 5]
        shell = ["bash", "-c", f'"$@"{closed}', "-", *command]
        done = subprocess.run(
            shell,
            capture_output=True,
            env={**os.environ, **SURROUNDINGS[number % 6]},
            stdin=subprocess.DEVNULL,
        )
        assert b"Traceback" not in done.stderr, (words, closed, done.stderr)
        assert b"Exception ignored" not in done.stderr, (words, closed, done.stderr)


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ('"$@" | true; exit ${PIPESTATUS[0]}', 141, ""),
        ('"$@" > /dev/full', 1, "impasto: the output cannot be written: No space left on device; make room"),
    ],
)
def test_an_output_that_takes_nothing_is_told_by_the_exit_code(line, code, said):
    command = [sys.executable, "-m", "impasto.cli", "gallery", "list", "--json"]
    done = subprocess.run(["bash", "-c", line, "-", *command], capture_output=True, text=True)
    assert (done.returncode, done.stderr.startswith(said)) == (code, True), done.stderr
    assert done.stderr.count("\n") == bool(said)


def test_the_package_is_the_command():
    done = subprocess.run([sys.executable, "-m", "impasto", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, __version__, "")


@pytest.mark.slow
@pytest.mark.parametrize("words", [("presets",), ("weights", "list"), ("--help",), ("stylize", "--help")])
def test_a_reader_that_goes_away_is_no_fault(desk, words):
    command = [sys.executable, "-m", "impasto.cli", *words]
    done = subprocess.run(["bash", "-c", '"$@" | head -n 1', "-", *command], capture_output=True)
    assert done.stderr == b""
