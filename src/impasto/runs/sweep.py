"""Sweeps: one photo and its styles under all combinations of some settings, side by side.

`plan_sweep` says which pictures a sweep makes, `sweep_steps` makes them and their contact sheet, yielding a
SweepStep per iteration, `run_sweep` drains it. A picture of the same sweep that is there already is kept, so
that a sweep that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import re
import time
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from impasto import __version__
from impasto.errors import Argument, ImageError, ImpastoError, OutputError, SettingError
from impasto.files import make_folder, path_of
from impasto.pastiche import run
from impasto.photos import Source
from impasto.pictures.reading import read_picture
from impasto.pictures.resizing import resize
from impasto.pictures.writing import OutputOptions, check_output, contact_sheet, read_recipe, write_picture
from impasto.preparation import Inputs, prepare
from impasto.prepared import Prepared
from impasto.presets import settings_for
from impasto.progress import Step
from impasto.recipes import Recipe
from impasto.settings import Settings
from impasto.styles import RegionSpec
from impasto.workshop import Workshop

if TYPE_CHECKING:
    from impasto.networks.feature_network import FeatureNetwork

MOST_PICTURES = 64
SHEET_HEIGHT, SHEET_COLUMNS = 256, 8
"""Height in pixels of a picture on the sheet, and how many stand side by side."""

SAME = ("settings", "content", "styles", "regions")
"""What the recipe of a picture must have in common with a variation's to be its picture."""


@dataclass(frozen=True, kw_only=True)
class Variation:
    """One combination of the swept settings.

    Attributes:
        values: of the swept settings.
        settings: all of them.
        path: the file of its picture.
    """

    values: Mapping[str, Any]
    settings: Settings
    path: Path

    @property
    def label(self) -> str:
        """The values in words, such as ``strength 20, colors style``."""
        return ", ".join(f"{name.replace('_', ' ')} {_written(v)}" for name, v in self.values.items())


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """The pictures that a sweep makes.

    Attributes:
        inputs: photo, styles and regions.
        axes: the values of each swept setting.
        variations: all combinations, the last setting's values following each other.
        sheet: the file of the contact sheet.
        overwrite: whether pictures that are there are made again.
    """

    inputs: Inputs
    axes: Mapping[str, Sequence[Any]]
    variations: tuple[Variation, ...]
    sheet: Path
    overwrite: bool = False


@dataclass(frozen=True, kw_only=True)
class SweepStep:
    """What a running sweep tells.

    Attributes:
        variation: the picture in work.
        number, count: which of how many, from 1.
        outcome: ``running``, or what became of the picture: ``made``, ``kept`` or ``failed``.
        step: the iteration that was made, while it is running.
        notes: sentences about the picture that was made.
        error: why it failed; the sweep goes on with the next.
    """

    variation: Variation
    number: int
    count: int
    outcome: Literal["running", "made", "kept", "failed"]
    step: Step | None = None
    notes: tuple[str, ...] = ()
    error: ImpastoError | None = None


@dataclass(frozen=True, kw_only=True)
class SweepResult:
    """What a sweep made.

    Attributes:
        sheet: the file of the contact sheet.
        ends: the last SweepStep of each variation.
        seconds: all of it.
    """

    sheet: Path
    ends: tuple[SweepStep, ...]
    seconds: float


def plan_sweep(
    inputs: Inputs,
    folder: str | Path,
    settings: Mapping[str, Any],
    preset: str | None = None,
    *,
    suffix: str = ".png",
    overwrite: bool = False,
) -> Sweep:
    """Return which pictures a sweep makes, all of their settings checked.

    Args:
        inputs: photo, styles and regions.
        folder: where the pictures and the sheet go; it is made if it is not there.
        settings: fields of `Settings`; one with a list of values is swept. Settings that are lists or
            tables themselves, such as ``iterations``, are the same for every picture.
        preset: named settings that the other ones start from.
        suffix: of the pictures and of the sheet, which says their format.
        overwrite: whether pictures that are there are made again.

    Raises:
        SettingError: no setting has several values, one is not allowed, or there are more than 64
            combinations.
    """
    axes, fixed = _axes(settings)
    count = math.prod(map(len, axes.values()))
    if count > MOST_PICTURES:
        raise SettingError(
            "a sweep makes at most {most} pictures, not {count}; give fewer values",
            most=MOST_PICTURES,
            count=count,
        )
    folder, variations = path_of(folder, "folder"), []
    for combination in itertools.product(*axes.values()):
        values = dict(zip(axes, combination, strict=True))
        chosen = settings_for(preset, {**fixed, **values})
        path = folder / (_file_name(values) + suffix)
        variations.append(Variation(values=values, settings=chosen, path=path))
    _check_names(variations)
    sheet = folder / f"sheet{suffix}"
    return Sweep(inputs=inputs, axes=axes, variations=tuple(variations), sheet=sheet, overwrite=overwrite)


