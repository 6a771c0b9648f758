"""One picture's work from start to finish: run, show, preview, checkpoint, be interrupted, save.

The command line's ``stylize`` and ``resume`` are both this.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.errors import (
    Argument,
    CheckpointError,
    DivergenceError,
    ImageError,
    ImpastoError,
    Message,
    OutputError,
    SettingError,
)
from impasto.files import as_typed, check_place, digest
from impasto.photos import large_photo, photo_in_windows
from impasto.pictures.tiled_tiff import TilesPart, check_large_output
from impasto.preparation import Inputs, prepare
from impasto.prepared import Prepared
from impasto.recipes import Recipe
from impasto.runs.checkpoint import RunCheckpoint
from impasto.runs.interruption import Interruption
from impasto.runs.job import Job

if TYPE_CHECKING:
    from impasto.finished import Pastiche
    from impasto.progress import Step
    from impasto.workshop import Workshop

LEAST_SECONDS_BETWEEN_CHECKPOINTS = 30.0
"""So that what is quick keeps none, and nobody has to predict which runs are long."""
WRITING_SHARE = 0.05
"""Of the time that writing checkpoints may take."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a job.

    Attributes:
        result: the pastiche, finished or as it was when the run ended; None if it ended before the first
            iteration, or before a picture that is painted in windows was whole.
        notes: sentences for the person.
        interruption: the signal that ended the run early, or None.
        error: what ended it early, or None.
        resumable: whether there is a checkpoint to go on from.
    """

    result: Pastiche | None
    notes: tuple[str, ...] = ()
    interruption: int | None = None
    error: ImpastoError | None = None
    resumable: bool = False


def run_job(
    job: Job,
    show: Callable[[Prepared, Step], None],
    say: Callable[[str], None],
    resumed: tuple[RunCheckpoint, Path] | None = None,
    workshop: Workshop | None = None,
) -> Outcome:
    """Make a job's pastiche and save it.

    Args:
        job: what was asked for.
        show: told of every Step.
        say: told sentences while the job runs.
        resumed: the checkpoint that the job goes on from and its file.
        workshop: where the picture is made; the process' own if None.

    Raises:
        ImpastoError: an input cannot be used or the output cannot be written.
        CheckpointError: the job cannot go on from the checkpoint.
    """
    check_side_files(job)
    _check_large(job, resumed=resumed is not None)
    with Interruption().heard() as interruption:
        prepared = prepare(_inputs_of(job, resumed), job.settings, None, workshop)
        run = _Run(job, prepared, show, say)
        if resumed:
            resumed[0].check(run.recipe, resumed[1])
            run.losses = [dict(losses) for losses in resumed[0].losses]
            run.saving = resumed[0].job.saving
        error = None
        try:
            run.through(interruption, resumed[0].state if resumed else None)
        except DivergenceError as problem:
            error = problem
        if run.step is None:
            if error:
                raise error
            return Outcome(result=None, interruption=interruption.signal)
        if run.step.painter:
            return run.painted(interruption, resumed[0].state if resumed else None)
        return run.saved(interruption.signal, error)


class _Run:
    """A job on its way."""

    def __init__(
        self, job: Job, prepared: Prepared, show: Callable[..., None], say: Callable[[str], None]
    ) -> None:
        self.job, self.prepared, self._show, self._say = job, prepared, show, say
        self.recipe = Recipe.of(prepared).to_mapping()
        self.losses: list[dict[str, float]] = []
        self.saving = job.saving  # as asked for at first: a resumed run may replace its own picture
        self.step: Step | None = None
        self._began = self._saved_at = time.monotonic()
        self._pause = LEAST_SECONDS_BETWEEN_CHECKPOINTS

    def through(self, interruption: Interruption, start: Any) -> None:
        """Iterate to the end or to an interruption."""
        from impasto import pastiche

        if interruption.signal:
            return
        for step in pastiche.run(self.prepared, start):
            self.step = step
            self.losses.append(dict(step.losses))
            if step.note:
                self._say(step.note)
            self._show(self.prepared, step)
            if self.job.preview_every and len(self.losses) % self.job.preview_every == 0:
                self._preview()
            if interruption.signal:
                return
            if not step.last and time.monotonic() - self._saved_at > self._pause:
                self._checkpoint()

    def pastiche(self) -> Any:
        """Return the picture as it is."""
        from impasto.pastiche import finish

        if self.step is None:
            raise OutputError("there is no picture before the first iteration")
        return finish(self.prepared, self.step, self.losses, self._began)

    def saved(self, interruption: int | None, error: ImpastoError | None) -> Outcome:
        """Write the picture and what else the end of the run asks for."""
        result, job = self.pastiche(), self.job
        notes: list[str] = []
        for name in job.networks:
            network = getattr(self.prepared, name)
            if network and network.sha256 != job.networks[name]:
                notes.append(
                    Message(
                        "the recipe was made with another {network}; the picture differs",
                        network=network.name,
                    )
                )
        finished = self.step is not None and self.step.last and error is None
        try:
            notes += [*result.notes, *result.save(job.output, **asdict(job.saving))]
        except OutputError:
            if not finished and self._checkpoint():
                self._say(self._advice())
            raise
        if finished:
            self._forget()
            return Outcome(result=result, notes=tuple(notes))
        if error is None and self._checkpoint():
            notes.append(self._advice())
        return Outcome(result=result, notes=tuple(notes), interruption=interruption, error=error)

    def painted(self, interruption: Interruption, start: Any) -> Outcome:
        """Paint a picture that is too large for memory; an interruption leaves what it takes to go on.

        Args:
            interruption: looked at after each window.
            start: where an earlier run stopped, or None.
        """
        part = TilesPart.resumed(self.job.part_path, start.ends if start else ())
        if interruption.signal:
            return self._given_up(interruption, part)
        result = self.pastiche()
        self._checkpoint(part)  # so that no part is ever without
        watch = partial(self._watch, interruption, part)
        whole = replace(result, watch=watch, part=part if self.job.resumable else None)
        try:
            notes = whole.save(self.job.output, **asdict(self.job.saving))
        except _InterruptedError:
            return self._given_up(interruption, part)
        except ImageError:  # a damaged photo, with which there is no going on
            part.path.unlink(missing_ok=True)
            self._forget()
            raise
        except OutputError:  # a full disk
            if self._checkpoint(part):
                self._say(self._advice())
            raise
        self._forget()
        return Outcome(result=result, notes=(*result.notes, *notes))

    def _forget(self) -> None:
        """Remove the checkpoint."""
        if self.job.resumable:
            with suppress(OSError):
                self.job.checkpoint_path.unlink()

    def _watch(self, interruption: Interruption, part: TilesPart, step: Step) -> None:
        """Do what is due after a window that was painted."""
        if step.note:
            self._say(step.note)
        self._show(self.prepared, step)
        if interruption.signal and not step.last:
            raise _InterruptedError
        if time.monotonic() - self._saved_at > self._pause:
            self._checkpoint(part)

    def _given_up(self, interruption: Interruption, part: TilesPart) -> Outcome:
        saved = self._checkpoint(part)
        notes = (self._advice(),) if saved else ()
        return Outcome(result=None, notes=notes, interruption=interruption.signal, resumable=saved)

    def _advice(self) -> Message:
        return Message(
            "go on with impasto resume {checkpoint}", checkpoint=as_typed(self.job.checkpoint_path)
        )

    def _preview(self) -> None:
        """Write a preview; one that cannot be written costs a note, not the run."""
        try:
            self.job.previews.mkdir(exist_ok=True)
            self.pastiche().save(self.job.previews / f"{len(self.losses):05d}.png", overwrite=True)
        except (ImpastoError, OSError) as error:
            self._say(
                Message(
                    "preview {number} could not be written: {error}",
                    number=len(self.losses),
                    error=getattr(error, "message", error),
                )
            )

    def _checkpoint(self, part: TilesPart | None = None) -> bool:
        """Write a checkpoint; one that cannot be written costs a note, not the run.

        Args:
            part: the tiles of a picture in windows that are written.
        """
        if self.step is None or self.step.make_state is None or not self.job.resumable:
            return False
        began, state, written = time.monotonic(), self.step.make_state(), None
        if self.step.painter is None:
            written = _digest(self.job.output_path)
        elif part is not None:
            part.settle()
            state = replace(state, ends=tuple(part.ends))
        checkpoint = RunCheckpoint(
            job=replace(self.job, saving=self.saving),
            written=written,
            recipe=self.recipe,
            losses=self.losses,
            state=state,
        )
        try:
            checkpoint.save(self.job.checkpoint_path)
        except OutputError as error:
            self._say(Message("the checkpoint could not be written: {error}", error=error.message))
            self._saved_at = time.monotonic()
            return False
        self._saved_at = time.monotonic()
        self._pause = max(LEAST_SECONDS_BETWEEN_CHECKPOINTS, (self._saved_at - began) / WRITING_SHARE)
        return True


class _InterruptedError(Exception):
    """A signal ended the painting of a large picture."""


def _inputs_of(job: Job, resumed: tuple[RunCheckpoint, Path] | None) -> Inputs:
    """Return a job's inputs; a photo that was painted in windows is so again, whatever memory there is."""
    if resumed is None or not resumed[0].in_windows:
        return job.inputs
    return replace(job.inputs, content=photo_in_windows(job.inputs.content, job.settings))


