"""The tables of docs/batch.md, docs/cluster-optimization.md and docs/large-pictures.md that are measured."""

from __future__ import annotations

from typing import Any


def batch_table(figures: dict[str, Any]) -> str:
    """Return how quick a batch is, and what becomes of it when a worker and the driver are killed."""
    fast, own, ray = (figures[name] for name in ("throughput", "processes", "ray"))
    one, two = fast["one_worker_of_a_core"]["steady"], fast["two_workers_of_a_core_each"]["steady"]
    lines = [
        "| pictures a second, {} photos of {} px, one pass | |".format(fast["pictures"], fast["size"]),
        "|---|---|",
        f"| a loop over a warm `Stylizer`, all cores | {fast['loop_over_a_warm_stylizer']:.1f} |",
        f"| `impasto batch` (its start and end included) | {fast['batch']['steady']:.1f} "
        f"({fast['batch']['all']:.1f}), {fast['batch_over_loop']:.2f} times the loop |",
        f"| one worker of one core; two | {one:.1f}; {two:.1f}, {fast['two_over_one']:.2f} times |",
        "",
        f"| {own['pictures']} of {own['size']} px, a worker killed, then the driver | processes | Ray |",
        "|---|---|---|",
    ]
    words = {
        "done": "pictures done",
        "done_twice": "made twice",
        "made_a_third_time": "made again by a third run",
        "seconds_until_others_went_on": "s until others go on after a worker's death",
        "seconds_until_a_new_worker_painted": "s until a new worker paints",
        "seconds_until_a_new_driver_painted": "s until a new driver's first picture",
        "workers_that_outlived_the_driver": "workers that outlive the driver",
    }
    lines += [f"| {word} | {own[name]} | {ray[name]} |" for name, word in words.items()]
    return "\n".join(lines)


def cluster_table(figures: dict[str, Any]) -> str:
    """Return seconds of an iteration with workers beside one process, the model, and the deviations."""
    alone, side, tile = figures["one_process"], figures["side"], figures["tile"]
    lines = [
        f"| an iteration at {side} px in tiles of {tile} | seconds | MB between neighbors, with the driver |",
        "|---|---|---|",
        f"| one process, {alone['cores']} cores | {alone['seconds']:.2f} | |",
    ]
    for row in figures["workers"]:
        count = f"{row['workers']} workers" if row["workers"] > 1 else "1 worker"
        crowded = f" on {alone['cores']} cores" if row["crowded"] else " of one core each"
        crowded = " of one core" if row["workers"] == 1 else crowded
        moved = f"{row['neighbor_mb']:.1f}, {row['driver_mb']:.1f}"
        lines.append(f"| {count}{crowded} | {row['seconds']:.2f} | {moved} |")
    over = figures["overhead_with_a_worker_a_core"]
    lines += ["", f"A worker for each core: {100 * over:+.1f}% an iteration, against one process.", ""]
    model = figures["model"]["predicted"]
    sides = sorted({row["side"] for row in model})
    lines += [
        "| workers, by the model | " + " | ".join(f"{side} px" for side in sides) + " |",
        "|---" * (len(sides) + 1) + "|",
    ]
    columns = [[row for row in model if row["side"] == side] for side in sides]
    for rows in zip(*columns, strict=True):
        cells = [f"{row['seconds']:.2f} s, {row['efficiency']:.0%}" for row in rows]
        lines.append(f"| {rows[-1]['workers']} | {' | '.join(cells)} |")
    if found := figures.get("deviation"):
        lines += ["", "| two parts, 1,024 px in tiles of 768 | value | gradient |", "|---|---|---|"]
        words = {
            "float32": "float32, against one process in the same tiles",
            "bfloat16": "bfloat16, against one process in the same tiles and bfloat16",
            "bfloat16 and float32, one process": "one process in bfloat16, against float32",
            "bfloat16 in parts and float32, one process": "two parts in bfloat16, one process in float32",
        }
        lines += [f"| {words[k]} | {v['value']:.1e} | {v['gradient']:.1e} |" for k, v in found.items()]
    return "\n".join(lines)


def gigapixel_table(figures: dict[str, Any]) -> str:
    """Return what one pass on a gigapixel takes."""
    pixels = figures["width"] * figures["height"] / 1e6
    rows = {
        "photo": f"{figures['width']:,} x {figures['height']:,} px, {pixels:,.0f} megapixels",
        "its file; the painted one": f"{figures['photo_gib']:.2f} GiB; {figures['painted_gib']:.2f} GiB",
        "seconds; microseconds a pixel": (
            f"{figures['seconds']:,.0f}; {figures['microseconds_per_pixel']:.2f}"
        ),
        "memory at the peak": f"{figures['peak_gib']:.2f} GiB",
        "neighbors across the borders of tiles differ": (
            f"{figures['seam']:.2f} times as much as others; lines without a border "
            f"{figures['seam_elsewhere'][0]:.2f} to {figures['seam_elsewhere'][1]:.2f} times"
        ),
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])
