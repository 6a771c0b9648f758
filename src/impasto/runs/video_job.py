"""A video job: a clip, its styles and settings, and what only videos have."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from impasto.errors import Argument, SettingError
from impasto.layers import ONEPASS_MINIMUM_SIDE
from impasto.photos import fitted_shape
from impasto.pictures.frames.clip import Clip
from impasto.pictures.frames.joining import FILMS, codec_for
from impasto.pictures.frames.opening import open_clip
from impasto.pictures.frames.sequence import numbered
from impasto.pictures.writing import check_encoding
from impasto.preparation import Inputs
from impasto.runs.checkpoint import inputs_of, inputs_text
from impasto.runs.keyframes import Keyframes
from impasto.settings import Settings, checked

STILLNESS = 90.0
"""How much a painting is drawn to the one before by default (`benchmarks/video.py`)."""
QUALITY = 80


@dataclass(frozen=True, kw_only=True)
class VideoJob:
    """What was asked for.

    Attributes:
        clip: what is painted.
        inputs: styles and regions; its photo is not used.
        settings: of every frame.
        output: a film, an animation or a pattern of numbered pictures.
        stillness: 0 (each frame by itself) to 100: how much a painting is drawn to the one before.
        keyframes: strengths at some times, instead of the settings'.
        seconds: how much of the clip is painted; all of it if None.
        overwrite: whether an existing file may be replaced, and an unfinished run be thrown away.
        quality: 1 to 100, of the pictures in the file.
        recipe: whether the file tells how it was made.

    Raises:
        SettingError: one of them is not allowed.
    """

    clip: Clip
    inputs: Inputs
    settings: Settings
    output: Path
    stillness: float = STILLNESS
    keyframes: Keyframes | None = None
    seconds: float | None = None
    overwrite: bool = False
    quality: int = QUALITY
    recipe: bool = True

    def __post_init__(self) -> None:
        checked("stillness", self.stillness, float, {"low": 0, "high": 100})
        check_encoding(self.quality)
        if self.seconds is not None and self.seconds <= 0:
            raise SettingError(
                "{name} must be longer than 0 s, not {value:g} s",
                name=Argument("preview"),
                value=self.seconds,
            )
        if self.settings.refine:
            raise SettingError("videos are not refined; leave {name} out", name=Argument("refine"))
        codec_for(self.output)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the painted frames; even in a film, which has a color for two by two pixels."""
        height, width = fitted_shape(self.clip.shape, self.settings)
        if self.output.suffix.lower() not in FILMS or "%" in self.output.name:
            return height, width
        return max(ONEPASS_MINIMUM_SIDE, height // 2 * 2), max(ONEPASS_MINIMUM_SIDE, width // 2 * 2)

    @property
    def folder(self) -> Path:
        """Where the segments lie until they are joined."""
        return self.output.with_name(f"{self.output.name.replace('%', '')}.parts")

    @property
    def first_file(self) -> Path:
        """The output, or the first of its numbered pictures."""
        return numbered(self.output, 1) if "%" in self.output.name else self.output

    @property
    def stop(self) -> int | None:
        """The tick before which frames are painted; None: all."""
        if self.seconds is None:
            return None
        return max(1, round(Fraction(self.seconds).limit_denominator(10**6) / self.clip.time_base))

    @property
    def expected(self) -> int | None:
        """How many frames there will be, as the clip's file says; None if it does not say."""
        count = self.clip.expected
        if self.seconds is None or (self.clip.kind == "sequence" and count is None):
            return count
        part = max(1, round(self.seconds * self.clip.rate))
        return part if count is None else min(count, part)

    def strength_at(self, ticks: int) -> float:
        """Return the strength of the frame that is shown at a tick."""
        if self.keyframes is None:
            return self.settings.strength
        return self.keyframes.at(float(ticks * self.clip.time_base))

    def record(self) -> dict[str, Any]:
        """Return what only videos have, for the recipe."""
        record: dict[str, Any] = {"stillness": self.stillness, "quality": self.quality}
        if self.keyframes is not None:
            record["strength"] = [list(point) for point in self.keyframes.points]
        if self.seconds is not None:
            record["seconds"] = self.seconds
        if self.clip.kind == "sequence":
            record["rate"] = str(self.clip.rate)
        return record


def video_text(job: VideoJob) -> dict[str, Any]:
    """Return a job as plain values that JSON can hold, with the folder from which its files are named."""
    return {
        "clip": os.fspath(job.clip.path),
        "rate": str(job.clip.rate) if job.clip.kind == "sequence" else None,
        "inputs": inputs_text(job.inputs),
        "settings": job.settings.to_mapping(),
        "output": os.fspath(job.output),
        "stillness": job.stillness,
        "keyframes": None if job.keyframes is None else [list(point) for point in job.keyframes.points],
        "seconds": job.seconds,
        "overwrite": job.overwrite,
        "quality": job.quality,
        "recipe": job.recipe,
        "folder": os.fspath(Path.cwd()),
    }


def video_of(text: Mapping[str, Any]) -> VideoJob:
    """Return the job that `video_text` wrote, in its folder.

    Raises:
        ImageError: its clip is not there any more, or cannot be read.
    """
    points, rate = text["keyframes"], text["rate"]
    return VideoJob(
        clip=open_clip(text["clip"], None if rate is None else Fraction(rate)),
        inputs=inputs_of(text["inputs"]),
        settings=Settings.from_mapping(text["settings"]),
        output=Path(text["output"]),
        stillness=text["stillness"],
        keyframes=None if points is None else Keyframes(tuple((time, strength) for time, strength in points)),
        seconds=text["seconds"],
        overwrite=text["overwrite"],
        quality=text["quality"],
        recipe=text["recipe"],
    )
