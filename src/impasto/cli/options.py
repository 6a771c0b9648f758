"""Command-line options made from the settings, so that neither can drift from the other."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from impasto.errors import SettingError
from impasto.settings import Settings

Field = dataclasses.Field[Any]

Photo = Annotated[str, typer.Argument(help="The photo.", show_default=False)]
Painting = Annotated[
    str | None,
    typer.Argument(metavar="[STYLE]", help="The painting, or a built-in style.", show_default=False),
]
Output = Annotated[Path, typer.Option("-o", "--output", help="Where to write the pastiche.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="Processor threads; all of them by default.")
]
StyleOptions = Annotated[
    list[str] | None,
    typer.Option("--style", help="A style to blend: FILE, FILE:WEIGHT, FILE:WEIGHT@fine or @coarse; repeat."),
]
RegionOptions = Annotated[
    list[str] | None,
    typer.Option("--region", help="A part and its style: mask.png=style.jpg[#stylemask.png]; repeat."),
]
RecipeFile = Annotated[
    Path | None, typer.Option("--recipe", help="Repeat the recipe of a picture, .toml or .json file.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
PresetName = Annotated[
    str | None, typer.Option("--preset", help="Start from a named recipe; see impasto presets.")
]


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option for each setting; it receives those that were given as ``settings``.

    The command must take a keyword argument ``settings``: a mapping of setting names to values.
    """
    return with_setting_options(command, _option, parsed)


def with_setting_options(
    command: Callable[..., None],
    option: Callable[[Field], inspect.Parameter],
    read: Callable[[str, Any], Any],
) -> Callable[..., None]:
    """Give a command an option for each setting.

    Args:
        command: takes a keyword argument ``settings``: a mapping of the names that were given to values.
        option: a setting's field -> the parameter that Typer makes an option of.
        read: a setting's name and what was given -> its value.
    """
    own = [p for p in inspect.signature(command).parameters.values() if p.name != "settings"]
    hints = typing.get_type_hints(command, include_extras=True)
    parameters = [p.replace(annotation=hints[p.name]) for p in own]
    parameters += [option(spec) for spec in dataclasses.fields(Settings)]
    names = [spec.name for spec in dataclasses.fields(Settings)]

    def wrapped(**values: Any) -> None:
        given = {name: values.pop(name, None) for name in names}
        command(**values, settings={k: read(k, v) for k, v in given.items() if v is not None})

    signature = inspect.Signature(sorted(parameters, key=lambda p: p.kind == inspect.Parameter.KEYWORD_ONLY))
    wrapped.__name__, wrapped.__doc__ = command.__name__, command.__doc__
    wrapped.__signature__ = signature  # type: ignore[attr-defined]
    wrapped.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    return wrapped


def _option(spec: Field) -> inspect.Parameter:
    hint = plain(typing.get_type_hints(Settings)[spec.name])
    text = spec.metadata["help"]
    default = spec.default if spec.default is not dataclasses.MISSING else None
    if typing.get_origin(hint) is Literal:
        text += f" One of {', '.join(typing.get_args(hint))}."
    elif "high" in spec.metadata and hint in (int, float):
        text += f" From {spec.metadata['low']:g} to {spec.metadata['high']:g}."
    if default is not None:
        shown = ",".join(default) if isinstance(default, tuple) else default
        text += f" (default: {shown})"
    kind = hint if hint in (int, float) else str
    flag = "--" + spec.name.replace("_", "-")
    option = typer.Option(flag, help=text, show_default=False, rich_help_panel="Settings")
    return inspect.Parameter(
        spec.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, option],
    )


def plain(hint: Any) -> Any:
    """Return a type without the alternative of None."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return next(part for part in typing.get_args(hint) if part is not type(None))
    return hint


def parsed(name: str, value: Any) -> Any:
    """Return an option's text as the setting's type: lists by commas, mappings by ``name=weight``."""
    hint = plain(typing.get_type_hints(Settings)[name])
    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)[0]
        return tuple(_number(name, part, inner) for part in str(value).split(","))
    if hint is not str and typing.get_origin(hint) in (
        Mapping,
        typing.get_origin(Mapping[str, float]),
    ):
        pairs = [part.partition("=") for part in str(value).split(",")]
        return {key.strip(): _number(name, weight, float) for key, _, weight in pairs}
    return value


def _number(name: str, text: str, kind: Any) -> Any:
    try:
        return kind(text.strip())
    except ValueError as error:
        shape = "layer=weight, layer=weight" if kind is float else "numbers separated by commas"
        raise SettingError(f"{name} must be {shape}, not {text!r}") from error
