"""The house writes American English, in names, documents and messages; readers may type what they like.

And it calls things what they are.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BRITISH = re.compile(
    r"(?i)colour|(?<![a-z])grey|neighbour|behaviour|favour|(?<![a-z])centre|artefact|analyse|cancelled(?!Error)|modelled"
    r"|labelled(?!by)|(?:minim|maxim|normal|optim|organ|recogn|initial|quant|standard|summar|styl)is(?:e[drs]?|ing|ation)\b"
)
NAMES = re.compile(r"vgg19-normalised|\"normalised?\"|``normalised``|ColourPrimaries|test_artefacts")
"""What is called so: files and a command that people have, other people's names."""
ABOUT_SPELLING = ("cli/line.py", "test_spelling.py", "test_everyday.py", "test_wrong_inputs.py")
MISSPELT = re.compile(r"stylise")
"""What tests type as a wrong command."""

HIDING = {"found", "seen", "told", "kept", "share", "wide", "narrow", "moves", "bends"}
"""Names that say what happened to a thing, or a private word where the field has one, and so hide what it is.
Say that instead: moments, maps, coverage, pastiche, entries, fraction, teacher's widths, gradient steps."""


def named(code: str) -> Iterator[tuple[str, int]]:
    """Yield what a program gives a name to, without underscores around it, and the line."""
    for node in ast.walk(ast.parse(code)):
        name = None
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            name = node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            name = node.attr
        elif isinstance(node, ast.arg):
            name = node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = node.name
        if name is not None:
            yield name.strip("_").lower(), node.lineno


def written() -> list[Path]:
    """Return the house's own texts, as git lists them."""
    patterns = ("*.md", "*.py", "*.js", "*.html", "*.css", "*.toml", "Makefile")
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split()]


def british(text: str) -> list[str]:
    """Return the words of a text that are spelled the British way."""
    return BRITISH.findall(NAMES.sub("", MISSPELT.sub("", text)))


@pytest.mark.parametrize("word", ["colour", "recoloured", "GREYS", "neighbouring", "centre", "optimisation"])
def test_what_is_british_is_found(word):
    assert british(f"some {word} here")


@pytest.mark.parametrize(
    "word", ["color", "gray", "center", "aria-labelledby", "vgg19-normalised", "precise"]
)
def test_what_is_american_or_a_name_is_not(word):
    assert british(f"some {word} here") == []


def test_the_house_writes_american_english():
    found = {
        str(path.relative_to(ROOT)): words
        for path in written()
        if not str(path).endswith(ABOUT_SPELLING) and (words := british(path.read_text("utf-8")))
    }
    assert not found


@pytest.mark.parametrize(
    "code",
    [
        "found = 1", "for _seen in ():\n    pass", "def told():\n    pass", "class Share:\n    pass",
        "lambda kept: kept", "self.wide = 2", "async def narrow(a):\n    pass", "x = [moves for moves in y]",
        "class A:\n    bends: int", "if (found := 1):\n    pass", "a, (found, b) = c",
    ],
)  # fmt: skip
def test_a_name_that_hides_what_it_names_is_noticed(code):
    assert HIDING & {name for name, _ in named(code)}


def test_names_say_what_they_name():
    source = ROOT / "src" / "impasto"
    hiding = [
        f"{path.relative_to(source)}:{line}: {name}"
        for path in sorted(source.rglob("*.py"))
        for name, line in named(path.read_text("utf-8"))
        if name in HIDING
    ]
    assert not hiding
