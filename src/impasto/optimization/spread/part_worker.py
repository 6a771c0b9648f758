"""What one worker does: it keeps its part of every vector and computes its part of every evaluation.

A worker is told what to do by name, several things at a time (a turn), and knows nothing of how. What it has
for its neighbors is sent at the end of a turn and is there at the beginning of their next one.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.engine.gradients import memory_errors, ordinary_tensors, to_host
from impasto.engine.vectors import HostVectors
from impasto.networks.feature_network import FeatureNetwork
from impasto.optimization.losses import ContentSums
from impasto.optimization.objective import Objective
from impasto.optimization.spread.filtering import PartFilter
from impasto.optimization.spread.partition import Part, Rectangle
from impasto.optimization.targets import content_in_tiles
from impasto.optimization.tiling import PartFunctions, Totals
from impasto.workshop import Workshop

Array = NDArray[np.float32]
Call = tuple[str, tuple[Any, ...]]
"""The name of a worker's method and its arguments."""
FLAT = (-1,)


@dataclass(frozen=True)
class Key:
    """Which of a worker's vectors is meant, in place of an array."""

    number: int


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a worker begins a picture size with.

    Attributes:
        part: what is its own.
        neighbors: by number, the rectangles of those that it has to do with.
        objective: of its ground, without its network and its content.
        content: the content image there, float32 (height, width, 3).
        layers: at which the picture is compared with it.
    """

    part: Part
    neighbors: Mapping[int, Part]
    objective: Objective
    content: Array
    layers: tuple[str, ...]


class PartWorker:
    """A worker on its part of one picture size.

    Args:
        task: its part.
        network: the feature network, the same object for all tasks.
        workshop: keeps what is compiled.
    """

    def __init__(self, task: Task, network: FeatureNetwork, workshop: Workshop) -> None:
        self._part, self._neighbors = task.part, task.neighbors
        self._filter = PartFilter(task.part, task.neighbors)
        self._now = with_network(task.objective, network)
        self._content, self._layers = task.content, task.layers
        self._workshop = workshop
        self._functions: PartFunctions | None = None
        self._back: Callable[[Mapping[str, Array]], Array] | None = None
        self._arrays: dict[int, Any] = {}
        self._mail: Mapping[int, Any] = {}
        self._sent: dict[int, Any] = {}
        self._picture = np.zeros((*self._part.ground.shape, 3), np.float32)

    def turn(self, calls: Sequence[Call], mail: Mapping[int, Any]) -> tuple[Any, dict[int, Any]]:
        """Do several things; return the answer of the last one and what there is for the neighbors.

        Args:
            calls: in their order.
            mail: by neighbor, what it sent at the end of its last turn.
        """
        answer, self._mail, self._sent = None, mail, {}
        with ordinary_tensors(), memory_errors(self._part.tiles[0].shape):
            for name, arguments in calls:
                answer = getattr(self, name)(*arguments)
        return answer, self._sent

    # -- the objective

    def learn(self) -> dict[str, ContentSums]:
        """Compute the content image's features; return their sums over its own pixels."""
        part, now = self._part, self._now
        targets: dict[str, NDArray[Any]] = {}
        counted = self._layers, now.visible
        if not part.once:
            content_in_tiles(now.network, self._content, part.looks, counted, targets)
        sums = content_in_tiles(now.network, self._content, part.tiles, counted, targets)
        style: Any = now.style
        if style:
            values = {name: ops.convert_to_tensor(value) for name, value in style.values.items()}
            style = replace(style, values=values)
        scales = dict.fromkeys(self._layers, 1.0)  # sums have none; only losses do
        self._now = replace(now, content_targets=targets, content_scales=scales, style=style)
        # A tile's view holds its masks: what is compiled serves every part, and regions that move.
        key = "part", replace(self._now, masks={}, visible={}).form
        self._functions = self._workshop.get("functions", key, partial(PartFunctions, self._now))
        self._content = self._content[:0]
        return sums

    def give(self, vector: Key) -> None:
        """Send the neighbors the pixels of a picture that their tiles reach."""
        own = self._arrays[vector.number].reshape(*self._part.own.shape, 3)
        for number, other in self._neighbors.items():
            if met := self._part.own.meet(other.ground):
                self._sent[number] = np.ascontiguousarray(met.of(own, self._part.own))

    def measure(self, vector: Key) -> Totals:
        """Return the sums over the cores of its looks, of a picture whose surroundings have come."""
        part = self._part
        own = self._arrays[vector.number].reshape(*part.own.shape, 3)
        part.own.of(self._picture, part.ground)[:] = own
        for number, other in self._neighbors.items():
            if met := other.own.meet(part.ground):
                met.of(self._picture, part.ground)[:] = self._mail[number]
        if not part.once:
            return self._compiled.measure(self._now, self._picture, part.looks)
        sums, self._back = self._compiled.measure_once(self._now, self._picture, part.tiles[0])
        return sums

    def pull_back(self, slopes: Mapping[str, Array]) -> None:
        """Compute the gradient of the sums, weighed by slopes; send the neighbors what of it is theirs."""
        part = self._part
        if self._back is None:
            gradient = self._compiled.pull_back(self._now, self._picture, part.tiles, slopes)
        else:
            gradient, self._back = self._back(slopes), None
        for number, other in self._neighbors.items():
            if met := other.own.meet(part.ground):
                self._sent[number] = np.ascontiguousarray(met.of(gradient, part.ground))
        self._gradient = np.ascontiguousarray(part.own.of(gradient, part.ground))

    def collect(self, out: Key) -> None:
        """Add the gradient that the neighbors sent to its own; it is a vector from here on."""
        part = self._part
        for number, other in self._neighbors.items():
            if met := part.own.meet(other.ground):
                met.of(self._gradient, part.own)[:] += self._mail[number]
        self._arrays[out.number] = self._gradient.reshape(FLAT)
        del self._gradient

    @property
    def _compiled(self) -> PartFunctions:
        if self._functions is None:
            raise RuntimeError("a worker learns its content before it measures")
        return self._functions

    # -- the preconditioner

    def filter_begin(self, vector: Key) -> tuple[Rectangle, Array]:
        """Reduce a picture; send the neighbors what falls on theirs, return what does on the second grid."""
        own = self._arrays[vector.number].reshape(*self._part.own.shape, 3)
        self._sent |= self._filter.reduce(own)
        return self._filter.coarse()

    def filter_end(self, vector: Key, out: Key, coarse: Array) -> None:
        """Complete the filter with what the coarser grids keep, float32 of the returned rectangle."""
        own = self._arrays[vector.number].reshape(*self._part.own.shape, 3)
        self._arrays[out.number] = self._filter.enlarge(own, coarse, self._mail).reshape(FLAT)

    # -- the vectors

    def apply(self, out: Key | None, function: str, arguments: Sequence[Any]) -> None:
        """Keep what a function of vectors returns; nothing, if it works in place."""
        result = FUNCTIONS[function](*self._resolved(arguments))
        if out is not None:
            self._arrays[out.number] = result

    def rows(self, out: Key, count: int) -> None:
        """Make a matrix of zeros."""
        self._arrays[out.number] = HostVectors.rows(
            count, 3 * self._part.own.shape[0] * self._part.own.shape[1]
        )

    def dots(self, pairs: Sequence[tuple[Key, Key]]) -> list[NDArray[np.float64]]:
        """Return the dot products over its own pixels of vectors, or of matrices' rows, with vectors."""
        return [np.asarray(self._arrays[a.number] @ self._arrays[b.number], np.float64) for a, b in pairs]

    def receive(self, out: Key, values: Array, row: int | None = None) -> None:
        """Keep a part of a picture (height, width, 3) that lay elsewhere, as a vector or as a matrix' row."""
        if row is None:
            self._arrays[out.number] = np.array(values, np.float32, order="C").reshape(FLAT)
        else:
            self._arrays[out.number][row] = values.reshape(FLAT)

    def get(self, vector: Key, row: int | None = None) -> Array:
        """Return a vector, or a matrix' row, as a part of a picture, (height, width, 3)."""
        array = self._arrays[vector.number]
        return np.array((array if row is None else array[row]).reshape(*self._part.own.shape, 3))

    def sample(self, vector: Key, steps: tuple[int, int]) -> Array:
        """Return every so many rows and columns of the whole picture, those of its own."""
        own, rectangle = self._arrays[vector.number].reshape(*self._part.own.shape, 3), self._part.own
        return np.array(own[-rectangle.top % steps[0] :: steps[0], -rectangle.left % steps[1] :: steps[1]])

    def drop(self, vector: Key) -> None:
        """Forget a vector."""
        self._arrays.pop(vector.number, None)

    def _resolved(self, arguments: Sequence[Any]) -> list[Any]:
        return [self._arrays[a.number] if isinstance(a, Key) else a for a in arguments]


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{name: getattr(operator, name) for name in ("add", "sub", "mul", "truediv", "pow")},
    **{name: getattr(operator, name) for name in ("iadd", "isub", "imul")},
    **{name: getattr(HostVectors, name) for name in ("put", "row", "moved", "pair", "combine")},
}
"""What is done with vectors where they lie, by name."""


def without_network(objective: Objective) -> Objective:
    """Return an objective that can be sent: its network is elsewhere, too, its arrays are NumPy's."""
    style: Any = objective.style
    elsewhere: Any = None
    if style:
        values = {name: to_host(value) for name, value in style.values.items()}
        style = replace(style, values=values, areas=replace(style.areas, network=elsewhere))
    return replace(objective, network=elsewhere, style=style)


def with_network(objective: Objective, network: FeatureNetwork) -> Objective:
    """Return an objective that was sent, with its network."""
    style: Any = objective.style
    if style:
        style = replace(style, areas=replace(style.areas, network=network))
    return replace(objective, network=network, style=style)
