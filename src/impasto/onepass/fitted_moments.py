"""Built-in styles' moments, fitted to the one-pass network: told so, it paints these styles better.

One decoder serves all styles, and each comes out a little different from what its moments say. For the styles
that are known beforehand the moments are therefore changed until the paintings are nearest to the style, as
VGG-19 sees it (`training.moment_fit`): each layer's means are shifted, and its covariance C becomes S C S.
Painting costs nothing more for it, and blends, regions and sizes go on as before.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.errors import WeightsError
from impasto.files import digest, write_whole
from impasto.networks.catalogue import read_manifest
from impasto.onepass.transfer import STATISTICS_LAYERS, Moments

Tensor = Any
Array = NDArray[np.float32]
FITS = "fitted-moments"
"""Name of the file's entry in the manifest beside the one-pass network."""


def changed_moments(moments: Moments, change: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """Return moments whose means are shifted and whose covariances are stretched.

    Args:
        moments: of one style, a batch of one.
        change: by layer ``LAYER/shift``, float32 (c,), in units of the layer's mean deviation, and
            ``LAYER/stretch``, float32 (c, c), of which the symmetric part is added to the identity.
    """
    changed = {}
    for layer in STATISTICS_LAYERS:
        mean, covariance = (ops.convert_to_tensor(part, "float32") for part in moments[layer])
        eye = ops.eye(covariance.shape[-1], dtype="float32")
        stretch = change[f"{layer}/stretch"]
        stretch = eye + (stretch + ops.transpose(stretch)) / 2
        unit = ops.sqrt(ops.mean(ops.sum(covariance * eye, axis=-1)))
        changed[layer] = (
            mean + unit * change[f"{layer}/shift"],
            ops.matmul(stretch, ops.matmul(covariance, stretch)),
        )
    return changed


def fitted_moments(make: Callable[[], Moments], path: Path, style: str) -> Moments:
    """Return a built-in style's moments as they are fitted; as they are if the file has no fit of it.

    Args:
        make: returns the moments as they are.
        path: of `write_fits`.
        style: its id.

    Raises:
        WeightsError: the file is missing or damaged.
    """
    try:
        change = _read_change(path, style)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise WeightsError("{file} is not the recorded file; install impasto again", file=path) from error
    return changed_moments(make(), change) if change else make()


def _read_change(path: Path, style: str) -> dict[str, Tensor]:
    """Return what `changed_moments` takes; nothing if the file has no fit of the style."""
    change: dict[str, Tensor] = {}
    with np.load(path) as file:
        if f"{style}/{STATISTICS_LAYERS[0]}/shift" not in file:
            return change
        for layer in STATISTICS_LAYERS:
            shift, packed = (
                file[f"{style}/{layer}/{part}"].astype(np.float32) for part in ("shift", "stretch")
            )
            change[f"{layer}/shift"] = ops.convert_to_tensor(shift)
            change[f"{layer}/stretch"] = ops.convert_to_tensor(_unpacked(packed, len(shift)))
    return change


def write_fits(path: Path, fits: Mapping[str, Mapping[str, Array]]) -> str:
    """Write fits of styles, by their ids, as .npz in float16, all of it or nothing; return the file's sha256.

    Args:
        path: to write.
        fits: by style what `changed_moments` takes.

    Raises:
        OutputError: the file cannot be written there.
    """
    arrays = {
        f"{style}/{name}": (_packed(value) if value.ndim == 2 else value).astype(np.float16)
        for style, change in fits.items()
        for name, value in change.items()
    }
    write_whole(path, lambda file: np.savez(file, allow_pickle=False, **arrays))
    return digest(path)


def _packed(matrix: Array) -> Array:
    """Return the symmetric part's lower triangle, row by row."""
    packed: Array = ((matrix + matrix.T) * np.float32(0.5))[np.tril_indices(len(matrix))]
    return packed


def _unpacked(packed: Array, size: int) -> Array:
    matrix = np.zeros((size, size), np.float32)
    matrix[np.tril_indices(size)] = packed
    return matrix + np.tril(matrix, -1).T


def recorded_fits(folder: Path, network: str) -> Path | None:
    """Return the file of moments that a folder's manifest lists for a one-pass network.

    Args:
        folder: of the network and its manifest.
        network: sha256 of the network's file; what was fitted to another is left out.

    Raises:
        WeightsError: the file is missing or not the recorded one.
    """
    entry = read_manifest(folder).get(FITS)
    if entry is None or entry.recipe.get("network_sha256") != network:
        return None
    path = folder / entry.file
    if not os.path.isfile(path) or digest(path) != entry.sha256:
        raise WeightsError("{file} is not the recorded file; install impasto again", file=path)
    return path
