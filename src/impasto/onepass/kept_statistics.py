"""Built-in styles' statistics on the disk: the gallery's pictures are looked at once per machine.

One .npz per style, size and encoder, in the user's cache folder, named by the digest of all that the numbers
follow from. Nobody's own pictures leave a trace there. What cannot be read is computed, what cannot be
written is not kept, and beyond `MOST_FILES` the oldest go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from zipfile import BadZipFile

import keras
import numpy as np

from impasto.engine.gradients import to_host
from impasto.errors import OutputError
from impasto.files import impasto_cache, write_whole
from impasto.networks.feature_network import FeatureNetwork
from impasto.onepass.transfer import STATISTICS_LAYERS, Moments

VERSION = 1
"""Of how statistics are computed and kept; another one makes all files anew."""
MOST_FILES = 512
"""About 100 KB each."""


def statistics_file(encoder: FeatureNetwork, pixels: bytes, size: tuple[int, int]) -> Path:
    """Return the file of a style image's statistics, which need not be there.

    Args:
        encoder: of the one-pass network.
        pixels: digest of the style image's pixels.
        size: (height, width) in which it is looked at.
    """
    known = f"{VERSION} {keras.backend.backend()} {encoder.sha256} {encoder.dtype} {size} {pixels.hex()}"
    return impasto_cache() / "styles" / f"{hashlib.sha256(known.encode()).hexdigest()[:32]}.npz"


def kept_statistics(path: Path, make: Callable[[], Moments]) -> Moments:
    """Return the statistics that a file holds; make and write them if it is not there or not whole."""
    with suppress(OSError, ValueError, KeyError, EOFError, BadZipFile), np.load(path) as file:
        read = {layer: (file[f"{layer}/mean"], file[f"{layer}/covariance"]) for layer in STATISTICS_LAYERS}
        if all(np.isfinite(part).all() for parts in read.values() for part in parts):
            return read
    made = make()
    arrays = {
        f"{layer}/{name}": to_host(part)
        for layer, parts in made.items()
        for name, part in zip(("mean", "covariance"), parts, strict=True)
    }
    with suppress(OutputError, OSError):
        write_whole(path, lambda file: np.savez(file, allow_pickle=False, **arrays))
        _remove_oldest(path.parent)
    return made


def _remove_oldest(folder: Path) -> None:
    files = list(folder.glob("*.npz"))
    if len(files) > MOST_FILES:
        by_age = sorted(files, key=lambda path: path.stat().st_mtime)
        for path in by_age[: len(files) - MOST_FILES]:
            path.unlink(missing_ok=True)
