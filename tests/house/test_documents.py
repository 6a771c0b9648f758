"""What the documents name is there: files, the package's names, benchmarks."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from conftest import picture

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from benchmarks.__main__ import NAMES as BENCHMARKS  # noqa: E402

NAMES_OF_PAGES = ("README.md", "README.zh-CN.md", "ARCHITECTURE.md", "CONTRIBUTING.md")
PAGES = [*(ROOT / name for name in NAMES_OF_PAGES), *sorted(ROOT.glob("docs/*.md"))]
FOLDERS = (".", "docs", "src/impasto")
"""What a path on a page may begin from."""
FILE = re.compile(r"(?<![\w/.])((?:[\w-]+/)*[\w-][\w.-]*\.(?:py|toml|json|npz|md|yml|sh))\b")
NAME = re.compile(r"\bimpasto((?:\.[a-zA-Z_]\w*)+)(?![\w/-])")
MODULE = re.compile(r"python -m ((?:benchmarks|tools|impasto)[\w.]*)((?: [a-z_0-9]+)*)")
SUFFIXES = {"toml", "style", "npz", "json", "md", "png", "jpg", "onnx", "py"}
OF_A_READER = {"mine.toml", "recipe.toml", "state.json"}
"""Files of the reader's own in examples."""


def label(path: Path) -> str:
    return path.name


def files_missing(text: str) -> list[str]:
    """Return the files that a page names and that are nowhere they may be."""
    named = set(FILE.findall(re.sub(r"https?://\S+", "", text))) - OF_A_READER
    return sorted(name for name in named if not is_there(name))


def is_there(name: str) -> bool:
    """Return whether a path is one of the repository, or a bare name one of the package's or the tests'."""
    if any((ROOT / folder / name).exists() for folder in FOLDERS):
        return True
    return "/" not in name and any(next((ROOT / f).rglob(name), None) for f in ("src", "tests", "benchmarks"))


def names_missing(text: str) -> list[str]:
    """Return the `impasto.something` that a page names and that the package does not have."""
    missing = []
    for dotted in sorted(set(NAME.findall(text))):
        parts = dotted[1:].split(".")
        if parts[0] in SUFFIXES:
            continue
        try:
            thing = importlib.import_module("impasto")
            for part in parts:
                thing = getattr(thing, part)
        except AttributeError:
            missing.append(f"impasto{dotted}")
    return missing


def benchmarks_missing(text: str) -> list[str]:
    """Return the modules that a page runs and that are not there, and the benchmarks that do not exist."""
    missing = []
    for module, words in set(MODULE.findall(text)):
        path = ROOT / ("src" if module.startswith("impasto") else "") / module.replace(".", "/")
        if not (path.is_dir() or path.with_suffix(".py").is_file()):
            missing.append(module)
        elif module == "benchmarks":
            missing += [f"{module} {word}" for word in words.split() if word not in BENCHMARKS]
    return missing


def test_what_is_not_there_is_found():
    page = (
        "`optimization/gatis.py`, `impasto.stylise`, `impasto.recipes.nothing`, python -m benchmarks pears, "
        "python -m benchmarks.pears, tests/house/test_documents.py, `impasto.Stylizer`"
    )
    assert files_missing(page) == ["optimization/gatis.py"]
    assert names_missing(page) == ["impasto.recipes.nothing", "impasto.stylise"]
    assert sorted(benchmarks_missing(page)) == ["benchmarks pears", "benchmarks.pears"]


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_what_a_page_names_exists(page):
    text = page.read_text(encoding="utf-8")
    assert files_missing(text) == []
    assert names_missing(text) == []
    assert benchmarks_missing(text) == []


MODULES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "src").rglob("*.py")}
REFERENCE = re.compile(r"(?<!`)`([A-Za-z_][\w.]*)`(?!`)")


def names_of(module: ast.Module) -> set[str]:
    """Return everything that a module defines, uses or takes by name."""
    kinds = {
        ast.FunctionDef: "name",
        ast.ClassDef: "name",
        ast.Name: "id",
        ast.Attribute: "attr",
        ast.arg: "arg",
    }
    return {getattr(node, kinds[type(node)]) for node in ast.walk(module) if type(node) in kinds}


def docstrings(module: ast.Module) -> str:
    """Return every docstring, of names, too."""
    texts = (node.value for node in ast.walk(module) if isinstance(node, ast.Expr))
    return "\n".join(t.value for t in texts if isinstance(t, ast.Constant) and isinstance(t.value, str))


def test_docstrings_name_what_there_is():
    known = set().union(*map(names_of, MODULES.values()))
    known |= {part for path in MODULES for part in path.with_suffix("").relative_to(ROOT).parts}
    for path, module in MODULES.items():
        named = {
            name.removesuffix(".py").rpartition(".")[2] for name in REFERENCE.findall(docstrings(module))
        }
        assert named <= known, f"{path.name}: {named - known}"


COMMAND = re.compile(r"^    (?:\$ )?(impasto [^\n]*?)(?: +#.*)?$\n?(    impasto: .*$)?", re.MULTILINE)
TOO_LONG = (
    "studio",
    "webcam",
    "huge.tif",
    "batch",
    "photo-hokkai-wave.png",
    "video",
    "clip.mp4",
    "train",
    "export",
    "sheet",
    "resume",
    "my.style",
    "--preset article",
    "--max-size 4096",
)
"""Parts of commands that tests of their own run: they serve, train, fetch, need an extra, a clip, what the
studio gave, many photos, or many pixels."""
PICTURES = ("photo.jpg", "painting.jpg", "other.jpg", "night.jpg")
MASKS = ("cup.png", "sky.png", "night-sky.png")


def documented(page: Path) -> list[tuple[str, str]]:
    """Return the commands that a page shows and what each answers, where it shows that."""
    found = COMMAND.findall(page.read_text(encoding="utf-8"))
    return [
        (line, answer.strip()) for line, answer in found if not any(f" {word}" in line for word in TOO_LONG)
    ]


def test_commands_of_pages_are_seen():
    commands = [command for page in PAGES for command in documented(page)]
    assert len(commands) > 20
    assert sum(bool(answer) for _, answer in commands) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if documented(page)], ids=label)
def test_the_commands_of_a_page_run_one_after_the_other(page, impasto, tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path / "home"))
    for seed, name in enumerate(PICTURES):
        Image.fromarray((picture(48, 64, seed) * 255).astype("u1")).save(name, quality=95)
    for name in MASKS:
        Image.fromarray(np.tri(48, 64, dtype="u1") * 255).save(name)
    Path("mine.toml").write_text("strength = 60\n", encoding="utf-8")
    for line, answer in documented(page):
        words = shlex.split(line)[1:]
        if words[0] in ("stylize", "sweep", "photo.jpg"):
            words += ["--overwrite"]
            words += [] if "onepass" in words or "--recipe out.png" in line else ["--iterations", "1"]
        code, out, err = impasto(*words)
        if answer:
            assert (code, err.strip()) == (1, answer)
        else:
            assert code == 0, (line, out, err)
