"""One pass over a photo too large for memory, window by window: its moments first, then the picture.

A photo's moments are sums over positions: each window is measured for itself, in any order and by anybody,
and the sums add up (`MomentSums`). The maps that follow from them are small, and with them each window is
painted for itself, again in any order. Windows overlap by all that the encoder and the decoder see: what is
kept of each is what the whole picture would have there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.engine.gradients import compile_for_any_size, known_by, memory_errors, to_host
from impasto.errors import ImageError, Message
from impasto.networks.tile_grid import Tile, even_grid, tile_grid
from impasto.onepass.collapse import collapse_of_parts
from impasto.onepass.compiled import compiled_maps, mixing_masks
from impasto.onepass.encoded_photo import MomentSums, layers_of, measured
from impasto.onepass.network import DECODER_REACH, Masks, OnePassNetwork
from impasto.onepass.painter import (
    WEAKEST,
    check_shape,
    network_of,
    shining_through,
    style_moments,
)
from impasto.onepass.region_tones import small_tones
from impasto.onepass.tones import Tones, toned
from impasto.onepass.transfer import STATISTICS_LAYERS, Maps, Moments, amount_at
from impasto.pictures.color_transfer import lightness_of
from impasto.pictures.reading import Picture
from impasto.pictures.resizing import Window
from impasto.pictures.tiled_tiff import encoded_tile, tile_alpha
from impasto.prepared import Prepared
from impasto.progress import Step

Tensor = Any
Array = NDArray[np.float32]
Fit = tuple[Maps, tuple[Tones | None, ...]]
WINDOW_SIDE = 1792
"""Side of windows in pixels, surroundings included."""
LOOK_COST, PAINT_COST = 0.9, 2.9
"""What a pixel of a window takes in the two rounds, in passes forward."""
JUDGED = 4
"""Windows that are painted first, to see whether the picture collapses."""
COLLAPSED = {
    "clipped": Message("a clipped picture"),
    "flat": Message("a flat picture"),
    "unrecognizable": Message("a picture without the photo in it"),
}


@dataclass(frozen=True, kw_only=True)
class WindowState:
    """Where a painting in windows stands: enough to go on as if it had never stopped.

    Attributes:
        looks: how many windows are measured.
        sums: theirs, added up; None if nothing is measured.
        ends: of the tiles that are painted, as `TilesPart` has them.
    """

    looks: int
    sums: MomentSums | None = None
    ends: tuple[int, ...] = ()


class WindowPainter:
    """Paints a large photo window by window; `fit` comes between measuring all `looks` and painting any.

    Args:
        prepared: a photo that is read in windows, the styles, regions and settings.
        style: the moments of the regions' styles, if they are known already.

    Attributes:
        looks: the windows that are measured; together they cover the photo.
        windows: those that are painted, row by row; their cores are the tiles of the file.
        tile: (height, width) of these.
        style: the moments of the regions' styles.
        sums: what is measured so far, added up; None if nothing is.
        fitted: the maps by which features are moved and the regions' tones, once `fit` has been called:
            small, and all that painting needs.
    """

    def __init__(self, prepared: Prepared, style: Moments | None = None) -> None:
        check_shape(prepared.shape)
        self.prepared, self._workshop = prepared, prepared.workshop
        self._network = network_of(prepared)
        side = prepared.settings.tile_size or WINDOW_SIDE
        self.looks = tile_grid(prepared.shape, side, STATISTICS_LAYERS)
        self.windows, self.tile = even_grid(prepared.shape, side, STATISTICS_LAYERS, DECODER_REACH)
        self.style = style or style_moments(
            self._network, prepared.regions, prepared.shape, prepared.workshop, prepared.style_moments
        )
        self.sums: MomentSums | None = None
        self.fitted: Fit | None = None

    @property
    def work(self) -> list[tuple[int, int]]:
        """What each of the two rounds takes: of each window, in pixels times their cost, and how many."""
        rounds = (self.looks, LOOK_COST), (self.windows, PAINT_COST)
        return [(round(cost * math.prod(grid[0].shape)), len(grid)) for grid, cost in rounds]

    def measure(self, tile: Tile) -> MomentSums:
        """Return a window's share of the photo's sums.

        Args:
            tile: of `looks`.

        Raises:
            ImageError: the photo's file is damaged there.
            OutOfMemoryError: the engine ran out of memory.
        """
        part, encoder = self.prepared.window(_window(tile)), self._network.encoder
        coverage = layers_of(self._visible(part), encoder.pool_rounding)
        with memory_errors(tile.shape):
            return measured(encoder, part.content, tile, coverage, self._workshop)[0]

    def fit(self, sums: MomentSums) -> None:
        """Find the maps that give the photo's features the style's moments, and the tones.

        Args:
            sums: those of all `looks`, added up.
        """
        self.sums = sums
        prepared, workshop, tones = self.prepared, self._workshop, tuple[Tones | None, ...]()
        maps = compiled_maps(workshop)(sums.moments(), self.style)
        if prepared.style_moments is None:
            photos, visible = [prepared.content], prepared.visible
            tones = small_tones(self._network, prepared.regions, self.style, photos, visible, workshop)
        self.fitted = {k: (to_host(first), to_host(second)) for k, (first, second) in maps.items()}, tones

    def paint(self, tile: Tile) -> tuple[Array, Array | None]:
        """Return the finished picture in a window's core, float32 (h, w, 3) in [0, 1], and alpha or None.

        Args:
            tile: of `windows`.

        Raises:
            ImageError: the photo's file is damaged there.
            OutOfMemoryError: the engine ran out of memory.
        """
        part = self.prepared.window(_window(tile))
        pixels = part.photo
        strength = self.prepared.settings.strength
        if strength:
            pixels = shining_through(part.content, self._painted(tile, part), strength)
            pixels = lightness_of(pixels) if part.achromatic else pixels
        pixels = part.complete(pixels)
        alpha = part.picture.alpha
        return tile.core_of(pixels, 0), None if alpha is None else tile.core_of(alpha, 0)

    def encoded(self, tile: Tile, bits: int, alpha: bool) -> bytes:
        """Return what `paint` does, as it lies in a file.

        Args:
            tile: of `windows`.
            bits: of each number, 8 or 16.
            alpha: whether the picture has transparent parts.
        """
        pixels, opacity = self.paint(tile)
        return encoded_tile(pixels, tile_alpha(pixels, opacity, alpha), self.tile, bits)

    def photo_in(self, tile: Tile) -> Picture:
        """Return what of the photo a window shows; errors are `measure`'s."""
        if self.prepared.large is None:
            raise ImageError("only a photo that is read in windows has windows")
        return self.prepared.large.window(_window(tile))

    def check(self) -> None:
        """Refuse a picture that has collapsed, as far as some windows tell.

        Raises:
            ImageError: it is clipped, flat, or nothing of the photo is in it.
        """
        count = min(JUDGED, len(self.windows))
        parts = []
        for index in range(count):
            tile = self.windows[(2 * index + 1) * len(self.windows) // (2 * count)]
            part = self.prepared.window(_window(tile))
            parts.append((self._painted(tile, part), part))
        wrong = collapse_of_parts(parts)
        if wrong:
            raise ImageError(
                "in one pass this style would give {picture}, and {width} x {height} px are too many to be "
                "optimized instead; choose another style or less strength",
                picture=COLLAPSED[wrong],
                width=self.prepared.shape[1],
                height=self.prepared.shape[0],
            )

    def _painted(self, tile: Tile, part: Prepared) -> Array:
        """Return what the network paints in a window, surroundings included, in its tones."""
        if self.fitted is None:
            raise ImageError("a large photo is measured before it is painted")
        maps, tones = self.fitted
        rounding = self._network.encoder.pool_rounding
        masks = mixing_masks(part.regions, tile.shape, rounding)
        strength = self.prepared.settings.strength
        amount = np.full(1, amount_at(strength / 100), np.float32)
        key = "window", self._network, known_by(tile.shape), bool(masks)
        with memory_errors(tile.shape):
            paint = self._workshop.get("functions", key, partial(_compiled, self._network))
            painted: Array = to_host(paint(part.content[None], maps, amount, masks))[0]
        return toned(painted, tones, masks.get(STATISTICS_LAYERS[-1]), strength)

    def _visible(self, part: Prepared) -> Array | None:
        """Return how much each pixel counts; all alike where nothing of the whole photo is visible."""
        return None if self.prepared.visible is None else part.picture.alpha


def window_steps(prepared: Prepared, start: WindowState | None = None) -> Iterator[Step]:
    """Measure a large photo, yielding a Step per window; with the last one it can be painted.

    Each Step has the `WindowPainter`. Its image is the photo in a small size, as nothing is painted yet.

    Args:
        prepared: a photo that is read in windows.
        start: where an earlier run of the same inputs stopped.

    Raises:
        ImageError: a side is shorter than 32 px, the file is damaged, or the picture would collapse.
        WeightsError: the embedded networks are missing or damaged.
        OutOfMemoryError: the engine ran out of memory.
    """
    painter, start = WindowPainter(prepared), start or WindowState(looks=0)
    if not prepared.settings.strength:  # the photo itself needs no maps
        yield _step(painter, 1, 1, 1, state=WindowState(looks=1))
        return
    count, painter.sums = len(painter.looks), start.sums
    if start.looks == count:
        yield _fitted(painter, judged=bool(start.ends))
        return
    left = painter.looks[start.looks :]
    for number, sums in enumerate(_each(painter, "measure", left), start.looks + 1):
        painter.sums = sums if painter.sums is None else painter.sums + sums
        if number == count:
            yield _fitted(painter)
        else:
            yield _step(painter, 1, number, count, state=WindowState(looks=number, sums=painter.sums))


def _fitted(painter: WindowPainter, judged: bool = False) -> Step:
    """Return the Step with which a photo that is measured can be painted."""
    count, sums = len(painter.looks), painter.sums
    if sums is None:
        raise ImageError("a large photo is measured before it is painted")
    painter.fit(sums)
    if not judged and painter.prepared.settings.strength > 100 * WEAKEST:
        painter.check()
    return _step(painter, 1, count, count, state=WindowState(looks=count, sums=sums))


def painted_windows(
    painter: WindowPainter,
    bits: int,
    alpha: bool,
    watch: Callable[[Step], None] | None = None,
    done: int = 0,
) -> Iterator[bytes]:
    """Yield what `WindowPainter.encoded` returns of all windows, row by row.

    Args:
        painter: which knows the photo's maps.
        bits: of each number, 8 or 16.
        alpha: whether the picture has transparent parts.
        watch: told of a Step after each window; an error that it raises ends the painting.
        done: how many of the first ones are left out, which are painted already.
    """
    left = painter.windows[done:]
    for number, tile in enumerate(_each(painter, "encoded", left, (bits, alpha)), done + 1):
        yield tile
        if watch:
            watch(_step(painter, 2, number, len(painter.windows)))


def _each(
    painter: WindowPainter, name: str, tiles: Sequence[Tile], more: tuple[Any, ...] = ()
) -> Iterator[Any]:
    """Yield what a method returns of each window, made by the workshop's team if it has one."""
    team = painter.prepared.workshop.team
    if team is not None:
        yield from team.in_windows(painter, name, tiles, more)
        return
    for tile in tiles:
        yield getattr(painter, name)(tile, *more)


def _step(
    painter: WindowPainter, scale: int, number: int, count: int, state: WindowState | None = None
) -> Step:
    team, said = painter.prepared.workshop.team, ""
    if team is not None:
        said, team.said = team.said, said
    return Step(
        note=said,
        scale=scale,
        scales=2,
        iteration=number,
        iterations=count,
        shape=painter.prepared.shape,
        losses={},
        make_image=lambda: painter.prepared.photo,
        last=number == count,
        painter=painter,
        make_state=(lambda: state) if state else None,
    )


def _window(tile: Tile) -> Window:
    return Window(
        slice(tile.rows.start, tile.rows.end), slice(tile.columns.start, tile.columns.end), tile.picture
    )


def _compiled(network: OnePassNetwork) -> Callable[..., Any]:
    def paint(photo: Tensor, maps: Maps, amount: Tensor, masks: Masks) -> Tensor:
        return network.paint(network.encode(photo), maps, amount, masks or None)

    return compile_for_any_size(paint, (1, 2), (), (), (1, 2))
