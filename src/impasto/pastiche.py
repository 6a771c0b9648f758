"""The spine: prepare, run the method, finish. Every pastiche is made here.

`stylize_steps` yields a Step per iteration, the finished pastiche last; `stylize` drains it and returns
a `Pastiche`. Video, batch, studio and command line all come through this file.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from impasto import __version__, gallery, runtime
from impasto.errors import SettingError
from impasto.image_output import OutputOptions, check_output, picture_to_pil, write_picture
from impasto.images import Picture, fit, read_picture, resize, scale_to
from impasto.presets import settings_for
from impasto.progress import Step
from impasto.settings import Settings

if TYPE_CHECKING:
    from impasto.feature_network import FeatureNetwork

Array = NDArray[np.float32]
Source = Any
"""A picture as a path, a PIL image or an array; for styles also a built-in style's name."""


@dataclass(frozen=True, kw_only=True)
class Pastiche:
    """A finished picture and how it came about.

    Attributes:
        pixels: float32 (height, width, 3), sRGB in [0, 1].
        alpha: float32 (height, width) in [0, 1] from the content image, or None.
        settings: everything that was set.
        losses: the named losses after each iteration.
        network: name of the feature network.
        recipe: what repeating it takes: version, settings, network, engine, precision and inputs.
        seconds: from the first reading to the last iteration.
        notes: sentences about what was done to the inputs.
    """

    pixels: Array
    alpha: Array | None
    settings: Settings
    losses: tuple[dict[str, float], ...]
    network: str
    seconds: float
    recipe: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    exif: bytes | None = field(default=None, repr=False)

    @property
    def image(self) -> Any:
        """The pastiche as a PIL image, RGB or RGBA."""
        return picture_to_pil(self.pixels, self.alpha)

    def save(
        self, path: str | Path, *, overwrite: bool = False, quality: int = 95, recipe: bool = True
    ) -> list[str]:
        """Write the pastiche; the format follows from the extension.

        Args:
            path: where to; an existing file is kept unless ``overwrite``.
            overwrite: whether an existing file may be replaced.
            quality: 1 to 100, of JPEG, WebP and AVIF.
            recipe: whether the file tells how it was made.

        Returns:
            Sentences about what the format could not hold.

        Raises:
            OutputError: the file exists or cannot be written.
            SettingError: the extension is missing or unknown.
        """
        check_output(path, overwrite=overwrite)
        options = OutputOptions(
            alpha=self.alpha,
            exif=self.exif,
            recipe=json.dumps(self.recipe, ensure_ascii=False) if recipe else None,
            overwrite=overwrite,
            quality=quality,
        )
        return write_picture(path, self.pixels, options)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The inputs of a method: pictures in their final sizes, settings and network."""

    content: Array
    style: Array
    initial: Array
    settings: Settings
    network: FeatureNetwork
    picture: Picture
    painting: Picture
    notes: tuple[str, ...]


def prepare(
    content: Source, style: Source, settings: Settings, network: FeatureNetwork | None = None
) -> Prepared:
    """Read the pictures, bring them to size and load the network.

    Args:
        content: the photo.
        style: the painting, or a built-in style's name.
        settings: of which sizes, initial image, network and precision are used.
        network: used instead of the one that the settings name.

    Raises:
        ImageError: a picture cannot be used.
        WeightsError: the network's weights cannot be used.
        EngineError: no engine is installed.
    """
    limit = None if settings.fit == "stretch" else settings.max_size
    photo = read_picture(content, max_size=limit)
    painting = read_style(style, settings.max_size)
    shape, style_shape = final_shapes(photo, painting, settings)
    if network is None:
        network = load_network_for(settings)
    pixels = resize(photo.pixels, shape)
    notes = [*photo.notes, *painting.notes, *network.notes]
    if photo.sha256 == painting.sha256:
        notes.append("the style is the content image itself; the result will look like it")
    return Prepared(
        content=pixels,
        style=resize(painting.pixels, style_shape),
        initial=initial_image(pixels, settings, network),
        settings=settings,
        network=network,
        picture=photo,
        painting=painting,
        notes=tuple(notes),
    )


def final_shapes(
    photo: Picture, painting: Picture, settings: Settings
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the (height, width) of the result and of the style image."""
    if settings.fit == "stretch":
        square = (settings.max_size, settings.max_size)
        return square, square
    shape = fit(photo.pixels.shape[:2], settings.max_size)
    return shape, scale_to(painting.pixels.shape[:2], max(shape))


def read_style(style: Source, size: int) -> Picture:
    """Return a style picture: a built-in one if no file has that name, else what `read_picture` reads."""
    if isinstance(style, str) and style in gallery.style_names() and not Path(style).exists():
        pixels = gallery.make_style(style, int(np.clip(size, 256, 1024)))
        return Picture(pixels=pixels, name=style, sha256=f"built-in:{style}")
    return read_picture(style, max_size=size)


def load_network_for(settings: Settings) -> FeatureNetwork:
    """Start the engine and load the network that the settings name, as they want it."""
    runtime.start_engine()
    from impasto.weights import load_network

    network = load_network(
        settings.network,
        pooling=settings.pooling,
        padding=None if settings.padding == "auto" else settings.padding,
        dtype=runtime.resolve_precision(settings.precision),
    )
    return replace(network, pool_rounding=settings.pool_rounding)


