"""Videos by optimization: how much steadier each frame is for beginning at the painting before, held to it.

A clip of `video` in one style, small; painted with every frame by itself, as a photo is, and each from the
one before. Figures are those of `video`, as shares of those of frames painted by themselves:

warping, sharpness   as there
style                VGG-19's distance from the style by the shared judge, of two frames
seconds              of a frame that is not its shot's first
"""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import video

CLIP, STYLE, SIDE, COUNT = "carphone_pristine", "mosaic", 256, 24


def painted(frames: list[Any], stillness: float, workshop: Any) -> tuple[list[np.ndarray], list[float]]:
    """Return frames painted by optimization, and how long each took."""
    from impasto.preparation import Inputs
    from impasto.runs.shot_optimizer import ShotOptimizer
    from impasto.runs.shot_painter import Carried
    from impasto.settings import Settings

    settings = Settings(method="optimize", max_size=SIDE)
    painter = ShotOptimizer(Inputs.of(None, STYLE), settings, frames[::4], "clip", workshop)
    carried, pictures, seconds = Carried(stillness), [], []
    for frame in frames:
        began = time.perf_counter()
        pixels, _ = painter.paint(frame, settings.strength, carried)
        pictures.append(pixels)
        seconds.append(time.perf_counter() - began)
    return pictures, seconds


def frames_of() -> list[Any]:
    """Return the frames, in the size in which they are painted."""
    from impasto.pictures.frames.opening import open_clip
    from impasto.pictures.resizing import fit

    clip = open_clip(video.clip_path(CLIP))
    return list(itertools.islice(clip.frames(fit(clip.shape, SIDE)), COUNT))


def measure(strip: Path | None = None) -> dict[str, Any]:
    """Return the figures; write a strip of consecutive frames if a file is named."""
    from impasto.workshop import Workshop

    frames = frames_of()
    filmed = [frame.pixels for frame in frames]
    moved = video.motions(filmed)
    with Workshop() as workshop:
        painted(frames[:2], 90, workshop)  # compiles
        alone, slow = painted(frames, 0, workshop)
        steady, quick = painted(frames, 90, workshop)
    if strip:
        write_strip(strip, {"filmed": filmed, "each by itself": alone, "steady": steady}, moved)
    styles = [
        [found["style"] for found in video.judged(filmed[n], STYLE, [alone[n], steady[n]])]
        for n in (COUNT // 2, COUNT - 1)
    ]
    return {
        "frames": COUNT,
        "shape": list(filmed[0].shape[:2]),
        "warping": round(video.warping(steady, moved) / video.warping(alone, moved), 3),
        "sharpness": round(video.sharpness(steady[2:]) / video.sharpness(alone[2:]), 3),
        "style": [round(pair[1] / pair[0], 3) for pair in styles if pair],
        "seconds_alone": round(float(np.median(slow)), 2),
        "seconds": round(float(np.median(quick[1:])), 2),
    }


def write_strip(path: Path, rows: dict[str, list[np.ndarray]], moved: Any, columns: int = 5) -> None:
    """Write consecutive frames, and how those that are painted change."""
    from impasto.pictures.writing import contact_sheet, write_picture

    rows = rows | {
        f"change, {label}": video.changes(rows[label], moved) for label in ("each by itself", "steady")
    }
    cells = [pictures[-columns:] for pictures in rows.values()]
    names = [[f"{label}, {n}" for n in range(COUNT - columns, COUNT)] for label in rows]
    write_picture(path, contact_sheet(cells, names, height=rows["filmed"][0].shape[0]))
