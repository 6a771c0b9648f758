"""What commands share: their options, most of them made from the settings, so that neither drifts."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import typer

from impasto.cli.line import american
from impasto.errors import Argument, Message, SettingError
from impasto.settings import Settings

Field = dataclasses.Field[Any]

HINTS = typing.get_type_hints(Settings)
"""The type of each setting, read once: options are made for several commands."""
EVERYDAY, ADVANCED, RESEARCH = "Everyday", "Advanced", "Research"
"""Panels of the help, in this order."""
PANELS = {
    EVERYDAY: ("strength", "max_size", "colors", "stroke_size", "method"),
    ADVANCED: (
        "refine", "network", "refine_network", "seed", "iterations", "style_loss", "background", "subject",
        "region_edges", "grain", "exposure", "contrast", "saturation", "film_grain", "precision", "tile_size",
        "initial", "fit",
    ),
}  # fmt: skip
"""Which settings are shown where; all others belong to research."""
everyday = partial(typer.Option, rich_help_panel=EVERYDAY)
advanced = partial(typer.Option, rich_help_panel=ADVANCED)
"""Options of these panels; what they take is what `typer.Option` takes."""
METAVARS = {int: "NUMBER", float: "NUMBER", str: "NAME"}

Photo = Annotated[
    str, typer.Argument(metavar="CONTENT", help="The photo; - reads it from stdin.", show_default=False)
]
PhotoFile = Annotated[str, typer.Argument(metavar="CONTENT", help="The photo.", show_default=False)]
Painting = Annotated[
    str | None,
    typer.Argument(metavar="STYLE", help="The painting, or a built-in style.", show_default=False),
]
Overwrite = Annotated[bool, everyday("--overwrite", help="Replace an existing file.")]
Threads = Annotated[
    int | None,
    advanced("--threads", min=1, metavar="NUMBER", help="Processor threads; all of them by default."),
]
StyleOptions = Annotated[
    list[str] | None,
    advanced(
        "--style",
        metavar="STYLE",
        help="A style to blend: FILE, FILE:WEIGHT, FILE:WEIGHT@fine or @coarse; repeat.",
    ),
]
RegionOptions = Annotated[
    list[str] | None,
    advanced(
        "--region",
        metavar="MASK=STYLE",
        help="A part and its style: mask.png=style.jpg or mask.png=style.jpg#where.png; repeat.",
    ),
]
RecipeFile = Annotated[
    Path | None,
    advanced("--recipe", metavar="FILE", help="Repeat the recipe of a picture, .toml or .json file."),
]
Quiet = Annotated[bool, everyday("--quiet", "-q", help="Print nothing but errors.")]
Verbose = Annotated[bool, advanced("--verbose", help="Show the losses, too.")]
Json = Annotated[bool, advanced("--json", help="Print the result to stdout as JSON.")]
Format = Annotated[
    str | None,
    advanced(
        "--format",
        metavar="FORMAT",
        help="Of files whose name is made up and of stdout: png, jpg, webp, avif or tif.",
    ),
]
Quality = Annotated[
    int,
    advanced("--quality", min=1, max=100, metavar="NUMBER", help="Of JPEG, WebP and AVIF, 1 to 100."),
]
BitDepth = Annotated[
    int,
    advanced("--bit-depth", metavar="NUMBER", help="8, or in PNG and TIFF 16."),
]
KeepGps = Annotated[bool, advanced("--keep-gps", help="Keep where the photo was taken.")]
NoRecipe = Annotated[
    bool,
    advanced("--no-recipe", help="Do not tell in the file how it was made."),
]
PreviewEvery = Annotated[
    int,
    advanced(
        "--preview-every",
        min=0,
        metavar="NUMBER",
        help="Write the picture every so many iterations to OUTPUT-previews; 0 never.",
    ),
]
CheckpointFile = Annotated[
    Path | None,
    advanced(
        "--checkpoint",
        metavar="FILE",
        help="Keep the run's state here, not beside the output.",
    ),
]
Output = Annotated[
    str | None,
    everyday(
        "-o",
        "--output",
        metavar="FILE",
        help="Where to write the picture: a file, a folder, or - for stdout; by default beside the photo.",
    ),
]
PresetName = Annotated[
    str | None,
    everyday("--preset", metavar="NAME", help="Start from named settings; see impasto presets."),
]


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option for each setting; it receives those that were given as ``settings``.

    The command must take a keyword argument ``settings``: a mapping of setting names to values.
    """
    return with_setting_options(command, parsed)


