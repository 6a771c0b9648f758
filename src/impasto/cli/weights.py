"""The commands of feature networks: list, fetch, import and check their weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from impasto.cli.console import EXIT_FAILED, end, note, print_json, print_table, print_text, say
from impasto.cli.language import tell
from impasto.cli.options import Json
from impasto.errors import SettingError

weights_app = typer.Typer(help="Feature networks: list, fetch, import and check their weights.")


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
        [card.name, card.status, f"{card.parameters:,}", card.sha256[:12], card.licence, card.source]
        for card in list_networks()
    ]
    print_table(["network", "file", "parameters", "sha256", "licence", "source"], rows)


@weights_app.command("fetch")
def fetch_command(
    network: Annotated[str, typer.Argument(help="vgg19, the only network to fetch.")] = "vgg19",
) -> None:
    """Download VGG-19 with Keras' own downloader, check it and keep it."""
    if network != "vgg19":
        raise SettingError("only vgg19 can be fetched, not {network!r}", network=network)
    from impasto.engine import runtime

    runtime.start_program()
    from impasto.networks.catalogue import fetch_vgg19

    _report_import(fetch_vgg19(say))


@weights_app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="A .mat, .h5, .safetensors, .pth or .npz file.")],
    force: Annotated[
        bool, typer.Option("--force", help="Take a network that is not VGG-19, as vgg19-unverified.")
    ] = False,
) -> None:
    """Convert a VGG-19 file of any known kind to the package's own safe format and keep it."""
    from impasto.networks.catalogue import import_weights

    _report_import(import_weights(file, force=force))


def _report_import(report: Any) -> None:
    for sentence in report.notes:
        note(sentence)
    say(
        "{name} is ready: {path} (sha256 {sha256}...).",
        name=report.name, path=report.path, sha256=report.sha256[:12],
    )  # fmt: skip


@weights_app.command("check")
def check_command(
    file: Annotated[Path, typer.Argument(help="The weights file to check.", show_default=False)],
    json: Json = False,
) -> None:
    """Tell whether a weights file is VGG-19, and how it would be read."""
    from impasto.networks.catalogue import check_weights

    report = check_weights(file)
    if json:
        print_json({name: value for name, value in vars(report).items() if name != "weights"})
    else:
        for sentence in (*report.notes, *report.problems):
            print_text("{sentence}.", sentence=tell(sentence.rstrip(".")))
        if report.is_vgg19:
            print_text("This is VGG-19 ({family} family).", family=report.family)
        else:
            print_text("This is not VGG-19 ({family} family).", family=report.family)
    if not report.is_vgg19:
        end(EXIT_FAILED)


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(weights_app, name="weights")
