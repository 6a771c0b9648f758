"""Color spaces that are said by numbers (primaries, white, transfer function), converted to sRGB.

References: IEC 61966-2-1 (sRGB); ITU-T H.273 (07/2024), tables 2 and 3; Lindbloom, "RGB/XYZ Matrices" and
"Chromatic Adaptation" (Bradford); Adobe RGB (1998) Color Image Encoding (2005).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.pictures.oklab import BAND, decode_srgb, encode_srgb

Array = NDArray[Any]
Point = tuple[float, float]
"""Chromaticity x, y (CIE 1931)."""
Chromaticities = tuple[Point, Point, Point, Point]
"""Of red, green, blue and white."""

D65: Point = (0.3127, 0.3290)
SRGB: Chromaticities = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), D65)
ADOBE_RGB: Chromaticities = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), D65)
ADOBE_GAMMA = 563 / 256
H273_PRIMARIES: dict[int, Chromaticities] = {
    1: SRGB,
    2: SRGB,  # unspecified
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), (0.310, 0.316)),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), D65),
}
"""ColourPrimaries."""
H273_GAMMAS: dict[int, float | None] = {
    **dict.fromkeys((1, 2, 6, 13, 14, 15)),
    **{4: 2.2, 5: 2.8, 8: 1.0},
}
"""TransferCharacteristics: exponents; None for sRGB's, as which the video curves of BT.601, 709 and 2020 are
taken, too: they are a camera's, and a screen shows them nearly as it shows sRGB."""
HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
SAME_PRIMARIES, SAME_GAMMA = 0.002, 0.01
"""What numbers may differ by, absolutely and relatively, and still mean sRGB: files round them."""
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


@dataclass(frozen=True)
class ColorSpace:
    """An RGB color space.

    Attributes:
        chromaticities: of red, green, blue and white.
        gamma: the exponent by which values become linear light; None for sRGB's curve.
    """

    chromaticities: Chromaticities = SRGB
    gamma: float | None = None

    def is_srgb(self) -> bool:
        """Return whether its numbers mean sRGB; an exponent of 2.2 does, as its writers mean that by it."""
        near = np.abs(np.subtract(self.chromaticities, SRGB)).max() <= SAME_PRIMARIES
        return bool(near) and (self.gamma is None or abs(self.gamma / 2.2 - 1) <= SAME_GAMMA)

    def to_srgb(self, color: Array) -> Array:
        """Convert a picture; what sRGB cannot show is clipped channel by channel in linear light.

        Args:
            color: (height, width) or (height, width, 3), integers of their full range or floats in [0, 1].

        Returns:
            Of the same shape and type.

        Raises:
            numpy.linalg.LinAlgError: the primaries span no space.
        """
        if self.is_srgb():
            return color
        gray = color.ndim == 2 or color.shape[2] == 1
        matrix = None if gray else self._matrix().T.astype(np.float32)
        full = 1 if color.dtype.kind == "f" else np.iinfo(color.dtype).max
        flat = color.reshape(-1, 1 if gray else 3)
        result = np.empty_like(flat)
        for start in range(0, len(flat), BAND):
            values = flat[start : start + BAND].astype(np.float32) / np.float32(full)
            light = decode_srgb(values) if self.gamma is None else values ** np.float32(self.gamma)
            light = np.asarray(light if matrix is None else light @ matrix, np.float32)
            band = encode_srgb(light) * np.float32(full)
            result[start : start + BAND] = band if full == 1 else np.rint(band.astype(np.float64))
        return result.reshape(color.shape)

    def luminance(self) -> NDArray[np.float64]:
        """Return how much linear red, green and blue each count in the luminance; 1 together."""
        row: NDArray[np.float64] = _to_xyz(self.chromaticities)[1]
        return row

    def _matrix(self) -> NDArray[np.float64]:
        """Return the matrix from linear light here to linear sRGB, white to white (Bradford)."""
        here, there = (_xyz(point) for point in (self.chromaticities[3], SRGB[3]))
        gains = (_BRADFORD @ there) / (_BRADFORD @ here)
        adapted = np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD @ _to_xyz(self.chromaticities)
        return np.asarray(np.linalg.inv(_to_xyz(SRGB)) @ adapted)


def _xyz(point: Point) -> NDArray[np.float64]:
    x, y = point
    return np.array([x, y, 1 - x - y]) / y


def _to_xyz(chromaticities: Chromaticities) -> NDArray[np.float64]:
    primaries = np.stack([_xyz(point) for point in chromaticities[:3]], axis=1)
    return primaries * np.linalg.solve(primaries, _xyz(chromaticities[3]))