def with_setting_options(
    command: Callable[..., None],
    read: Callable[[str, str], Any],
    *,
    swept: bool = False,
    usual: Mapping[str, Any] = MappingProxyType({}),
    hidden: Collection[str] = (),
) -> Callable[..., None]:
    """Give a command an option for each setting, everyday ones first.

    Args:
        command: takes a keyword argument ``settings``: a mapping of the names that were given to values.
        read: a setting's name and the text that was given -> its value.
        swept: whether an option may have several values.
        usual: defaults that this command has instead of the settings'.
        hidden: options that it refuses, so that its help does not offer them.
    """
    own = [p for p in inspect.signature(command).parameters.values() if p.name != "settings"]
    hints = typing.get_type_hints(command, include_extras=True)
    fields = {spec.name: spec for spec in dataclasses.fields(Settings)}
    helps = {name: setting_help(spec, swept, usual.get(name, spec.default)) for name, spec in fields.items()}
    parameters = [p.replace(annotation=hints[p.name]) for p in own]
    parameters += [_option(name, helps[name], swept, name in hidden) for name in sorted(fields, key=_place)]

    def wrapped(**values: Any) -> None:
        given = {name: values.pop(name, None) for name in fields}
        command(**values, settings={k: read(k, v) for k, v in given.items() if v is not None})

    parameters.sort(key=lambda p: p.kind == inspect.Parameter.KEYWORD_ONLY)
    signature = inspect.Signature(parameters)
    wrapped.__name__, wrapped.__doc__ = command.__name__, command.__doc__
    wrapped.__signature__ = signature  # type: ignore[attr-defined]
    wrapped.setting_helps = helps  # type: ignore[attr-defined]
    wrapped.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    return wrapped


def panel_of(name: str) -> str:
    """Return the panel of the help in which a setting is shown."""
    return next((panel for panel, names in PANELS.items() if name in names), RESEARCH)


def _place(name: str) -> tuple[int, int]:
    """Return where a setting's option comes: by its panel, then as PANELS or the settings list them."""
    panel = panel_of(name)
    order = PANELS.get(panel) or [spec.name for spec in dataclasses.fields(Settings)]
    return [EVERYDAY, ADVANCED, RESEARCH].index(panel), list(order).index(name)


def setting_help(spec: Field, swept: bool, default: Any) -> Message:
    """Return a setting's help: what it is, what is allowed and, unless several are asked for, the default."""
    hint = plain(HINTS[spec.name])
    parts = [Message(spec.metadata["help"])]
    if typing.get_origin(hint) is Literal:
        parts.append(Message("One of {names}.", names=", ".join(typing.get_args(hint))))
    elif "high" in spec.metadata and hint in (int, float):
        low, high = (written(spec.metadata[limit]) for limit in ("low", "high"))
        parts.append(Message("From {low} to {high}.", low=low, high=high))
    elif swept and hint is not str:
        parts.append(Message("A list itself: the same for every picture."))
    if not swept and default not in (None, dataclasses.MISSING):
        shown = ",".join(default) if isinstance(default, tuple) else written(default)
        parts.append(Message("(default: {value})", value=shown))
    return joined(parts)


def joined(parts: list[Message]) -> Message:
    """Return sentences as one message."""
    names = [f"part{number}" for number in range(len(parts))]
    return Message(" ".join(f"{{{name}}}" for name in names), **dict(zip(names, parts, strict=True)))


def written(value: Any) -> str:
    """Return a default or a limit as a person writes it: 4294967295 and 1e12, not 4.29497e+09."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if value == int(value) and abs(value) < 1e11:
        return str(int(value))
    return f"{value:g}".replace("e+", "e").replace("e-0", "e-")


def _option(name: str, text: Message, swept: bool, hidden: bool) -> inspect.Parameter:
    hint = plain(HINTS[name])
    metavar = METAVARS.get(hint, "NAME" if typing.get_origin(hint) is Literal else "LIST")
    option = typer.Option(
        "--" + name.replace("_", "-"),
        help=text,
        show_default=False,
        metavar="VALUES" if swept else metavar,
        rich_help_panel=panel_of(name),
        hidden=hidden,
    )
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=None, annotation=Annotated[str | None, option])


def plain(hint: Any) -> Any:
    """Return a type without the alternative of None."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return next(part for part in typing.get_args(hint) if part is not type(None))
    return hint


def parsed(name: str, text: str) -> Any:
    """Return an option's text as the setting's type: lists by commas, mappings by ``name=weight``.

    What is no such value is returned as it is, and refused with the settings.

    Raises:
        SettingError: a list or a mapping is written wrongly.
    """
    hint = plain(HINTS[name])
    origin = typing.get_origin(hint)
    if origin is tuple:
        return tuple(_number(name, part, typing.get_args(hint)[0]) for part in text.split(","))
    if origin is typing.get_origin(Mapping[str, float]):
        pairs = [part.partition("=") for part in text.split(",")]
        return {key.strip(): _number(name, weight, float) for key, _, weight in pairs}
    return scalar(name, text)


def scalar(name: str, text: str) -> Any:
    """Return one value of a setting that is a number, a choice or a name; ``70%`` of strength is 70."""
    hint = plain(HINTS[name])
    if typing.get_origin(hint) is Literal:
        choices = typing.get_args(hint)
        return american(text) if text not in choices and american(text) in choices else text
    if hint not in (int, float):
        return text
    number = text.strip()
    if name == "strength":
        number = number.removesuffix("%").rstrip()
    for kind in (int, float):
        try:
            return kind(number)
        except ValueError:
            continue
    return text


def _number(name: str, text: str, kind: Any) -> Any:
    try:
        return kind(text.strip())
    except ValueError as error:
        if kind is float:
            form = Message("layer=weight, layer=weight")
        else:
            form = Message("numbers separated by commas")
        raise SettingError(
            "{name} must be {form}, not {value!r}", name=Argument(name), form=form, value=text
        ) from error
