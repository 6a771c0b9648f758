"""The commands that look and make nothing: presets, doctor, plan, recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impasto import __version__
from impasto.cli.console import duration, note, print_json, print_table
from impasto.cli.options import PresetName, with_settings
from impasto.cli.weights import print_networks
from impasto.presets import all_presets, settings_for

if TYPE_CHECKING:
    from impasto.optimization.planning import Plan

GIB = 2**30


def presets_command() -> None:
    """List the presets: what each reproduces or is for, and the settings that it changes."""
    print_table(
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
        ["free memory", f"{machine.free_memory / GIB:.1f} GiB"],
        ["engine", f"{machine.engine} {machine.engine_version}, Keras {machine.keras_version}"],
        ["device", machine.device],
        ["bfloat16", native],
        ["precision", runtime.resolve_precision("auto")],
    ]
    for dtype in ("float32", "bfloat16"):
        if dtype == "float32" or machine.native_bfloat16:
            rate = runtime.matmul_rate(dtype, seconds=1.0)
            rows.append([f"matrix multiply, {dtype}", f"{rate / 1e9:.0f} GFLOP/s"])
    print_table(["what", "reading"], rows)
    print_networks()


@with_settings
def plan_command(
    content: Annotated[str, typer.Argument(help="The photo.", show_default=False)],
    *,
    preset: PresetName = None,
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
        note(f"the photo has no more than {max(plan.shape)} px a side, and it is never enlarged")


def _print_plan(plan: Plan) -> None:
    from impasto.optimization.planning import LONG_SECONDS

    rows = []
    for number, (scale, tile) in enumerate(zip(plan.scales, plan.tiles, strict=True), 1):
        height, width = scale.shape
        rows.append([number, f"{width} x {height}", scale.iterations, _tiles(scale.shape, tile)])
    print_table(["scale", "pixels", "iterations", "computed"], rows)
    totals = [
        ["time", duration(plan.seconds)],
        ["memory, peak", f"{plan.memory / GIB:.2f} GiB"],
        ["memory, free", f"{plan.free / GIB:.2f} GiB"],
        ["checkpoints", "by themselves" if plan.seconds > LONG_SECONDS else "with --checkpoint"],
    ]
    print_table(["prediction", ""], totals, header=False)


def _tiles(shape: tuple[int, int], tile: int | None) -> str:
    if tile is None or tile >= max(shape):
        return "as a whole"
    from impasto.layers import STYLE_LAYERS
    from impasto.networks.tile_grid import tile_grid

    tiles = tile_grid(shape, tile, STYLE_LAYERS)
    height, width = tiles[0].shape
    return f"in {len(tiles)} tiles of {width} x {height} px"


def recipe_command(
    file: Annotated[Path, typer.Argument(help="A picture that Impasto wrote, or a .toml or .json file.")],
) -> None:
    """Print a recipe as JSON: settings, network, engine, names and sha256 of the inputs.

    Example: impasto recipe pastiche.png
    """
    from impasto.recipes import load_recipe

    print_json(load_recipe(file).to_mapping())


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("presets")(presets_command)
    app.command("doctor")(doctor_command)
    app.command("plan")(plan_command)
    app.command("recipe")(recipe_command)
