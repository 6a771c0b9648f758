"""The house writes American English, in names, documents and messages; readers may type what they like."""

from __future__ import annotations

import re
import subprocess
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
