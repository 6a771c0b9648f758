"""Speed and memory of videos: frames per second beside one pass alone in the same run, and a long clip.

The clip is made here: a picture that pans, 512 x 288 px. One pass alone is timed before and after the video,
because the machine's speed drifts. The long clip has 10,000 frames of 64 x 48 px; what the process takes is
read after each 1,000.
"""

from __future__ import annotations

import itertools
import os
import statistics
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

SHAPE, FRAMES = (288, 512), 60
SMALL, LONG = (48, 64), 10_000
STYLE = "mosaic"


def make_clip(path: Path, shape: tuple[int, int], count: int) -> Path:
    """Write a clip of a picture that pans to and fro."""
    import skimage.data

    from impasto.pictures.frames.segment import SegmentWriter
    from impasto.pictures.resizing import resize

    height, width = shape
    scene = resize(skimage.data.astronaut().astype(np.float32) / 255, (height, 2 * width))
    with SegmentWriter(path, shape, Fraction(1, 25), Fraction(25)) as writer:
        for index in range(count):
            left = abs(index % (2 * width) - width)
            writer.add(scene[:, left : left + width], index)
    return path


def resident() -> int:
    """Return the bytes of memory that this process takes now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def job_of(source: Path, output: Path) -> Any:
    from impasto.pictures.frames.opening import open_clip
    from impasto.preparation import Inputs
    from impasto.runs.video_job import VideoJob
    from impasto.settings import Settings

    return VideoJob(
        clip=open_clip(source),
        inputs=Inputs.of(None, STYLE),
        settings=Settings(method="onepass"),
        output=output,
        overwrite=True,
    )


def one_pass(source: Path, workshop: Any) -> float:
    """Return the median seconds of one pass alone, each on a frame of its own."""
    from impasto.pictures.frames.opening import open_clip
    from impasto.preparation import Inputs
    from impasto.runs.shot_painter import Carried, ShotPainter
    from impasto.settings import Settings

    frames = list(itertools.islice(open_clip(source).frames(), 12))
    painter = ShotPainter(Inputs.of(None, STYLE), Settings(method="onepass"), frames[:1], "clip", workshop)
    times = []
    for frame in frames:
        began = time.perf_counter()
        painter.paint(frame, 50, Carried(0))
        times.append(time.perf_counter() - began)
    return statistics.median(times[2:])


def measure() -> dict[str, Any]:
    """Return frames per second, and memory over a long clip."""
    from impasto.runs.video import run_video
    from impasto.workshop import Workshop

    with tempfile.TemporaryDirectory() as folder, Workshop() as workshop:
        source = make_clip(Path(folder) / "clip.mp4", SHAPE, FRAMES)
        before = one_pass(source, workshop)
        steps: list[Any] = []
        run_video(job_of(source, Path(folder) / "out.mp4"), steps.append, print, workshop)
        after = one_pass(source, workshop)
        long = make_clip(Path(folder) / "long.mp4", SMALL, LONG)
        memory: list[int] = []

        def look(step: Any) -> None:
            if step.frame % 1000 == 0:
                memory.append(resident())

        outcome = run_video(job_of(long, Path(folder) / "long-out.mp4"), look, print, workshop)
    return {
        "frames_per_second": round(steps[-1].rate, 2),
        "one_pass_alone_per_second": round(2 / (before + after), 2),
        "long_frames": outcome.frames,
        "long_mib_after_each_1000": [round(found / 2**20) for found in memory],
    }
