"""The command ``impasto sweep``: every setting as an option that takes several values."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from impasto.cli.console import EXIT_BY_SIGNAL, EXIT_FAILED, Bar, end, note, progress_bar, say
from impasto.cli.options import (
    Field,
    Painting,
    Photo,
    PresetName,
    Quiet,
    RegionOptions,
    StyleOptions,
    Threads,
    parsed,
    plain,
    with_setting_options,
)
from impasto.errors import SettingError
from impasto.settings import Settings

if TYPE_CHECKING:
    from impasto.runs.sweep import SweepStep

ITSELF_A_LIST = " A list itself: the same for every picture."


def with_swept_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option for each setting, as text; several values are separated by commas.

    The command must take a keyword argument ``settings``: a mapping of names to values or lists of them.
    """
    return with_setting_options(command, _option, swept_values)


def _option(spec: Field) -> inspect.Parameter:
    hint = plain(typing.get_type_hints(Settings)[spec.name])
    text = spec.metadata["help"]
    if typing.get_origin(hint) is Literal:
        text += f" Of {', '.join(typing.get_args(hint))}."
    elif hint in (int, float):
        text += f" From {spec.metadata['low']:g} to {spec.metadata['high']:g}."
    elif hint is not str:
        text += ITSELF_A_LIST
    flag = "--" + spec.name.replace("_", "-")
    option = typer.Option(flag, help=text, show_default=False, metavar="VALUES", rich_help_panel="Settings")
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(spec.name, kind, default=None, annotation=Annotated[str | None, option])


def swept_values(name: str, text: str) -> Any:
    """Return an option's text as one value or, where there are commas, as a list of values.

    ``none`` is a value of the settings that may be left to the program. A wrong value is refused with
    the settings, later.
    """
    hint = typing.get_type_hints(Settings)[name]
    kind = plain(hint)
    if kind not in (int, float, str) and typing.get_origin(kind) is not Literal:
        return parsed(name, text)
    if kind is str and Path(text).exists():  # a file's name with a comma in it
        return text
    values = [_value(part.strip(), kind, hint) for part in text.split(",")]
    return values[0] if len(values) == 1 else values


def _value(text: str, kind: Any, hint: Any) -> Any:
    if text.lower() == "none" and type(None) in typing.get_args(hint):
        return None
    try:
        return kind(text) if kind in (int, float) else text
    except ValueError:
        return text


@with_swept_settings
def sweep_command(
    content: Photo,
    painting: Painting = None,
    *,
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder of the pictures.")],
    style: StyleOptions = None,
    region: RegionOptions = None,
    preset: PresetName = None,
    image_format: Annotated[
        str, typer.Option("--format", help="Of pictures and sheet: png, jpg, webp, avif or tif.")
    ] = "png",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Make pictures again that are there.")
    ] = False,
    quiet: Quiet = False,
    threads: Threads = None,
    settings: Any,
) -> None:
    """Make a picture for every combination of settings, and a sheet that shows them side by side.

    Pictures of the same sweep that are there are kept, so an interrupted sweep goes on where it stopped.

    Example: impasto sweep photo.jpg painting.jpg --strength 20,50,80 --colors style,luminance -o sweep
    """
    styles = [*([painting] if painting else []), *(style or [])]
    if not styles:
        raise SettingError("a style must be named after the photo, or with --style")
    from impasto.engine import runtime
    from impasto.preparation import Inputs
    from impasto.runs.sweep import plan_sweep

    inputs, suffix = Inputs.of(content, styles, region or ()), f".{image_format.lstrip('.')}"
    sweep = plan_sweep(inputs, output, settings, preset, suffix=suffix, overwrite=overwrite)
    runtime.start_program(threads)
    _run(sweep, quiet)


def _run(sweep: Any, quiet: bool) -> None:
    """Make the pictures, showing the progress; end as Ctrl-C and failures ask for."""
    from impasto.runs.interruption import Interruption
    from impasto.runs.sweep import sweep_steps

    ends: list[SweepStep] = []
    with Interruption().heard() as interruption, progress_bar(quiet=quiet) as bar:
        for step in sweep_steps(sweep):
            _show(bar, step)
            if step.outcome != "running":
                ends.append(step)
            if interruption.signal:
                break
    if interruption.signal:
        say(f"Interrupted; {len(ends)} of {len(sweep.variations)} pictures are there. Repeat to go on.")
        end(EXIT_BY_SIGNAL + interruption.signal)
    if not quiet:
        for remark in dict.fromkeys(remark for done in ends for remark in done.notes):
            note(remark)
        made = sum(done.outcome == "made" for done in ends)
        kept = sum(done.outcome == "kept" for done in ends)
        say(f"{sweep.sheet}: {made} pictures made, {kept} kept.")
    failed = [done for done in ends if done.outcome == "failed"]
    for done in failed:
        say(f"impasto: no picture with {done.variation.label}: {done.error}.")
    if failed:
        end(EXIT_FAILED)


def _show(bar: Bar, step: SweepStep) -> None:
    """Show a SweepStep: how many pictures are there, and the values in work."""
    words, now = step.variation.label, step.step
    if now is not None:
        words += f": scale {now.scale}/{now.scales}, {now.iteration}/{now.iterations}"
    bar.show(f"{step.number}/{step.count} {words}", step.number - (step.outcome == "running"), step.count)


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("sweep")(sweep_command)
