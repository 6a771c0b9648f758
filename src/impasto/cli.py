"""The command line. It knows the settings, the errors and how to print; nothing heavy loads before work."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impasto import __version__
from impasto.commands import register, say
from impasto.errors import ImpastoError, OutputError, SettingError
from impasto.presets import settings_for
from impasto.setting_options import with_settings

if TYPE_CHECKING:
    from impasto.pastiche import Pastiche, Prepared
    from impasto.progress import Step

EXIT_USAGE, EXIT_INTERRUPTED = 2, 130

app = typer.Typer(
    help="Repaint a photo in the style of another picture.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Output = Annotated[Path, typer.Option("-o", "--output", help="Where to write the pastiche.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="Processor threads; all of them by default.")
]
PresetName = Annotated[
    str | None, typer.Option("--preset", help="Start from a named recipe; see impasto presets.")
]


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Repaint a photo in the style of another picture."""
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command("stylize")
@with_settings
def stylize_command(
    content: Annotated[str, typer.Argument(help="The photo.", show_default=False)],
    style: Annotated[str, typer.Argument(help="The painting, or a built-in style.", show_default=False)],
    output: Output,
    *,
    preset: PresetName = None,
    overwrite: Overwrite = False,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of JPEG, WebP and AVIF.")] = 95,
    preview_every: Annotated[
        int, typer.Option(min=0, help="Write the picture every N iterations to OUTPUT-previews; 0 never.")
    ] = 0,
    recipe: Annotated[
        bool, typer.Option("--recipe/--no-recipe", help="Tell in the file how it was made.")
    ] = True,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    threads: Threads = None,
    settings: Any,
) -> None:
    """Repaint the photo CONTENT in the style of the picture STYLE.

    Example: impasto stylize photo.jpg painting.jpg -o pastiche.png --strength 60
    """
    chosen = settings_for(preset, settings)
    from impasto.image_output import check_output

    began = time.monotonic()
    check_output(output, overwrite=overwrite, inputs=[content, style, chosen.initial, chosen.network])
    previews = output.with_name(f"{output.stem}-previews") if preview_every else None
    if previews and previews.exists() and not overwrite:
        raise OutputError(f"{previews} already exists; add --overwrite or choose another output")
    from impasto import pastiche, runtime

    runtime.start_engine(threads)
    with _progress(quiet) as show:
        prepared = pastiche.prepare(content, style, chosen)
        result, interrupted = _optimize(prepared, show, previews, preview_every)
    with _no_interruption():
        saved = result.save(output, overwrite=overwrite, quality=quality, recipe=recipe)
    if not quiet:
        for note in [*result.notes, *saved]:
            say(f"Note: {note.rstrip('.')}.")
    if interrupted:
        say(f"Interrupted; the picture as it was is in {output}.")
        raise typer.Exit(EXIT_INTERRUPTED)
    if not quiet:
        height, width = result.pixels.shape[:2]
        say(f"{output}: {width} x {height} px in {time.monotonic() - began:.1f} s.")


def _optimize(
    prepared: Prepared, show: Any, previews: Path | None, preview_every: int
) -> tuple[Pastiche, bool]:
    """Run the method, showing and previewing; return the pastiche and whether Ctrl-C ended it early."""
    from impasto import pastiche

    began = time.monotonic()
    losses: list[dict[str, float]] = []
    step: Step | None = None
    interrupted = False
    try:
        for step in pastiche.run(prepared):
            losses.append(dict(step.losses))
            show(prepared, step)
            if previews and len(losses) % preview_every == 0:
                with _no_interruption():
                    _preview(pastiche.finish(prepared, step, losses, began), previews, len(losses))
    except KeyboardInterrupt:
        if step is None:
            say("Interrupted before the first iteration; nothing was written.")
            raise typer.Exit(EXIT_INTERRUPTED) from None
        interrupted = True
    if step is None:
        raise SettingError("iterations must be at least 1 in all")
    return pastiche.finish(prepared, step, losses, began), interrupted


def _preview(result: Pastiche, folder: Path, number: int) -> None:
    """Write a preview; one that cannot be written costs a note, not the run."""
    try:
        folder.mkdir(exist_ok=True)
        result.save(folder / f"{number:05d}.png", overwrite=True)
    except (ImpastoError, OSError) as error:
        say(f"Note: preview {number} could not be written: {error}.")


@contextmanager
def _no_interruption() -> Iterator[None]:
    """Hold Ctrl-C back until a file is whole."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _progress(quiet: bool) -> Iterator[Any]:
    """Yield a function that shows a Step: a bar with scale, iteration, losses and the time left."""
    if quiet:
        yield lambda prepared, step: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    from impasto.progress import Clock

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Reading the pictures and loading the network", total=None, text="")
        started = time.monotonic()
        clocks: list[Clock] = []

        def show(prepared: Prepared, step: Step) -> None:
            if not clocks:
                clocks.append(_clock(prepared, started))
                bar.update(task, total=clocks[0].total)
            clock = clocks[0]
            height, width = step.shape
            losses = "  ".join(f"{k} {v:.3g}" for k, v in step.losses.items() if k != "range")
            bar.update(
                task,
                completed=clock.done(step),
                description=f"Scale {step.scale}/{step.scales} ({width} x {height})",
                text=f"{step.iteration}/{step.iterations}  {losses}  {clock.seconds_left(step):.0f} s left",
            )

        yield show


def _clock(prepared: Prepared, started: float) -> Any:
    from impasto.gatys import plan_scales
    from impasto.progress import Clock

    scales = plan_scales(prepared.content.shape[:2], prepared.settings)
    return Clock([(s.shape[0] * s.shape[1], s.iterations) for s in scales], started)


@app.command("demo")
def demo_command(
    output: Output = Path("demo.png"),
    style: Annotated[str, typer.Option(help="A built-in style or a picture.")] = "swirls",
    overwrite: Overwrite = False,
) -> None:
    """Make a first pastiche from a photo that scikit-image brings along and a built-in style."""
    import skimage.data

    photo = Path(skimage.data.__file__).with_name("chelsea.png")
    stylize_command(content=str(photo), style=style, output=output, overwrite=overwrite)


register(app)


def main() -> None:
    """Run the command line: an error of ours is one line on stderr and exit code 1 (2 for usage)."""
    debug = "--debug" in sys.argv or bool(os.environ.get("IMPASTO_DEBUG"))
    try:
        app()
    except ImpastoError as error:
        if debug:
            raise
        say(f"impasto: {error}" if str(error).endswith("?") else f"impasto: {error}.")
        sys.exit(EXIT_USAGE if isinstance(error, SettingError) else 1)


if __name__ == "__main__":
    main()
