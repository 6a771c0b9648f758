"""Every example is short and runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_examples_are_short(path):
    assert len(path.read_text().splitlines()) <= 40


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_examples_need_the_top_of_the_package_only(path):
    assert not re.search(r"(from|import) impasto\.|from impasto import", path.read_text())


OF_MODELS = ("run_exported",)
"""Examples that need an exported model; tests/export/test_export.py runs them."""


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in EXAMPLES if p.stem not in OF_MODELS], ids=lambda p: p.stem)
def test_examples_run(path, tmp_path):
    output = tmp_path / ("result.png" if path.stem == "first_pastiche" else "result")
    subprocess.run([sys.executable, path, output], check=True, capture_output=True, cwd=tmp_path)
    written = [output] if output.is_file() else list(output.iterdir())
    assert written
    assert all(file.stat().st_size > 1000 for file in written)
