"""The commands that train and export: train, train-onepass, distill, export."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impasto.cli.console import EXIT_BY_SIGNAL, end, note, print_json, progress_bar, say
from impasto.cli.places import check_new_file
from impasto.cli.weights import ensure_network
from impasto.errors import Argument, OutputError, SettingError
from impasto.files import as_typed
from impasto.settings import GPU_TRAINING, DistillSettings, OnePassSettings

if TYPE_CHECKING:
    from impasto.networks.feature_network import FeatureNetwork
    from impasto.runs.interruption import Interruption
    from impasto.training.any_style import OnePassTraining
    from impasto.training.loop import Training, TrainingStep

DEVELOPERS = "For developers"
ONEPASS = OnePassSettings()


def train_command(
    painting: Annotated[Path, typer.Argument(help="The painting whose style is learned.")],
    photos: Annotated[list[Path], typer.Argument(help="Photos, folders or .zip; at least 20 photos.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The .style file to write.")],
    minutes: Annotated[
        float, typer.Option(min=0.01, help="Ends after so many minutes at the latest.")
    ] = 40.0,
    steps: Annotated[
        int, typer.Option(min=1, help="Ends after so many training steps at the latest.")
    ] = 9000,
    name: Annotated[str, typer.Option(help="Of the style; by default the painting's.")] = "",
    licence: Annotated[str, typer.Option(help="Of the style, kept in the file.")] = "",
    style_size: Annotated[
        int, typer.Option(min=64, help="Long side to which the painting is reduced; sets the stroke size.")
    ] = 512,
    judge: Annotated[
        str,
        typer.Option(
            help="The network that makes the losses; by default vgg19 if it is installed, else compact."
        ),
    ] = "",
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
) -> None:
    """Learn one painting's style from your photos; repeat the command to continue an interrupted one.

    A preview lies beside the output and is renewed every minute.
    """
    check_new_file(output, ".style", overwrite=overwrite, inputs=[painting, *photos])
    from impasto.engine import runtime

    runtime.start_program()
    from impasto.onepass.painter import load_onepass_network
    from impasto.training.own_style import StyleTraining
    from impasto.training.style_trainer import StyleSettings

    settings = StyleSettings(minutes=minutes, steps=steps, style_size=style_size, seed=seed)
    start = load_onepass_network(runtime.resolve_precision(precision))
    network = _load_judge(judge or _usual_judge(), start.encoder.dtype)
    training = StyleTraining.prepare((painting, photos), output, settings, start, network)
    for remark in training.notes:
        note(remark)
    say("The preview is {path}.", path=training.preview_path)
    run_training(training)
    figures = training.finish(name or painting.stem, licence)
    _tell_gain(figures["any_style"], figures["trained"], figures["held_out_photos"])
    say("{path} is written; use it as a style: {option}.", path=output, option=f"--style {as_typed(output)}")


def _usual_judge() -> str:
    """Return the best network at hand for the losses, and say how to get a better one."""
    from impasto.networks.catalogue import needs_vgg19

    if not needs_vgg19("vgg19"):
        return "vgg19"
    note("compact makes the losses; VGG-19, which 'impasto weights fetch vgg19' installs, makes better ones")
    return "compact"


def _tell_gain(before: dict[str, float], after: dict[str, float], photos: int) -> None:
    """Say what a training made of the losses."""
    say(
        "On {count} photos not trained on: style loss {style:.3f} (before training {style_before:.3f}), "
        "content loss {content:.2f} ({content_before:.2f}).",
        count=photos,
        style=after["style"],
        style_before=before["style"],
        content=after["content"],
        content_before=before["content"],
    )


def _load_judge(name: str, dtype: str) -> FeatureNetwork:
    """Load a feature network that makes losses; VGG-19 without its zero padding, which shows at borders."""
    ensure_network(name)
    from impasto.networks.catalogue import load_network

    return load_network(name, padding="reflect", dtype=dtype)


def run_training(training: Training, after: Callable[[int], None] = lambda step: None) -> None:
    """Train with a bar; when interrupted save and end.

    Args:
        training: of any kind.
        after: is told the number of every step that is done.

    Raises:
        typer.Exit: Ctrl-C or another signal, after the state was saved.
    """
    from impasto.runs.interruption import Interruption

    if os.path.exists(training.checkpoint):
        say("Continuing from {checkpoint}.", checkpoint=training.checkpoint)
    with Interruption().heard() as interruption:
        last = _show_steps(training, interruption, after)
        if interruption.signal is not None:
            if last is not None:
                training.save(last.step)
            say(
                "Interrupted; {checkpoint} is kept: repeat the command to continue.",
                checkpoint=training.checkpoint,
            )
            end(EXIT_BY_SIGNAL + interruption.signal)


def _show_steps(
    training: Training, interruption: Interruption, after: Callable[[int], None]
) -> TrainingStep | None:
    """Train to the end or to an interruption and return the last step, None if there was none."""
    step = None
    with progress_bar("Compiling") as bar:
        means: dict[str, float] = {}
        for step in training.steps():
            for term, value in step.terms.items():
                means[term] = 0.98 * means.get(term, value) + 0.02 * value
            if means:
                words = (f"step {step.step}", *(f"{term} {mean:.3f}" for term, mean in means.items()))
                bar.show(", ".join(words), step.done, 1.0)
            for remark in step.notes:
                bar.note(remark)
            if interruption.signal is not None:
                break
            if step.step:
                after(step.step)
    return step


def train_onepass_command(
    photos: Annotated[list[Path], typer.Option(help="Photos, folders or .zip; repeat for more.")],
    styles: Annotated[list[Path], typer.Option(help="Paintings, folders or .zip; repeat for more.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The .npz to write.")],
    steps: Annotated[int | None, typer.Option(min=1, help="By default 13000, on a GPU 7000.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    rate: Annotated[float, typer.Option(min=0, help="Highest learning rate.")] = ONEPASS.learning_rate,
    judge: Annotated[str, typer.Option(help="The network that makes the losses, by name or file.")] = "vgg19",
    encoder: Annotated[str, typer.Option(help="The network that encodes, by name or file.")] = "compact",
    start: Annotated[Path | None, typer.Option(help="Go on from these weights.")] = None,
    start_encoder: Annotated[
        str | None, typer.Option(help="What encoded for these weights, by name or file, if it was another.")
    ] = None,
    style_weight: Annotated[
        float, typer.Option(min=0, help="Style weight over content weight at strength 50.")
    ] = ONEPASS.style_weight,
    sheet_every: Annotated[int, typer.Option(min=1, help="Steps between contact sheets.")] = 1000,
    precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
) -> None:
    """Train the any-style network; repeat the command to continue an interrupted one.

    Writes the weights, and their recipe and figures into manifest.json beside them.
    """
    check_new_file(output, ".npz", overwrite=overwrite, inputs=[*photos, *styles])
    from impasto.engine import runtime

    runtime.start_program()
    from impasto.networks.catalogue import load_network
    from impasto.training.any_style import OnePassTraining

    dtype = runtime.resolve_precision(precision)
    first = load_network(encoder, dtype=dtype)
    networks = first, first if judge == encoder else _load_judge(judge, dtype)
    before = load_network(start_encoder, dtype=dtype) if start_encoder else first
    usual = GPU_TRAINING if runtime.device() == "gpu" else {}
    chosen = {"seed": seed, "learning_rate": rate, "style_weight": style_weight}
    settings = OnePassSettings(**{**usual, **chosen, **({"steps": steps} if steps else {})})
    begun = (start, before) if start else None
    training = OnePassTraining.prepare(photos, styles, output, settings, networks, begun)
    for broken in filter(None, (training.photos.broken, training.styles.broken)):
        note("{count} pictures could not be read and are left out", count=len(broken))
    run_training(training, partial(_write_sheet, training, sheet_every))
    print_json(training.finish())
    say("{path} is written; {checkpoint} may be deleted.", path=output, checkpoint=training.checkpoint)


def _write_sheet(training: OnePassTraining, every: int, step: int) -> None:
    """Write a contact sheet of held-out photos and styles, if it is time for one."""
    if step % every and step != training.settings.steps:
        return
    from impasto.pictures.writing import OutputOptions, write_picture
    from impasto.training.any_style import EVALUATION_SIDE, contact_sheet
    from impasto.training.crops import center_squares

    photos, styles = (
        center_squares(crops.held_out, EVALUATION_SIDE)[:6] for crops in (training.photos, training.styles)
    )
    sheet = contact_sheet(training.trainer.network, photos, styles, 0.5)
    path = training.output.with_name(f"{training.output.stem}-{step}.png")
    write_picture(path, sheet, OutputOptions(overwrite=True))


def export_command(
    style: Annotated[str, typer.Argument(help="A .style file, or onepass for the any-style network.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="NAME.onnx, NAME.tflite or a folder for a SavedModel.")
    ],
    size: Annotated[
        tuple[int, int] | None,
        typer.Option(
            metavar="HEIGHT WIDTH", help="Height and width of the photos, fixed; by default any size will do."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")] = False,
) -> None:
    """Write a style for other programs: ONNX, LiteRT (.tflite) or TensorFlow's SavedModel.

    The any-style network becomes several files: -encoder, -painter and, in ONNX, -maps. Each is compared with
    the engine.
    """
    from impasto.engine import runtime

    runtime.start_program()
    from impasto.export.formats import export_paths, export_style
    from impasto.onepass.painter import load_onepass_network
    from impasto.onepass.style_file import read_style_file

    network, any_style = load_onepass_network("float32"), style == "onepass"
    for path in export_paths(output, any_style):
        if os.path.exists(path) and (os.path.isdir(path) or not overwrite):
            if os.path.isdir(path):
                raise OutputError("{path} already exists; choose another name", path=path)
            raise OutputError(
                "{path} already exists; add {overwrite} or choose another name",
                path=path,
                overwrite=Argument("overwrite=True"),
            )
    if any_style:
        written = export_style(network, output, size=size)
    else:
        style_file = read_style_file(style)
        own, words = style_file.network(network.encoder), {"licence": style_file.card.licence}
        written = export_style(own, output, statistics=style_file.statistics(), words=words, size=size)
    for export in written:
        say(
            "{path} is written; run by {checked_with} it differs from the engine by at most "
            "{difference:.4f} / 255.",
            path=export.path,
            checked_with=export.record["checked_with"],
            difference=255 * export.difference,
        )


def distill_command(
    images: Annotated[list[Path], typer.Option(help="Pictures, folders or .zip; repeat for more.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The .npz to write.")],
    teacher: Annotated[str, typer.Option(help="The network to learn from, by name or file.")] = "vgg19",
    steps: Annotated[int, typer.Option(min=1, help="Training steps.")] = DistillSettings.steps,
    falling: Annotated[
        int, typer.Option(min=1, help="Steps at the end over which the learning rate falls.")
    ] = DistillSettings.falling,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = DistillSettings.seed,
    batch: Annotated[int, typer.Option(min=8, help="Crops per step.")] = DistillSettings.batch,
    crop: Annotated[int, typer.Option(min=32, help="Side of the crops.")] = DistillSettings.crop,
    rate: Annotated[
        float, typer.Option(min=0, help="Highest learning rate.")
    ] = DistillSettings.learning_rate,
    widths: Annotated[
        str, typer.Option(help="Channels of the 13 convolutions of a selected student.")
    ] = " ".join(map(str, DistillSettings.widths)),
    relu_heads: Annotated[
        str, typer.Option(help="Style layers that keep a trained head with a ReLU.")
    ] = " ".join(DistillSettings.relu_heads),
    start: Annotated[
        str | None, typer.Option(help="Go on from this student, by name or file, instead of a selection.")
    ] = None,
    precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
) -> None:
    """Select a small feature network from a large one and train it; repeat the command to continue.

    Writes the weights, and their recipe and figures into manifest.json beside them.
    """
    numbers: dict[str, Any] = {"steps": steps, "falling": falling, "batch": batch, "crop": crop, "seed": seed}
    heads = tuple(_words(relu_heads))
    settings = DistillSettings(**numbers, learning_rate=rate, widths=_numbers(widths), relu_heads=heads)
    check_new_file(output, ".npz", overwrite=overwrite, inputs=images)
    from impasto.engine import runtime

    runtime.start_program()
    ensure_network(teacher)
    from impasto.training.distillation.distiller import Distillation

    dtype = runtime.resolve_precision(precision)
    training = Distillation.prepare(teacher, images, output, settings, dtype, start)
    if training.crops.broken:
        note("{count} pictures could not be read and are left out", count=len(training.crops.broken))
    run_training(training)
    print_json(training.finish())
    say("{path} is written; {checkpoint} may be deleted.", path=output, checkpoint=training.checkpoint)


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _numbers(words: str) -> tuple[int, ...]:
    """Return whole numbers that are separated by spaces or commas.

    Raises:
        SettingError: they are not.
    """
    try:
        return tuple(int(word) for word in _words(words))
    except ValueError as error:
        raise SettingError(
            "widths must be whole numbers, such as '16 16 40', not {words!r}", words=words
        ) from error


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("train")(train_command)
    app.command("train-onepass", rich_help_panel=DEVELOPERS)(train_onepass_command)
    app.command("export")(export_command)
    app.command("distill", rich_help_panel=DEVELOPERS)(distill_command)