def initial_image(content: Array, settings: Settings, network: FeatureNetwork) -> Array:
    """Return where the optimisation starts, float32, of the content's shape or of the first scale's.

    Noise is drawn at the first scale, normally distributed about the colour that is zero in the
    network's input units, with the standard deviation ``noise_scale``; it may leave [0, 1] slightly,
    as its sources have it.
    """
    if settings.initial == "content":
        return content
    if settings.initial == "noise":
        from impasto.gatys import plan_scales
        from impasto.gradients import to_host

        shape = (*plan_scales(content.shape[:2], settings)[0].shape, 3)
        noise = runtime.random_generator(settings.seed).standard_normal(shape)
        return (to_host(network.mean_color()) + settings.noise_scale * noise).astype(np.float32)
    try:
        picture = read_picture(settings.initial)
    except FileNotFoundError as error:
        raise SettingError(
            f"initial must be content, noise or a picture's file name, not {settings.initial!r}"
        ) from error
    return resize(picture.pixels, content.shape[:2])


def stylize_steps(
    content: Source,
    style: Source,
    *,
    settings: Settings | None = None,
    network: FeatureNetwork | None = None,
) -> Iterator[Step]:
    """Repaint a photo in the style of a picture, yielding a Step per iteration, the finished one last.

    Args:
        content: the photo: a path, a PIL image or an array (height, width[, channels]).
        style: the painting: the same, or a built-in style's name.
        settings: how; the defaults if None.
        network: a feature network to use instead of the one that the settings name.

    Raises:
        ImpastoError: its subclass says what is wrong with which input.
    """
    return run(prepare(content, style, settings or Settings(), network))


def run(prepared: Prepared) -> Iterator[Step]:
    """Run the method on prepared inputs, yielding a Step per iteration."""
    settings = prepared.settings
    if settings.strength == 0 and settings.style_weight is None:
        yield _photo_itself(prepared)
        return
    from impasto.gatys import optimize_steps

    yield from optimize_steps(prepared.content, prepared.style, prepared.initial, prepared.network, settings)


def _photo_itself(prepared: Prepared) -> Step:
    height, width = prepared.content.shape[:2]
    return Step(
        scale=1,
        scales=1,
        iteration=1,
        iterations=1,
        shape=(height, width),
        losses={"total": 0.0, "content": 0.0},
        make_image=lambda: prepared.content,
        last=True,
    )


def finish(prepared: Prepared, step: Step, losses: list[dict[str, float]], began: float) -> Pastiche:
    """Return the pastiche as it is at a step, with the photo's alpha and EXIF."""
    pixels, alpha = step.image, prepared.picture.alpha
    if pixels.shape != prepared.content.shape:  # stopped at a coarse scale
        pixels = resize(pixels, prepared.content.shape[:2])
    return Pastiche(
        pixels=pixels,
        alpha=None if alpha is None else resize(alpha, pixels.shape[:2]),
        settings=prepared.settings,
        losses=tuple(losses),
        network=prepared.network.name,
        seconds=time.monotonic() - began,
        recipe=recipe_of(prepared),
        notes=prepared.notes,
        exif=prepared.picture.exif,
    )


def recipe_of(prepared: Prepared) -> dict[str, Any]:
    """Return everything that it takes to repeat a pastiche, as plain values."""
    network, photo, painting = prepared.network, prepared.picture, prepared.painting
    return {
        "impasto": __version__,
        "settings": prepared.settings.to_mapping(),
        "network": {"name": network.name, "sha256": network.sha256, "precision": network.dtype},
        "engine": runtime.start_engine(),
        "content": {"name": photo.name, "sha256": photo.sha256},
        "style": {"name": painting.name, "sha256": painting.sha256},
    }


def stylize(
    content: Source,
    style: Source,
    *,
    preset: str | None = None,
    network: FeatureNetwork | None = None,
    **settings: Any,
) -> Pastiche:
    """Repaint a photo in the style of a picture.

    Args:
        content: the photo: a path, a PIL image or an array (height, width[, channels]), uint8, uint16
            or floating in [0, 1].
        style: the painting: the same, or a built-in style's name.
        preset: a named recipe that the settings start from; see ``impasto presets``.
        network: a feature network to use instead of the one that the settings name.
        **settings: fields of `impasto.Settings`, such as ``strength=70`` or ``max_size=1024``.

    Returns:
        The pastiche, of the content's shape limited by ``max_size``.

    Raises:
        SettingError: a setting is unknown or not allowed.
        ImageError: a picture cannot be read or used.
        WeightsError: the network's weights cannot be used.
        EngineError: no engine is installed, or it ran out of memory.
        DivergenceError: the optimisation left the finite numbers.

    Reference: Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks" (CVPR
    2016).
    """
    began = time.monotonic()
    prepared = prepare(content, style, settings_for(preset, settings), network)
    losses: list[dict[str, float]] = []
    for step in run(prepared):
        losses.append(dict(step.losses))
    return finish(prepared, step, losses, began)
