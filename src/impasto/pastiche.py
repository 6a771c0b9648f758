"""The spine: prepare, run the method, finish. Every pastiche is made here.

`stylize_steps` yields a Step per iteration, the finished pastiche last; `stylize` drains it and returns
that `Pastiche`. Video, batch, studio and command line all come through this file.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import NDArray

from impasto.errors import Message, OutputError, joined
from impasto.finished import LargePastiche, Pastiche
from impasto.photos import Source, paintable_shape
from impasto.pictures.resizing import resize
from impasto.preparation import Inputs, load_networks_for, prepare
from impasto.prepared import Prepared
from impasto.presets import settings_for
from impasto.progress import Step
from impasto.recipes import Recipe
from impasto.settings import Settings, SettingValues
from impasto.styles import RegionSpec
from impasto.workshop import Workshop

if TYPE_CHECKING:
    from impasto.networks.feature_network import FeatureNetwork
    from impasto.optimization.gatys import State
    from impasto.optimization.planning import Plan

Array = NDArray[np.float32]

COLLAPSED = {
    "clipped": Message("a clipped picture"),
    "flat": Message("a flat picture"),
    "unrecognizable": Message("a picture without the photo in it"),
}
"""What one pass has made where it has collapsed, by what is wrong with it."""
FALLBACKS = {
    wrong: Message(
        "in one pass this style would give {picture}, so the optimization made the picture", picture=picture
    )
    for wrong, picture in COLLAPSED.items()
}
"""What is said where one pass has collapsed, by what was wrong."""


def stylize_steps(
    content: Source,
    style: Source | Sequence[Source],
    *,
    preset: str | None = None,
    network: FeatureNetwork | str | None = None,
    regions: Sequence[RegionSpec | str] = (),
    workshop: Workshop | None = None,
    **settings: Unpack[SettingValues],
) -> Iterator[Step]:
    """Repaint a photo in the style of a picture, yielding a Step per iteration.

    The last Step is that of the finished picture, and its ``pastiche`` is what `stylize` returns. The
    arguments and errors are those of `stylize`.
    """
    inputs = Inputs.of(content, style, regions)
    return run(prepare(inputs, *_chosen(preset, network, settings), workshop))


def _chosen(
    preset: str | None, network: FeatureNetwork | str | None, settings: SettingValues
) -> tuple[Settings, FeatureNetwork | None]:
    """Return all settings, and the network that is used instead of the one they name."""
    if isinstance(network, str | os.PathLike):
        return settings_for(preset, {**settings, "network": network}), None
    return settings_for(preset, settings), network


def run(prepared: Prepared, start: State | None = None) -> Iterator[Step]:
    """Run the method on prepared inputs, yielding a Step per iteration.

    Args:
        prepared: the inputs.
        start: where an earlier run of the same inputs stopped.
    """
    losses: list[dict[str, float]] = []
    for step in _steps(prepared, start):
        losses.append(dict(step.losses))
        shown = step if step.painter else replace(step, make_image=partial(_completed, prepared, step))
        seconds = time.monotonic() - prepared.began
        yield replace(shown, make_pastiche=partial(_pastiche, prepared, shown, losses, len(losses), seconds))


def _steps(prepared: Prepared, start: State | None) -> Iterator[Step]:
    settings = prepared.settings
    if prepared.large:
        return _in_windows(prepared, start)
    if settings.is_photo_itself:
        return iter((_photo_itself(prepared),))
    return _coarse_to_fine(prepared, start) if settings.method == "optimize" else _painted(prepared, start)


def _in_windows(prepared: Prepared, start: Any) -> Iterator[Step]:
    from impasto.onepass.window_painter import window_steps

    return window_steps(prepared, start)


def _optimized(prepared: Prepared, start: State | None) -> Iterator[Step]:
    from impasto.optimization.gatys import optimize_steps

    return optimize_steps(prepared, start)


def _coarse_to_fine(prepared: Prepared, start: State | None) -> Iterator[Step]:
    """Optimize at one size after the other; then, if asked for, go on at the last one."""
    if not prepared.settings.refine:
        yield from _optimized(prepared, start)
        return
    from impasto.optimization.scales import plan_scales

    scales, picture = len(plan_scales(prepared.content.shape[:2], prepared.settings)), prepared.initial
    if start is None or start.scale <= scales:
        for step in _optimized(prepared, start):
            yield replace(step, scales=scales + 1, last=False)
        start, picture = None, step.image
    yield from _refined(prepared, picture, scales, start)


def _refined(prepared: Prepared, picture: Array, scales: int, start: State | None) -> Iterator[Step]:
    """Improve a method's picture at full size, perhaps with a network of its own.

    Args:
        prepared: the inputs of the method.
        picture: where it starts, float32 (height, width, 3).
        scales: how many the method had; the refinement is the next one.
        start: where an earlier refinement stopped.
    """
    settings = prepared.settings.of_refinement()
    refined = replace(prepared, initial=picture, network=prepared.networks[-1], settings=settings)
    for step in _optimized(refined, start and replace(start, scale=start.scale - scales)):
        yield replace(step, scale=scales + 1, scales=scales + 1, make_state=partial(_state, step, scales))


def _state(step: Step, scales: int) -> State:
    """Return where a refinement stands at a step, as a scale after the method's."""
    state: State = step.make_state()  # type: ignore[misc]
    return replace(state, scale=state.scale + scales)


