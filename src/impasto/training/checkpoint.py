"""The state of an unfinished training, kept in one file that is whole or not there."""

from __future__ import annotations

import os
from pathlib import Path
from zipfile import BadZipFile

import keras
import numpy as np
from keras import ops

from impasto.engine.gradients import to_host
from impasto.errors import WeightsError
from impasto.files import write_whole
from impasto.training.trainer import Trainer


def save_checkpoint(trainer: Trainer, path: Path, step: int, record: str) -> None:
    """Write the trained and the optimizer's variables, the step and the time, all of it or nothing.

    Args:
        trainer: compiled.
        path: of the file.
        step: how many steps are done.
        record: what another run must agree with to go on from here.

    Raises:
        OutputError: the file cannot be written.
    """
    arrays = {f"model/{k}": to_host(v) for k, v in trainer.trained.items()}
    for index, variable in enumerate(_optimizer_variables(trainer)):
        arrays[f"optimizer/{index}"] = np.asarray(ops.convert_to_numpy(variable))
    arrays["step"], arrays["seconds"] = np.asarray(step), np.asarray(trainer.seconds)
    arrays["record"] = np.frombuffer(record.encode(), np.uint8)
    write_whole(path, lambda file: np.savez(file, allow_pickle=False, **arrays))


def restore(trainer: Trainer, path: Path, record: str) -> int:
    """Load a checkpoint if there is one and return the number of steps done.

    Raises:
        WeightsError: it belongs to another training or is damaged.
    """
    if not os.path.exists(path):
        return 0
    try:
        with np.load(path) as saved:
            if saved["record"].tobytes().decode() != record:
                raise WeightsError(
                    "{path} belongs to a training with other settings, precision or networks; delete it "
                    "or repeat the command that made it",
                    path=path,
                )
            for key, variable in trainer.trained.items():
                variable.assign(saved[f"model/{key}"])
            for index, variable in enumerate(_optimizer_variables(trainer)):
                variable.assign(saved[f"optimizer/{index}"])
            trainer.seconds = float(saved["seconds"]) if "seconds" in saved else 0.0
            return int(saved["step"])
    except WeightsError:
        raise
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise WeightsError("{path} is not a whole checkpoint; delete it to start anew", path=path) from error


def _optimizer_variables(trainer: Trainer) -> list[keras.Variable]:
    """Return the optimizer's variables but the learning rate, which each step sets."""
    return [v for v in trainer.optimizer.variables if v.name != "learning_rate"]
