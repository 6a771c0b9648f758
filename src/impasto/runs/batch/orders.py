"""What a worker is given, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from impasto.errors import Message
from impasto.runs.batch.entries import Entry
from impasto.runs.batch.fingerprints import Stamp
from impasto.runs.job import Saving


@dataclass(frozen=True, kw_only=True)
class Order:
    """A picture that a worker is given.

    Attributes:
        number: which, from 0.
        entry: photo, styles, regions and settings.
        output: its file.
        saving: how it is written.
    """

    number: int
    entry: Entry
    output: Path
    saving: Saving


@dataclass(frozen=True, kw_only=True)
class Painted:
    """What became of an order.

    Attributes:
        number: the order's.
        photo: the stamp of the photo as it was read; None if it could not be read.
        shape: (height, width) of the picture.
        seconds: all of it, reading and writing included.
        notes: sentences about it.
        error: why it could not be made, or None.
        data: the picture's file where the worker does not see its folder.
    """

    number: int
    photo: Stamp | None = None
    shape: tuple[int, int] = (0, 0)
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    error: Message | None = None
    data: bytes | None = None