def is_list_setting(name: str) -> bool:
    """Return whether a setting's value is itself a list or a table, and so cannot be swept."""
    hint = typing.get_type_hints(Settings).get(name)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    return typing.get_origin(hint) in (tuple, Mapping)


def _axes(settings: Mapping[str, Any]) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Return the swept settings with their values, and the others."""
    axes: dict[str, list[Any]] = {}
    fixed: dict[str, Any] = {}
    for name, value in settings.items():
        several = isinstance(value, list | tuple | range)
        if several and is_list_setting(name):
            if any(isinstance(part, list | tuple | Mapping) for part in value):
                raise SettingError(
                    "{name} is a list or a table itself, so it cannot be swept; give one", name=name
                )
            fixed[name] = value
        elif several and len(value) != 1:
            axes[name] = list(value)
        else:
            fixed[name] = value[0] if several else value
    for name, values in axes.items():
        twice = [value for value in values if values.count(value) > 1]
        if twice or not values:
            wrong = f"{_written(twice[0])} twice" if twice else "no value"
            raise SettingError("{name} must have each value once, not {wrong}", name=name, wrong=wrong)
    if not axes:
        raise SettingError("a sweep needs a setting with several values, such as strength 20,50,80")
    return axes, fixed


def _written(value: Any) -> str:
    """Return a value in words: numbers as short as they can be, files by their names."""
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return Path(value).stem if isinstance(value, str | Path) else str(value).lower()


def _file_name(values: Mapping[str, Any]) -> str:
    parts = (f"{name.replace('_', '-')}-{_written(value)}" for name, value in values.items())
    return "_".join(re.sub(r"[^\w.+-]+", "-", part) for part in parts)


def _check_names(variations: Sequence[Variation]) -> None:
    labels: dict[Path, str] = {}
    for variation in variations:
        if variation.path in labels:
            raise SettingError(
                "{values} has the same file name as another picture, {name}; give the files different names",
                values=dict(variation.values),
                name=variation.path.name,
            )
        labels[variation.path] = variation.label


def sweep(
    content: Source,
    style: Source | Sequence[Source],
    folder: str | Path,
    *,
    preset: str | None = None,
    regions: Sequence[RegionSpec | str] = (),
    overwrite: bool = False,
    **settings: Any,
) -> SweepResult:
    """Make a picture for every combination of some settings, and a sheet that shows them side by side.

        impasto.sweep("photo.jpg", "swirls", "sweep", strength=[20, 50, 80], colors=["style", "luminance"])

    Args:
        content: the photo, as `impasto.stylize` takes it.
        style: the painting, or several to blend.
        preset: named settings that the other ones start from.
        regions: parts of the picture with styles of their own.
        folder: where the pictures and the sheet go; it is made if it is not there.
        overwrite: whether pictures that are there are made again; those of this sweep are kept otherwise.
        **settings: fields of `impasto.Settings`; one with a list of values is swept.

    Raises:
        SettingError: no setting has several values, one is not allowed, or there are more than 64
            combinations.
        OutputError: something is in the way that this sweep has not made, or cannot be written.
        ImpastoError: none of the pictures could be made; the first one's error.
    """
    inputs = Inputs.of(content, style, regions)
    return run_sweep(plan_sweep(inputs, folder, settings, preset, overwrite=overwrite))


def run_sweep(sweep: Sweep, network: FeatureNetwork | None = None) -> SweepResult:
    """Make a sweep's pictures and its contact sheet; the arguments and errors are `sweep_steps`'."""
    began = time.monotonic()
    ends = tuple(step for step in sweep_steps(sweep, network) if step.outcome != "running")
    return SweepResult(sheet=sweep.sheet, ends=ends, seconds=time.monotonic() - began)


def sweep_steps(sweep: Sweep, network: FeatureNetwork | None = None) -> Iterator[SweepStep]:
    """Make a sweep's pictures and then its contact sheet, yielding a SweepStep per iteration and picture.

    Pictures that can share what was prepared follow each other. One that cannot be made is told of and
    left white on the sheet.

    Args:
        sweep: from `plan_sweep`.
        network: used instead of the one that the settings name.

    Raises:
        OutputError: something is in the way that this sweep has not made, or cannot be written.
        ImpastoError: none of the pictures could be made; the first one's error.
    """
    _check_folder(sweep)
    with Workshop() as workshop:
        yield from _pictures(sweep, _Preparation(sweep.inputs, network, workshop))
    _write_sheet(sweep)


def _pictures(sweep: Sweep, preparation: _Preparation) -> Iterator[SweepStep]:
    """Make the pictures."""
    made_before = _made_before(sweep, preparation)
    failures = []
    ordered = sorted(sweep.variations, key=lambda variation: variation.settings.up_to("network"))
    for number, variation in enumerate(ordered, 1):
        place: dict[str, Any] = {"variation": variation, "number": number, "count": len(ordered)}
        if variation in made_before:
            yield SweepStep(**place, outcome="kept")
            continue
        try:
            yield from _paint(place, preparation, sweep.overwrite)
        except OutputError:
            raise
        except ImpastoError as error:
            failures.append(error)
            yield SweepStep(**place, outcome="failed", error=error)
    if len(failures) == len(ordered):
        raise failures[0]


def _paint(place: Mapping[str, Any], preparation: _Preparation, overwrite: bool) -> Iterator[SweepStep]:
    """Make one picture and write it."""
    variation: Variation = place["variation"]
    for step in run(preparation.of(variation.settings)):
        yield SweepStep(**place, outcome="running", step=step)
    result = step.pastiche
    notes = (*result.notes, *result.save(variation.path, overwrite=overwrite))
    yield SweepStep(**place, outcome="made", notes=notes)


class _Preparation:
    """Prepares the inputs once for all variations that can share that, one after the other."""

    def __init__(self, inputs: Inputs, network: FeatureNetwork | None, workshop: Workshop) -> None:
        self._inputs, self._network, self._workshop = inputs, network, workshop
        self._key: tuple[str, ...] = ()
        self._last: Prepared | None = None

    def of(self, settings: Settings) -> Prepared:
        """Return the inputs, prepared for the settings."""
        began, key = time.monotonic(), settings.up_to("network")
        if self._last is None or key != self._key:
            self._last = None  # frees the old one first
            self._last = prepare(self._inputs, settings, self._network, self._workshop)
            self._key = key
        settings = replace(settings, method=self._last.settings.method)  # a .style file decides it
        return replace(self._last, settings=settings, began=began)


def _check_folder(sweep: Sweep) -> None:
    """Make the folder and refuse now what could not be written later.

    Raises:
        OutputError: the folder or a file in it cannot be written, or is not this sweep's.
    """
    folder = sweep.sheet.parent
    make_folder(folder)
    inputs = [file for file in sweep.inputs.files if isinstance(file, str | Path)]
    for variation in sweep.variations:
        check_output(variation.path, overwrite=True, inputs=inputs)
    check_output(sweep.sheet, overwrite=sweep.overwrite or _is_sheet(sweep.sheet), inputs=inputs)


def _is_sheet(path: Path) -> bool:
    """Return whether a file is a contact sheet that a sweep wrote, or is not there."""
    return not os.path.exists(path) or "sweep" in _recipe_in(path)


def _made_before(sweep: Sweep, preparation: _Preparation) -> list[Variation]:
    """Return the variations whose pictures are there already and are kept.

    Raises:
        OutputError: one of them was made of something else.
    """
    there = [v for v in sweep.variations if v.path.exists() and not sweep.overwrite]
    for variation in there:
        recipe = Recipe.of(preparation.of(there[0].settings)).to_mapping()
        wanted = json.loads(json.dumps(recipe | {"settings": variation.settings.to_mapping()}))
        embedded = _recipe_in(variation.path)
        other = next((key for key in SAME if embedded.get(key) != wanted[key]), None)
        if other:
            raise OutputError(
                "{path} is there already, with other {other} than this sweep's; choose another "
                "folder or add {overwrite}",
                path=variation.path,
                other=other,
                overwrite=Argument("overwrite=True"),
            )
    return there


def _recipe_in(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(read_recipe(path) or "{}"))
    except ImageError:
        return {}


def _write_sheet(sweep: Sweep) -> None:
    """Write all pictures side by side, each with its values below."""
    columns = min(len(list(sweep.axes.values())[-1]), SHEET_COLUMNS)
    cells = [_thumbnail(variation.path) for variation in sweep.variations]
    labels = [variation.label for variation in sweep.variations]
    starts = range(0, len(cells), columns)
    sheet = contact_sheet(
        [cells[start : start + columns] for start in starts],
        [labels[start : start + columns] for start in starts],
        height=SHEET_HEIGHT,
    )
    recipe = {"impasto": __version__, "sweep": {name: list(values) for name, values in sweep.axes.items()}}
    write_picture(sweep.sheet, sheet, OutputOptions(overwrite=True, recipe=json.dumps(recipe, default=str)))


def _thumbnail(path: Path) -> NDArray[np.float32]:
    """Return a picture in the sheet's size; white if it is not there."""
    if not os.path.exists(path):
        return np.ones((SHEET_HEIGHT, SHEET_HEIGHT, 3), np.float32)
    pixels = read_picture(path).pixels
    height, width = pixels.shape[:2]
    return resize(pixels, (SHEET_HEIGHT, max(1, round(width * SHEET_HEIGHT / height))))
