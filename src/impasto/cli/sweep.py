"""The command ``impasto sweep``: every setting as an option that takes several values."""

from __future__ import annotations

import os
import typing
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from impasto.cli.console import EXIT_BY_SIGNAL, EXIT_FAILED, Bar, end, note, print_json, progress_bar, say
from impasto.cli.options import (
    HINTS,
    Json,
    Painting,
    PhotoFile,
    PresetName,
    Quiet,
    RegionOptions,
    StyleOptions,
    Threads,
    advanced,
    everyday,
    parsed,
    plain,
    scalar,
    with_setting_options,
)
from impasto.cli.weights import ensure_networks
from impasto.errors import Argument, Message, SettingError

if TYPE_CHECKING:
    from impasto.runs.sweep import SweepStep


def with_swept_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option for each setting, as text; several values are separated by commas.

    The command must take a keyword argument ``settings``: a mapping of names to values or lists of them.
    """
    return with_setting_options(command, swept_values, swept=True)


def swept_values(name: str, text: str) -> Any:
    """Return an option's text as one value or, where there are commas, as a list of values.

    ``none`` is a value of the settings that may be left to the program. A wrong value is refused with
    the settings, later.
    """
    kind = plain(HINTS[name])
    if kind not in (int, float, str) and typing.get_origin(kind) is not Literal:
        return parsed(name, text)
    if kind is str and os.path.exists(text):  # a file's name with a comma in it
        return text
    values = [_value(name, part.strip()) for part in text.split(",")]
    return values[0] if len(values) == 1 else values


def _value(name: str, text: str) -> Any:
    optional = type(None) in typing.get_args(HINTS[name])
    return None if optional and text.lower() == "none" else scalar(name, text)


@with_swept_settings
def sweep_command(
    content: PhotoFile,
    painting: Painting = None,
    *,
    output: Annotated[
        Path,
        everyday("-o", "--output", metavar="FOLDER", help="The folder of the pictures."),
    ],
    style: StyleOptions = None,
    region: RegionOptions = None,
    preset: PresetName = None,
    image_format: Annotated[
        str,
        advanced("--format", metavar="FORMAT", help="Of pictures and sheet: png, jpg, webp, avif or tif."),
    ] = "png",
    overwrite: Annotated[
        bool,
        everyday("--overwrite", help="Make pictures again that are there."),
    ] = False,
    quiet: Quiet = False,
    json: Json = False,
    threads: Threads = None,
    settings: Any,
) -> None:
    """Make a picture for every combination of settings, and a sheet that shows them side by side.

    Pictures of the same sweep that are there are kept, so an interrupted sweep goes on where it stopped.

    Example: impasto sweep photo.jpg painting.jpg --strength 20,50,80 --colors style,luminance -o sweep
    """
    styles = [*([painting] if painting else []), *(style or [])]
    if not styles:
        raise SettingError("a style must be named after the photo, or with {style}", style=Argument("style"))
    from impasto.names import check_names
    from impasto.preparation import Inputs
    from impasto.runs.sweep import plan_sweep

    inputs, suffix = Inputs.of(content, styles, region or ()), f".{image_format.lstrip('.')}"
    sweep = plan_sweep(inputs, output, settings, preset, suffix=suffix, overwrite=overwrite)
    chosen = [variation.settings for variation in sweep.variations]
    check_names(inputs.content, inputs.styles, inputs.regions, chosen)
    _run(sweep, quiet or json, json, threads)


def _run(sweep: Any, quiet: bool, json: bool, threads: int | None) -> None:
    """Make the pictures, showing the progress; end as Ctrl-C and failures ask for."""
    from impasto.engine import runtime
    from impasto.runs.interruption import Interruption
    from impasto.runs.sweep import sweep_steps

    runtime.start_program(threads)
    ensure_networks(variation.settings for variation in sweep.variations)
    ends: list[SweepStep] = []
    with Interruption().heard() as interruption, progress_bar(quiet=quiet) as bar:
        for step in sweep_steps(sweep):
            _show(bar, step)
            if step.outcome != "running":
                ends.append(step)
            if interruption.signal:
                break
    if json:
        print_json(_report(sweep, ends, interruption.signal))
    _tell_end(sweep, ends, interruption.signal, quiet)


def _tell_end(sweep: Any, ends: list[SweepStep], signal: int | None, quiet: bool) -> None:
    if signal:
        say(
            "Interrupted; {done} of {count} pictures are there. Repeat to go on.",
            done=len(ends),
            count=len(sweep.variations),
        )
        end(EXIT_BY_SIGNAL + signal)
    if not quiet:
        for remark in dict.fromkeys(remark for done in ends for remark in done.notes):
            note(remark)
        outcomes = Counter(done.outcome for done in ends)
        say(
            "{sheet}: {made} pictures made, {kept} kept.",
            sheet=sweep.sheet,
            made=outcomes["made"],
            kept=outcomes["kept"],
        )
    failed = [done for done in ends if done.error]
    for done in failed:
        reason = Message("") if done.error is None else done.error.message
        say("impasto: no picture with {values}: {reason}.", values=done.variation.label, reason=reason)
    if failed:
        end(EXIT_FAILED)


def _report(sweep: Any, ends: list[SweepStep], signal: int | None) -> dict[str, Any]:
    """Return what became of a sweep, for another program."""
    pictures = [
        {
            "path": str(done.variation.path),
            "values": dict(done.variation.values),
            "outcome": done.outcome,
            "notes": list(done.notes),
            "error": done.error and {"message": str(done.error), "id": done.error.id},
        }
        for done in ends
    ]
    return {"sheet": str(sweep.sheet), "pictures": pictures, "interrupted_by_signal": signal}


def _show(bar: Bar, step: SweepStep) -> None:
    """Show a SweepStep: how many pictures are there, and the values in work."""
    words, now = step.variation.label, step.step
    if now is not None:
        words += f" {now.scale}/{now.scales}"
    bar.show(f"{step.number}/{step.count} {words}", step.number - (step.outcome == "running"), step.count)


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("sweep")(sweep_command)
