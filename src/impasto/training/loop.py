"""How every training goes on: step by step, kept on disk every minute, continued by the same command."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from impasto.engine import runtime
from impasto.engine.gradients import to_host
from impasto.errors import DivergenceError, Message, OutputError
from impasto.training.checkpoint import restore, save_checkpoint
from impasto.training.crops import prefetch
from impasto.training.trainer import Trainer

SECONDS_BETWEEN_SAVES = 60.0
LEAST_RATE = 0.005
"""Of the highest learning rate, at the end."""


@dataclass(frozen=True, kw_only=True)
class TrainingStep:
    """Where a training stands.

    Attributes:
        step: how many steps are done.
        done: share of the training that is done, in [0, 1].
        terms: the loss of this step and its parts, by name.
        notes: sentences without a full stop about what happened.
    """

    step: int
    done: float
    terms: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Training(ABC):
    """A training that can be stopped at any time and continued by the same command.

    Subclasses say what is trained (`trainer`), on what (`batch`), how fast (`optimizer`, `rate`) and for how
    long (`done`); the loss is the trainer's.

    Attributes:
        trainer: the network in training and its loss.
        settings: how long and on what; ``steps`` is among them.
        output: the file to write in the end.
    """

    trainer: Trainer
    settings: Any
    output: Path

    @property
    def checkpoint(self) -> Path:
        """Where the unfinished training is kept."""
        return self.output.with_suffix(".training")

    @property
    @abstractmethod
    def record(self) -> str:
        """What a checkpoint must agree with."""

    @abstractmethod
    def batch(self, step: int) -> Any:
        """Return the arrays of a step (from 0); it depends on the seed and the step alone."""

    @abstractmethod
    def optimizer(self) -> keras.optimizers.Optimizer:
        """Return a new optimizer, with any learning rate."""

    @abstractmethod
    def rate(self, step: int, done: float) -> float:
        """Return the learning rate of a step (from 0), of which a share of the training is done."""

    def done(self, step: int) -> float:
        """Return the share of the training that is done, in [0, 1], after so many steps."""
        return float(step / self.settings.steps)

    def begin(self) -> Iterator[TrainingStep]:
        """Do what comes before the first step; what it yields has done none."""
        yield from ()

    def before(self, step: int, batch: Any) -> Any:
        """Return the batch with which a step (from 0) is made, after what is to be done between steps."""
        return batch

    def notes_on(self, terms: Mapping[str, float], done: float) -> tuple[str, ...]:
        """Return sentences without a full stop about a step's loss."""
        return ()

    def preview(self) -> None:
        """Show what the network does so far, each time that it is kept."""
        return

    def steps(self) -> Iterator[TrainingStep]:
        """Train, yielding after every step; continue from the checkpoint if there is one.

        The checkpoint and the preview are written every minute and at the end; if the disk does not take
        them a note says so and the training goes on. Who stops early calls `save` with the last step.

        Raises:
            WeightsError: the checkpoint belongs to another training or is damaged.
            OutputError: nothing can be written beside the output, before the first step.
            DivergenceError: the loss or a weight is not finite; the checkpoint before is kept.
        """
        trainer, optimizer = self.trainer, self.optimizer()
        trainer.compile(optimizer=optimizer, jit_compile=runtime.start_engine() == "jax")
        optimizer.build(trainer.trainable_variables)
        first = restore(trainer, self.checkpoint, self.record)
        self.save(first)  # says now if it cannot
        if not first:
            yield from self.begin()
        spent, began = trainer.seconds, time.monotonic()
        saved = began
        steps = range(first, self.settings.steps)
        for step, batch in zip(steps, prefetch(self.batch, steps, runtime.workers()), strict=True):
            done = self.done(step)
            if done >= 1:
                return
            optimizer.learning_rate = self.rate(step, done)
            trainer.train_on_batch(self.before(step, batch))
            terms = trainer.last_terms()
            if not np.isfinite(terms["loss"]):
                raise self._divergence(step + 1)
            now = time.monotonic()
            trainer.seconds = spent + now - began
            done = self.done(step + 1)
            notes = self.notes_on(terms, done)
            if now - saved > SECONDS_BETWEEN_SAVES or done >= 1:
                notes += self._keep(step + 1)
                saved = time.monotonic()
            yield TrainingStep(step=step + 1, done=done, terms=terms, notes=notes)

    def save(self, step: int) -> None:
        """Write the checkpoint, all of it or nothing.

        Raises:
            DivergenceError: a weight is not finite; the checkpoint before is kept.
            OutputError: it cannot be written.
        """
        if not all(np.isfinite(to_host(value)).all() for value in self.trainer.trained.values()):
            raise self._divergence(step)
        save_checkpoint(self.trainer, self.checkpoint, step, self.record)

    def _keep(self, step: int) -> tuple[str, ...]:
        """Write checkpoint and preview, and return notes about what could not be written."""
        notes = []
        for write, *values in ((self.save, step), (self.preview,)):
            try:
                write(*values)
            except OutputError as error:
                notes.append(
                    Message("{error}; the training goes on and tries again in a minute", error=error.message)
                )
        return tuple(notes)

    def _divergence(self, step: int) -> DivergenceError:
        return DivergenceError(
            "the loss or a weight is not finite after step {step}; repeat the command to go on "
            "from the last checkpoint, or delete {checkpoint} and choose a lower learning_rate",
            step=step,
            checkpoint=self.checkpoint,
        )


def rising_and_falling(step: int, warmup: int, left: float) -> float:
    """Return the share of the highest learning rate that a step (from 0) has, in (0, 1].

    It rises over the first steps, and falls along a cosine (Loshchilov and Hutter, "SGDR", ICLR 2017).

    Args:
        step: from 0.
        warmup: steps until it is highest.
        left: share of the fall that is still to come; it is highest from 1 up.
    """
    fall = 0.5 - 0.5 * math.cos(math.pi * min(1.0, max(0.0, left)))
    return min(1.0, (step + 1) / warmup) * (LEAST_RATE + (1 - LEAST_RATE) * fall)
