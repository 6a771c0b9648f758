"""Tiles with cores of one shape, as a file is written in: they cover the picture, with all that is seen."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from impasto.errors import EngineError
from impasto.layers import reach
from impasto.networks.tile_grid import ALIGNMENT, even_grid
from impasto.onepass.network import DECODER_REACH
from impasto.onepass.transfer import STATISTICS_LAYERS

HALO = reach(STATISTICS_LAYERS) + DECODER_REACH


def axis_holds(spans, length, core, side):
    starts = [span.core_start for span in spans]
    assert starts == list(range(0, length, core)) and spans[-1].core_end == length
    assert len({span.end - span.start for span in spans}) == 1
    assert spans[0].end - spans[0].start <= side
    for before, after in itertools.pairwise(spans):
        assert before.core_end == after.core_start
    for span in spans:
        assert span.start % ALIGNMENT == 0 and span.start >= 0 and span.end <= length
        assert span.start == 0 or span.core_start - span.start >= HALO
        assert span.end == length or span.end - span.core_end >= HALO


@pytest.mark.parametrize("side", [288, 300, 400, 1792])
def test_even_cores_cover_every_picture(side):
    random = np.random.default_rng(side)
    for height, width in [(288, 289), (1792, 1793), (31_623, 1607), *random.integers(32, 4000, (30, 2))]:
        shape = int(height), int(width)
        tiles, core = even_grid(shape, side, STATISTICS_LAYERS, DECODER_REACH)
        rows = {tile.rows.core_start: tile.rows for tile in tiles}
        columns = {tile.columns.core_start: tile.columns for tile in tiles}
        assert len(tiles) == len(rows) * len(columns)
        assert not core[0] % ALIGNMENT and not core[1] % ALIGNMENT
        axis_holds(list(rows.values()), shape[0], core[0], side)
        axis_holds(list(columns.values()), shape[1], core[1], side)
        order = [(tile.rows.core_start, tile.columns.core_start) for tile in tiles]
        assert order == sorted(order)


def test_a_side_without_room_for_a_core_is_refused():
    with pytest.raises(EngineError, match="tiles must be at least 288 px wide, not 256"):
        even_grid((1000, 1000), 256, STATISTICS_LAYERS, DECODER_REACH)
