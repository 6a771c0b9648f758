"""What is planned before there are several workers: the largest pictures of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from impasto.errors import ImageError
from impasto.pictures.reading import read_shape
from impasto.runs.batch.crew import Probe
from impasto.runs.batch.orders import Order

BOUND_SIZE = 1024
"""Up to this ``max_size`` every photo is planned as a square of that size, and none is looked at."""
LOOKED_AT = 16
"""How many photos, the largest files, are looked at otherwise."""


def probe_of(todo: Sequence[Order]) -> Probe:
    """Return the largest photo of a batch for each of its settings."""
    kinds = {id(order.entry.settings): order.entry.settings for order in todo}
    probe = []
    for key, settings in kinds.items():
        size = settings.max_size
        shape = (size, size)
        if size > BOUND_SIZE and settings.fit != "stretch":
            photos = {order.entry.photo for order in todo if id(order.entry.settings) == key}
            largest = sorted(photos, key=_bytes, reverse=True)[:LOOKED_AT]
            shape = max(filter(None, map(_shape, largest)), key=lambda s: s[0] * s[1], default=shape)
        probe.append((shape, settings))
    return sorted(probe, key=lambda known: known[0], reverse=True)[:LOOKED_AT]


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _shape(path: Path) -> tuple[int, int] | None:
    try:
        return read_shape(path)
    except ImageError:
        return None