def _painted(prepared: Prepared, start: State | None) -> Iterator[Step]:
    """Paint in one pass; then, if asked for, improve that picture at full size.

    A picture that has collapsed is of no use, neither to be seen nor to be improved: the optimization makes
    it instead, from coarse to fine, as if one pass had not been asked for.
    """
    from impasto.onepass.painter import onepass_steps

    settings = prepared.settings
    (step,) = onepass_steps(prepared)
    if step.fallback:
        yield from _optimized_instead(prepared, start, step.fallback)
        return
    if start is None:
        yield step if not settings.refine else replace(step, last=False, scales=2)
    if settings.refine:
        yield from _refined(prepared, step.image, 1, start)


def _optimized_instead(prepared: Prepared, start: State | None, fallback: str) -> Iterator[Step]:
    """Optimize what one pass has failed at; the first Step says so."""
    note = FALLBACKS[fallback]
    settings = replace(prepared.settings, method="optimize", refine=0, refine_network=None)
    for step in _optimized(replace(prepared, settings=settings), start):
        yield replace(step, fallback=fallback, note=joined((note, step.note)))
        note = Message("")


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


def finish(
    prepared: Prepared, step: Step, losses: Sequence[Mapping[str, float]], began: float | None = None
) -> Pastiche:
    """Return the pastiche as it is at a step, with the photo's alpha and EXIF.

    Args:
        prepared: the inputs.
        step: of `run`.
        losses: of every step so far.
        began: `time.monotonic()` when the work began; with the preparation if None.
    """
    settings = settings_as_made(prepared, step)
    common: dict[str, Any] = {
        "settings": settings,
        "losses": tuple(dict(named) for named in losses),
        "network": prepared.network.name,
        "seconds": time.monotonic() - (prepared.began if began is None else began),
        "recipe": replace(
            Recipe.of(replace(prepared, settings=settings)),
            fallback=_fallback(step),
            stopped=_stopped(prepared, step),
        ),
        "notes": (*prepared.notes, *([FALLBACKS[step.fallback]] if step.fallback else [])),
        "exif": prepared.picture.exif,
    }
    if step.painter:
        if not step.last:
            raise OutputError("a picture that is painted in windows is there only when all are measured")
        return LargePastiche(painter=step.painter, **common)
    pixels, alpha = step.image, prepared.picture.alpha
    if pixels.shape != prepared.photo.shape:  # stopped at a coarse scale
        pixels = resize(pixels, prepared.photo.shape[:2])
    alpha = None if alpha is None else resize(alpha, pixels.shape[:2])
    return Pastiche(pixels=pixels, alpha=alpha, **common)


def settings_as_made(prepared: Prepared, step: Step) -> Settings:
    """Return the settings that make a picture as it is at a step: its iterations, if more were asked for.

    There are none for a picture of a coarser scale, nor for what the optimization makes instead of one pass;
    for these they are those that were asked for, and the recipe says where the run was stopped.
    """
    settings = prepared.settings
    if step.last or _stopped(prepared, step):
        return settings
    if settings.refine and step.scale == step.scales:
        return replace(settings, refine=step.iteration)
    if settings.method == "onepass":
        return replace(settings, refine=0, refine_network=None)
    from impasto.optimization.scales import plan_scales

    height, width = prepared.content.shape[:2]
    *coarser, _ = (scale.iterations for scale in plan_scales((height, width), settings))
    return replace(settings, iterations=(*coarser, step.iteration))


