"""Training pictures: folders and zip archives in, batches of random crops out.

A batch depends on the seed and the step alone, so that an interrupted training continues with exactly
the crops that it would have seen.
"""

from __future__ import annotations

import os
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from impasto.errors import ImageError, MissingFileError
from impasto.pictures.reading import PICTURE_SUFFIXES, decode_bytes

T = TypeVar("T")

AHEAD = 3
"""Batches that are prepared before they are needed, beside those in the making."""
HELD_OUT_EVERY = 40
"""Every 40th picture, in the order of names, is kept for evaluation; of few, at least three."""


class Crops:
    """Pictures held in memory (uint8) from which batches are cut.

    Args:
        paths: pictures, folders (searched recursively) or zip archives.
        limit: long side in pixels to which larger pictures are reduced.

    Attributes:
        pictures: all that can be read, in order: uint8 arrays (height, width, 3).
        names: of these.
        train, held_out: the same pictures, apart.
        broken: names of the files that could not be read.

    Raises:
        MissingFileError: a path is not there.
        ImageError: fewer than eight pictures can be read.
    """

    def __init__(self, paths: Iterable[str | Path], limit: int = 512, least: int = 8) -> None:
        self.broken: list[str] = []
        self.names: list[str] = []
        self.pictures: list[NDArray[np.uint8]] = []
        for name, data in _files(paths):
            try:
                self.pictures.append(decode_bytes(data, name, limit))
            except ImageError:
                self.broken.append(name)
            else:
                self.names.append(name)
        pictures = self.pictures
        if len(pictures) < least:
            raise ImageError(
                "at least {least} readable pictures are needed, but only {readable} were found and "
                "{broken} were unreadable; name more folders or archives",
                least=least,
                readable=len(pictures),
                broken=len(self.broken),
            )
        every = min(HELD_OUT_EVERY, max(2, len(pictures) // 3))
        self.held_out = pictures[::every]
        self.train = [p for i, p in enumerate(pictures) if i % every]

    def batch(self, step: int, *, seed: int, count: int, size: int) -> NDArray[np.float32]:
        """Return (count, size, size, 3) in [0, 1]: random crops, mirrored half of the time."""
        rng = np.random.default_rng((seed, step))
        return np.stack([self.crop(size, rng) for _ in range(count)])

    def crop(self, size: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Return (size, size, 3) in [0, 1]: a random crop of a random picture."""
        return _crop(self.train[rng.integers(len(self.train))], size, rng)


def _files(paths: Iterable[str | Path]) -> Iterator[tuple[str, bytes]]:
    for path in map(Path, paths):
        if path.suffix == ".zip" and os.path.isfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in sorted(archive.namelist()):
                    if Path(name).suffix.lower() in PICTURE_SUFFIXES:
                        yield name, archive.read(name)
        elif os.path.isdir(path):
            for file in sorted(path.rglob("*")):
                if file.suffix.lower() in PICTURE_SUFFIXES:
                    yield str(file), file.read_bytes()
        elif os.path.isfile(path):
            yield str(path), path.read_bytes()
        else:
            raise MissingFileError("there is no picture, folder or archive at {path}", path=path)


def _crop(picture: NDArray[np.uint8], size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    height, width = picture.shape[:2]
    if min(height, width) < size:  # repeat the border rather than stretch a small picture
        pad = [(0, max(0, size - height)), (0, max(0, size - width)), (0, 0)]
        picture = np.pad(picture, pad, mode="symmetric")
        height, width = picture.shape[:2]
    top, left = rng.integers(height - size + 1), rng.integers(width - size + 1)
    crop = picture[top : top + size, left : left + size]
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    return crop.astype(np.float32) / np.float32(255)


def vary(batch: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the batch as an optimization might show it: mixed, recolored, noisy.

    A quarter of the pictures is mixed with its neighbor, a half has its contrast and colors
    changed, a quarter is covered with white or coarse noise. Values stay in [0, 1].
    """
    batch = batch.copy()
    count, size = batch.shape[:2]
    neighbors = np.roll(batch, 1, axis=0)
    for i in range(count):
        kind = rng.random(4)
        if kind[0] < 0.25:
            blend = rng.uniform(0.2, 0.8)
            batch[i] = blend * batch[i] + (1 - blend) * neighbors[i]
        if kind[1] < 0.5:
            mean = batch[i].mean(axis=(0, 1))
            mixing = np.eye(3) * rng.uniform(0.6, 1.4) + rng.normal(0, 0.12, (3, 3))
            batch[i] = (batch[i] - mean) @ mixing.astype(np.float32) + mean + rng.normal(0, 0.08, 3)
        if kind[2] < 0.25:
            grain = int(rng.choice([1, 1, 2, 4]))
            shape = (size // grain + 1, size // grain + 1, 3)
            noise = np.kron(rng.normal(0, 1, shape), np.ones((grain, grain, 1)))[:size, :size]
            blend = rng.uniform(0, 0.7) if kind[3] < 0.2 else 0.0
            batch[i] = (1 - blend) * batch[i] + blend * 0.5 + rng.uniform(0, 0.25) * noise
    return np.clip(batch, 0, 1).astype(np.float32)


def prefetch(batch_at: Callable[[int], T], steps: range, workers: int = 1) -> Iterator[T]:
    """Yield the batch of each step in order, prepared by threads while the engine computes.

    Args:
        batch_at: makes the batch of a step.
        steps: the steps.
        workers: threads; a GPU needs many to be fed, a processor one, since it computes itself.
    """
    pool, waiting = ThreadPoolExecutor(workers), deque[Future[T]]()
    try:
        for step in steps:
            waiting.append(pool.submit(batch_at, step))
            if len(waiting) > workers + AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def center_squares(pictures: Sequence[NDArray[np.uint8]], size: int) -> NDArray[np.float32]:
    """Return the middle of each picture that is large enough, (count, size, size, 3) in [0, 1].

    Raises:
        ImageError: fewer than three are.
    """
    squares = []
    for picture in pictures:
        height, width = picture.shape[:2]
        if min(height, width) >= size:
            top, left = (height - size) // 2, (width - size) // 2
            squares.append(picture[top : top + size, left : left + size])
    if len(squares) < 3:
        raise ImageError(
            "evaluation needs at least 3 held-out pictures of {size} x {size} px, but {count} "
            "are large enough; name more or larger pictures",
            size=size,
            count=len(squares),
        )
    return np.stack(squares).astype(np.float32) / np.float32(255)
