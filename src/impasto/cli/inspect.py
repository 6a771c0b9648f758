"""The commands that look and make nothing: presets, doctor, plan, recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impasto import __version__
from impasto.cli.console import duration, note, print_json, print_table
from impasto.cli.options import Json, PresetName, with_settings
from impasto.cli.video import is_video, plan_video, video_settings
from impasto.cli.weights import ensure_networks, network_records, print_networks
from impasto.errors import Message
from impasto.presets import all_presets, settings_for

if TYPE_CHECKING:
    from impasto.optimization.planning import Plan

GIB = 2**30


def presets_command(json: Json = False) -> None:
    """List the presets: what each reproduces or is for, and the settings that it changes."""
    presets = all_presets().values()
    if json:
        print_json([vars(preset) for preset in presets])
        return
    rows = [[p.name, p.about, ", ".join(f"{k}={v}" for k, v in p.settings.items())] for p in presets]
    print_table(["preset", "what it is", "settings"], rows)


def doctor_command(json: Json = False) -> None:
    """Print the engine, the machine, the weights and their checks, and a two-second speed reading."""
    from impasto.engine import runtime

    runtime.start_program()
    machine, rates = runtime.describe_machine(), {}
    for dtype in ("float32", "bfloat16"):
        if dtype == "float32" or machine.native_bfloat16:
            rates[dtype] = runtime.matmul_rate(dtype, seconds=1.0)
    precision = runtime.resolve_precision("auto")
    if json:
        readings = {"impasto": __version__, **vars(machine), "precision": precision}
        print_json({**readings, "flops_per_second": rates, "networks": network_records()})
        return
    native = "native" if machine.native_bfloat16 else "not native, so float32 is used"
    rows: list[list[str]] = [
        ["impasto", __version__],
        ["system", machine.system],
        ["processor", Message("{name}, {count} cores", name=machine.processor, count=machine.cores)],
        ["free memory", f"{machine.free_memory / GIB:.1f} GiB"],
        ["engine", f"{machine.engine} {machine.engine_version}, Keras {machine.keras_version}"],
        ["device", machine.device],
        ["bfloat16", native],
        ["precision", precision],
    ]
    for dtype, rate in rates.items():
        rows.append([Message("matrix multiply, {dtype}", dtype=dtype), f"{rate / 1e9:.0f} GFLOP/s"])
    print_table(["what", "reading"], rows)
    print_networks()


@with_settings
def plan_command(
    content: Annotated[
        str, typer.Argument(metavar="CONTENT", help="The photo, or a video.", show_default=False)
    ],
    *,
    preset: PresetName = None,
    json: Json = False,
    settings: Any,
) -> None:
    """Print what a run of the method would take: scales, iterations, tiles, predicted time and memory.

    Nothing is painted. The prediction is of this machine as it is now, once the engine is started.

    Example: impasto plan photo.jpg --max-size 8000
    """
    if is_video(content):
        plan_video(content, video_settings(preset, None, settings), json)
        return
    checked = settings_for(preset, settings)
    from impasto.engine import runtime
    from impasto.names import check_names

    check_names(content, (), (), [checked])

    runtime.start_program()
    ensure_networks([checked])
    from impasto.forecast import plan_photo
    from impasto.preparation import load_networks_for

    plan = plan_photo(content, load_networks_for(checked), checked)
    if json:
        print_json(_plan_record(plan))
        return
    _print_plan(plan, resumable=checked.method == "optimize" or checked.refine > 0)
    if max(plan.shape) < checked.max_size:
        note("the photo has no more than {side} px a side, and it is never enlarged", side=max(plan.shape))


def _print_plan(plan: Plan, resumable: bool) -> None:
    rows = []
    for number, (scale, tile) in enumerate(zip(plan.scales, plan.tiles, strict=True), 1):
        height, width = scale.shape
        computed = _windows(*plan.windows) if plan.windows else _tiles(scale.shape, tile)
        rows.append([number, f"{width} x {height}", scale.iterations, computed])
    print_table(["scale", "pixels", "iterations", "computed"], rows)
    least, most = (duration(float(f"{seconds:.1g}")) for seconds in plan.seconds_range)
    totals = [
        ["time", f"{least} to {most}" if least != most else f"about {least}"],
        ["memory, peak", f"about {plan.memory / GIB:.1f} GiB"],
        ["memory, free", f"{plan.free / GIB:.1f} GiB"],
        ["checkpoints", "by themselves" if resumable else "none, it is too quick"],
    ]
    print_table(["prediction", ""], totals, header=False)


def _plan_record(plan: Plan) -> dict[str, Any]:
    """Return a plan for another program: seconds, bytes, pixels."""
    scales: list[dict[str, Any]] = [
        {"width": scale.shape[1], "height": scale.shape[0], "iterations": scale.iterations, "tile": tile}
        for scale, tile in zip(plan.scales, plan.tiles, strict=True)
    ]
    height, width = plan.shape
    if plan.windows:
        count, (height, width) = plan.windows
        scales[0] |= {"windows": count, "window": [width, height]}
        height, width = plan.shape
    totals = {"seconds": round(plan.seconds, 2), "memory": plan.memory, "free_memory": plan.free}
    return {"width": width, "height": height, "scales": scales, **totals}


def _windows(count: int, shape: tuple[int, int]) -> Message:
    return Message(
        "in {count} windows of {width} x {height} px", count=count, width=shape[1], height=shape[0]
    )


def _tiles(shape: tuple[int, int], tile: int | None) -> str:
    if tile is None or tile >= max(shape):
        return "as a whole"
    from impasto.layers import STYLE_LAYERS
    from impasto.networks.tile_grid import tile_grid

    tiles = tile_grid(shape, tile, STYLE_LAYERS)
    height, width = tiles[0].shape
    return Message("in {count} tiles of {width} x {height} px", count=len(tiles), width=width, height=height)


def recipe_command(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A picture that Impasto wrote, or a .toml or .json file.",
            show_default=False,
        ),
    ],
    json: Json = True,  # there is no other form
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
