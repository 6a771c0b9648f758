"""GIF, animated WebP and PNG as clips, by Pillow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image, ImageSequence

from impasto.errors import ImageError
from impasto.pictures.decoding import pillow_errors
from impasto.pictures.frames.clip import Clip, Frame, shown_from, with_durations
from impasto.pictures.reading import check_size, read_picture
from impasto.pictures.tiff import MAGICS

MILLISECOND = Fraction(1, 1000)
FORMATS = ("GIF", "WEBP", "PNG")
SIGNATURES = (
    b"GIF8", b"RIFF....WEBP", b"\x89PNG", b"\xff\xd8\xff", b"BM", *MAGICS, b"....ftypavif",
    b"....ftypheic", b"\0\0\0\x0cjP  ",
)  # fmt: skip
"""How files of pictures begin; a dot is any byte."""
QUICKEST = 20
"""Milliseconds below which a frame's time is none, as browsers have it, and `USUAL` is taken."""
USUAL = 100


def is_picture(head: bytes) -> bool:
    """Return whether a file that begins so is one for Pillow, moving or still."""
    return any(
        len(head) >= len(sign) and all(s in (b, ord(".")) for s, b in zip(sign, head, strict=False))
        for sign in SIGNATURES
    )


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with pillow_errors(path.name):
        image: Any = Image.open(path)
        with image:
            yield image


def is_animation(path: Path) -> bool:
    """Return whether a picture's file moves; errors are `open_animation`'s."""
    with _opened(path) as image:
        return getattr(image, "n_frames", 1) > 1 and image.format in FORMATS


def open_animation(path: Path) -> Clip:
    """Return a GIF, an animated WebP or PNG as a clip.

    Raises:
        ImageError: it is a still picture, or is damaged.
    """
    with _opened(path) as image:
        check_size((image.height, image.width), path.name, path.stat().st_size)
        count, shape = getattr(image, "n_frames", 1), (image.height, image.width)
        form = image.format
        loop = image.info.get("loop")
    if count < 2 or form not in FORMATS:
        raise ImageError(
            "{name} is a still picture; paint it with {command}", name=path.name, command="impasto stylize"
        )
    times = [duration for _, _, duration in _timed(path)]
    return Clip(
        path=path,
        kind="animation",
        shape=shape,
        time_base=MILLISECOND,
        rate=Fraction(1000 * len(times), sum(times)),
        count=len(times),
        seconds=sum(times) / 1000,
        tags={} if loop is None else {"loop": str(loop)},
        read=_read,
    )


def _timed(path: Path) -> Iterator[tuple[int, Any, int]]:
    """Yield (milliseconds, image, how long)."""
    with _opened(path) as image:
        now = 0
        for frame in ImageSequence.Iterator(image):
            frame.load()
            duration = round(float(frame.info.get("duration") or 0))
            duration = duration if duration >= QUICKEST else USUAL
            yield now, frame, duration
            now += duration


def _read(clip: Clip, shape: tuple[int, int], start: int) -> Iterator[Frame]:
    # an image is read before the next one is asked for, which takes its place in the same object
    timed = ((ticks, duration, image) for ticks, image, duration in _timed(clip.path))
    pictures = ((ticks, _picture(image, shape), own) for ticks, own, image in shown_from(start, timed))
    for index, (ticks, duration, picture) in enumerate(with_durations(pictures)):
        yield Frame(index=index, ticks=ticks, duration=duration, pixels=picture.pixels, alpha=picture.alpha)


def _picture(image: Any, shape: tuple[int, int]) -> Any:
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return read_picture(image.convert(mode)).resized(shape)
