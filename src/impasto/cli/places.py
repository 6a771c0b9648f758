"""Where a picture comes from and goes to: streams, folders, and names that are made up."""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from impasto.errors import Argument, SettingError
from impasto.files import make_folder

STREAM = "-"


@dataclass(frozen=True)
class Place:
    """Where a photo and its pastiche lie.

    Attributes:
        photo: the photo's file.
        output: the pastiche's file.
        name: what a person calls it: the same, or ``-``.
        streams: whether one of them is a stream, so that the files do not stay.
    """

    photo: str
    output: Path
    name: str
    streams: bool = False


@contextmanager
def placed(photo: str, style: str, output: str | None, form: str | None, overwrite: bool) -> Iterator[Place]:
    """Yield the files of a photo and its pastiche; afterwards, whatever ends that, write to stdout what was
    to go there.

    Args:
        photo: a file, or ``-`` for stdin.
        style: the style's file or name.
        output: a file; a folder; ``-`` for stdout; None beside the photo, or stdout if the photo is stdin.
        form: the format as an extension, where no file's name says it; PNG if None.
        overwrite: whether a made-up name may be that of an existing file.

    Raises:
        SettingError: a stream is a terminal, or two formats were asked for.
        OutputError: stdout was closed, or the folder cannot be made.
    """
    suffix = f".{(form or 'png').lower().lstrip('.')}"
    if photo == STREAM and output is None:
        output = STREAM
    if photo != STREAM and output != STREAM:
        path = _file(photo, style, output, suffix, overwrite, form)
        yield Place(photo, path, str(path))
        return
    with tempfile.TemporaryDirectory(prefix="impasto-") as folder:
        source = _received(Path(folder)) if photo == STREAM else photo
        if output != STREAM:
            path = _file("stdin", style, output, suffix, overwrite, form)
            yield Place(source, path, str(path), streams=True)
            return
        if sys.stdout is None or sys.stdout.isatty():
            raise SettingError(
                "the picture would go to the terminal; send it to a file with > or name one with {output}",
                output=Argument("output"),
            )
        result = Path(folder) / f"stdout{suffix}"
        try:
            yield Place(source, result, STREAM, streams=True)
        finally:
            if os.path.exists(result):
                sys.stdout.flush()
                sys.stdout.buffer.write(result.read_bytes())
                sys.stdout.buffer.flush()


def _received(folder: Path) -> str:
    """Return the file into which stdin was written."""
    if sys.stdin is None or sys.stdin.isatty():
        raise SettingError("- reads the photo from stdin; send one there, as in {example}", example=EXAMPLE)
    path = folder / "stdin"
    path.write_bytes(sys.stdin.buffer.read())
    return str(path)


LONGEST_STEM = 100
"""Bytes of a photo's or a style's name in a made-up one: no file system takes more than 255 in all."""
EXAMPLE = "cat photo.jpg | impasto - painting.jpg -o out.png"


def _file(photo: str, style: str, output: str | None, suffix: str, overwrite: bool, form: str | None) -> Path:
    """Return the pastiche's file."""
    name = f"{_short(Path(photo).stem)}-{_short(Path(style).stem)}{suffix}"
    if output is None:
        return _free(Path(photo).parent / name, overwrite)
    if output.endswith(("/", "\\")) or os.path.isdir(output):
        folder = Path(output)
        make_folder(folder)
        return _free(folder / name, overwrite)
    if form and Path(output).suffix.lower() != suffix:
        raise SettingError(
            "{format} is for made-up names and for stdout; the format of {output} follows from its name",
            format=Argument("format"),
            output=output,
        )
    return Path(output)


def _short(stem: str) -> str:
    """Return a name's beginning if it is too long for half of another name."""
    encoded = os.fsencode(stem)
    return stem if len(encoded) <= LONGEST_STEM else encoded[:LONGEST_STEM].decode("utf-8", "ignore")


def _free(path: Path, overwrite: bool) -> Path:
    """Return the path, or the first numbered one that no file has."""
    if overwrite or not os.path.exists(path):
        return path
    numbered = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in itertools.count(2))
    return next(name for name in numbered if not os.path.exists(name))


def check_new_file(path: Path, suffix: str, *, overwrite: bool, inputs: Iterable[Path]) -> None:
    """Return if a file that is no picture may be written there; to be asked before any computation.

    Args:
        path: where to.
        suffix: the ending that its name must have.
        overwrite: whether an existing file may be replaced.
        inputs: files that are read, which are never replaced.

    Raises:
        SettingError: the name has another ending.
        OutputError: the file exists, is an input, or cannot be written.
    """
    from impasto.pictures.writing import check_free

    if path.suffix.lower() != suffix:
        raise SettingError(
            "the output must end in {suffix}, such as my{suffix}, not {name!r}", suffix=suffix, name=path.name
        )
    check_free(path, overwrite=overwrite, inputs=inputs)
