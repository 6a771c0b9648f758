"""What TensorFlow found, for the other engines to agree with: kept in the folder IMPASTO_PARITY."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

FOLDER = os.environ.get("IMPASTO_PARITY")
ENGINE = os.environ.get("KERAS_BACKEND", "tensorflow")


def agree(name: str, found: np.ndarray) -> np.ndarray | None:
    """Return what TensorFlow found, or keep it if this is TensorFlow."""
    if not FOLDER:
        pytest.skip("IMPASTO_PARITY names no folder; make test-engines sets it")
    path = Path(FOLDER) / f"{name}.npy"
    if ENGINE == "tensorflow":
        np.save(path, found)
        return found
    return np.load(path)
