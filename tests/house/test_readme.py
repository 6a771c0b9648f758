"""The READMEs are true: their Python runs, their commands and links exist, both languages say the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from benchmarks import readme  # noqa: E402

READMES = ("README.md", "README.zh-CN.md")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text(name), re.DOTALL)


@pytest.mark.parametrize("name", READMES)
def test_links_exist(name):
    for link in re.findall(r"\]\(([^)#:]+)\)", text(name)):
        assert (ROOT / link).exists(), link


@pytest.mark.parametrize("name", READMES)
def test_commands_and_options_exist(name):
    from impasto.presets import all_presets
    from impasto.settings import Settings

    for line in "".join(blocks(name, "console")).splitlines():
        words = line.partition("#")[0].split()
        if words[0] in ("python3", ".venv/bin/pip"):
            continue
        assert Path(words[0]).name == "impasto"
        assert words[1] in ("photo.jpg", "stylize", "studio", "doctor", "demo", "weights", "presets")
        for option in (w for w in words if w.startswith("--")):
            assert option == "--preset" or hasattr(Settings(), option[2:].replace("-", "_"))
        if "--preset" in words:
            assert words[words.index("--preset") + 1] in all_presets()


def test_both_languages_show_the_same_code():
    english, chinese = (blocks(name, "python") for name in READMES)
    assert english == chinese


def test_chinese_has_full_width_punctuation():
    prose = re.sub(r"```.*?```|\]\([^)]*\)", "", text("README.zh-CN.md"), flags=re.DOTALL)
    assert re.findall(r".{0,9}[\u3000-\u9fff`*][,;:()!?]|[,;:()!?][\u3000-\u9fff].{0,9}", prose) == []


@pytest.mark.parametrize("name", readme.TABLES)
def test_figures_are_those_that_the_benchmarks_wrote(name):
    assert "| " in readme.filled(name)
    assert readme.filled(name) == text(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", READMES)
def test_the_commands_run_one_after_the_other(name, tmp_path):
    import skimage.data
    from PIL import Image

    Image.fromarray(skimage.data.astronaut()).save(tmp_path / "photo.jpg")
    Image.fromarray(skimage.data.coffee()).save(tmp_path / "painting.jpg")
    commands = next(block for block in blocks(name, "console") if block.startswith("impasto photo.jpg"))
    impasto = f'impasto() {{ "{sys.executable}" -m impasto.cli "$@"; }}; set -e; '
    done = subprocess.run(["bash", "-c", impasto + commands], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = ["out.jpg", "photo-mosaic.png", "photo-painting-2.png", "photo-painting.png"]
    assert (
        sorted(path.name for path in tmp_path.iterdir() if path.name not in ("photo.jpg", "painting.jpg"))
        == made
    )


@pytest.mark.slow
def test_the_python_example_runs(tmp_path):
    import skimage.data
    from PIL import Image

    Image.fromarray(skimage.data.astronaut()).save(tmp_path / "photo.jpg")
    code = blocks("README.md", "python")[0]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "(256, 256)" in done.stdout
    assert (tmp_path / "pastiche.png").stat().st_size > 10_000


def test_the_manifest_is_of_the_files_there():
    import hashlib

    data = ROOT / "src" / "impasto" / "data"
    for entry in json.loads((data / "manifest.json").read_text()).values():
        digest = hashlib.sha256((data / entry["file"]).read_bytes()).hexdigest()
        assert digest == entry["sha256"]
        assert (data / entry["file"]).stat().st_size <= 5_000_000
