"""The command ``impasto batch``: many pictures, with what is done already kept."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from impasto.cli.asked import check_asked
from impasto.cli.cluster import at_address, on_ray, with_workers
from impasto.cli.console import (
    EXIT_BY_SIGNAL,
    EXIT_SOME_FAILED,
    Bar,
    end,
    note,
    print_json,
    progress_bar,
    say,
)
from impasto.cli.language import tell
from impasto.cli.options import (
    BitDepth,
    Json,
    KeepGps,
    NoRecipe,
    Overwrite,
    PresetName,
    Quality,
    Quiet,
    RecipeFile,
    RegionOptions,
    Threads,
    advanced,
    everyday,
    parsed,
    with_settings,
)
from impasto.cli.stylize import read_recipe_file, saving_of
from impasto.cli.weights import ensure_networks
from impasto.errors import Message
from impasto.presets import settings_for

if TYPE_CHECKING:
    from impasto.runs.batch.batch import Batch, Naming
    from impasto.runs.batch.entries import Choice, Combination, Entry
    from impasto.runs.batch.ledger import BatchStep

MOST_SHOWN = 20
"""Failures that are listed; the manifest has them all."""
Photos = Annotated[
    list[str],
    typer.Argument(
        metavar="PHOTOS...",
        help="Photos, folders, patterns such as 'photos/**/*.jpg', or tables, .csv or .jsonl.",
        show_default=False,
    ),
]
Folder = Annotated[
    Path,
    everyday("-o", "--output", metavar="FOLDER", help="The folder of the pictures."),
]
Styles = Annotated[
    list[str] | None,
    everyday(
        "--style",
        metavar="STYLE",
        help="A painting or a built-in style; each one given makes a picture of every photo.",
    ),
]
Pattern = Annotated[
    str | None,
    everyday(
        "--pattern",
        metavar="PATTERN",
        help="The pictures' names, as in {style}/{name}.jpg; also {folder}, {number} and settings.",
    ),
]
Combine = Annotated[
    str,
    advanced(
        "--combine",
        metavar="NAME",
        help="product: each photo in each style; pairs: the first in the first; blend: all at once.",
    ),
]
Workers = Annotated[
    int | None, with_workers(help="Processes that paint; as many as cores and memory allow by default.")
]
Retry = Annotated[
    int,
    advanced("--retry", min=0, metavar="NUMBER", help="How often a picture that has failed is tried again."),
]
FailFast = Annotated[bool, advanced("--fail-fast", help="End with the first failure.")]
OnRay = Annotated[bool, on_ray(help="Let Ray run the workers, on a session of this machine.")]
Address = Annotated[
    str | None,
    at_address(help="Spread the pictures over the cluster of Ray that has its head here, or auto."),
]
ImageFormat = Annotated[
    str,
    advanced("--format", metavar="FORMAT", help="Where the pattern names none: png, jpg, webp, avif or tif."),
]


@with_settings
def batch_command(
    photos: Photos,
    *,
    output: Folder,
    style: Styles = None,
    pattern: Pattern = None,
    preset: PresetName = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    combine: Combine = "product",
    workers: Workers = None,
    retry: Retry = 0,
    fail_fast: FailFast = False,
    ray: OnRay = False,
    address: Address = None,
    region: RegionOptions = None,
    recipe: RecipeFile = None,
    image_format: ImageFormat = "png",
    quality: Quality = 95,
    bit_depth: BitDepth = 8,
    keep_gps: KeepGps = False,
    no_recipe: NoRecipe = False,
    json: Json = False,
    threads: Threads = None,
    settings: Any,
) -> None:
    """Repaint many photos; what is done already is kept.

    A second run makes what is missing or changed. Failures do not stop the rest; the exit code is 3 then.

    Example: impasto batch photos --style hokkai-wave --style mine.jpg --preset instant -o out
    """
    from impasto.runs.batch.batch import Batch, Naming

    choice = replace(_choice(style or [], region or [], recipe, settings, quiet or json), preset=preset)
    _check_choice(choice, settings, quiet or json)
    if combine != "product":
        choice = replace(choice, combination=cast("Combination", combine))
    entries, outputs = _pictures(photos, choice, Naming(folder=output, pattern=pattern, form=image_format))
    crew: dict[str, Any] = {"workers": workers, "threads": threads, "retries": retry, "fail_fast": fail_fast}
    batch = Batch(
        entries=entries,
        outputs=outputs,
        folder=output,
        saving=saving_of(overwrite, quality, bit_depth, keep_gps, not no_recipe),
        cluster=ray,
        address=address,
        **crew,
    )
    _run(batch, quiet or json, json)


def _pictures(photos: Sequence[str], choice: Choice, naming: Naming) -> tuple[list[Entry], list[Path]]:
    """Return the pictures that are meant, with their files."""
    from impasto.names import check_names
    from impasto.runs.batch.batch import entries_with_outputs
    from impasto.runs.batch.entries import find_rows
    from impasto.runs.batch.manifest import NAME, known_outputs

    rows = find_rows(photos, parsed, known_outputs(naming.folder / NAME))
    for row in rows:
        if row.named:  # what a table or a folder has is one picture's failure
            check_names(row.photo, (), (), ())
    return entries_with_outputs(rows, choice, naming)


def _choice(
    styles: Sequence[str], regions: Sequence[str], recipe: Path | None, settings: Any, silent: bool
) -> Choice:
    """Return what all pictures have in common; a recipe's styles are one picture's, blended."""
    from impasto.runs.batch.entries import Choice

    known = read_recipe_file(recipe, silent=silent or bool(styles))
    if known is None:
        return Choice(styles=styles, regions=regions, settings=settings)
    whole = not styles and known.style_records
    return Choice(
        styles=known.styles() if whole else styles,
        regions=regions or known.regions(),
        combination="blend" if whole else "product",
        settings={**known.settings, **settings},
    )


def _check_choice(choice: Choice, typed: Any, quiet: bool) -> None:
    """Refuse now what a person has named wrongly, and remark on what changes nothing."""
    from impasto.preparation import Inputs

    inputs = Inputs.of(None, list(choice.styles) or [None], choice.regions)
    check_asked(inputs, settings_for(choice.preset, choice.settings), typed, quiet=quiet)


def _run(batch: Batch, quiet: bool, json: bool) -> None:
    """Make the pictures, showing the progress; end as Ctrl-C and failures ask for."""
    from impasto.runs.batch.run import steps_of
    from impasto.runs.interruption import Interruption

    ensure_networks(entry.settings for entry in batch.entries)
    began = time.monotonic()
    ends: list[BatchStep] = []
    with Interruption().heard() as interruption, closing(steps_of(batch)) as steps:
        first = next(steps, None)  # whatever is refused is refused before there is a bar
        with progress_bar("Starting workers", quiet=quiet) as bar:
            for step in itertools.chain([first] if first else (), steps):
                _show(bar, step)
                if step.outcome != "running":
                    ends.append(step)
                if interruption.signal:
                    break
    seconds = time.monotonic() - began
    if json:
        print_json(_report(batch, ends, seconds, interruption.signal))
    _tell_end(batch, ends, seconds, quiet)
    if interruption.signal:
        say(
            "Interrupted; {done} of {count} pictures are there. Repeat to go on.",
            done=sum(step.outcome != "failed" for step in ends),
            count=len(batch.entries),
        )
        end(EXIT_BY_SIGNAL + interruption.signal)
    if any(step.outcome == "failed" for step in ends):
        end(EXIT_SOME_FAILED)


def _show(bar: Bar, step: BatchStep) -> None:
    """Show a BatchStep: how many pictures are there, how many come in a second, and when they all will."""
    words = tell(
        "{done}/{count} pictures, {workers} workers", done=step.done, count=step.count, workers=step.workers
    )
    rate = tell("{rate} pictures/s", rate=f"{step.rate:.2g}") if step.rate else ""
    bar.show(words, step.done, step.count, step.seconds_left, rate)


def _tell_end(batch: Batch, ends: Sequence[BatchStep], seconds: float, quiet: bool) -> None:
    """Say what was made, what was kept and what has failed."""
    outcomes, failed = Counter(step.outcome for step in ends), [s for s in ends if s.outcome == "failed"]
    if not quiet:
        for remark in dict.fromkeys(remark for step in ends for remark in step.notes):
            note(remark)
        say(
            "{folder}: {made} pictures made, {kept} kept, {failed} failed in {seconds:.1f} s.",
            folder=batch.folder,
            made=outcomes["made"],
            kept=outcomes["kept"],
            failed=len(failed),
            seconds=seconds,
        )
    for step in failed[:MOST_SHOWN]:
        say("impasto: no {path}: {reason}.", path=step.output, reason=step.error or Message(""))
    if len(failed) > MOST_SHOWN:
        say("impasto: {count} more failures are in the manifest.", count=len(failed) - MOST_SHOWN)


def _report(batch: Batch, ends: Sequence[BatchStep], seconds: float, signal: int | None) -> dict[str, Any]:
    """Return what became of a batch, for another program."""
    from impasto.runs.batch.manifest import NAME

    pictures = [
        {
            "photo": str(step.entry.photo) if step.entry else None,
            "output": str(step.output),
            "outcome": step.outcome,
            "seconds": round(step.seconds, 3),
            "notes": list(step.notes),
            "error": step.error and {"message": str(step.error), "id": step.error.id},
        }
        for step in ends
    ]
    outcomes = {name: sum(step.outcome == name for step in ends) for name in ("made", "kept", "failed")}
    return {
        "manifest": str(batch.folder / NAME),
        "count": len(batch.entries),
        **outcomes,
        "seconds": round(seconds, 2),
        "pictures": pictures,
        "interrupted_by_signal": signal,
    }


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("batch")(batch_command)
