"""The API reference is built from the docstrings and has every public name; `make docs` builds it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))


@pytest.mark.slow
def test_the_reference_has_every_public_name_and_setting(tmp_path):
    import dataclasses

    import impasto

    command = [sys.executable, ROOT / "tools" / "api_reference.py", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    page = (tmp_path / "impasto.html").read_text(encoding="utf-8")
    for name in impasto.__all__:
        assert f'id="{name}"' in page
    for field in dataclasses.fields(impasto.Settings):
        assert f'id="Settings.{field.name}"' in page


def test_a_page_that_lacks_a_name_or_names_nothing_is_at_fault():
    pytest.importorskip("pdoc")
    from tools.api_reference import faults

    import impasto

    page = "".join(f'<section id="{name}">' for name in impasto.__all__)
    assert faults(page) == []
    assert faults(page.replace('id="Stylizer"', "")) == ["the reference lacks impasto.Stylizer"]
    assert faults(page + "<code>impasto.stylise</code>") == [
        "a docstring names impasto.stylise, which does not exist"
    ]
