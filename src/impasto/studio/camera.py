"""A camera's frames, painted one by one as they come: the page sends the next when it has seen the last."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto.errors import ImageError
from impasto.pictures.decoding import pillow_errors
from impasto.pictures.frames.shots import CutFinder
from impasto.pictures.reading import Picture, read_picture
from impasto.pictures.stillness import Stillness
from impasto.preparation import prepare
from impasto.studio.looks import Look
from impasto.studio.painting import data_address
from impasto.studio.sessions import Session
from impasto.studio.turns import Event
from impasto.workshop import Workshop

NAME = "the camera's picture"
MOST_PIXELS = 4 * 2**20
"""Of a frame that comes in."""
FORMATS = ("JPEG", "PNG", "WEBP")
Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A frame on its way: as an address that has it within, how it is to look, and how steadily.

    Attributes:
        address: the picture's data URL.
        look: how it is to look.
        side: the long side of the painting in pixels.
        stillness: 0 to 100.
    """

    address: str
    look: Look
    side: int
    stillness: float


class Camera:
    """What is known of a camera from frame to frame: the painting before, and how its colors were moved.

    Args:
        stillness: 0 to 100, how much a painting is drawn to the one before.
        key: what a frame must share with the one before to be drawn to it.

    Attributes:
        tones: of the first frame of a scene, and of all after it.
    """

    def __init__(self, stillness: float, key: Any) -> None:
        self.key, self.tones = key, None
        self._stillness, self._cuts = Stillness(stillness), CutFinder()

    def drawn(self, filmed: Array, painted: Array) -> Array:
        """Return the painting of a frame, drawn to the one before unless all of it is new."""
        if self._cuts.is_cut(filmed):
            self._stillness.restart()
            self.tones = None
        return self._stillness.drawn(filmed, painted)


def painted_frame(session: Session, shot: Shot, workshop: Workshop) -> Iterator[Event]:
    """Paint a frame.

    Args:
        session: whose camera it is.
        shot: the frame.
        workshop: that all share.

    Yields:
        ``painted``, ``{picture, width, height}``.

    Raises:
        ImageError: it is no picture, or too large.
    """
    from impasto.onepass.painter import painted_by, painter_for  # bring the engine

    settings = shot.look.chosen(max_size=shot.side)
    prepared = prepare(shot.look.inputs(frame_of(shot.address, shot.side)), settings, workshop=workshop)
    key = shot.look.plain, prepared.photo.shape, shot.stillness
    if session.camera is None or session.camera.key != key:
        session.camera = Camera(shot.stillness, key)
    painter = painter_for(prepared)
    painter.tones = session.camera.tones
    painted, _ = painted_by(painter, prepared)
    session.camera.tones = painter.applied
    pixels = prepared.complete(session.camera.drawn(prepared.photo, painted))
    height, width = pixels.shape[:2]
    yield "painted", {"picture": data_address(pixels), "width": width, "height": height}


def frame_of(address: str, side: int) -> Picture:
    """Return the picture that a data URL has within.

    Args:
        address: the data URL.
        side: its long side in pixels is at most that.

    Raises:
        ImageError: it is none, or has more than `MOST_PIXELS`.
    """
    head, _, code = address.partition(";base64,")
    try:
        data = base64.b64decode(code, validate=True)
    except ValueError:
        data = b""
    if not head.startswith("data:image/") or not data:
        raise ImageError("{name} must come as a data URL of a JPEG, PNG or WebP", name=NAME)
    with pillow_errors(NAME), Image.open(io.BytesIO(data), formats=FORMATS) as image:
        if image.width * image.height > MOST_PIXELS:
            raise ImageError(
                "{name} has {width} x {height} px; send at most {most} megapixels",
                name=NAME,
                width=image.width,
                height=image.height,
                most=MOST_PIXELS // 2**20,
            )
        return read_picture(image.convert("RGB"), max_size=side)
