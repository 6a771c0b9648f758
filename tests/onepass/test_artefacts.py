"""The embedded one-pass network leaves no grid: no spectral lines at 1/2, 1/4, 1/8 and no fixed patterns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from impasto import gallery
from impasto.onepass.network import OnePassNetwork
from impasto.onepass.painter import OnePass, load_onepass_network
from impasto.prepared import everywhere
from impasto.workshop import Workshop

SIDE, BORDER = 256, 32
VISIBLE = 1 / 255
PERIODS = (2, 4, 8)


def line(pixels: np.ndarray, period: int) -> float:
    """Return the amplitude at a period, along either axis, above that of every neighboring frequency."""
    inner, found = pixels[BORDER:-BORDER, BORDER:-BORDER], []
    for axis in (0, 1):
        rows = np.moveaxis(inner - inner.mean(axis=axis, keepdims=True), axis, -1)
        window = np.hanning(rows.shape[-1])
        power = (np.abs(np.fft.rfft(rows * window, axis=-1)) ** 2).mean(axis=(0, 1))
        at = rows.shape[-1] // period
        near = [k for k in range(at - 9, at + 10) if abs(k - at) > 2 and k < len(power)]
        found.append(2 * np.sqrt(max(0.0, power[at] - power[near].max())) / window.sum())
    return max(found)


def fixed(pictures: Sequence[np.ndarray], period: int) -> float:
    """Return the amplitude of what has this period along either axis and one place in all the pictures.

    Texture follows the picture and averages out; a decoder's grid stays where it is.
    """
    found, places = [], np.arange(SIDE - 2 * BORDER)
    wave = np.hanning(len(places)) * np.exp(-2j * np.pi * places / period)
    wave *= (1 if period == 2 else 2) / np.hanning(len(places)).sum()
    inner = np.stack(pictures)[:, BORDER:-BORDER, BORDER:-BORDER]
    for rows in (inner, inner.transpose(0, 2, 1, 3)):
        phases = rows.reshape(len(inner), -1, 8, *rows.shape[2:]).mean(axis=(0, 1))
        found.append(np.sqrt(np.mean(np.abs(np.einsum("pxc,x->pc", phases, wave)) ** 2)))
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


def gradients(count: int) -> list[np.ndarray]:
    """Return pictures of which each goes smoothly from corner to corner between four random colors."""
    down, right = np.linspace(0, 1, SIDE)[:, None, None], np.linspace(0, 1, SIDE)[None, :, None]
    corners = np.random.default_rng(0).uniform(0.05, 0.95, (count, 4, 3))
    shares = ((1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right)
    return [sum(s * c for s, c in zip(shares, four, strict=True)).astype(np.float32) for four in corners]


@pytest.fixture(scope="module")
def network() -> OnePassNetwork:
    return load_onepass_network("float32")


@pytest.fixture(scope="module")
def painter(network) -> Callable[[str], OnePass]:
    """What makes the painter of a style, with one workshop for all: it compiles once."""
    with Workshop() as workshop:
        yield lambda style: OnePass(
            network, everywhere(gallery.style_pixels(style, SIDE)), (SIDE, SIDE), workshop
        )


def test_a_grid_of_one_level_is_seen():
    noise = np.random.default_rng(0).normal(0, 10 / 255, (16, SIDE, SIDE, 3)).astype(np.float32)
    for period in PERIODS:
        wave = (np.cos(2 * np.pi * np.arange(SIDE) / period)[None, :, None] / 255).astype(np.float32)
        photo = even_pictures()["slope"]
        assert line(photo, period) < 0.2 * VISIBLE
        assert line(photo + wave, period) > 0.9 * VISIBLE
        assert line(photo + wave.transpose(1, 0, 2), period) > 0.9 * VISIBLE
        assert fixed(list(noise), period) < 0.1 * VISIBLE
        assert fixed(list(noise + wave), period) == pytest.approx(VISIBLE, rel=0.1)


@pytest.mark.parametrize("style", ["swirls", "mosaic"])
def test_no_line_on_even_pictures(style, painter):
    one = painter(style)
    for name, photo in even_pictures().items():
        pastiche = one.paint(photo)
        lines = {period: line(pastiche, period) * 255 for period in PERIODS}
        assert max(lines.values()) < 1, (name, lines)


@pytest.mark.parametrize("style", ["swirls", "mosaic"])
def test_no_fixed_pattern_on_gradients(style, painter):
    """Found: at most 1.03 levels, 1/30 of the strokes' standard deviation there."""
    one = painter(style)
    pastiches = [one.paint(photo) for photo in gradients(16)]
    strokes = np.mean([np.std(p - p.mean(axis=(0, 1))) for p in pastiches])
    found = {period: fixed(pastiches, period) for period in PERIODS}
    assert max(found.values()) < min(1.5 * VISIBLE, strokes / 20), found
