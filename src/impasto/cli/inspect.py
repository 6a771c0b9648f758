"""The commands that look and compute nothing: plan, recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impasto.cli.commands import say
from impasto.cli.options import with_settings
from impasto.presets import settings_for

if TYPE_CHECKING:
    from impasto.optimization.planning import Plan

GIB = 2**30


@with_settings
def plan_command(
    content: Annotated[str, typer.Argument(help="The photo.", show_default=False)],
    *,
    preset: Annotated[str | None, typer.Option(help="Start from a named recipe.")] = None,
    settings: Any,
) -> None:
    """Print what a run would take: scales, iterations, tiles, predicted time and memory.

    Nothing is painted. The prediction is of this machine as it is now.

    Example: impasto plan photo.jpg --max-size 8000
    """
    checked = settings_for(preset, settings)
    from impasto.engine import runtime

    runtime.start_program()
    from impasto.optimization.planning import plan_picture
    from impasto.pictures.reading import read_picture
    from impasto.preparation import final_shape, load_network_for

    picture = read_picture(content, max_size=None if checked.fit == "stretch" else checked.max_size)
    plan = plan_picture(final_shape(picture, checked), load_network_for(checked), checked)
    _print_plan(plan)
    if max(plan.shape) < checked.max_size:
        say(f"Note: the photo has no more than {max(plan.shape)} px a side, and it is never enlarged.")


def _print_plan(plan: Plan) -> None:
    from rich.console import Console
    from rich.table import Table

    from impasto.optimization.planning import LONG_SECONDS

    console = Console()
    table = Table("scale", "pixels", "iterations", "computed")
    for number, (scale, tile) in enumerate(zip(plan.scales, plan.tiles, strict=True), 1):
        height, width = scale.shape
        table.add_row(str(number), f"{width} x {height}", str(scale.iterations), _tiles(scale.shape, tile))
    console.print(table)
    totals = Table("prediction", "", show_header=False)
    totals.add_row("time", _duration(plan.seconds))
    totals.add_row("memory, peak", f"{plan.memory / GIB:.2f} GiB")
    totals.add_row("memory, free", f"{plan.free / GIB:.2f} GiB")
    totals.add_row("checkpoints", "by themselves" if plan.seconds > LONG_SECONDS else "with --checkpoint")
    console.print(totals)


def _tiles(shape: tuple[int, int], tile: int | None) -> str:
    if tile is None or tile >= max(shape):
        return "as a whole"
    from impasto.layers import STYLE_LAYERS
    from impasto.networks.tile_grid import tile_grid

    tiles = tile_grid(shape, tile, STYLE_LAYERS)
    height, width = tiles[0].shape
    return f"in {len(tiles)} tiles of {width} x {height} px"


def _duration(seconds: float) -> str:
    """Return a time as a person says it: 8 s, 4 min 10 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{max(1, whole)} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def recipe_command(
    file: Annotated[Path, typer.Argument(help="A picture that Impasto wrote, or a .toml or .json file.")],
) -> None:
    """Print a recipe as JSON: settings, network, engine, names and sha256 of the inputs.

    Example: impasto recipe pastiche.png
    """
    from impasto.recipes import load_recipe

    typer.echo(json.dumps(dict(load_recipe(file).values), indent=2, ensure_ascii=False))


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("plan")(plan_command)
    app.command("recipe")(recipe_command)
