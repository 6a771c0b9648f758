"""The built-in styles: pictures beside this file, and the manifest that ``tools/gallery/paint.py`` wrote."""

from __future__ import annotations

import json
from pathlib import Path

from impasto.gallery.cards import StyleCard

HOME = Path(__file__).resolve().parent
WORDS = ("name", "name_zh", "line", "line_zh", "sha256", "licence")


def built_in_cards() -> dict[str, StyleCard]:
    """Return the built-in styles' cards by id."""
    manifest = json.loads((HOME / "manifest.json").read_text("utf-8"))
    return {
        id: StyleCard(id=id, path=HOME / "pictures" / f"{id}.webp", **{word: entry[word] for word in WORDS})
        for id, entry in manifest.items()
    }
