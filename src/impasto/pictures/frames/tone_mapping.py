"""HDR frames as a screen of today shows them: PQ and HLG, tone-mapped.

PQ's numbers are luminances, HLG's become them on a display of 1000 cd/m2. The white of paper lies at 203
cd/m2 in both, which is sRGB's white; what is brighter is rolled off by the curve that BT.2390 gives for it,
on the luminance, so that hues stay. Mastering for 1000 cd/m2 is assumed, as nearly all videos are.

References: SMPTE ST 2084 and ITU-R BT.2100-2 (PQ, HLG); ITU-R BT.2408-7 (the white of 203 cd/m2); ITU-R
BT.2390-11, section 5.4.1 (the curve).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.pictures.color_spaces import ColorSpace

PQ, HLG = 16, 18
"""TransferCharacteristics."""
WHITE, PEAK, MOST = 203.0, 1000.0, 10_000.0
"""In cd/m2: of paper, of the master, and the most that PQ can say."""
SYSTEM_GAMMA = 1.2
"""Of HLG on a display of `PEAK`."""
STEPS = 2048
"""Of the curve, equally far apart in PQ."""
_M1, _M2 = 2610 / 16384, 2523 / 32
_C1, _C2, _C3 = 3424 / 4096, 2413 / 128, 2392 / 128
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073

Values = NDArray[np.float64]


def pq_light(signal: Any) -> Values:
    """Return the luminances, in cd/m2, of PQ's numbers in [0, 1]."""
    root = np.asarray(signal, np.float64) ** (1 / _M2)
    return np.asarray(MOST * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1))


def pq_signal(light: Any) -> Values:
    """Return PQ's numbers of luminances in cd/m2."""
    power = (np.asarray(light, np.float64) / MOST) ** _M1
    return np.asarray(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2)


def hlg_light(signal: Any) -> Values:
    """Return the linear light of a scene, in [0, 1], of HLG's numbers in [0, 1]."""
    signal = np.asarray(signal, np.float64)
    return np.asarray(np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - _C) / _A) + _B) / 12))


def rolled_off(light: Any) -> Values:
    """Return luminances of at most `WHITE` of those of a master, all in cd/m2 (BT.2390)."""
    top, ceiling = float(pq_signal(PEAK)), float(pq_signal(WHITE) / pq_signal(PEAK))
    knee = 1.5 * ceiling - 0.5
    signal = np.clip(pq_signal(light) / top, 0, 1)
    t = np.maximum(signal - knee, 0) / (1 - knee)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (3 * t**2 - 2 * t**3) * ceiling
    )
    return pq_light(np.where(signal < knee, signal, spline) * top)


@dataclass(frozen=True)
class ToneMapping:
    """How HDR values become sRGB.

    Attributes:
        transfer: `PQ` or `HLG`.
        space: of the primaries, for linear light.
    """

    transfer: int
    space: ColorSpace

    def to_srgb(self, color: NDArray[Any]) -> NDArray[Any]:
        """Return (height, width, 3) of integers of the full range as sRGB of the same type."""
        full = np.iinfo(color.dtype).max
        light = self._table(full)[color]
        weights = self.space.luminance().astype(np.float32)
        if self.transfer == HLG:
            light *= np.float32(PEAK) * (light @ weights)[..., None] ** np.float32(SYSTEM_GAMMA - 1)
        luminance = light @ weights
        light *= np.interp(luminance, *self._shares)[..., None].astype(np.float32)
        return np.rint(self.space.to_srgb(light) * np.float32(full)).astype(color.dtype)

    def _table(self, full: int) -> NDArray[np.float32]:
        signal = np.arange(full + 1) / full
        return (pq_light(signal) if self.transfer == PQ else hlg_light(signal)).astype(np.float32)

    @cached_property
    def _shares(self) -> tuple[Values, Values]:
        """Luminances, and by what they are multiplied so that `WHITE` is 1."""
        light = pq_light(np.linspace(0, 1, STEPS))
        return light, rolled_off(light) / np.maximum(light, 1e-9) / WHITE
