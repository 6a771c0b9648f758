"""A finished picture: its pixels, or what paints them while they are written, and how it came about."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from impasto.errors import ImageError
from impasto.files import path_of
from impasto.pictures.tiled_tiff import TilesPart, Tiling, check_large_output, write_tiles
from impasto.pictures.writing import OutputOptions, check_output, picture_to_pil, write_picture
from impasto.progress import Step
from impasto.recipes import Recipe
from impasto.settings import Settings

if TYPE_CHECKING:
    from impasto.onepass.window_painter import WindowPainter

Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Pastiche:
    """A finished picture and how it came about.

    Attributes:
        pixels: float32 (height, width, 3), sRGB in [0, 1].
        alpha: float32 (height, width) in [0, 1] from the content image, or None.
        settings: everything that was set; of a run that was stopped at full size, the iterations it made.
        losses: the named losses after each iteration.
        network: name of the feature network.
        recipe: what repeating it takes: version, settings, network, engine, precision and inputs.
        seconds: from the first reading to the last iteration.
        notes: sentences about what was done to the inputs.
    """

    pixels: Array = field(repr=False)
    alpha: Array | None = field(repr=False)
    settings: Settings
    losses: tuple[dict[str, float], ...]
    network: str
    seconds: float
    recipe: Recipe
    notes: tuple[str, ...] = ()
    exif: bytes | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def image(self) -> Any:
        """The pastiche as a PIL image, RGB or RGBA."""
        return picture_to_pil(self.pixels, self.alpha)

    def __repr__(self) -> str:
        height, width = self.shape
        return f"<Pastiche: {width} x {height} px, {self.settings.method}, {self.seconds:.1f} s>"

    def _repr_png_(self) -> bytes:
        """Return the picture as a notebook shows it."""
        file = io.BytesIO()
        self.image.save(file, "PNG")
        return file.getvalue()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Return the pixels, as `numpy.asarray` asks for them; their alpha is left out."""
        return np.array(self.pixels, dtype, copy=copy)

    def save(
        self,
        path: str | Path,
        *,
        overwrite: bool = False,
        quality: int = 95,
        recipe: bool = True,
        bit_depth: int = 8,
        keep_gps: bool = False,
    ) -> list[str]:
        """Write the pastiche; the format follows from the extension.

        Args:
            path: where to; an existing file is kept unless ``overwrite``.
            overwrite: whether an existing file may be replaced.
            quality: 1 to 100, of JPEG, WebP and AVIF.
            recipe: whether the file tells how it was made.
            bit_depth: 8, or in PNG and TIFF 16.
            keep_gps: whether the place where the photo was taken stays in the EXIF block.

        Returns:
            Sentences about what the format could not hold.

        Raises:
            OutputError: the file exists or cannot be written.
            SettingError: the path is none, or its extension is missing or unknown.
            ImageError: of a `LargePastiche`: the photo's file is damaged.
        """
        path = path_of(path, "path")
        check_output(path, overwrite=overwrite, bit_depth=bit_depth)
        options = OutputOptions(
            exif=self.exif,
            recipe=self._recipe_text() if recipe else None,
            overwrite=overwrite,
            quality=quality,
            bit_depth=bit_depth,
            keep_gps=keep_gps,
        )
        return self._write(path, options)

    def _write(self, path: str | Path, options: OutputOptions) -> list[str]:
        return write_picture(path, self.pixels, replace(options, alpha=self.alpha))

    def _recipe_text(self) -> str:
        return json.dumps(self.recipe.to_mapping(), ensure_ascii=False)


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class LargePastiche(Pastiche):
    """A picture too large for memory, which is painted in windows while it is saved, each time anew.

    It is saved as TIFF (.tif or .tiff) and has no ``pixels``, ``alpha`` or ``image``; everything else is as
    `Pastiche` has it.

    Attributes:
        painter: paints its windows.
        watch: told of a Step after each window that was painted; an error that it raises ends the painting.
        part: what is painted already, and where the picture is until it is whole; None: nothing stays if it
            does not become so.
    """

    pixels: Array = field(init=False)
    alpha: Array | None = field(init=False)
    painter: WindowPainter
    watch: Callable[[Step], None] | None = None
    part: TilesPart | None = None

    def __getattr__(self, name: str) -> Any:
        if name in ("pixels", "alpha"):
            raise ImageError(
                "this picture of {width} x {height} px is painted while it is saved and is never in memory; "
                "save it as TIFF",
                width=self.shape[1],
                height=self.shape[0],
            )
        raise AttributeError(name)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.painter.prepared.shape

    def _repr_png_(self) -> bytes:
        """Return nothing: a notebook shows its name instead."""
        return b""

    def _write(self, path: str | Path, options: OutputOptions) -> list[str]:
        """Paint the pastiche into a BigTIFF in tiles; until it is whole, nothing is at its place."""
        from impasto.onepass.window_painter import painted_windows

        painter, large = self.painter, self.painter.prepared.large
        alpha = large is not None and large.small.alpha is not None
        check_large_output(path, self.shape, bit_depth=options.bit_depth, alpha=alpha)
        done = self.part.count if self.part else 0
        windows = painted_windows(painter, options.bit_depth, alpha, self.watch, done)
        return write_tiles(path, windows, Tiling(self.shape, painter.tile, alpha), options, self.part)
