"""What a video's run keeps on the disk: closed segments, a manifest of them, and where the painting stands.

Everything is written beside its name and renamed; the manifest names only what is whole. So a run that was
killed at any moment goes on behind its last segment and ends with the same frames.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.errors import Argument, CheckpointError
from impasto.files import check_place, digest, make_folder, write_whole
from impasto.pictures.frames.joining import Part
from impasto.pictures.frames.segment import SUFFIX, SegmentWriter, writing_errors
from impasto.pictures.writing import check_free
from impasto.runs.video_job import VideoJob

VERSION = 1
MANIFEST = "manifest.json"
SEGMENT_PIXELS = 12 * 2**20
"""Of the frames of a segment together: what a killed run has to paint again."""
LEAST_FRAMES, MOST_FRAMES = 8, 96

State = dict[str, NDArray[Any]]


class Parts:
    """The segments of a video in a folder beside it.

    Args:
        folder: where; made if it is not there.
        recipe: what the video is made of; a folder of another one is not gone on with.
        job: what was asked for, so that it can be gone on with by its folder alone; None if it cannot.
        anew: whether what is there is thrown away.

    Raises:
        CheckpointError: the folder belongs to another video.
        OutputError: it cannot be made.
    """

    def __init__(
        self,
        folder: Path,
        recipe: Mapping[str, Any],
        job: Mapping[str, Any] | None = None,
        *,
        anew: bool = False,
    ) -> None:
        self.folder, self._recipe, self._job = folder, json.loads(json.dumps(recipe)), job
        self.parts: list[Part] = []
        self.state: State = {}
        self.end = 0
        self.written: str | None = None
        if anew:
            self.remove()
        make_folder(folder)
        if os.path.isfile(folder / MANIFEST):
            self._load()

    @property
    def count(self) -> int:
        """How many frames are in the segments."""
        return sum(len(part.times) for part in self.parts)

    def add(self, written: Path, times: tuple[int, ...], end: int, state: State) -> None:
        """Add a segment that was written whole.

        Args:
            written: its file, in the folder.
            times: when its frames are shown.
            end: when the last of them ends.
            state: what it takes to go on.
        """
        number = len(self.parts) + 1
        path = self.folder / f"{number:05d}{written.suffix}"
        with written.open("rb") as file:
            os.fsync(file.fileno())
        written.replace(path)
        before = self._state_file(number - 1)
        write_whole(self._state_file(number), lambda file: np.savez(file, allow_pickle=False, **state))
        self.parts.append(Part(path=path, times=times))
        self.state, self.end = state, end
        self.save()
        before.unlink(missing_ok=True)

    def save(self) -> None:
        """Write the manifest."""
        text = {
            "version": VERSION,
            "recipe": self._recipe,
            "job": self._job,
            "parts": [{"file": part.path.name, "times": list(part.times)} for part in self.parts],
            "end": self.end,
            "written": self.written,
        }
        write_whole(self.folder / MANIFEST, lambda file: file.write(json.dumps(text).encode()))

    def note_written(self, path: Path) -> None:
        """Note the file that the run has left, which it may replace."""
        self.written = _digest(path)
        self.save()

    def remove(self) -> None:
        """Remove the folder and what a run keeps in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _state_file(self, number: int) -> Path:
        return self.folder / f"state-{number:05d}.npz"

    def _load(self) -> None:
        try:
            text = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
            whole = text["version"] == VERSION
            parts = [
                Part(path=self.folder / part["file"], times=tuple(map(int, part["times"])))
                for part in text["parts"]
            ]
            whole = whole and all(part.path.is_file() for part in parts)
            if parts:
                with np.load(self._state_file(len(parts))) as saved:
                    self.state = dict(saved)
            self.end, self.written = int(text["end"]), text["written"]
        except Exception as error:  # NumPy, zipfile and json raise a dozen kinds on damaged files
            raise self._refusal("damaged") from error
        if not whole:
            raise self._refusal("damaged")
        if text["recipe"] != self._recipe:
            raise self._refusal("another")
        self.parts = parts

    def _refusal(self, why: str) -> CheckpointError:
        if why == "damaged":
            return CheckpointError(
                "the unfinished video in {folder} is damaged; begin anew with {overwrite}",
                folder=self.folder,
                overwrite=Argument("overwrite=True"),
            )
        return CheckpointError(
            "{folder} has an unfinished video of other inputs or settings; choose another name, or begin "
            "anew with {overwrite}",
            folder=self.folder,
            overwrite=Argument("overwrite=True"),
        )


def unfinished_text(folder: Path) -> dict[str, Any]:
    """Return what an unfinished video was asked for with, as `video_of` takes it.

    Raises:
        CheckpointError: the folder does not tell, or that in which the run was started is not there.
    """
    try:
        text: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["job"]
        home = Path(text["folder"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise CheckpointError(
            "{folder} does not tell what the video was made with; go on with the same command", folder=folder
        ) from error
    if not os.path.isdir(home):
        raise CheckpointError("the folder {folder}, in which the run was started, is not there", folder=home)
    return text


class Recorder:
    """Writes painted frames into segments.

    Args:
        parts: where the segments go.
        shape: (height, width) of the frames.
        time_base: of the clip.
        rate: frames per second, about.
        codec: of the segments.
        quality: 1 to 100.
    """

    def __init__(
        self,
        parts: Parts,
        shape: tuple[int, int],
        time_base: Fraction,
        rate: Fraction,
        codec: str,
        quality: int,
    ) -> None:
        self._parts, self._format = parts, (shape, time_base, rate, codec, quality)
        self._writer: SegmentWriter | None = None
        self._times: list[int] = []
        self._end = 0
        self._file = parts.folder / f"unfinished{SUFFIX[codec]}"

    def add(self, pixels: NDArray[Any], alpha: NDArray[Any] | None, ticks: int, duration: int) -> None:
        """Add a frame to the segment, which is begun if there is none."""
        with writing_errors(self._file):
            if self._writer is None:
                self._writer = SegmentWriter(self._file, *self._format)
            self._writer.add(pixels, ticks, alpha)
        self._times.append(ticks)
        self._end = ticks + duration

    def cut(self, state: State) -> None:
        """Close the segment and enter it into the manifest, with what it takes to go on behind it."""
        if self._writer is None:
            return
        with writing_errors(self._file):
            self._writer.close()
            self._parts.add(self._file, tuple(self._times), self._end, state)
        self._writer, self._times = None, []


def check_video_output(job: VideoJob) -> None:
    """Refuse now what could not be written at the end; what an earlier run of the job left may be replaced.

    Raises:
        OutputError: the file exists, is an input, or cannot be written.
    """
    inputs = [file for file in (job.clip.path, *job.inputs.files) if isinstance(file, str | Path)]
    left = _digest(job.first_file)
    mine = left is not None and left == _written(job.folder)
    check_free(job.first_file, overwrite=job.overwrite or mine, inputs=inputs)
    check_place(job.folder, folder=True)


def _written(folder: Path) -> Any:
    """Return the sha256 of the file that an interrupted run left, by its folder; None if it left none."""
    try:
        return json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["written"]
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _digest(path: Path) -> str | None:
    return digest(path) if os.path.isfile(path) else None


def frames_per_segment(shape: tuple[int, int]) -> int:
    """Return how many frames of a (height, width) a segment has."""
    return min(MOST_FRAMES, max(LEAST_FRAMES, SEGMENT_PIXELS // (shape[0] * shape[1])))
