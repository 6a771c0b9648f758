"""The commands that make one picture: stylize, resume, demo."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impasto.cli.console import EXIT_BY_SIGNAL, Bar, end, note, progress_bar, say
from impasto.cli.options import (
    Output,
    Overwrite,
    Painting,
    Photo,
    PresetName,
    Quiet,
    RecipeFile,
    RegionOptions,
    StyleOptions,
    Threads,
    with_settings,
)
from impasto.errors import CheckpointError, OutputError, SettingError
from impasto.presets import settings_for
from impasto.progress import Clock

if TYPE_CHECKING:
    from impasto.preparation import Inputs
    from impasto.prepared import Prepared
    from impasto.progress import Step
    from impasto.recipes import Recipe
    from impasto.runs.job import Job
    from impasto.settings import Settings


@with_settings
def stylize_command(
    content: Photo,
    painting: Painting = None,
    *,
    output: Output,
    style: StyleOptions = None,
    region: RegionOptions = None,
    preset: PresetName = None,
    recipe: RecipeFile = None,
    overwrite: Overwrite = False,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of JPEG, WebP and AVIF.")] = 95,
    bit_depth: Annotated[int, typer.Option(help="8, or in PNG and TIFF 16.")] = 8,
    keep_gps: Annotated[bool, typer.Option("--keep-gps", help="Keep where the photo was taken.")] = False,
    no_recipe: Annotated[
        bool, typer.Option("--no-recipe", help="Do not tell in the file how it was made.")
    ] = False,
    preview_every: Annotated[
        int, typer.Option(min=0, help="Write the picture every N iterations to OUTPUT-previews; 0 never.")
    ] = 0,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Keep the run's state here; by itself if it takes over 2 minutes.")
    ] = None,
    quiet: Quiet = False,
    threads: Threads = None,
    settings: Any,
) -> None:
    """Repaint the photo CONTENT in the style of the picture STYLE.

    Example: impasto stylize photo.jpg painting.jpg -o pastiche.png --strength 60
    """
    from impasto.runs.job import Job, Saving

    known = _recipe(recipe)
    asked = settings_for(preset, {**(known.settings if known else {}), **settings})
    styles = [*([painting] if painting else []), *(style or [])]
    saving = Saving(
        overwrite=overwrite, quality=quality, bit_depth=bit_depth, keep_gps=keep_gps, recipe=not no_recipe
    )
    job = Job(
        inputs=_inputs(content, styles, region or [], known),
        settings=asked,
        output=output,
        saving=saving,
        preview_every=preview_every,
        checkpoint=checkpoint,
        network_sha256=_network_of(known, asked),
    )
    _check_outputs(job)
    _run(job, quiet, threads)


def _recipe(path: Path | None) -> Recipe | None:
    if path is None:
        return None
    from impasto.recipes import load_recipe

    return load_recipe(path)


def _inputs(content: str, styles: list[str], regions: list[str], recipe: Recipe | None) -> Inputs:
    """Return what was named; a recipe's styles and regions where none were.

    Raises:
        SettingError: no style was named.
    """
    from impasto.preparation import Inputs

    named: list[Any] = styles or (list(recipe.styles()) if recipe else [])
    if not named:
        raise SettingError("a style must be named after the photo, or with --style or --recipe")
    return Inputs.of(content, named, regions or (recipe.regions() if recipe else []))


def _network_of(recipe: Recipe | None, settings: Settings) -> str | None:
    """Return the sha256 of the recipe's network if it is the one that is asked for."""
    if recipe is None or recipe.settings.get("network", settings.network) != settings.network:
        return None
    return recipe.network_sha256


