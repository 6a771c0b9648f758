"""The commands that make one picture: stylize, demo."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impasto.cli.asked import check_asked
from impasto.cli.cluster import Hands, with_cluster
from impasto.cli.console import (
    EXIT_BY_SIGNAL,
    Bar,
    end,
    note,
    print_json,
    progress_bar,
    say,
)
from impasto.cli.options import (
    BitDepth,
    CheckpointFile,
    Format,
    Json,
    KeepGps,
    NoRecipe,
    Output,
    Overwrite,
    Painting,
    Photo,
    PresetName,
    PreviewEvery,
    Quality,
    Quiet,
    RecipeFile,
    RegionOptions,
    StyleOptions,
    Threads,
    Verbose,
    with_settings,
)
from impasto.cli.places import STREAM, placed
from impasto.cli.weights import ensure_networks
from impasto.errors import (
    Argument,
    ImpastoError,
    Message,
    OutputError,
    SettingError,
)
from impasto.files import as_typed
from impasto.presets import settings_for
from impasto.progress import Clock

if TYPE_CHECKING:
    from impasto.preparation import Inputs
    from impasto.prepared import Prepared
    from impasto.progress import Step
    from impasto.recipes import Recipe
    from impasto.runs.job import Job, Saving
    from impasto.runs.run import Outcome
    from impasto.settings import Settings


class Talk:
    """How much a command says while it makes a picture, in what form, and what it calls the output."""

    def __init__(
        self, quiet: bool = False, verbose: bool = False, json: bool = False, output: str | None = None
    ) -> None:
        self.quiet, self.verbose, self.json, self.output = quiet or json, verbose, json, output

    def say(self, message: str, /, **values: Any) -> None:
        """Print a line unless nothing but errors is wanted."""
        if not self.quiet:
            say(message, **values)

    def remark(self, message: str) -> None:
        """Print a remark unless nothing but errors is wanted."""
        if not self.quiet:
            note(message)


@with_settings
@with_cluster
def stylize_command(
    content: Photo,
    painting: Painting = None,
    *,
    output: Output = None,
    style: StyleOptions = None,
    region: RegionOptions = None,
    preset: PresetName = None,
    recipe: RecipeFile = None,
    overwrite: Overwrite = False,
    quality: Quality = 95,
    bit_depth: BitDepth = 8,
    keep_gps: KeepGps = False,
    no_recipe: NoRecipe = False,
    form: Format = None,
    preview_every: PreviewEvery = 0,
    checkpoint: CheckpointFile = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    threads: Threads = None,
    hands: Hands,
    settings: Any,
) -> None:
    """Repaint the photo CONTENT in the style of the picture STYLE.

    Without -o the result lies beside the photo: photo-painting.png, or with a number if that is there.

    Example: impasto photo.jpg painting.jpg --strength 60
    """
    from impasto.runs.job import Job

    _check_stdout(json, content, output)
    known = read_recipe_file(recipe, silent=bool(quiet or json or painting or style))
    asked = settings_for(preset, {**(known.settings if known else {}), **settings})
    named = named_inputs(content, [*([painting] if painting else []), *(style or [])], region or [], known)
    saving = saving_of(overwrite, quality, bit_depth, keep_gps, not no_recipe)
    check_asked(named, asked, settings, quiet=quiet or json)
    with placed(content, str(named.styles[0].source), output, form, overwrite) as place:
        job = Job(
            inputs=replace(named, content=place.photo),
            output=place.output,
            settings=asked,
            saving=saving,
            preview_every=preview_every,
            checkpoint=checkpoint,
            resumable=not place.streams,
            networks=_networks_of(known, asked),
        )
        run_shown(_checked(job), Talk(quiet, verbose, json, place.name), threads, hands=hands)


def _check_stdout(json: bool, content: str, output: str | None) -> None:
    """Refuse a picture on stdout on which JSON is to be printed."""
    if json and (output or content) == STREAM:
        raise SettingError(
            "the picture and what {json} prints would both go to stdout; name a file with {output}",
            json=Argument("json"),
            output=Argument("output"),
        )


def named_inputs(content: str, styles: list[str], regions: list[str], recipe: Recipe | None) -> Inputs:
    """Return what was named; a recipe's styles and regions where none were.

    Raises:
        SettingError: no style was named.
    """
    from impasto.preparation import Inputs

    named: list[Any] = styles or (list(recipe.styles()) if recipe else [])
    if not named:
        raise SettingError(
            "a style must be named after the photo, or with {style} or {recipe}",
            style=Argument("style"),
            recipe=Argument("recipe"),
        )
    return Inputs.of(content, named, regions or (recipe.regions() if recipe else []))


def saving_of(overwrite: bool, quality: int, bit_depth: int, keep_gps: bool, recipe: bool) -> Saving:
    """Return how pictures are written."""
    from impasto.runs.job import Saving

    return Saving(overwrite=overwrite, quality=quality, bit_depth=bit_depth, keep_gps=keep_gps, recipe=recipe)


def read_recipe_file(path: Path | None, *, silent: bool) -> Recipe | None:
    """Return a recipe, and say what is no longer as it was unless its styles do not count."""
    if path is None:
        return None
    from impasto.recipes import load_recipe

    recipe = load_recipe(path)
    for remark in () if silent else recipe.notes:
        note(remark)
    return recipe


def _networks_of(recipe: Recipe | None, settings: Settings) -> dict[str, str]:
    """Return the sha256 of the recipe's networks, by setting, that are the ones that are asked for."""
    if recipe is None:
        return {}
    asked = {name: getattr(settings, name) for name in recipe.networks}
    return {
        name: sha256
        for name, sha256 in recipe.networks.items()
        if recipe.settings.get(name, asked[name]) == asked[name]
    }


