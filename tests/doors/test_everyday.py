"""What a person types every day: names left out, streams, folders, spelling; and names typed wrongly."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from conftest import make_desk, processor_seconds
from impasto import pastiche
from impasto.errors import SettingError

TINY = (
    "--network", "tiny.npz", "--content-layers", "relu1_2", "--iterations", "1,1",
    "--style-layer-weights", "relu1_1=0.5,relu1_2=0.5",
)  # fmt: skip


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """The working folder, with a photo, a painting and a tiny network."""
    monkeypatch.chdir(tmp_path)
    return make_desk(tmp_path, ("photo.png", "painting.png"))


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def test_a_photo_and_a_painting_are_enough(impasto, desk):
    (desk / "album").mkdir()
    shutil.move("photo.png", "album/photo.png")
    for name in ("photo-painting.png", "photo-painting-2.png"):
        code, _, err = impasto("album/photo.png", "painting.png", *TINY)
        assert code == 0, err
        assert f"album/{name}: 64 x 48 px in " in err
        assert Image.open(desk / "album" / name).size == (64, 48)
    before = names("album")
    assert impasto("album/photo.png", "painting.png", "--overwrite", *TINY)[0] == 0
    assert names("album") == before


def test_a_folder_takes_the_picture(impasto, desk):
    for output in ("new/", "new"):
        assert impasto("photo.png", "painting.png", "-o", output, "--format", "jpg", *TINY)[0] == 0
    assert names("new") == ["photo-painting-2.jpg", "photo-painting.jpg"]


class Stream:
    """A standard stream of bytes that is no terminal."""

    def __init__(self, data=b""):
        self.buffer, self.encoding = io.BytesIO(data), "utf-8"

    def isatty(self):
        return False

    def flush(self):
        pass

    def write(self, text):
        self.buffer.write(text.encode())


def test_streams(impasto, desk, monkeypatch):
    received = Stream()
    monkeypatch.setattr(sys, "stdin", Stream((desk / "photo.png").read_bytes()))
    monkeypatch.setattr(sys, "stdout", received)
    assert impasto("-", "painting.png", "--format", "jpg", *TINY)[0] == 0
    picture = Image.open(io.BytesIO(received.buffer.getvalue()))
    assert (picture.format, picture.size) == ("JPEG", (64, 48))
    assert names(".") == ["painting.png", "photo.png", "tiny.npz"]


def test_a_stream_of_an_interrupted_run_has_the_picture_as_it_was(impasto, desk, monkeypatch):
    received, real = Stream(), pastiche.run

    def steps(prepared, start=None):
        for step in real(prepared, start):
            os.kill(os.getpid(), signal.SIGINT)
            yield step

    monkeypatch.setattr(sys, "stdout", received)
    monkeypatch.setattr(pastiche, "run", steps)
    code, _, err = impasto("photo.png", "painting.png", "-o", "-", *TINY)
    assert (code, "the picture as it was is in -." in err) == (130, True), err
    assert Image.open(io.BytesIO(received.buffer.getvalue())).size == (64, 48)


def test_a_photo_from_stdin_ends_where_the_last_line_says(impasto, desk, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stream((desk / "photo.png").read_bytes()))
    code, _, err = impasto("-", "painting.png", "-o", "a.png", *TINY)
    assert (code, "a.png: 64 x 48 px in" in err) == (0, True), err


@pytest.mark.parametrize("line", [("photo.png", "painting.png", "-o", "-"), ("-", "painting.png")])
def test_a_picture_and_json_are_not_mixed_on_stdout(impasto, desk, line):
    code, out, err = impasto(*line, "--json", *TINY)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "what --json prints would both go to stdout; name a file with --output" in err


def test_a_refused_line_leaves_no_folder(impasto, desk):
    for line in (("photo.png", "nosuchst"), ("phto.png", "swirls")):
        assert impasto(*line, "-o", "new/")[0] == 1
    assert not Path("new").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            "--style-loss sliced --method onepass",
            "one pass does not read --style-loss: the optimization does",
        ),
        ("--noise-scale 0.5", "--noise-scale is read with --initial noise only"),
        ("--learning-rate 0.1", "--learning-rate is read with --optimizer adam only"),
        ("--learning-rate 0.1 --optimizer adam", None),
        ("--background photo", "--background is read with --region only"),
        ("--region-edges eroded", "--region-edges is read with --region only"),
        ("--preset instant", None),
        ("--grain 1 --method onepass --refine 1", None),
    ],
)
def test_options_that_change_nothing_are_told(impasto, desk, options, said):
    line = ("photo.png", "painting.png", "--overwrite", "--max-size", "48")
    if not {"onepass", "instant"} & set(options.split()):
        line += ("--iterations", "1")
    code, _, err = impasto(*line, *options.split())
    assert code == 0, err
    notes = [each for each in " ".join(err.split()).split("Note: ") if " read" in each]
    assert [note.startswith(f"{said}.") for note in notes] == ([True] if said else [])


def test_a_network_is_not_downloaded_for_nothing(impasto, desk, monkeypatch):
    monkeypatch.setenv("IMPASTO_HOME", str(desk / "home"))
    monkeypatch.setattr("impasto.cli.weights.ensure_networks", None)
    code, _, err = impasto("photo.png", "painting.png", "--method", "onepass", "--network", "vgg19")
    assert (code, "so vgg19 would be downloaded for nothing; leave it out" in err) == (2, True), err


def test_only_who_reads_stdin_says_so(impasto):
    helps = {name: impasto(name, "--help")[1] for name in ("stylize", "sweep", "plan")}
    assert ["stdin" in text for text in helps.values()] == [True, False, False]


def test_nothing_piped_in_is_one_sentence(impasto, desk, monkeypatch):
    stdin = Stream()
    stdin.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", stdin)
    code, _, err = impasto("-", "painting.png", "-o", "a.png", *TINY)
    assert (code, "reads the photo from stdin" in err) == (2, True)


@pytest.mark.parametrize("line", [("./-dash.png", "painting.png"), ("--", "-dash.png", "painting.png")])
def test_a_name_that_begins_with_a_dash(impasto, desk, line):
    shutil.move("photo.png", "./-dash.png")
    code, _, err = impasto(*(TINY if line[0] == "--" else ()), *line, *(() if line[0] == "--" else TINY))
    assert code == 0, err
    assert "-dash-painting.png" in names(".")


def test_british_spelling_is_understood_and_not_shown(impasto, desk):
    code, _, err = impasto(
        "stylise", "photo.png", "painting.png", "-o", "a.png", "--colours", "content",
        "--optimiser=adam", "--method", "optimise", "--strength", "70%", *TINY,
    )  # fmt: skip
    assert code == 0, err
    settings = json.loads(impasto("recipe", "a.png")[1])["settings"]
    chosen = [settings[name] for name in ("colors", "optimizer", "method", "strength")]
    assert chosen == ["content", "adam", "optimize", 70]
    assert "--colours" not in impasto("stylize", "--help")[1]


WRONG = [
    (("photo.png", "swrils"), 1, "did you mean 'swirls'?"),
    (("phto.png", "swirls"), 1, "did you mean 'photo.png'?"),
    (("photo.png", "paintng.png"), 1, "did you mean 'painting.png'?"),
    (("stilize", "photo.png", "swirls"), 2, "there is no command 'stilize'; did you mean 'stylize'?"),
    (("weights", "lst"), 2, "did you mean 'list'?"),
    (("photo.png", "swirls", "--preset", "fats"), 2, "did you mean 'fast'?"),
    (("photo.png", "swirls", "--network", "compcat"), 1, "did you mean 'compact'?"),
    (("photo.png", "swirls", "--strenght", "3"), 2, "did you mean '--strength'?"),
    (("photo.png", "swirls", "--colors", "lumninance"), 2, "did you mean 'luminance'?"),
    (("https://a.example//b.jpg", "swirls"), 1, "https://a.example//b.jpg is a web address"),
    (("photo.png", "http://a.example/b.jpg"), 1, "http://a.example/b.jpg is a web address"),
    (("sweep", "photo.png", "swrils", "--strength", "1,2", "-o", "s"), 1, "did you mean 'swirls'?"),
    (
        ("export", "onepass", "-o", "a.onnx", "--size", "64,64"),
        2,
        "--size needs 2 values with spaces between",
    ),
    (("export", "onepass", "-o", "a.onnx", "--size"), 2, "impasto export --help tells which"),
    (("plan", "phto.png"), 1, "did you mean 'photo.png'?"),
]


@pytest.mark.parametrize(("line", "code", "sentence"), WRONG)
def test_a_wrong_name_gets_the_nearest_one(impasto, desk, line, code, sentence):
    found, _, err = impasto(*line)
    assert found == code
    assert sentence in err
    assert err.count("\n") == 1


def test_a_wrong_name_is_told_before_an_engine_is_loaded(desk):
    driver = (
        "import sys; from impasto.cli import main\n"
        "try: main()\n"
        "finally: print(sorted({'keras', 'tensorflow', 'scipy', 'skimage'} & set(sys.modules)))"
    )
    for line, code, _ in WRONG[:1] + WRONG[-4:]:
        done = subprocess.run([sys.executable, "-c", driver, *line], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (code, "[]\n")


@pytest.mark.slow
def test_a_wrong_name_is_told_within_half_a_second(desk):
    assert processor_seconds("-m", "impasto.cli", "photo.png", "swrils", code=1) < 0.5


def test_json_is_the_only_thing_on_stdout(impasto, desk):
    code, out, err = impasto("photo.png", "painting.png", "-o", "a.png", "--json", *TINY)
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert (report["output"], report["width"], report["height"]) == ("a.png", 64, 48)
    assert report["iterations"] == 2
    presets = json.loads(impasto("presets", "--json")[1])
    assert "gatys2016" in {preset["name"] for preset in presets}
    assert "compact" in {card["name"] for card in json.loads(impasto("weights", "list", "--json")[1])}
    swept = ("--json", "--strength", "20,80", "-o", "s")
    code, out, _ = impasto("sweep", "photo.png", "painting.png", *swept, *TINY)
    assert [picture["outcome"] for picture in json.loads(out)["pictures"]] == ["made", "made"]
    plan = json.loads(impasto("plan", "photo.png", "--json", *TINY)[1])
    assert (plan["width"], plan["height"], plan["seconds"] > 0) == (64, 48, True)


def test_a_fault_of_ours_is_one_sentence_with_the_way_to_its_traceback(impasto, desk, monkeypatch):
    monkeypatch.setattr("impasto.cli.stylize.settings_for", lambda *arguments: 1 / 0)
    code, _, err = impasto("photo.png", "painting.png")
    assert code == 70
    assert err.startswith("impasto: this should not have happened (ZeroDivisionError: division by zero)")
    assert "--debug" in err
    assert err.count("\n") == 1


def test_help_shows_everyday_options_first(impasto):
    out = impasto("stylize", "--help")[1]
    assert out.index("Everyday") < out.index("--max-size") < out.index("Advanced") < out.index("Research")
    assert not re.search(r"<(bool|str|path)>|list\[str\]", out)
    assert "…" not in out
    assert "e+09" not in out
    assert "4294967295" in out
    commands = impasto("--help")[1]
    assert commands.index("For developers") < commands.index("distill")


def test_the_bar_fits_80_columns(monkeypatch, capsys):
    from rich.console import Console

    from impasto.cli.console import progress_bar

    monkeypatch.setenv("COLUMNS", "80")
    with progress_bar() as bar:
        bar.show("3/3: 16384 x 16384 px, 10000/10000", 0.4, 1.0, 7384.0)
        text = Console(width=80, file=io.StringIO())
        text.print(bar._progress)
    line = text.file.getvalue().strip().splitlines()[-1]
    assert len(line) <= 80
    assert "40%" in line
    assert "2 h 3 min left" in line
    assert "━" in line


@pytest.mark.parametrize("quiet", [False, True])
def test_what_the_bar_was_given_to_tell_is_not_told_again(quiet):
    from impasto.cli.console import progress_bar

    with progress_bar(quiet=quiet) as bar:
        bar.note("the painting is small")
    assert bar.untold(["the painting is small", "it was stopped"]) == ("it was stopped",)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "localhost", "::1"])
def test_the_studio_asks_for_no_password_where_nobody_else_can_come(host):
    from impasto.cli.studio import _check

    _check(host, None, None, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "studio.example"])
def test_the_studio_asks_for_a_password_where_others_can_come(host):
    from impasto.cli.studio import _check

    with pytest.raises(SettingError, match="everybody who can reach this machine could use the studio"):
        _check(host, None, None, None)