def _check_large(job: Job, resumed: bool) -> None:
    """Refuse what would be refused only after a large photo was painted."""
    large = large_photo(job.inputs.content, job.settings)
    if large is None:
        return
    if job.preview_every:
        raise SettingError(
            "a picture of {width} x {height} px is painted in windows, without previews; leave out {preview}",
            width=large.shape[1],
            height=large.shape[0],
            preview=Argument("preview_every"),
        )
    check_large_output(
        job.output_path, large.shape, bit_depth=job.saving.bit_depth, alpha=large.may_be_transparent
    )
    large.close()
    if os.path.lexists(job.part_path) and not (resumed or job.saving.overwrite):
        raise OutputError(
            "{path} already exists; add {overwrite} or choose another name",
            path=job.part_path,
            overwrite=Argument("overwrite=True"),
        )


def check_side_files(job: Job) -> None:
    """Refuse a checkpoint or previews whose names are no files' (too long, where the output's is not), and a
    checkpoint that would replace, and at the end remove, one of the run's other files.
    """
    taken = [job.output, *job.inputs.files, job.settings.initial, *job.settings.networks]
    for file in taken:
        if isinstance(file, str | Path) and Path(file).resolve() == job.checkpoint_path.resolve():
            raise OutputError(
                "the checkpoint must be a file of its own, not {file}; choose another name", file=file
            )
    check_place(job.checkpoint_path)
    if job.preview_every:
        check_place(job.previews, folder=True)


def _digest(path: Path) -> str | None:
    return digest(path) if os.path.isfile(path) else None


def resumed_job(path: Path) -> tuple[Job, RunCheckpoint]:
    """Return the job that a checkpoint belongs to.

    An interrupted run left its picture at the output; that picture may be replaced, any other not.

    Raises:
        CheckpointError: the checkpoint cannot be read, or the output is another picture by now.
    """
    checkpoint = RunCheckpoint.load(path)
    job, now = checkpoint.job, _digest(checkpoint.job.output_path)
    if now is not None and now != checkpoint.written and not job.saving.overwrite:
        raise CheckpointError(
            "{output} has been changed since the run was interrupted; move it away to resume {path}",
            output=job.output,
            path=path,
        )
    return replace(job, saving=replace(job.saving, overwrite=True), checkpoint=path), checkpoint
