"""The state of an unfinished training, kept in one file that is whole or not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from keras import ops

from impasto.engine.gradients import to_host
from impasto.errors import WeightsError
from impasto.files import write_whole


def save_checkpoint(model: Any, path: Path, step: int, record: str) -> None:
    """Write the trained and the optimiser's variables and the step, all of it or nothing."""
    arrays = {f"model/{k}": to_host(v) for k, v in model.trained.items()}
    for index, variable in enumerate(model.optimizer.variables):
        arrays[f"optimizer/{index}"] = np.asarray(ops.convert_to_numpy(variable))
    arrays["step"] = np.asarray(step)
    arrays["record"] = np.frombuffer(record.encode(), np.uint8)
    write_whole(path, lambda file: np.savez(file, allow_pickle=False, **arrays))


def restore(model: Any, path: Path, record: str) -> int:
    """Load a checkpoint if there is one and return the number of steps done.

    Raises:
        WeightsError: it belongs to another training or is damaged.
    """
    if not path.exists():
        return 0
    try:
        with np.load(path) as saved:
            if saved["record"].tobytes().decode() != record:
                raise WeightsError(
                    f"{path} belongs to a training with other settings, precision or teacher; "
                    "delete it or repeat the command that made it"
                )
            for key, variable in model.trained.items():
                variable.assign(saved[f"model/{key}"])
            for index, variable in enumerate(model.optimizer.variables):
                variable.assign(saved[f"optimizer/{index}"])
            return int(saved["step"])
    except WeightsError:
        raise
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise WeightsError(f"{path} is not a whole checkpoint; delete it to start anew") from error
