"""Where the pictures of a batch go: names made by a pattern, none of them twice, all of them writable."""

from __future__ import annotations

import os
import string
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from impasto.errors import Argument, OutputError, SettingError, did_you_mean
from impasto.files import make_folder
from impasto.pictures.writing import check_output
from impasto.runs.batch.entries import Entry
from impasto.settings import Settings

PATTERN = "{name}-{style}"
"""The name of a picture, as that of a single one: the photo's and the style's."""
FIELDS = ("name", "style", "folder", "number")
"""What a pattern knows beside the settings: names of photo, style and folder; which picture."""


def outputs_of(entries: Sequence[Entry], folder: Path, pattern: str | None, form: str = "png") -> list[Path]:
    """Return the files of the pictures.

    Args:
        entries: the pictures.
        folder: in which they lie.
        pattern: with `FIELDS` and settings in braces, such as ``{style}/{name}.jpg``; None: `PATTERN`.
        form: the format where the pattern names none.

    Raises:
        SettingError: the pattern is written wrongly, a file would lie outside the folder, or two pictures
            would have the same name.
    """
    pattern = pattern or PATTERN
    names, paths = _fields_of(pattern), []
    ending = "" if "." in pattern.rpartition("}")[2] else f".{form.lower().lstrip('.')}"
    for entry in entries:
        name = entry.output
        if name is None:
            name = pattern.format(**{name: _value(entry, name) for name in names}) + ending
        paths.append(folder / os.path.normpath(name))
    _check_inside(folder, paths)
    _check_different(entries, paths)
    return paths


def _fields_of(pattern: str) -> set[str]:
    """Return the fields that a pattern uses.

    Raises:
        SettingError: one is unknown, or braces do not match.
    """
    allowed = (*FIELDS, *(spec.name for spec in fields(Settings)))
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None}
        pattern.format(**{name: 1 if name == "number" else "x" for name in names})
    except (ValueError, IndexError, KeyError) as error:
        raise SettingError(
            "the pattern {pattern!r} is written wrongly ({reason}); write it as in {example}",
            pattern=pattern,
            reason=error,
            example="{style}/{name}.jpg",
        ) from error
    for name in names:
        if name not in allowed:
            raise SettingError(
                "a pattern may have {allowed} and names of settings in braces, not {name!r}{hint}",
                allowed=", ".join(FIELDS),
                name=name,
                hint=did_you_mean(name, allowed),
            )
    return names


def _value(entry: Entry, name: str) -> Any:
    """Return a field's value: a name without its folder and suffix, a number, or a setting in short."""
    if name == "number":
        return entry.number
    if name == "name":
        return entry.photo.stem
    if name == "folder":
        return entry.photo.absolute().parent.name
    if name == "style":
        return "+".join(Path(str(style.source)).stem for style in entry.inputs.styles)
    value = getattr(entry.settings, name)
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text.replace("/", "-").replace("\\", "-")


def _check_inside(folder: Path, paths: Iterable[Path]) -> None:
    """Refuse files outside the folder: a table from elsewhere must not write anywhere.

    Raises:
        SettingError: there is one.
    """
    for path in paths:
        if Path(os.path.abspath(folder)) not in Path(os.path.abspath(path)).parents:  # noqa: PTH100 - without ..
            raise SettingError(
                "{path} lies outside {folder}; a pattern and a table's outputs name files in this folder",
                path=path,
                folder=folder,
            )


def _check_different(entries: Sequence[Entry], paths: Sequence[Path]) -> None:
    """Refuse names that collide.

    Raises:
        SettingError: two pictures have the same.
    """
    first: dict[str, Entry] = {}
    for entry, path in zip(entries, paths, strict=True):
        other = first.setdefault(os.path.normcase(path.absolute()), entry)
        if other is not entry:
            raise SettingError(
                "{first} and {second} would both be written to {path}; tell them apart in {pattern}, as in "
                "{example}",
                first=_described(other),
                second=_described(entry),
                path=path,
                pattern=Argument("pattern"),
                example="{folder}/{name}-{style}-{number}.jpg",
            )


def _described(entry: Entry) -> str:
    return f"{entry.photo} ({_value(entry, 'style')})"


def check_places(
    outputs: Iterable[tuple[Entry, Path]], overwrite: Callable[[Path], bool], *, bit_depth: int = 8
) -> None:
    """Make the folders of pictures and refuse what could not be written later.

    Args:
        outputs: the pictures that will be made, with their files.
        overwrite: whether a file that is there may be replaced.
        bit_depth: 8 or 16.

    Raises:
        OutputError: a file is there, is one of the batch's inputs, or cannot be written.
        SettingError: the suffix is of no format.
    """
    outputs = list(outputs)
    read = {os.path.realpath(file) for entry, _ in outputs for file in entry.inputs.files if _is_name(file)}
    for _, path in outputs:
        make_folder(path.parent, parents=True)
        if os.path.lexists(path) and os.path.realpath(path) in read:
            raise OutputError(
                "{path} is a picture that the batch reads, which is never replaced; choose another folder "
                "or pattern",
                path=path,
            )
        check_output(path, overwrite=overwrite(path), bit_depth=bit_depth)


def _is_name(file: Any) -> bool:
    return isinstance(file, str | Path)
