"""Which reader a clip needs: by its content, not by its name."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from impasto.errors import ImageError
from impasto.pictures.frames.animation import is_picture, open_animation
from impasto.pictures.frames.clip import RATE, Clip
from impasto.pictures.frames.sequence import is_pattern, open_sequence
from impasto.pictures.reading import check_file


def open_clip(path: str | Path, rate: Fraction | None = None) -> Clip:
    """Return a clip of which only the header has been read.

    Args:
        path: a video, a GIF, an animated WebP or PNG, or numbered pictures (``frames/%04d.png``).
        rate: frames per second, of numbered pictures only.

    Raises:
        MissingFileError: there is no such file.
        ImageError: it is no clip, is damaged, or its colors cannot be converted.
    """
    path = Path(path)
    if is_pattern(path):
        return open_sequence(path, rate or RATE)
    check_file(path, most=None)
    with path.open("rb") as file:
        head = file.read(16)
    if not head:
        raise ImageError("{name} is empty (0 bytes)", name=path.name)
    if is_picture(head):
        return open_animation(path)
    from impasto.pictures.frames.container import open_container

    return open_container(path)