def _checked(job: Job) -> Job:
    """Return a job whose outputs can be written, as far as is known now."""
    from impasto.pictures.writing import check_output
    from impasto.runs.run import check_side_files

    inputs, settings, overwrite = job.inputs, job.settings, job.saving.overwrite
    files = [*inputs.files, settings.initial, *settings.networks]
    check_output(job.output, overwrite=overwrite, inputs=files, bit_depth=job.saving.bit_depth)
    if job.resumable:
        check_side_files(job)
    elif job.checkpoint or job.preview_every:
        raise SettingError(
            "{checkpoint} and {preview} need files, and - is a stream; name the photo and the output",
            checkpoint=Argument("checkpoint"),
            preview=Argument("preview_every"),
        )
    if job.preview_every and os.path.exists(job.previews) and not overwrite:
        raise OutputError(
            "{path} already exists; add {overwrite} or choose another output",
            path=job.previews,
            overwrite=Argument("overwrite=True"),
        )
    if job.resumable and os.path.exists(job.checkpoint_path) and not overwrite:
        raise OutputError(
            "{path} is the checkpoint of an unfinished run; go on with {command}, or add {overwrite}",
            path=job.checkpoint_path,
            command=f"impasto resume {as_typed(job.checkpoint_path)}",
            overwrite=Argument("overwrite=True"),
        )
    return job


def run_shown(
    job: Job, talk: Talk, threads: int | None = None, resumed: Any = None, hands: Hands = nullcontext
) -> None:
    """Run a job, showing its progress, and end the program as its outcome asks for."""
    from impasto.engine import runtime
    from impasto.runs.run import run_job

    began = time.monotonic()
    runtime.start_program(threads)
    ensure_networks([job.settings])
    with hands() as workshop, progress_bar(quiet=talk.quiet) as bar:
        outcome = run_job(job, _shown(bar, talk.verbose), bar.note, resumed, workshop)
    seconds = time.monotonic() - began
    if talk.json:
        print_json(_report(job, outcome, seconds))
    _tell_end(job, replace(outcome, notes=bar.untold(outcome.notes)), seconds, talk)


def _tell_end(job: Job, outcome: Outcome, seconds: float, talk: Talk) -> None:
    """Say what became of a job; end the program if it was interrupted."""
    from impasto.finished import LargePastiche

    output = talk.output or job.output
    if outcome.resumable:
        say("Interrupted; what is painted is kept.")
    elif outcome.result is None:
        say("Interrupted before there was a picture; nothing was written.")
    for remark in outcome.notes:
        talk.remark(remark)
    if outcome.error:
        say("The last good picture is in {path}.", path=output)
        raise outcome.error
    if outcome.interruption:
        if outcome.result is not None:
            say("Interrupted; the picture as it was is in {path}.", path=output)
        end(EXIT_BY_SIGNAL + outcome.interruption)
    if outcome.result is not None and not talk.quiet:  # hints read the photo's header
        height, width = outcome.result.shape
        said = Message(
            "{path}: {width} x {height} px in {seconds:.1f} s",
            path=output,
            width=width,
            height=height,
            seconds=seconds,
        )
        large, fallback = isinstance(outcome.result, LargePastiche), outcome.result.recipe.fallback
        for hint in () if large else _ways_to_more(job, max(height, width), bool(fallback)):
            said = Message("{said}; {hint}", said=said, hint=hint)
        talk.say("{sentence}.", sentence=said)


