"""Kernels of at most 256 different numbers, kept in 8 bit: an index per number, and a table."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

LEVELS = 256


def with_kernels(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the common form of arrays that may hold kernels as ``conv1_1/q`` and ``conv1_1/table``."""
    kernels = {}
    for name in arrays:
        if name.endswith("/q"):
            layer = name.removesuffix("/q")
            kernels[f"{layer}/kernel"] = arrays[f"{layer}/table"][arrays[name]]
    return {k: v for k, v in arrays.items() if not k.endswith(("/q", "/table"))} | kernels


def with_indices(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the common form with the kernels of at most 256 different numbers as index and table.

    Nothing is lost: `with_kernels` returns the same numbers.
    """
    stored: dict[str, np.ndarray] = {}
    for name, array in weights.items():
        levels = np.unique(array) if name.startswith("conv") and array.ndim == 4 else ()
        if array.size > LEVELS >= len(levels) > 0:
            layer = name.removesuffix("/kernel")
            stored[f"{layer}/q"] = np.searchsorted(levels, array).astype(np.uint8)
            stored[f"{layer}/table"] = np.asarray(levels)
        else:
            stored[name] = array
    return stored
