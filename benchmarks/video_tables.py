"""The figures of docs/video.md, as `benchmarks.readme` puts them between its markers."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
JUDGED = ("style", "content")


def _figures(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))["figures"]
    return found


def video_table() -> str:
    """Return how steady videos are, as shares of frames painted by themselves."""
    figures = _figures("video")
    pairs = [found for label, found in figures.items() if ", " in label]
    rows = []
    for label in ("held", "50", "75", "90", "100"):
        mean = figures[f"mean {label}"]
        judged = [
            f"{statistics.mean(x for pair in pairs for x in pair[label][kind]):.2f}"
            for kind in JUDGED
            if all(kind in pair[label] for pair in pairs)
        ]
        name = {"held": "transfer of the shot held, nothing else", "90": "**90** (the default)"}.get(
            label, label
        )
        rows.append(
            f"| {name} | {mean['warping']:.2f} | {mean['sharpness']:.2f} | {', '.join(judged) or '-'} |"
        )
    head = "| stillness | squared warping error | sharpness | VGG-19's style, content distance |"
    return "\n".join([head, "|---|---|---|---|", *rows])


def still_camera() -> str:
    """Return what a painting does before a still camera."""
    figures = _figures("video")["still camera"].values()
    steady, alone = ([found[which]["crawling"] for found in figures] for which in ("90", "alone"))
    drift = max(found["90"]["drift"] for found in figures)
    return (
        "Before a still camera, under noise of 2/255, the painting changes "
        f"{' and '.join(f'{x:.2f}' for x in steady)} times as much from frame to frame as what is filmed\n"
        f"(painted by themselves: {' and '.join(f'{x:.2f}' for x in alone)} times), and its mean luminance "
        f"stays within {drift:.1f}/255."
    )


def optimized_video() -> str:
    """Return how steady videos by optimization are."""
    figures = _figures("video_optimization")
    height, width = figures["shape"]
    style = ", ".join(f"{share:.2f}" for share in figures["style"]) or "-"
    rows = [
        ("squared warping error", f"{figures['warping']:.2f}"),
        ("sharpness", f"{figures['sharpness']:.2f}"),
        ("VGG-19's style distance, of two frames", style),
        ("seconds a frame", f"{figures['seconds']:.1f} for {figures['seconds_alone']:.1f}"),
    ]
    head = f"| {figures['frames']} frames of {width} x {height} px | of frames painted by themselves |"
    return "\n".join([head, "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


TABLES: dict[str, Callable[[], str]] = {
    "steady": video_table,
    "still": still_camera,
    "optimized": optimized_video,
}
"""By marker."""
