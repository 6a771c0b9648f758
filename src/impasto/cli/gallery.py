"""The commands of styles: gallery list, show, add, remove; sheet, a photo in all of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from impasto.cli.console import print_json, print_table, progress_bar, say
from impasto.cli.language import tell
from impasto.cli.options import Overwrite, Quiet, Threads

gallery_app = typer.Typer(help="Styles: the built-in ones and your own.")

COLUMNS = 5
"""Pictures in a row of a sheet."""


@gallery_app.command("list")
def list_command(
    json: Annotated[bool, typer.Option("--json", help="For another program.")] = False,
) -> None:
    """List the styles: the built-in ones, then your own."""
    from impasto import gallery

    cards = gallery.cards()
    if json:
        print_json([asdict(card) for card in cards])
    else:
        print_table(
            ["id", "name", "", "what one sees"],
            [[card.id, card.name, "" if card.own else card.name_zh, card.line] for card in cards],
            whole=True,
        )


@gallery_app.command("show")
def show_command(
    style: Annotated[str, typer.Argument(metavar="ID", help="The style's id.", show_default=False)],
) -> None:
    """Print what a style is and where its picture lies."""
    from impasto import gallery

    card = gallery.card(style)
    rows = {
        "id": card.id,
        "name": f"{card.name} {'' if card.own else card.name_zh}",
        "what one sees": card.line,
        "": card.line_zh,
        "picture": card.path,
        "sha256": card.sha256,
        "licence": card.licence or "yours",
    }
    print_table(["what", "reading"], [[name, value] for name, value in rows.items()], header=False)


@gallery_app.command("add")
def add_command(
    file: Annotated[Path, typer.Argument(help="The picture.", show_default=False)],
    name: Annotated[str, typer.Option("--name", help="How the style will be named.", show_default=False)],
    overwrite: Overwrite = False,
) -> None:
    """Keep a picture as a style of your own, by a name that works wherever a style's file does.

    Example: impasto gallery add painting.jpg --name evening
    """
    from impasto import gallery

    card = gallery.add_style(file, name, overwrite=overwrite)
    say("{name} is in your gallery: impasto photo.jpg {name}", name=card.id)


@gallery_app.command("remove")
def remove_command(
    name: Annotated[str, typer.Argument(help="A style of your own.", show_default=False)],
) -> None:
    """Take a style of your own out of the gallery, and delete its copy of the picture."""
    from impasto import gallery

    gallery.remove_style(name)
    say("{name} is no longer in your gallery.", name=name)


def sheet_command(
    content: Annotated[str, typer.Argument(help="The photo.", show_default=False)],
    *,
    output: Annotated[Path, typer.Option("-o", "--output", help="Where to write it.")] = Path("sheet.jpg"),
    size: Annotated[int, typer.Option(min=64, max=1024, help="Long side of each picture in pixels.")] = 384,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    threads: Threads = None,
) -> None:
    """Write one picture that shows the photo in every style, each painted in one pass.

    Example: impasto sheet photo.jpg -o sheet.jpg
    """
    from impasto.pictures.writing import OutputOptions, check_output, contact_sheet, write_picture

    check_output(output, overwrite=overwrite, inputs=[content])
    from impasto import gallery
    from impasto.engine import runtime
    from impasto.pastiche import stylize
    from impasto.pictures.reading import read_picture

    photo = read_picture(content, max_size=size).pixels
    cards, pictures = gallery.cards(), [photo]
    runtime.start_program(threads)
    with progress_bar(quiet=quiet) as bar:
        for index, card in enumerate(cards):
            bar.show(tell("Painting {style}", style=card.id), index, len(cards))
            pictures.append(stylize(photo, str(card.path), method="onepass", max_size=size).pixels)
    labels = ["the photo", *(card.id if card.own else f"{card.id}: {card.name}" for card in cards)]
    starts = range(0, len(pictures), COLUMNS)
    sheet = contact_sheet(
        [pictures[i : i + COLUMNS] for i in starts],
        [labels[i : i + COLUMNS] for i in starts],
        height=photo.shape[0],
    )
    write_picture(output, sheet, OutputOptions(overwrite=overwrite, quality=90))
    if not quiet:
        say("{output}: the photo in {count} styles.", output=output, count=len(cards))


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(gallery_app, name="gallery")
    app.command("sheet")(sheet_command)