def _ways_to_more(job: Job, side: int, fallback: bool = False) -> list[Message]:
    """Return how a job's picture could come nearer to its style, and how it could be larger.

    Args:
        job: what was asked for.
        side: the picture's longer one, px.
        fallback: whether the optimization made it instead of one pass.
    """
    from impasto.pictures.reading import read_shape

    settings, plain, nearer, photo_side = job.settings, settings_for(None, {}), "", 0
    if settings.formulas == plain.formulas and not settings.is_photo_itself:
        if settings.networks == plain.networks:
            optimized = settings.method == "optimize" or settings.refine or fallback
            nearer = "--preset fine" if optimized else "--refine 16"
        elif settings.refine:
            nearer = "--preset best"
    with suppress(ImpastoError, TypeError):  # a stream has been read, and can't be again
        photo_side = max(read_shape(job.inputs.content))
    hints = [Message("nearer to the style: {option}", option=nearer)] if nearer else []
    if side == settings.max_size < photo_side:
        wider = min(2 * side, photo_side)
        hints.append(Message("larger: {option}", option=f"--max-size {wider}"))
    return hints


def _report(job: Job, outcome: Outcome, seconds: float) -> dict[str, Any]:
    """Return what became of a job, for another program."""
    result, error = outcome.result, outcome.error
    return {
        "output": str(job.output) if result is not None else None,
        "width": None if result is None else result.shape[1],
        "height": None if result is None else result.shape[0],
        "seconds": round(seconds, 2),
        "iterations": 0 if result is None else len(result.losses),
        "losses": dict(result.losses[-1]) if result is not None and result.losses else {},
        "notes": list(outcome.notes),
        "interrupted_by_signal": outcome.interruption,
        "checkpoint": str(job.checkpoint_path) if outcome.interruption and job.resumable else None,
        "error": error and {"message": str(error), "id": error.id},
    }


def _shown(bar: Bar, verbose: bool) -> Callable[[Prepared, Step], None]:
    """Return what shows a Step on a bar: scale, percent, the time left and, if asked for, the losses."""
    started = time.monotonic()
    clocks: list[Clock] = []

    def show(prepared: Prepared, step: Step) -> None:
        if not clocks:
            clocks.append(
                Clock(step.painter.work, started) if step.painter else _clock(prepared, step, started)
            )
        done, left = clocks[0].tick(step)
        height, width = step.shape
        losses = "  ".join(f"{k} {v:.3g}" for k, v in step.losses.items() if k != "range" and v)
        words = f"{step.scale}/{step.scales}: {width} x {height} px, {step.iteration}/{step.iterations}"
        bar.show(words, done, 1.0, left, losses if verbose else "")

    return show


def _clock(prepared: Prepared, step: Step, started: float) -> Clock:
    from impasto.optimization.planning import operations
    from impasto.optimization.scales import plan_scales

    settings, shape = prepared.settings, prepared.photo.shape[:2]
    pixels = shape[0] * shape[1]
    work = [(s.shape[0] * s.shape[1], s.iterations) for s in plan_scales(shape, settings)]
    if settings.method == "onepass" and not step.fallback:
        work = [(pixels, 1)]
    if settings.refine and not step.fallback:
        effort = operations(prepared.networks[-1]) / operations(prepared.network)
        work.append((round(pixels * effort), settings.refine))
    return Clock(work, started)


def demo_command(
    output: Output = "demo.png",
    style: Annotated[
        str, typer.Option(metavar="STYLE", help="A built-in style or a picture.")
    ] = "watercolor-hills",
    overwrite: Overwrite = False,
) -> None:
    """Make a first pastiche from a photo that scikit-image brings along and a built-in style."""
    import skimage.data

    photo = Path(skimage.data.__file__).with_name("chelsea.png")
    stylize_command(content=str(photo), painting=style, output=output, overwrite=overwrite)
    say("Next: {command}", command="impasto YOUR-PHOTO.jpg hokkai-wave --strength 60")


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("stylize")(stylize_command)
    app.command("demo")(demo_command)
