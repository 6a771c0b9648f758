"""Which picture sizes are shared among workers, and in what tiles."""

from __future__ import annotations

import math
from collections.abc import Sequence

from impasto.engine import runtime
from impasto.engine.machine import USABLE
from impasto.networks.feature_network import FeatureNetwork
from impasto.networks.speed import is_wide
from impasto.optimization.objective import seen_layers
from impasto.optimization.planning import (
    BEST_SIDES,
    LEAST_TILE,
    choose_tile,
    picture_memory,
    tile_memory,
)
from impasto.optimization.scales import Scale
from impasto.optimization.spread.partition import Partition
from impasto.optimization.spread.team import Team
from impasto.settings import Settings

GAIN = 0.9
"""A part's work over that of the whole picture, beyond which a picture is not shared: it gains nothing."""


def shared_partition(
    team: Team | None, shape: tuple[int, int], tile: int | None, settings: Settings
) -> Partition | None:
    """Return how a team shares a picture size; None if one process has all of it.

    Args:
        team: the workers, or None.
        shape: (height, width) of the picture.
        tile: longest side of a tile; None if the picture is computed as a whole.
        settings: of which the layers are used. ``sliced`` sorts all positions, and cannot be shared.
    """
    if team is None or tile is None or settings.style_loss == "sliced":
        return None
    alone, together = (Partition.of(shape, tile, seen_layers(settings), n) for n in (1, team.size))
    gains = together.parts[0].work < GAIN * alone.parts[0].work
    return together if gains else None


def spread_tiles(
    team: Team, scales: Sequence[Scale], network: FeatureNetwork, settings: Settings
) -> list[int | None]:
    """Return the longest side of each scale's tiles, in what memory the workers have; as `choose_tiles`.

    Raises:
        OutOfMemoryError: a scale that is not shared does not fit into this process' memory.
    """
    tiles: list[int | None] = []
    here, there = runtime.free_memory(), team.free_memory()
    for scale in scales:
        side = settings.tile_size or _fitting(scale, network, settings, (there, team.size))
        shared = side and shared_partition(team, scale.shape, side, settings)
        tiles.append(side if shared else choose_tile(scale, network, settings, here))
    return tiles


def _fitting(
    scale: Scale, network: FeatureNetwork, settings: Settings, workers: tuple[int, int]
) -> int | None:
    """Return the longest side of the tiles of a scale that is shared, or None if nothing fits.

    Of the workers it is given how many bytes each has free and how many they are.
    """
    free, count = workers
    left = max(0.0, USABLE * free - picture_memory(scale, network, settings) / count)
    side = min(BEST_SIDES[is_wide(network)][1], int(math.sqrt(left / tile_memory(network, 1))) // 16 * 16)
    return side if side >= LEAST_TILE else None
