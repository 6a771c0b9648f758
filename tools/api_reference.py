"""Build the API reference from the docstrings: ``python tools/api_reference.py build/docs``.

Warnings are errors, and so are a public name that the pages lack and an ``impasto.name`` that a docstring
tells people to use and the package does not have.
"""

from __future__ import annotations

import dataclasses
import re
import sys
import warnings
from pathlib import Path

import pdoc

import impasto


def settings_text(settings: type) -> str:
    """Return the help of every setting, with its limits and its default, as a Google-style section."""
    lines = ["", "", "Attributes:"]
    for field in dataclasses.fields(settings):
        default = getattr(settings(), field.name)
        low, high = (field.metadata.get(end) for end in ("low", "high"))
        limits = "" if low is None else f" From {low} to {high}." if high is not None else f" At least {low}."
        lines.append(f"    {field.name}: {field.metadata['help']}{limits} Default: ``{default!r}``.")
    return "\n".join(lines)


def build(folder: Path) -> None:
    """Write the pages of the package's public names to a folder."""
    warnings.simplefilter("error")
    impasto.Settings.__doc__ = (impasto.Settings.__doc__ or "") + settings_text(impasto.Settings)
    pdoc.render.configure(docformat="google")
    pdoc.pdoc("impasto", r"!impasto\.", output_directory=folder)


def faults(page: str) -> list[str]:
    """Return what is wrong with the package's page."""
    missing = [name for name in impasto.__all__ if f'id="{name}"' not in page]
    named = set(re.findall(r"<code>(?:<a [^>]*>)?impasto\.(\w+)", page))
    unknown = sorted(name for name in named if not hasattr(impasto, name))
    return [f"the reference lacks impasto.{name}" for name in missing] + [
        f"a docstring names impasto.{name}, which does not exist" for name in unknown
    ]


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    build(folder)
    sys.exit("\n".join(faults((folder / "impasto.html").read_text(encoding="utf-8"))) or None)
