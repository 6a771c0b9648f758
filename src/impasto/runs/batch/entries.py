"""What a batch makes: photos by files, folders, patterns and tables, with its styles and settings."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from impasto.errors import Argument, MissingFileError, SettingError
from impasto.files import natural_order
from impasto.pictures.reading import PICTURE_SUFFIXES
from impasto.preparation import Inputs
from impasto.presets import settings_for
from impasto.runs.batch.tables import TABLES, Row, read_table
from impasto.settings import Settings
from impasto.styles import RegionSpec, StyleSpec, parse_style

Combination = Literal["product", "pairs", "blend"]
COMBINATIONS: tuple[Combination, ...] = ("product", "pairs", "blend")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One picture of a batch.

    Attributes:
        inputs: the photo's file, styles and regions.
        settings: how it is made.
        output: its file as a table names it; None where the pattern says it.
        number: its place in the batch, from 1.
    """

    inputs: Inputs
    settings: Settings
    output: str | None = None
    number: int = 0

    @property
    def photo(self) -> Path:
        """The photo's file."""
        return Path(self.inputs.content)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What every picture of a batch has unless a table says something else.

    Attributes:
        styles: as a person writes them.
        regions: as a person writes them.
        combination: whether every photo is painted in each style (``product``), the first photo in the
            first style and so on (``pairs``), or every photo in all of them at once (``blend``).
        preset: named settings that the other ones start from.
        settings: fields of `Settings`.
    """

    styles: Sequence[Any] = ()
    regions: Sequence[RegionSpec | str] = ()
    combination: Combination = "product"
    preset: str | None = None
    settings: Mapping[str, Any]


def find_rows(
    names: Iterable[str | Path], read: Callable[[str, str], Any], ours: frozenset[Path] = frozenset()
) -> list[Row]:
    """Return the photos that are meant, in the order of the names; of a folder or pattern by their names.

    Args:
        names: files; folders, whose pictures are meant, without those in folders below; patterns such as
            ``photos/**/*.jpg``; tables, .csv or .jsonl.
        read: a setting's name and its text in a table -> its value.
        ours: files that earlier runs made here, which are not painted again.

    Raises:
        MissingFileError: there is nothing of that name.
        SettingError: a table is written wrongly.
    """
    rows: list[Row] = []
    for name in map(str, names):
        if Path(name).suffix.lower() in TABLES and os.path.isfile(name):
            rows += read_table(Path(name), read)
        elif os.path.isdir(name):
            rows += [Row(photo=str(path)) for path in _pictures_in(Path(name))]
        elif os.path.exists(name) or not glob.has_magic(name):
            rows.append(Row(photo=name, named=True))
        else:
            rows += _matching(name)
    known = {os.path.realpath(path) for path in ours}
    rows = [row for row in rows if row.where or os.path.realpath(row.photo) not in known]
    if not rows:
        raise SettingError("there is no photo in what was named; name files, folders, patterns or tables")
    return rows


def _pictures_in(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir(), key=lambda path: natural_order(path.name)):
        if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".") and os.path.isfile(path):
            yield path


def _matching(pattern: str) -> list[Row]:
    paths = sorted(
        (
            path
            for path in glob.iglob(pattern, recursive=True)  # noqa: PTH207 - a pattern may begin at any folder
            if os.path.isfile(path)
        ),
        key=natural_order,
    )
    if not paths:
        raise MissingFileError(
            "no file matches {pattern}; ** stands for any folders, * for any part of a name", pattern=pattern
        )
    return [Row(photo=path) for path in paths if Path(path).suffix.lower() in PICTURE_SUFFIXES]


def entries_of(rows: Sequence[Row], choice: Choice) -> list[Entry]:
    """Return the pictures of a batch, those of a photo one after the other.

    Raises:
        SettingError: a row has no style, or a setting that is not allowed; pairs do not match.
    """
    known: dict[str, Settings] = {}

    def settings_of(row: Row) -> Settings:
        key = repr(sorted(row.settings.items()))
        if key not in known:
            known[key] = settings_for(choice.preset, {**choice.settings, **row.settings})
        return known[key]

    entries: list[Entry] = []
    for row, styles in _with_styles(rows, choice):
        regions = choice.regions if row.regions is None else row.regions
        try:
            entry = Entry(
                inputs=Inputs.of(row.photo, styles, regions), settings=settings_of(row), output=row.output
            )
        except SettingError as error:
            if not row.where:
                raise
            raise SettingError("{where}: {error}", where=row.where, error=error.message) from error
        entries.append(replace(entry, number=len(entries) + 1))
    return entries


def _with_styles(rows: Sequence[Row], choice: Choice) -> Iterator[tuple[Row, list[StyleSpec]]]:
    """Yield every row with the styles of one picture of it."""
    common = [parse_style(style) for style in choice.styles]
    if choice.combination not in COMBINATIONS:
        raise SettingError(
            "{name} must be one of {allowed}, not {value!r}",
            name=Argument("combine"),
            allowed=", ".join(COMBINATIONS),
            value=choice.combination,
        )
    if choice.combination == "pairs" and len(common) != len(rows):
        raise SettingError(
            "pairs need as many styles as photos, not {styles} for {photos}",
            styles=len(common),
            photos=len(rows),
        )
    for number, row in enumerate(rows):
        if row.styles is not None:
            yield row, [parse_style(style) for style in row.styles]
        elif not common:
            raise SettingError("a batch needs a style; name one with {style}", style=Argument("style"))
        elif choice.combination == "blend":
            yield row, common
        elif choice.combination == "pairs":
            yield row, [common[number]]
        else:
            for style in common:
                yield row, [style]