def _check_outputs(job: Job) -> None:
    """Refuse now what could not be written at the end."""
    from impasto.pictures.writing import check_output
    from impasto.runs.run import check_side_files

    overwrite = job.saving.overwrite
    inputs = [*job.inputs.files, job.settings.initial, job.settings.network]
    check_output(job.output, overwrite=overwrite, inputs=inputs, bit_depth=job.saving.bit_depth)
    check_side_files(job)
    if job.preview_every and job.previews.exists() and not overwrite:
        raise OutputError(f"{job.previews} already exists; add --overwrite or choose another output")
    if job.checkpoint_path.exists() and not overwrite:
        raise OutputError(
            f"{job.checkpoint_path} is the checkpoint of an unfinished run; go on with impasto resume, "
            "or add --overwrite"
        )


def _run(job: Job, quiet: bool, threads: int | None, resumed: Any = None) -> None:
    """Run a job, showing its progress, and end the program as its outcome asks for."""
    from impasto.engine import runtime
    from impasto.runs.run import run_job

    began = time.monotonic()
    runtime.start_program(threads)
    with progress_bar(quiet=quiet) as bar:
        outcome = run_job(job, _shown(bar), (lambda text: None) if quiet else say, resumed)
    if outcome.result is None:
        say("Interrupted before the first iteration; nothing was written.")
    elif not quiet:
        for remark in outcome.notes:
            note(remark)
    if outcome.error:
        say(f"The last good picture is in {job.output}.")
        raise outcome.error
    if outcome.interruption:
        if outcome.result is not None:
            say(f"Interrupted; the picture as it was is in {job.output}.")
        end(EXIT_BY_SIGNAL + outcome.interruption)
    if not quiet and outcome.result is not None:
        height, width = outcome.result.pixels.shape[:2]
        say(f"{job.output}: {width} x {height} px in {time.monotonic() - began:.1f} s.")


def resume_command(
    checkpoint: Annotated[Path, typer.Argument(help="The checkpoint of an interrupted run.")],
    quiet: Quiet = False,
    threads: Threads = None,
) -> None:
    """Go on with an interrupted run; it ends with the picture that it would have made.

    Example: impasto resume pastiche.png.checkpoint
    """
    from impasto.runs.run import resumed_job

    path = checkpoint.absolute()
    job, state = resumed_job(path)
    if not job.folder.is_dir():
        raise CheckpointError(f"the folder {job.folder}, in which the run was started, is not there")
    os.chdir(job.folder)
    _run(job, quiet, threads, (state, path))


def _shown(bar: Bar) -> Callable[[Prepared, Step], None]:
    """Return what shows a Step on a bar: scale, percent, the time left and the losses."""
    started = time.monotonic()
    clocks: list[Clock] = []

    def show(prepared: Prepared, step: Step) -> None:
        if not clocks:
            clocks.append(_clock(prepared, started))
        clock = clocks[0]
        height, width = step.shape
        losses = "  ".join(f"{k} {v:.3g}" for k, v in step.losses.items() if k != "range" and v)
        bar.show(
            f"Scale {step.scale}/{step.scales} ({width} x {height})",
            clock.done(step),
            clock.total,
            clock.seconds_left(step),
            losses,
        )

    return show


def _clock(prepared: Prepared, started: float) -> Clock:
    from impasto.optimization.scales import plan_scales

    settings, shape = prepared.settings, prepared.photo.shape[:2]
    scales = [(s.shape[0] * s.shape[1], s.iterations) for s in plan_scales(shape, settings)]
    if settings.method == "onepass":
        scales = [(shape[0] * shape[1], count) for count in (1, settings.refine)]
    return Clock(scales, started)


def demo_command(
    output: Output = Path("demo.png"),
    style: Annotated[str, typer.Option(help="A built-in style or a picture.")] = "swirls",
    overwrite: Overwrite = False,
) -> None:
    """Make a first pastiche from a photo that scikit-image brings along and a built-in style."""
    import skimage.data

    photo = Path(skimage.data.__file__).with_name("chelsea.png")
    stylize_command(content=str(photo), painting=style, output=output, overwrite=overwrite)


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("stylize")(stylize_command)
    app.command("resume")(resume_command)
    app.command("demo")(demo_command)
