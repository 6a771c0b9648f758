"""The commands around the main one: doctor, presets, weights, distill."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from impasto import __version__
from impasto.errors import OutputError
from impasto.presets import all_presets
from impasto.settings import DistillSettings

weights_app = typer.Typer(help="Feature networks: list, fetch, import and check their weights.")


def say(text: str) -> None:
    """Print one line to stderr."""
    typer.echo(text, err=True)


def _print_table(columns: list[str], rows: list[list[Any]], title: str | None = None) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, title=title)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    Console().print(table)


def presets_command() -> None:
    """List the presets: what each reproduces or is for, and the settings that it changes."""
    _print_table(
        ["preset", "what it is", "settings"],
        [
            [p.name, p.about, ", ".join(f"{k}={v}" for k, v in p.settings.items())]
            for p in all_presets().values()
        ],
    )


def doctor_command() -> None:
    """Print the engine, the machine, the weights and their checks, and a two-second speed reading."""
    from impasto.engine import runtime

    machine = runtime.describe_machine()
    native = "native" if machine.native_bfloat16 else "not native, so float32 is used"
    rows = [
        ["impasto", __version__],
        ["system", machine.system],
        ["processor", f"{machine.processor}, {machine.cores} cores"],
        ["free memory", f"{machine.free_memory / 2**30:.1f} GiB"],
        ["engine", f"{machine.engine} {machine.engine_version}, Keras {machine.keras_version}"],
        ["device", machine.device],
        ["bfloat16", native],
        ["precision", runtime.resolve_precision("auto")],
    ]
    for dtype in ("float32", "bfloat16"):
        if dtype == "float32" or machine.native_bfloat16:
            rate = runtime.matmul_rate(dtype, seconds=1.0)
            rows.append([f"matrix multiply, {dtype}", f"{rate / 1e9:.0f} GFLOP/s"])
    _print_table(["what", "reading"], rows)
    list_weights()


@weights_app.command("list")
def list_weights() -> None:
    """List the feature networks and whether their files are what they should be."""
    from impasto.networks.catalogue import list_networks

    rows = [
        [card.name, card.status, f"{card.parameters:,}", card.sha256[:12], card.licence, card.source]
        for card in list_networks()
    ]
    _print_table(["network", "file", "parameters", "sha256", "licence", "source"], rows)


@weights_app.command("fetch")
def fetch_weights(
    network: Annotated[str, typer.Argument(help="vgg19, the only network to fetch.")] = "vgg19",
) -> None:
    """Download VGG-19 with Keras' own downloader, check it and keep it."""
    if network != "vgg19":
        raise typer.BadParameter(f"only vgg19 can be fetched, not {network!r}")
    from impasto.engine import runtime

    runtime.start_program()
    from impasto.networks.catalogue import fetch_vgg19

    _report_import(fetch_vgg19(say))


@weights_app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="A .mat, .h5, .safetensors, .pth or .npz file.")],
    force: Annotated[
        bool, typer.Option("--force", help="Take a network that is not VGG-19, as vgg19-unverified.")
    ] = False,
) -> None:
    """Convert a VGG-19 file of any known kind to the package's own safe format and keep it."""
    from impasto.networks.catalogue import import_weights

    _report_import(import_weights(file, force=force))


def _report_import(report: Any) -> None:
    for note in report.notes:
        say(f"Note: {note.rstrip('.')}.")
    say(f"{report.name} is ready: {report.path} (sha256 {report.sha256[:12]}...).")


@weights_app.command("check")
def check_file(
    file: Annotated[Path, typer.Argument(help="The weights file to check.")],
) -> None:
    """Tell whether a weights file is VGG-19, and how it would be read."""
    from impasto.networks.catalogue import check_weights

    report = check_weights(file)
    for sentence in (*report.notes, *report.problems):
        typer.echo(f"{sentence.rstrip('.')}.")
    typer.echo(f"This is {'VGG-19' if report.is_vgg19 else 'not VGG-19'} ({report.family} family).")
    if not report.is_vgg19:
        raise typer.Exit(1)


def distill_command(
    teacher: Annotated[Path, typer.Option(help="Weights of the network to learn from.")],
    images: Annotated[list[Path], typer.Option(help="Pictures, folders or .zip; repeat for more.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The .npz to write.")],
    steps: Annotated[int, typer.Option(min=1, help="Training steps.")] = DistillSettings.steps,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = DistillSettings.seed,
    batch: Annotated[int, typer.Option(min=8, help="Crops per step.")] = DistillSettings.batch,
    crop: Annotated[int, typer.Option(min=32, help="Side of the crops.")] = DistillSettings.crop,
    rate: Annotated[
        float, typer.Option(min=0, help="Highest learning rate.")
    ] = DistillSettings.learning_rate,
    start: Annotated[str | None, typer.Option(help="Go on from this student, by name or file.")] = None,
    precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
) -> None:
    """Train a small feature network from a teacher; repeat the command to continue an interrupted one.

    Writes the weights, and their recipe and figures into manifest.json beside them.
    """
    if output.exists() and not overwrite:
        raise OutputError(f"{output} already exists; add --overwrite or choose another name")
    from impasto.engine import runtime

    runtime.start_program()
    from impasto.training.distillation.distiller import Distillation

    settings = DistillSettings(steps=steps, seed=seed, batch=batch, crop=crop, learning_rate=rate)
    dtype = runtime.resolve_precision(precision)
    training = Distillation.prepare(teacher, images, output, settings, dtype, start)
    if training.crops.broken:
        say(f"Note: {len(training.crops.broken)} pictures could not be read and are left out.")
    _show_training(training)
    figures = training.finish()
    typer.echo(json.dumps(figures, indent=2))
    say(f"{output} is written; {training.checkpoint} may be deleted.")


def _show_training(training: Any) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("Compiling", total=training.settings.steps)
        mean = None
        for step, loss in training.steps():
            mean = loss if mean is None else 0.99 * mean + 0.01 * loss
            bar.update(task, completed=step, description=f"loss {mean:.4f}")


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("presets")(presets_command)
    app.command("doctor")(doctor_command)
    app.command("distill")(distill_command)
    app.add_typer(weights_app, name="weights")
