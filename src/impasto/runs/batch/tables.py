"""Tables of pictures: CSV with a column for each thing, or JSONL with an object on each line.

    photo,style,strength,output
    beach.jpg,hokkai-wave,60,beach-wave.png

    {"photo": "beach.jpg", "style": ["a.jpg:2", "b.jpg"], "settings": {"strength": 60}}

Only the photo must be there. Files are named as they lie beside the table, or in the working folder.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from impasto.errors import SettingError
from impasto.files import parsed_json
from impasto.recipes import hint_for
from impasto.settings import Settings

TABLES = (".csv", ".jsonl")
COLUMNS = ("photo", "style", "region", "output")
SEVERAL = ";"
"""What stands between several styles or regions in a CSV's cell."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A photo as it was named.

    Attributes:
        photo: its file.
        styles, regions: its own, as a person writes them; None: those of the whole batch.
        settings: its own.
        output: its file; None: as the pattern says.
        where: table and line in which it stands; nothing if in none.
        named: whether a person has named the file itself.
    """

    photo: str
    styles: Sequence[str] | None = None
    regions: Sequence[str] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    output: str | None = None
    where: str = ""
    named: bool = False


def read_table(path: Path, read: Callable[[str, str], Any]) -> list[Row]:
    """Return the rows of a table.

    Args:
        path: .csv or .jsonl, UTF-8.
        read: a setting's name and its text in a CSV -> its value.

    Raises:
        SettingError: it cannot be read, has no photo in a row, or an unknown column.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        lines = _of_csv(path, text, read) if path.suffix.lower() == ".csv" else _of_json(path, text)
        return [_row(path, number, values) for number, values in lines]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingError("the table {path} cannot be read: {reason}", path=path, reason=error) from error


def _of_csv(path: Path, text: str, read: Callable[[str, str], Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the lines of a CSV with their numbers; an empty cell is as if the column were not there."""
    rows = csv.DictReader(text.splitlines(), skipinitialspace=True)
    for cells in rows:
        number = rows.line_num
        if None in cells:
            raise SettingError(
                "{path}, line {number}: there are more cells than columns; a cell with a comma needs quotes",
                path=path,
                number=number,
            )
        given = {(name or "").strip(): text.strip() for name, text in cells.items() if text and text.strip()}
        values: dict[str, Any] = {name: text for name, text in given.items() if name in COLUMNS}
        for name in ("style", "region"):
            if name in values:
                values[name] = [part.strip() for part in values[name].split(SEVERAL)]
        names = {spec.name for spec in fields(Settings)}
        values["settings"] = {name: read(name, text) for name, text in given.items() if name in names}
        values |= {name: text for name, text in given.items() if name not in names | set(COLUMNS)}
        if given:
            yield number, values


def _of_json(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            values = parsed_json(line)
        except ValueError:
            values = None
        if not isinstance(values, dict) or not isinstance(values.get("settings", {}), dict):
            raise SettingError(
                "{path}, line {number}: there must be an object such as {example}",
                path=path,
                number=number,
                example='{"photo": "a.jpg", "style": "b.jpg", "settings": {"strength": 60}}',
            )
        yield number, values


def _row(path: Path, number: int, values: Mapping[str, Any]) -> Row:
    where = f"{path}, line {number}"
    allowed = (*COLUMNS, "settings")
    for name in values:
        if name not in allowed:
            known = (*allowed, *(spec.name for spec in fields(Settings)))
            raise SettingError(
                "{where}: there is no column {name!r}{hint}",
                where=where,
                name=name,
                hint=hint_for(name, known),
            )
    lists = {name: _texts(where, name, values[name]) for name in ("style", "region") if name in values}
    photo, output = values.get("photo"), values.get("output")
    if not isinstance(photo, str) or not photo or not isinstance(output, str | None):
        raise SettingError("{where}: photo must name a file, and output one if it is there", where=where)
    return Row(
        photo=_beside(path, photo),
        styles=[_beside(path, style) for style in lists["style"]] if "style" in lists else None,
        regions=lists.get("region"),
        settings=values.get("settings", {}),
        output=output,
        where=where,
    )


def _texts(where: str, name: str, value: Any) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise SettingError("{where}: {name} must be a text or a list of texts", where=where, name=name)
    return texts


def _beside(table: Path, name: str) -> str:
    """Return a file's name as it is found beside the table, if it is; a style's weight may follow it."""
    file = table.parent / name
    if os.path.exists(file):
        return str(file)
    source, colon, weight = name.partition(":")
    if colon and os.path.exists(table.parent / source):
        return f"{table.parent / source}:{weight}"
    return name
