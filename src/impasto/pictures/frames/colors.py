"""What the numbers of a video's frames mean: matrix, range, primaries and transfer function.

Frames leave here as sRGB. The curves of BT.601, 709 and 2020 are taken as sRGB's, as `color_spaces.py` has
it and every player shows them; primaries other than sRGB's are converted. PQ and HLG are tone-mapped, if the
frames also tell their primaries and their matrix; a guess would be seen.

Reference: ITU-T H.273 (07/2024), tables 2 to 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.errors import ImageError
from impasto.pictures.color_spaces import H273_GAMMAS, H273_PRIMARIES, HDR_TRANSFERS, ColorSpace
from impasto.pictures.frames.tone_mapping import ToneMapping

UNSPECIFIED = 2
BT709, BT601, BT2020 = 1, 5, 9
"""Codes of matrices that frames are converted with."""
MATRICES = {1: BT709, 4: 4, 5: BT601, 6: BT601, 7: 7, 9: BT2020}
"""MatrixCoefficients -> what they are converted with."""
FULL, LIMITED = 2, 1
"""Ranges, as FFmpeg counts them."""
HD_HEIGHT = 720
"""Frames of so many lines that say nothing are BT.709, smaller ones BT.601, as players have it."""


@dataclass(frozen=True)
class VideoColors:
    """How a video's frames become sRGB.

    Attributes:
        matrix: code by which YCbCr becomes R'G'B'; None where the frames are RGB or gray already.
        full: whether values have the full range.
        space: to be converted from, or how HDR is brought to sRGB; None if it is sRGB.
    """

    matrix: int | None
    full: bool
    space: ColorSpace | ToneMapping | None

    @property
    def hdr(self) -> str:
        """The name of the HDR transfer function; nothing if it is none."""
        return HDR_TRANSFERS[self.space.transfer] if isinstance(self.space, ToneMapping) else ""

    def to_srgb(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 sRGB in [0, 1] of uint8 or uint16 (height, width, 3), R'G'B' of full range."""
        if self.space is not None:
            values = self.space.to_srgb(values)
        return values.astype(np.float32) / np.float32(np.iinfo(values.dtype).max)


def colors_of(frame: Any, name: str) -> VideoColors:
    """Return how a decoded frame's numbers become sRGB.

    Args:
        frame: PyAV's.
        name: what messages call the video.

    Raises:
        ImageError: it is HDR and does not tell all of its colors, or its matrix cannot be converted.
    """
    transfer, primaries, matrix = int(frame.color_trc), int(frame.color_primaries), int(frame.colorspace)
    rgb = frame.format.is_rgb or frame.format.name.startswith(("gray", "mono", "ya", "pal"))
    if not rgb and matrix not in (*MATRICES, UNSPECIFIED, 0, 3):
        raise ImageError(
            "the colors of {name} are written in a way that cannot be converted (matrix {matrix}); export it "
            "as BT.709 first",
            name=name,
            matrix=matrix,
        )
    declared = primaries != UNSPECIFIED and primaries in H273_PRIMARIES and (rgb or matrix in MATRICES)
    if transfer in HDR_TRANSFERS and not declared:
        raise ImageError(
            "{name} is an HDR video ({transfer}) that does not tell its primaries and its matrix, without "
            "which it cannot be converted rightly; export it as SDR (BT.709) first",
            name=name,
            transfer=HDR_TRANSFERS[transfer],
        )
    guessed = BT709 if frame.height >= HD_HEIGHT or frame.width >= 1280 else BT601
    points = H273_PRIMARIES.get(primaries, H273_PRIMARIES[1])
    space = ColorSpace(points, H273_GAMMAS.get(transfer))
    mapping = ToneMapping(transfer, ColorSpace(points, 1.0)) if transfer in HDR_TRANSFERS else None
    full = int(frame.color_range) == FULL or frame.format.name.startswith("yuvj")
    return VideoColors(
        matrix=None if rgb else MATRICES.get(matrix, guessed),
        full=full or rgb,
        space=mapping or (None if space.is_srgb() else space),
    )
