"""The user's own styles: pictures in the data folder, each with a card beside it.

Each style is two files of one stem, so that two programs can add styles at the same time without a lock:
the picture as it was, and ``STEM.json``, the style's entry: its name, the picture's file, sha256 and source.
The stem is made from the name, which may be written in any script.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import Any

from impasto.errors import OutputError, SettingError, did_you_mean
from impasto.files import impasto_home, parsed_json, write_whole
from impasto.gallery.built_in import built_in_cards
from impasto.gallery.cards import StyleCard
from impasto.styles import PHOTO

NAME = re.compile(r"[^\W_][\w-]{0,39}")


def own_folder() -> Path:
    """Return the folder of the user's own styles, which need not be there."""
    return impasto_home() / "gallery"


def own_cards() -> dict[str, StyleCard]:
    """Return the own styles' cards by id; a damaged entry is passed over."""
    by_name = {}
    for path in sorted(own_folder().glob("*.json")):
        with suppress(OSError, ValueError, TypeError, KeyError):
            entry = parsed_json(path.read_text("utf-8"))
            picture = path.parent / Path(entry["file"]).name
            if path == _card_path(entry["name"]) and os.path.isfile(picture):
                by_name[entry["name"]] = _card(entry, picture)
    return dict(sorted(by_name.items()))


def add_style(file: str | Path, name: str, *, overwrite: bool = False) -> StyleCard:
    """Keep a picture as a style of one's own.

    Args:
        file: the picture; it is copied as it is.
        name: how it will be named: up to 40 letters and digits of any script, hyphens and underscores.
        overwrite: whether an own style of that name may be replaced.

    Raises:
        SettingError: the name is not allowed, a built-in style's, or taken.
        ImageError: the file is not a picture that can be a style.
        OutputError: the data folder cannot be written.
    """
    name = _checked(name)
    known = own_cards()
    taken = {id.casefold(): id for id in known}.get(name.casefold())
    if taken and not overwrite:
        raise SettingError(
            "your gallery has a style {name!r}; choose another name, or add --overwrite", name=taken
        )
    from impasto.pictures.reading import read_picture

    file = Path(file)
    read_picture(file, max_size=256)
    data = file.read_bytes()
    picture = _card_path(name).with_suffix(file.suffix.lower() if file.suffix != ".json" else ".picture")
    entry = {
        "name": name,
        "file": picture.name,
        "source": file.name,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    write_whole(picture, lambda out: out.write(data))
    text = json.dumps(entry, ensure_ascii=False, indent=1).encode()
    write_whole(_card_path(name), lambda out: out.write(text), overwrite=overwrite)
    if taken and known[taken].path != picture:
        known[taken].path.unlink(missing_ok=True)
    if taken and taken != name:
        _card_path(taken).unlink(missing_ok=True)
    return _card(entry, picture)


def remove_style(name: str) -> None:
    """Take a style of one's own out of the gallery, and delete its copy of the picture.

    Raises:
        SettingError: there is no such style, or it is built in.
        OutputError: it cannot be deleted.
    """
    known = own_cards()
    if name not in known:
        if name in built_in_cards():
            raise SettingError(
                "{name!r} is built in and stays; only your own styles can be removed", name=name
            )
        raise SettingError(
            "your gallery has no style {name!r}{hint}", name=str(name), hint=did_you_mean(str(name), known)
        )
    try:
        _card_path(name).unlink()
        known[name].path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            "{path} cannot be deleted: {reason}", path=_card_path(name), reason=error
        ) from error


def _checked(name: str) -> str:
    name = unicodedata.normalize("NFC", str(name))
    if not NAME.fullmatch(name):
        raise SettingError(
            "a style's name must be up to 40 letters, digits, hyphens and underscores, not {name!r}",
            name=name[:80],
        )
    if name.casefold() == PHOTO:
        raise SettingError("{name!r} stands for the photo itself; choose another name", name=name)
    if name.casefold() in built_in_cards():
        raise SettingError("{name!r} is a built-in style; choose another name", name=name)
    return name


def _card_path(name: str) -> Path:
    return own_folder() / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.json"


def _card(entry: dict[str, Any], picture: Path) -> StyleCard:
    return StyleCard(
        id=entry["name"],
        name=entry["name"],
        name_zh=entry["name"],
        line=f"Your own, from {entry['source']}.",
        line_zh=f"自己添加，来自 {entry['source']}。",
        sha256=entry["sha256"],
        licence="",
        path=picture,
        own=True,
    )
