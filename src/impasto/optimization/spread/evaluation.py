"""An objective's value and gradient where a picture lies in parts with a team's workers.

As in tiles (`tiling.py`): the workers' sums are added up and made losses here, and how much the total changes
with each sum goes back to them. Nothing of a picture's size comes here but what the preconditioner's second
grid keeps, a 256th.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.engine.gradients import Evaluation, to_host
from impasto.layers import layer_shapes, level_of
from impasto.optimization.losses import ContentSums
from impasto.optimization.objective import Objective
from impasto.optimization.spread.filtering import WholeFilter
from impasto.optimization.spread.part_worker import Task, without_network
from impasto.optimization.spread.partition import Partition
from impasto.optimization.spread.team import Team
from impasto.optimization.spread.vectors import SpreadArray, SpreadVectors
from impasto.optimization.tiling import add_up, compile_comparison
from impasto.workshop import Workshop

Array = NDArray[np.float32]
ContentImage = tuple[Array, Sequence[str]]


class SpreadEvaluation:
    """An objective's value and gradient at a point in parts.

    Args:
        team: the workers, which begin this picture size.
        partition: who has what.
        objective: but for its content.
        content: the content image, float32 (height, width, 3), and at which layers it is compared with.
        workshop: keeps what is compiled here.
    """

    def __init__(
        self,
        team: Team,
        partition: Partition,
        objective: Objective,
        content: ContentImage,
        workshop: Workshop,
    ) -> None:
        self._team, self.vectors = team, SpreadVectors(team, partition)
        self.side = partition.side
        bare = without_network(objective)
        rounding = objective.network.pool_rounding
        tasks = [_task(partition, n, bare, content, rounding) for n in range(len(partition.parts))]
        team.begin(tasks, objective.network)
        sums: dict[str, ContentSums] = {}
        for answer in team.ask("learn"):
            for layer, own in answer.items():
                sums[layer] = sums[layer] + own if layer in sums else own
        self._objective = objective.with_content({}, sums)
        key = "comparison", self._objective.form
        self._compare: Callable[..., Any] = workshop.get(
            "functions", key, lambda: compile_comparison(self._objective)
        )

    def __call__(self, point: SpreadArray) -> Evaluation:
        """Return the objective's value and gradient at a point (1, height, width, 3)."""
        self._team.send("give", point.key)
        totals: dict[str, Any] = {}
        for sums in self._team.ask("measure", point.key):
            add_up(totals, sums)
        total, terms, slopes = self._compare(self._objective, totals)
        self._team.send("pull_back", {name: to_host(slope) for name, slope in slopes.items()})
        gradient = self.vectors.new(point.shape)
        self._team.order("collect", gradient.key)
        return Evaluation(total, terms, gradient)

    def note(self) -> str:
        """Return nothing: tiles stay what they are."""
        return ""


class SpreadPreconditioner:
    """The preconditioner's filter for pictures in parts.

    Args:
        like: a picture of that size.
    """

    def __init__(self, like: SpreadArray) -> None:
        self._vectors, self._whole = like.vectors, WholeFilter(like.vectors.partition.shape)

    def __call__(self, picture: SpreadArray) -> SpreadArray:
        """Return F times a picture, or times a row that is one."""
        team = self._vectors.team
        smoothed = self._whole.keep(team.ask("filter_begin", picture.key, mail=True))
        filtered = self._vectors.new(picture.shape)
        team.order_each("filter_end", [(picture.key, filtered.key, rectangle) for rectangle in smoothed])
        return filtered


def _task(partition: Partition, number: int, bare: Objective, content: ContentImage, rounding: str) -> Task:
    """Return what a worker begins with: the objective of its ground and the content image there."""
    part = partition.parts[number]
    ground = part.ground
    sides = layer_shapes(ground.shape, rounding)

    def cut(maps: Mapping[str, Array]) -> dict[str, Array]:
        """Return each layer's maps (..., h, w) where the ground lies."""
        pieces = {}
        for layer, whole in maps.items():
            level = 0 if layer == "pixels" else level_of(layer)
            top, left = ground.top >> level, ground.left >> level
            height, width = sides[level]
            pieces[layer] = np.ascontiguousarray(whole[..., top : top + height, left : left + width])
        return pieces

    return Task(
        part=part,
        neighbors={n: partition.parts[n].bare for n in partition.neighbors[number]},
        objective=replace(bare, masks=cut(bare.masks), visible=cut(bare.visible), shape=ground.shape),
        content=np.ascontiguousarray(ground.of(content[0])),
        layers=tuple(content[1]),
    )
