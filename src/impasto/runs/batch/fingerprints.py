"""What a picture is made of, as one number: equal for equal inputs and settings, whatever they are called.

A file that has kept its size and its time of change is not read again: its sha256 is the one that was noted.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from impasto.errors import ImageError
from impasto.files import digest, version_of
from impasto.preparation import source_digest
from impasto.runs.batch.entries import Entry
from impasto.runs.job import Saving
from impasto.settings import Settings
from impasto.styles import is_mask_text

FRESH_NANOSECONDS = 2_000_000_000
"""A file that was changed so shortly before it was read may be changed again without its time telling."""


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """A file as it was when it was read.

    Attributes:
        size: in bytes.
        time: of its last change, in nanoseconds; 0 if it was too fresh to be trusted.
        sha256: of its bytes.
    """

    size: int
    time: int
    sha256: str

    @classmethod
    def of(cls, path: Path, *, own: bool = False) -> Stamp:
        """Return a file's stamp.

        Args:
            path: the file.
            own: whether it was written as a whole by this program, so that its time can be trusted at once.

        Raises:
            OSError: it is not there.
        """
        return replace(cls.unread(path, own=own), sha256=digest(path))

    @classmethod
    def unread(cls, path: Path, *, own: bool = False) -> Stamp:
        """Return the stamp, without a sha256, of a file that is about to be read; for the rest see `of`."""
        status = path.stat()
        trusted = own or time.time_ns() - status.st_mtime_ns > FRESH_NANOSECONDS
        return cls(size=status.st_size, time=status.st_mtime_ns if trusted else 0, sha256="")

    def fits(self, path: Path) -> bool:
        """Return whether a file is still the same; it is read only if size and time do not tell."""
        version = version_of(path)
        if version is None or version[0] != self.size:
            return False
        return version[1] == self.time or digest(path) == self.sha256


def files_in(settings: Settings) -> list[str]:
    """Return the settings whose values name files: an initial image, a network's weights."""
    networks = (None, "vgg19", "compact")
    known = {"initial": ("content", "noise"), "network": networks, "refine_network": networks}
    return [
        name
        for name, words in known.items()
        if getattr(settings, name) not in words and os.path.isfile(getattr(settings, name))
    ]


class Fingerprints:
    """Knows the sha256 of files, each read once at most.

    Args:
        stamps: of photos, by their absolute names, from earlier runs.
    """

    def __init__(self, stamps: Mapping[str, Stamp] = {}) -> None:
        self._stamps = dict(stamps)
        self._others: dict[str, str | None] = {}

    def photo(self, path: Path) -> Stamp:
        """Return a photo's stamp.

        Raises:
            ImageError: it cannot be read.
        """
        name = str(path.absolute())
        try:
            known = self._stamps.get(name)
            if known is None or (known.size, known.time) != version_of(path):
                self._stamps[name] = known = Stamp.of(path)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ImageError("{path} cannot be read: {reason}", path=path, reason=reason) from error
        return known

    def of(self, entry: Entry, saving: Saving, photo: Stamp) -> str:
        """Return what a picture is made of, as 64 hexadecimal digits.

        Args:
            entry: the picture; names of files do not count, what is in them does.
            saving: how it is written; whether it may replace a file does not count.
            photo: the photo's stamp.

        Raises:
            ImageError: a style cannot be read.
        """
        styles = [
            {"sha256": self._other(style.source), "weight": style.weight, "part": style.part}
            | ({"mask": self._other(style.mask)} if style.mask is not None else {})
            for style in entry.inputs.styles
        ]
        regions = [
            [self._other(part) for part in (region.mask, region.style, region.style_mask)]
            for region in entry.inputs.regions
        ]
        settings = entry.settings.to_mapping()
        settings |= {name: self._other(settings[name]) for name in files_in(entry.settings)}
        parts = {
            "photo": photo.sha256,
            "styles": styles,
            "regions": regions,
            "settings": settings,
            "saving": {name: value for name, value in asdict(saving).items() if name != "overwrite"},
        }
        text = json.dumps(parts, sort_keys=True, default=dict)
        return hashlib.sha256(text.encode()).hexdigest()

    def _other(self, source: Any) -> str | None:
        """Return what stands for a style or a mask: a digest, or the text of a mask that is no file."""
        if source is None or is_mask_text(source):
            return source if source is None else str(source)
        if not isinstance(source, str | Path):
            return source_digest(source)
        if str(source) not in self._others:
            self._others[str(source)] = source_digest(source)
        return self._others[str(source)]
