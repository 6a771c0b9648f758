"""Numbered pictures as a clip: frames/%04d.png."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from impasto.errors import ImageError, MissingFileError, SettingError
from impasto.files import digest
from impasto.pictures.frames.clip import Clip, Frame
from impasto.pictures.reading import read_picture

NUMBER = re.compile(r"%(0?\d*)d")


def is_pattern(path: str | Path) -> bool:
    """Return whether numbered pictures are meant by a name, and not a file that has it."""
    return "%" in Path(path).name and not os.path.isfile(path)


def digest_of(path: Path) -> str:
    """Return the sha256 of a file, or of a pattern's files together; errors are `picture_numbers`'."""
    if not is_pattern(path):
        return digest(path)
    files = (digest(numbered(path, number)) for number in picture_numbers(path))
    return hashlib.sha256("\n".join(files).encode()).hexdigest()


def numbered(path: Path, number: int) -> Path:
    """Return the file of a pattern's number.

    Raises:
        SettingError: the pattern has no place for a number, or several.
    """
    if len(NUMBER.findall(path.name)) != 1 or path.name.count("%") != 1:
        raise SettingError(
            "numbered pictures must be named as in frames/%04d.png, not {name!r}", name=path.name
        )
    return path.with_name(path.name % number)


def open_sequence(path: Path, rate: Fraction) -> Clip:
    """Return the clip of numbered pictures, whose numbers must follow each other.

    Raises:
        MissingFileError: there is none, or one is missing between others.
        ImageError: the first one cannot be read.
    """
    numbers = picture_numbers(path)
    missing = next((n for n, m in itertools.pairwise(numbers) if m != n + 1), None)
    if missing is not None:
        raise MissingFileError(
            "the numbers of {path} must follow each other, but there is no {name}",
            path=path,
            name=numbered(path, missing + 1).name,
        )
    return Clip(
        path=path,
        kind="sequence",
        shape=read_picture(numbered(path, numbers[0])).full_shape,
        time_base=1 / rate,
        rate=rate,
        count=len(numbers),
        seconds=float(len(numbers) / rate),
        read=_read,
    )


def picture_numbers(path: Path) -> list[int]:
    """Return the numbers of a pattern's files, in order.

    Raises:
        MissingFileError: there is none.
    """
    numbered(path, 0)
    before, after = NUMBER.split(path.name)[::2]
    form = re.compile(re.escape(before) + r"(\d+)" + re.escape(after))
    names = [entry.name for entry in path.parent.iterdir()] if os.path.isdir(path.parent) else []
    matches = (form.fullmatch(name) for name in names)
    numbers = sorted(int(match[1]) for match in matches if match and path.name % int(match[1]) == match[0])
    if not numbers:
        raise MissingFileError("there are no numbered pictures {path}", path=path)
    return numbers


def _read(clip: Clip, shape: tuple[int, int], start: int) -> Iterator[Frame]:
    numbers = picture_numbers(clip.path)
    first = min(start, len(numbers) - 1)
    for index, number in enumerate(numbers[first:]):
        picture = read_picture(numbered(clip.path, number))
        if picture.full_shape != clip.shape:
            raise ImageError(
                "the pictures of {path} must all have {width} x {height} px, as {name} has not",
                path=clip.path,
                width=clip.shape[1],
                height=clip.shape[0],
                name=numbered(clip.path, number).name,
            )
        picture = picture.resized(shape)
        yield Frame(index=index, ticks=first + index, duration=1, pixels=picture.pixels, alpha=picture.alpha)
