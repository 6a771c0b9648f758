"""The embedded one-pass network leaves no grid: even pictures have no spectral line at 1/2, 1/4 or 1/8."""

from __future__ import annotations

import numpy as np
import pytest

from impasto import gallery
from impasto.feedforward import OnePass, load_pastiche_network
from impasto.style_targets import StyledRegion, StyleImage

SIDE, BORDER = 256, 32
VISIBLE = 1 / 255


def line(pixels: np.ndarray, period: int) -> float:
    """Return the amplitude at a period, along either axis, above that of the neighbouring frequencies."""
    inner, found = pixels[BORDER:-BORDER, BORDER:-BORDER], []
    for axis in (0, 1):
        rows = np.moveaxis(inner - inner.mean(axis=axis, keepdims=True), axis, -1)
        window = np.hanning(rows.shape[-1])
        power = (np.abs(np.fft.rfft(rows * window, axis=-1)) ** 2).mean(axis=(0, 1))
        at = rows.shape[-1] // period
        near = [k for k in range(at - 9, at + 10) if abs(k - at) > 2 and k < len(power)]
        found.append(2 * np.sqrt(max(0.0, power[at] - np.median(power[near]))) / window.sum())
    return max(found)


def even_pictures() -> dict[str, np.ndarray]:
    ramp = np.linspace(0.1, 0.9, SIDE, dtype=np.float32)
    slope = np.broadcast_to(ramp[:, None, None], (SIDE, SIDE, 3))
    colors = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None], 0.5), axis=-1)
    return {
        "flat": np.full((SIDE, SIDE, 3), 0.6, np.float32),
        "slope": np.ascontiguousarray(slope),
        "colors": colors.astype(np.float32),
    }


def test_a_grid_of_one_level_is_seen():
    photo = even_pictures()["slope"]
    for period in (2, 4, 8):
        wave = np.cos(2 * np.pi * np.arange(SIDE) / period)[None, :, None] / 255
        assert line(photo, period) < 0.2 * VISIBLE
        assert line(photo + wave.astype(np.float32), period) > 0.9 * VISIBLE


@pytest.mark.parametrize("style", gallery.style_names())
@pytest.mark.parametrize("name", list(even_pictures()))
def test_no_grid_on_even_pictures(style, name):
    painter = OnePass(
        load_pastiche_network("float32"),
        [StyledRegion(styles=(StyleImage(pixels=gallery.make_style(style, SIDE)),))],
        (SIDE, SIDE),
    )
    pastiche = painter.paint(even_pictures()[name])
    lines = {period: line(pastiche, period) * 255 for period in (2, 4, 8)}
    assert max(lines.values()) < 1, lines
