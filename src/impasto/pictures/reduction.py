"""To what size a picture is reduced when it is read, or that it is refused: its aspect is never changed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from impasto.errors import Argument, ImageError, Message
from impasto.layers import MINIMUM_SIDE
from impasto.pictures.resizing import fit


@dataclass(frozen=True)
class Reduction:
    """A reduction of pictures.

    Attributes:
        most: pixels that the long side may have; any number if None, and nothing is refused then.
        least: pixels that the short side must have.
    """

    most: int | None
    least: int = MINIMUM_SIDE

    def shape_of(self, shape: tuple[int, int], name: str) -> tuple[int, int]:
        """Return the (height, width) of what a picture becomes.

        Args:
            shape: the picture's (height, width).
            name: what messages call it.

        Raises:
            ImageError: a side would be too short.
        """
        if self.most is None:
            return shape
        height, width = shape
        size = Message("{name} has {width} x {height} px", name=name, width=width, height=height)
        if min(shape) < self.least:
            raise ImageError(
                "{size}; at least {least} px are needed on each side", size=size, least=self.least
            )
        short = min(shape) * min(1.0, self.most / max(shape))
        if round(short) < self.least:
            raise ImageError(
                "{size}, so at a long side of {most} px its short side would be {short:.0f} px, and at least "
                "{least} px are needed; choose {max_size} {works} or more",
                size=size,
                most=self.most,
                short=short,
                least=self.least,
                max_size=Argument("max_size"),
                works=math.ceil(self.least * max(shape) / min(shape)),
            )
        return fit(shape, self.most)
