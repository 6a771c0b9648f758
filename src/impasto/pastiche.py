"""The spine: prepare, run the method, finish. Every pastiche is made here.

`stylize_steps` yields a Step per iteration, the finished pastiche last; `stylize` drains it and returns
a `Pastiche`. Video, batch, studio and command line all come through this file.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from impasto import __version__
from impasto.engine import runtime
from impasto.pictures.resizing import resize
from impasto.pictures.writing import OutputOptions, check_output, picture_to_pil, write_picture
from impasto.preparation import Inputs, Prepared, Source, prepare
from impasto.presets import settings_for
from impasto.progress import Step
from impasto.settings import Settings

if TYPE_CHECKING:
    from impasto.networks.feature_network import FeatureNetwork
    from impasto.optimization.gatys import State

Array = NDArray[np.float32]


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
            SettingError: the extension is missing or unknown.
        """
        check_output(path, overwrite=overwrite, bit_depth=bit_depth)
        options = OutputOptions(
            alpha=self.alpha,
            exif=self.exif,
            recipe=json.dumps(self.recipe, ensure_ascii=False) if recipe else None,
            overwrite=overwrite,
            quality=quality,
            bit_depth=bit_depth,
            keep_gps=keep_gps,
        )
        return write_picture(path, self.pixels, options)


def stylize_steps(
    content: Source,
    style: Source | Sequence[Source],
    *,
    preset: str | None = None,
    network: FeatureNetwork | str | None = None,
    regions: Sequence[Any] = (),
    **settings: Any,
) -> Iterator[Step]:
    """Repaint a photo in the style of a picture, yielding a Step per iteration, the finished one last.

    The arguments and errors are those of `stylize`.
    """
    return run(_prepared(Inputs.of(content, style, regions), preset, network, settings))


def _prepared(
    inputs: Inputs, preset: str | None, network: FeatureNetwork | str | None, settings: dict[str, Any]
) -> Prepared:
    if isinstance(network, str):
        settings, network = {**settings, "network": network}, None
    return prepare(inputs, settings_for(preset, settings), network)


def run(prepared: Prepared, start: State | None = None) -> Iterator[Step]:
    """Run the method on prepared inputs, yielding a Step per iteration.

    Args:
        prepared: the inputs.
        start: where an earlier run of the same inputs stopped.
    """
    settings = prepared.settings
    if settings.strength == 0 and settings.style_weight is None:
        yield _photo_itself(prepared)
        return
    steps = _optimized(prepared, start) if settings.method == "optimize" else _painted(prepared, start)
    for step in steps:
        yield replace(step, make_image=partial(_completed, prepared, step))


def _optimized(prepared: Prepared, start: State | None) -> Iterator[Step]:
    from impasto.optimization.gatys import Past, optimize_steps

    return optimize_steps(
        prepared.content,
        prepared.regions,
        prepared.initial,
        prepared.network,
        prepared.settings,
        Past(state=start, kept=prepared.kept),
    )


def _painted(prepared: Prepared, start: State | None) -> Iterator[Step]:
    """Paint in one pass; then, if asked for, improve that picture at full size."""
    from impasto.onepass.painter import load_pastiche_network, onepass_steps

    settings = prepared.settings
    network = code = None
    if prepared.own:
        encoder = load_pastiche_network(runtime.resolve_precision(settings.precision)).encoder
        network, code = prepared.own.network(encoder).with_cast_weights(), prepared.own.code()
    (step,) = onepass_steps(prepared.content, prepared.regions, settings, network, code)
    if start is None:
        yield step if not settings.refine else replace(step, last=False, scales=2)
    if settings.refine:
        refined = replace(
            prepared,
            initial=step.image,
            settings=replace(settings, iterations=(settings.refine,)),
        )
        for step in _optimized(refined, start):
            yield replace(step, scale=2, scales=2)


def _completed(prepared: Prepared, step: Step) -> Array:
    return prepared.complete(step.image)


def _photo_itself(prepared: Prepared) -> Step:
    height, width = prepared.photo.shape[:2]
    return Step(
        scale=1,
        scales=1,
        iteration=1,
        iterations=1,
        shape=(height, width),
        losses={"total": 0.0, "content": 0.0},
        make_image=lambda: prepared.photo,
        last=True,
    )


def finish(prepared: Prepared, step: Step, losses: list[dict[str, float]], began: float) -> Pastiche:
    """Return the pastiche as it is at a step, with the photo's alpha and EXIF."""
    pixels, alpha = step.image, prepared.picture.alpha
    if pixels.shape != prepared.photo.shape:  # stopped at a coarse scale
        pixels = resize(pixels, prepared.photo.shape[:2])
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
    network, photo = prepared.network, prepared.picture
    return {
        "impasto": __version__,
        "settings": prepared.settings.to_mapping(),
        "network": {"name": network.name, "sha256": network.sha256, "precision": network.dtype},
        "engine": runtime.start_engine(),
        **_onepass_record(prepared.settings),
        "content": {"name": photo.name, "sha256": photo.sha256},
        **prepared.record,
    }


def _onepass_record(settings: Settings) -> dict[str, Any]:
    if settings.method != "onepass":
        return {}
    from impasto.onepass.painter import load_pastiche_network

    painter = load_pastiche_network(runtime.resolve_precision(settings.precision))
    return {"onepass": {"name": painter.name, "sha256": painter.sha256}}


def stylize(
    content: Source,
    style: Source | Sequence[Source],
    *,
    preset: str | None = None,
    network: FeatureNetwork | str | None = None,
    regions: Sequence[Any] = (),
    **settings: Any,
) -> Pastiche:
    """Repaint a photo in the style of a picture.

    Args:
        content: the photo: a path, a PIL image or an array (height, width[, channels]), uint8, uint16
            or floating in [0, 1].
        style: the painting: the same, or a built-in style's name; or several of them to blend, each
            with its weight as in ``"painting.jpg:2"`` or ``StyleSpec(source, weight=2)``, and
            ``@fine`` or ``@coarse`` for its brushwork or its composition only.
        preset: a named recipe that the settings start from; see ``impasto presets``.
        network: the setting ``network``, a name or a weights file; or a feature network itself.
        regions: parts of the picture with styles of their own: ``"mask.png=style.jpg"``,
            ``"mask.png=style.jpg#stylemask.png"`` or ``RegionSpec(mask, style, style_mask)``, whose parts
            may be arrays or PIL images, too.
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
    prepared = _prepared(Inputs.of(content, style, regions), preset, network, settings)
    losses: list[dict[str, float]] = []
    for step in run(prepared):
        losses.append(dict(step.losses))
    return finish(prepared, step, losses, began)
