"""The command ``impasto sweep``: every setting as an option that takes several values."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from impasto.cli.commands import say
from impasto.cli.options import Field, parsed, plain, with_setting_options
from impasto.errors import SettingError
from impasto.settings import Settings

if TYPE_CHECKING:
    from impasto.runs.sweep import SweepStep

EXIT_FAILED, EXIT_BY_SIGNAL = 1, 128
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
    content: Annotated[str, typer.Argument(help="The photo.", show_default=False)],
    painting: Annotated[
        str | None,
        typer.Argument(metavar="[STYLE]", help="The painting, or a built-in style.", show_default=False),
    ] = None,
    *,
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder of the pictures.")],
    style: Annotated[
        list[str] | None,
        typer.Option("--style", help="A style to blend: FILE, FILE:WEIGHT, FILE@fine or @coarse; repeat."),
    ] = None,
    region: Annotated[
        list[str] | None, typer.Option("--region", help="A part and its style: mask.png=style.jpg; repeat.")
    ] = None,
    preset: Annotated[str | None, typer.Option(help="Start from a named recipe.")] = None,
    image_format: Annotated[
        str, typer.Option("--format", help="Of pictures and sheet: png, jpg, webp, avif or tif.")
    ] = "png",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Make pictures again that are there.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Processor threads.")] = None,
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
    with Interruption().heard() as interruption, _progress(quiet, len(sweep.variations)) as show:
        for step in sweep_steps(sweep):
            show(step)
            if step.outcome != "running":
                ends.append(step)
            if interruption.signal:
                break
    if interruption.signal:
        say(f"Interrupted; {len(ends)} of {len(sweep.variations)} pictures are there. Repeat to go on.")
        raise typer.Exit(EXIT_BY_SIGNAL + interruption.signal)
    if not quiet:
        for note in dict.fromkeys(note for end in ends for note in end.notes):
            say(f"Note: {note.rstrip('.')}.")
        made = sum(end.outcome == "made" for end in ends)
        kept = sum(end.outcome == "kept" for end in ends)
        say(f"{sweep.sheet}: {made} pictures made, {kept} kept.")
    failed = [end for end in ends if end.outcome == "failed"]
    for end in failed:
        say(f"impasto: no picture with {end.variation.label}: {end.error}.")
    if failed:
        raise typer.Exit(EXIT_FAILED)


@contextmanager
def _progress(quiet: bool, count: int) -> Iterator[Callable[[SweepStep], None]]:
    """Yield a function that shows a SweepStep: a bar over all pictures, the values in work below it."""
    if quiet:
        yield lambda step: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Reading the pictures and loading the network", total=count)

        def show(step: SweepStep) -> None:
            text, now = step.variation.label, step.step
            if now is not None:
                text += f": scale {now.scale}/{now.scales}, {now.iteration}/{now.iterations}"
            bar.update(task, completed=step.number - (step.outcome == "running"), description=text)

        yield show


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("sweep")(sweep_command)
