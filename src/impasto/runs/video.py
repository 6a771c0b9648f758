"""A video from start to finish: read ahead, paint, write behind, go on after an interruption, join.

The clip is read twice at the same time: once ahead for its shots (`pictures/frames/shots.py`), once for the
frames that are painted. Neither keeps more than a few frames.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.errors import Argument, ImageError, Message, SettingError
from impasto.pastiche import COLLAPSED
from impasto.pictures.frames.clip import Frame
from impasto.pictures.frames.joining import Joining, check_animated, codec_for, join
from impasto.pictures.frames.masks import FrameMasks
from impasto.pictures.frames.sequence import digest_of
from impasto.pictures.frames.shots import Shot, shots_of
from impasto.pictures.frames.sound import sound_notes
from impasto.preparation import is_own_style
from impasto.recipes import PictureRecord, Recipe
from impasto.runs.interruption import Interruption
from impasto.runs.overlap import Ahead, Behind
from impasto.runs.shot_optimizer import ShotOptimizer
from impasto.runs.shot_painter import Carried, ShotPainter, check_subject
from impasto.runs.video_job import VideoJob, video_text
from impasto.runs.video_parts import LEAST_FRAMES, Parts, Recorder, check_video_output, frames_per_segment
from impasto.workshop import Workshop

AHEAD, BEHIND = 4, 4
"""Frames that wait to be painted, and to be written."""


@dataclass(frozen=True, kw_only=True)
class VideoStep:
    """What a running video tells after each frame.

    Attributes:
        frame: how many are painted.
        frames: how many there will be, as far as is known.
        rate: frames per second of this run, lately.
        seconds_left: until the end, as far as is known.
        shot: the number of the shot, from 1.
        shape: (height, width).
        pixels: the frame as it was painted, float32 (height, width, 3), sRGB.
    """

    frame: int
    frames: int | None
    rate: float
    seconds_left: float | None
    shot: int
    shape: tuple[int, int]
    pixels: NDArray[np.float32] = field(repr=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class VideoOutcome:
    """What became of a video.

    Attributes:
        frames: how many are in the file.
        shots: how many of them have been begun.
        shape: (height, width).
        resumed: how many frames an earlier run had painted.
        notes: sentences for the person.
        interruption: the signal that ended the run early, or None.
        folder: where the run can be gone on with; None if it is finished.
    """

    frames: int
    shots: int
    shape: tuple[int, int]
    resumed: int = 0
    notes: tuple[str, ...] = ()
    interruption: int | None = None
    folder: Path | None = None


def run_video(
    job: VideoJob,
    show: Callable[[VideoStep], None],
    say: Callable[[str], None],
    workshop: Workshop | None = None,
    *,
    resumed: bool = False,
) -> VideoOutcome:
    """Paint a video and write it; go on where an earlier run of the same job was ended.

    Args:
        job: what was asked for.
        show: told of every frame.
        say: told sentences while the job runs.
        workshop: keeps what frames share; one of its own if None.
        resumed: whether an unfinished run is gone on with, whatever the job says of beginning anew.

    Raises:
        ImageError: the clip or a style cannot be read.
        OutputError: the file exists or cannot be written.
        CheckpointError: an unfinished run of something else is in the way.
    """
    with ExitStack() as stack:
        held = workshop if workshop is not None else stack.enter_context(Workshop())
        run = VideoRun(job, say, held, resumed=resumed)
        for step in run.steps(stack.enter_context(Interruption().heard())):
            if step is not None:
                show(step)
    return run.outcome


class VideoRun:
    """A video on its way.

    Args:
        job: what was asked for.
        say: told sentences while the job runs.
        workshop: keeps what frames share.
        resumed: see `run_video`.

    Attributes:
        outcome: what became of it, once there are no more steps.

    Raises:
        ImageError: a mask cannot be used, or has another number of frames than the clip.
        SettingError: masks move, or a style is a .style file, and the method is not one pass.
        OutputError: the file exists or cannot be written.
    """

    outcome: VideoOutcome

    def __init__(
        self, job: VideoJob, say: Callable[[str], None], workshop: Workshop, *, resumed: bool = False
    ) -> None:
        check_video_output(job)
        self._masks = FrameMasks([region.mask for region in job.inputs.regions], job.clip, job.shape)
        _check_method(job, self._masks)
        self._masks.check(job.stop)
        self.job, self._say, self._workshop = job, say, workshop
        self._notes: list[str] = [*job.clip.notes, *sound_notes(job.clip, _suffix(job))]
        self._shots = 0
        self._collapsed: set[str] = set()
        self._clock = _Clock(job.expected, job.shape)
        self._recipe: dict[str, Any] = {}
        self._anew = job.overwrite and not resumed
        self._alpha = codec_for(job.output) == "ffv1"

    def steps(self, interruption: Interruption) -> Iterator[VideoStep | None]:
        """Paint and write the video, yielding a step after each frame; errors are `run_video`'s.

        Before the first one, None is yielded now and then, while the first shot is looked through.

        Args:
            interruption: ends it after the frame, with what is there joined.
        """
        job, closing = self.job, threading.Event()
        with ExitStack() as stack:
            shots = stack.enter_context(Ahead(shots_of(self._frames(closing)), 1))
            frames = stack.enter_context(Ahead(self._frames_with_masks(closing), AHEAD))
            stack.callback(closing.set)
            while not shots.is_ready() and not interruption.signal:
                yield None
            if interruption.signal:
                self.outcome = VideoOutcome(
                    frames=0, shots=0, shape=job.shape, interruption=interruption.signal
                )
                return
            shot = next(shots, None)
            if shot is None:
                raise ImageError("{name} has no frame to paint", name=job.clip.name)
            if job.settings.subject != "all":
                check_subject(shot.samples)
            painter = self._painter(shot, interruption)
            self._recipe = self._recipe_of(painter)
            parts = Parts(job.folder, self._recipe, self._text(), anew=self._anew)
            resumed = parts.count
            yield from self._paint(itertools.chain([shot], shots), frames, parts, painter, interruption)
        if parts.count:
            self._join(parts, whole=interruption.signal is None)
        else:
            parts.remove()
        self.outcome = VideoOutcome(
            frames=parts.count,
            shots=self._shots,
            shape=job.shape,
            resumed=resumed,
            notes=tuple(self._notes),
            interruption=interruption.signal,
            folder=job.folder if interruption.signal and parts.count else None,
        )

    def _text(self) -> dict[str, Any] | None:
        """Return the job as the folder keeps it; None if an input is no file and has no name."""
        job = self.job
        sources = [style.source for style in job.inputs.styles] + [
            region.style for region in job.inputs.regions if region.style is not None
        ]
        return video_text(job) if all(isinstance(source, str | Path) for source in sources) else None

    def _frames(self, closing: threading.Event) -> Iterator[Frame]:
        stop = self.job.stop

        def wanted(frame: Frame) -> bool:
            return not closing.is_set() and (stop is None or frame.ticks < stop)

        return itertools.takewhile(wanted, self.job.clip.frames(self.job.shape))

    def _frames_with_masks(self, closing: threading.Event) -> Iterator[Frame]:
        masks = self._masks.frames()
        return (replace(frame, masks=next(masks)) for frame in self._frames(closing))

    def _painter(self, shot: Shot, interruption: Interruption) -> ShotPainter | ShotOptimizer:
        job = self.job
        if job.settings.method == "onepass":
            return ShotPainter(job.inputs, job.settings, shot.samples, job.clip.name, self._workshop)
        masks = next(self._masks.frames())  # none of which moves
        return ShotOptimizer(
            job.inputs,
            job.settings,
            [replace(sample, masks=masks) for sample in shot.samples],
            job.clip.name,
            self._workshop,
            lambda: interruption.signal is not None,
        )

    def _recipe_of(self, painter: ShotPainter | ShotOptimizer) -> dict[str, Any]:
        job, prepared = self.job, painter.prepared
        self._notes = list(dict.fromkeys([*self._notes, *prepared.notes]))
        content = PictureRecord(name=job.clip.name, sha256=digest_of(job.clip.path))
        return replace(Recipe.of(prepared), content=content, video=job.record()).to_mapping()

    def _paint(
        self,
        shots: Iterator[Shot],
        frames: Iterator[Frame],
        parts: Parts,
        first: ShotPainter | ShotOptimizer,
        interruption: Interruption,
    ) -> Iterator[VideoStep]:
        """Paint the frames that are not painted yet, until the end or an interruption."""
        job, done = self.job, parts.count
        recorder = Recorder(
            parts, job.shape, job.clip.time_base, job.clip.rate, codec_for(job.output), job.quality
        )
        carried, each = Carried(job.stillness), self._frames_per_segment()
        carried.state = parts.state
        painter: ShotPainter | ShotOptimizer | None = first
        with Behind(BEHIND) as behind:
            for shot in shots:
                self._shots += 1
                if shot.stop > done:
                    painter = painter or self._painter(shot, interruption)
                    self._clock.begin(max(done, shot.start))
                if shot.start >= done:
                    carried.restart()
                for frame in itertools.islice(frames, shot.stop - shot.start):
                    if interruption.signal:
                        break
                    if frame.index < done or painter is None:
                        continue
                    pixels = self._painted(painter, frame, carried)
                    if pixels is None:
                        break
                    alpha = frame.alpha if self._alpha else None
                    behind.do(partial(recorder.add, pixels, alpha, frame.ticks, frame.duration))
                    if (frame.index + 1) % each == 0:
                        behind.do(partial(recorder.cut, carried.state))
                    yield self._clock.step(frame.index + 1, self._shots, pixels)
                painter = None
                if interruption.signal:
                    break
            behind.do(partial(recorder.cut, carried.state))

    def _frames_per_segment(self) -> int:
        """Return how many frames a killed run may have to paint again: few where they take long."""
        return LEAST_FRAMES if self.job.settings.method == "optimize" else frames_per_segment(self.job.shape)

    def _painted(self, painter: ShotPainter | ShotOptimizer, frame: Frame, carried: Carried) -> Any:
        pixels, collapse = painter.paint(frame, self.job.strength_at(frame.ticks), carried)
        if collapse and frame.index == 0:
            raise SettingError(
                "in one pass this style gives {picture}; choose another style, or another strength",
                picture=COLLAPSED[collapse],
            )
        if collapse and collapse not in self._collapsed:
            self._collapsed.add(collapse)
            second = float(frame.ticks * self.job.clip.time_base)
            self._notes.append(
                Message(
                    "one pass gives {picture} at {second:.1f} s", picture=COLLAPSED[collapse], second=second
                )
            )
            self._say(self._notes[-1])
        return pixels

    def _join(self, parts: Parts, *, whole: bool) -> None:
        job = self.job
        check_animated(job.output, parts.count, job.shape)
        joining = Joining(
            clip=job.clip,
            parts=parts.parts,
            end=parts.end,
            recipe=json.dumps(self._recipe, ensure_ascii=False) if job.recipe else None,
            whole=whole and job.seconds is None,
            quality=job.quality,
        )
        join(job.output, joining, overwrite=job.overwrite or parts.written is not None)
        if whole:
            parts.remove()
            return
        parts.note_written(job.first_file)


def _check_method(job: VideoJob, masks: FrameMasks) -> None:
    if job.settings.method == "onepass":
        return
    if masks.moving:
        raise SettingError(
            "masks that move need one pass; leave {name} out, or name still masks", name=Argument("method")
        )
    if any(is_own_style(style.source) for style in job.inputs.styles):
        raise SettingError("a .style file paints in one pass; leave {name} out", name=Argument("method"))


def _suffix(job: VideoJob) -> str:
    return ".png" if "%" in job.output.name else job.output.suffix.lower()


class _Clock:
    """Frames per second, and the time that is left."""

    def __init__(self, frames: int | None, shape: tuple[int, int]) -> None:
        self._frames, self._shape = frames, shape
        self._began: tuple[int, float] | None = None
        self._warm = False

    def begin(self, frame: int) -> None:
        """Note where the painting begins."""
        if self._began is None:
            self._began = frame, time.monotonic()

    def step(self, frame: int, shot: int, pixels: NDArray[np.float32]) -> VideoStep:
        """Return what is told after a frame; the first one, which is compiled for, is not counted."""
        first, began = self._began or (frame - 1, time.monotonic())
        if not self._warm:
            self._began, self._warm = (frame, time.monotonic()), True
        counted, elapsed = frame - first, time.monotonic() - began
        rate = counted / elapsed if elapsed > 0 else 0.0
        left = None if self._frames is None or counted < 3 else max(0, self._frames - frame) / rate
        return VideoStep(
            frame=frame,
            frames=self._frames,
            rate=rate,
            seconds_left=left,
            shot=shot,
            shape=self._shape,
            pixels=pixels,
        )