def _stopped(prepared: Prepared, step: Step) -> dict[str, int] | None:
    """Return for the recipe where a run was stopped that no settings stop there."""
    of_coarse_scale = prepared.settings.method == "optimize" and step.scale < step.scales
    if step.last or not (step.fallback or of_coarse_scale):
        return None
    return {name: getattr(step, name) for name in ("scale", "scales", "iteration", "iterations")}


def _fallback(step: Step) -> dict[str, str] | None:
    """Return for the recipe which method made a picture that another was asked for, and why."""
    return {"method": "optimize", "onepass": step.fallback} if step.fallback else None


def _pastiche(
    prepared: Prepared, step: Step, losses: list[dict[str, float]], count: int, seconds: float
) -> Pastiche:
    """Return the pastiche of a step that was made after so many seconds, the losses' first ones its own."""
    return replace(finish(prepared, step, losses[:count]), seconds=seconds)


def stylize(
    content: Source,
    style: Source | Sequence[Source],
    *,
    preset: str | None = None,
    network: FeatureNetwork | str | None = None,
    regions: Sequence[RegionSpec | str] = (),
    workshop: Workshop | None = None,
    **settings: Unpack[SettingValues],
) -> Pastiche:
    """Repaint a photo in the style of a picture.

    Args:
        content: the photo: a path, a PIL image, what `impasto.read_picture` returns, or an array (height,
            width[, channels]), uint8, uint16 or floating in [0, 1].
        style: the painting: the same, or a built-in style's name; or several of them to blend, each
            with its weight as in ``"painting.jpg:2"`` or ``StyleSpec(source, weight=2)``, and
            ``@fine`` or ``@coarse`` for its brushwork or its composition only.
        preset: named settings that the other ones start from; see ``impasto presets``.
        network: the setting ``network``, a name or a weights file; or a feature network itself.
        regions: parts of the picture with styles of their own: ``"mask.png=style.jpg"``,
            ``"mask.png=style.jpg#stylemask.png"`` or ``RegionSpec(mask, style, style_mask)``, whose parts
            may be arrays or PIL images, too.
        workshop: keeps what later calls can share; the process' own if None, which keeps it to the end.
        **settings: fields of `impasto.Settings`, such as ``strength=70`` or ``max_size=1024``.

    Returns:
        The pastiche, of the content's shape limited by ``max_size``; of one too large for memory a
        `LargePastiche`, which is painted while it is saved.

    Raises:
        SettingError: a setting is unknown or not allowed.
        ImageError: a picture cannot be read or used.
        WeightsError: the network's weights cannot be used.
        EngineError: no engine is installed, or it ran out of memory.
        DivergenceError: the optimization left the finite numbers.
        ClosedError: the workshop is closed.

    Reference: Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks" (CVPR
    2016).
    """
    inputs = Inputs.of(content, style, regions)
    (step,) = deque(run(prepare(inputs, *_chosen(preset, network, settings), workshop)), maxlen=1)
    result: Pastiche = step.pastiche
    return result


def plan(
    content: Source | tuple[int, int],
    *,
    preset: str | None = None,
    network: FeatureNetwork | str | None = None,
    workshop: Workshop | None = None,
    **settings: Unpack[SettingValues],
) -> Plan:
    """Predict what `stylize` will take on this machine as it is now: scales, tiles, seconds and bytes.

    The seconds are those after the engine's start; the run may take a factor of 1.5 less or more.

    Args:
        content: the photo, or its (height, width).
        preset: named settings that the other ones start from.
        network: the setting ``network``, or a feature network itself.
        workshop: where the network is kept; the process' own if None.
        **settings: fields of `impasto.Settings`.

    Raises:
        OutOfMemoryError: it does not fit; the message names the size that does.
        SettingError, ImageError, WeightsError: as `stylize` raises them.
    """
    chosen, given = _chosen(preset, network, settings)
    networks = load_networks_for(chosen, workshop, given)
    from impasto.forecast import plan_method, plan_photo

    if isinstance(content, tuple):
        return plan_method(paintable_shape(content, chosen), networks, chosen)
    return plan_photo(content, networks, chosen)
