"""A picture in parts: value, gradient, filter and whole runs are those of one process."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from conftest import picture, tensor, tiny_weights
from impasto.engine.vectors import HostVectors
from impasto.errors import Message
from impasto.networks.feature_network import FeatureNetwork
from impasto.optimization.gatys import optimize_steps
from impasto.optimization.objective import seen_content_layers, seen_layers
from impasto.optimization.preconditioner import Preconditioner
from impasto.optimization.spread.evaluation import SpreadEvaluation, SpreadPreconditioner
from impasto.optimization.spread.partition import Partition
from impasto.optimization.spread.team import LocalTeam, WorkerLost
from impasto.optimization.targets import build_objective, objective_without_content
from impasto.optimization.tiling import compile_in_tiles
from impasto.prepared import Prepared, StyledRegion, StyleImage, everywhere
from impasto.settings import Settings
from impasto.workshop import Workshop

SIDE = 208


@pytest.fixture(scope="module")
def network():
    """VGG-19's form to relu5_1, with a few channels."""
    weights = {name: tensor(value) for name, value in tiny_weights(widths=(4, 4, 6, 6, 8)).items()}
    return FeatureNetwork(name="small", weights=weights)


@pytest.fixture(scope="module")
def shop():
    """What is compiled for one picture serves the next of the same form: compiling is nearly all the work."""
    return Workshop()


@pytest.fixture(scope="module")
def references():
    """What one process finds in tiles, by the case's settings."""
    return {}


@pytest.mark.parametrize("shape", [(301, 237), (512, 512), (500, 33), (640, 401)])
@pytest.mark.parametrize("workers", [1, 2, 3, 4, 6])
def test_parts_own_every_pixel_once_and_have_the_same_work(shape, workers):
    partition = Partition.of(shape, SIDE, ["relu5_1"], workers)
    owned = np.zeros(shape, int)
    for part in partition.parts:
        part.own.of(owned)[:] += 1
        assert part.work == partition.parts[0].work
        assert part.ground.top % 16 == part.ground.left % 16 == 0
        for tiles in (part.tiles, part.looks):
            for tile in tiles:
                assert 0 <= tile.rows.start < tile.rows.end <= part.ground.shape[0]
                assert 0 <= tile.columns.start < tile.columns.end <= part.ground.shape[1]
    assert (owned == 1).all()
    assert 1 <= len(partition.parts) <= workers
    for number, others in enumerate(partition.neighbors):
        assert number not in others and all(number in partition.neighbors[other] for other in others)


def test_more_workers_have_less_work_each():
    works = [Partition.of((2048, 2048), 1488, ["relu5_1"], n).parts[0].work for n in (1, 2, 4, 16, 64)]
    assert all(after < before for before, after in pairwise(works))
    assert works[1] < 0.9 * math.prod((2048, 2048))


def regions(height, width):
    mask = np.zeros((height, width), np.float32)
    mask[:, : width // 3] = np.linspace(0, 1, height)[:, None]
    one = StyleImage(pixels=picture(90, 70, 5), weight=2.0)
    two = StyleImage(pixels=picture(64, 100, 6), part="fine")
    return [
        StyledRegion(styles=(one, two), mask=mask),
        StyledRegion(styles=(StyleImage(pixels=picture(80, 80, 7)),), mask=1 - mask),
    ]


CASES = {
    "gram": {},
    "variation, range and grain": {"tv_weight": 3.0, "grain": 0.7},
    "moments": {"style_loss": "moments"},
    "neighbors": {"style_loss": "neighbors"},
    "article": {"formulas": "article"},
    "neural-style": {"formulas": "neural-style", "tv_weight": 1e-4},
    "max pooling, zero padding, ceil": {},
    "no content": {"strength": 100},
    "achromatic": {},
    "one tile a part": {"tv_weight": 3.0, "grain": 0.7},
    "cutout": {"tv_weight": 3.0, "grain": 0.7},
}


QUICK = ("variation, range and grain", "cutout", "one tile a part")


@pytest.mark.parametrize(
    ("case", "workers"),
    [
        *(pytest.param(case, 2, marks=() if case in QUICK else pytest.mark.slow) for case in CASES),
        pytest.param("variation, range and grain", 4, marks=pytest.mark.slow),
        pytest.param("cutout", 3, marks=pytest.mark.slow),
    ],
)
def test_value_and_gradient_are_the_tiled_objective_s(case, workers, network, shop, references):
    shape, settings, visible = (301, 237), Settings(**CASES[case]), None
    if "pooling" in case:
        network = replace(network, pooling="max", padding="zero", pool_rounding="ceil")
    if case == "cutout":
        visible = np.zeros(shape, np.float32)
        visible[40:230, 60:200] = np.linspace(0.2, 1, 140)
    content, point = picture(*shape, 1), picture(*shape, 3)[None] * 1.2 - 0.1
    styles, gray = regions(*shape), case == "achromatic"
    known = repr(settings), network, gray, visible is None
    if known not in references:
        tiled = build_objective(network, content[None], styles, settings, SIDE, visible)
        tiled = replace(tiled, achromatic=gray)
        references[known] = compile_in_tiles(tiled, SIDE)(tiled, point)
    one = references[known]
    frame = objective_without_content(network, shape, styles, settings, SIDE, visible)
    side = 400 if case == "one tile a part" else SIDE
    partition = Partition.of(shape, side, seen_layers(settings), workers)
    assert len(partition.parts) == workers
    assert partition.parts[0].once == (side == 400)
    team = LocalTeam(workers, workshop=shop)
    evaluate = SpreadEvaluation(
        team,
        partition,
        replace(frame, achromatic=gray),
        (content, seen_content_layers(settings)),
        shop,
    )
    two = evaluate(evaluate.vectors.placed(point))
    shapes = {part.ground.shape for part in partition.parts}
    assert len({id(worker._functions) for worker in team.workers}) == len(shapes)  # of other masks, too
    np.testing.assert_allclose(two.terms, one.terms, rtol=5e-5, atol=1e-9)  # of covariances little is left
    assert two.total == pytest.approx(one.total, rel=1e-5)
    gradient = np.asarray(two.gradient)
    assert np.linalg.norm(gradient - one.gradient) < 1e-5 * np.linalg.norm(one.gradient)


@pytest.mark.parametrize("shape", [(301, 237), (512, 401)])
@pytest.mark.parametrize("workers", [2, 3, 4])
def test_the_filter_is_the_preconditioner_s(shape, workers, network):
    vectors = spread(shape, workers, network)
    values = np.random.default_rng(1).normal(size=(1, *shape, 3)).astype(np.float32)
    place = vectors.placed(values)
    found = np.asarray(SpreadPreconditioner(place)(place))
    np.testing.assert_allclose(found, Preconditioner(values)(values), atol=2e-5)


def spread(shape, workers, network):
    """Return the vectors of a picture in parts."""
    settings = Settings(content_weight=0)
    frame = objective_without_content(network, shape, everywhere(picture(32, 32, 1)), settings)
    partition = Partition.of(shape, SIDE, ["relu5_1"], workers)
    assert len(partition.parts) == workers
    content = np.zeros((*shape, 3), np.float32), ()
    return SpreadEvaluation(LocalTeam(workers), partition, frame, content, Workshop()).vectors


def test_vectors_in_parts_do_what_whole_ones_do(network):
    shape = (301, 237)
    vectors, rng = spread(shape, 3, network), np.random.default_rng(2)
    one, other = (rng.normal(size=(1, *shape, 3)).astype(np.float32) for _ in range(2))
    rows = rng.normal(size=(3, one.size)).astype(np.float32)
    a, b, matrix = vectors.placed(one), vectors.placed(other), vectors.placed(rows)
    np.testing.assert_array_equal(np.asarray(matrix), rows)
    np.testing.assert_array_equal(np.asarray(a), one)
    weights = rng.normal(size=3)
    found = np.asarray(vectors.combine(weights, matrix, a.shape))
    np.testing.assert_allclose(found, HostVectors.combine(weights, rows, one.shape), atol=1e-5)
    np.testing.assert_allclose(vectors.dots(matrix, a), HostVectors.dots(rows, one), rtol=1e-3, atol=0.05)
    assert vectors.dot(a, b) == pytest.approx(HostVectors.dot(one, other), rel=1e-3, abs=0.05)
    moved = np.asarray(vectors.moved(a, matrix, 1, 0.3))
    np.testing.assert_allclose(moved, HostVectors.moved(one, rows, 1, 0.3), atol=1e-6)
    vectors.put(matrix, 2, b)
    steps = vectors.placed(rows)
    vectors.pair(steps, matrix, 2, 0.5, a)
    np.testing.assert_allclose(np.asarray(matrix)[2], (one - other).ravel(), atol=1e-6)
    np.testing.assert_allclose(np.asarray(steps)[2], 0.5 * rows[2], atol=1e-6)
    np.testing.assert_array_equal(a[:, ::4, ::3], one[:, ::4, ::3])
    changed = vectors.row(matrix, 0, a.shape)
    changed *= 2.0
    np.testing.assert_allclose(np.asarray(matrix)[0], 2 * rows[0], rtol=1e-6)
    np.testing.assert_allclose(np.asarray((a - b) * a / 2.0 + 1.0), (one - other) * one / 2 + 1, rtol=1e-5)


def test_vectors_that_nobody_has_any_more_are_forgotten(network):
    vectors = spread((301, 237), 2, network)
    kept = vectors.placed(picture(301, 237, 1)[None])
    for _ in range(5):
        gone = kept * 2.0
    del gone
    vectors.team.settle()
    assert [len(worker._arrays) for worker in vectors.team.workers] == [1, 1]


SHALLOW = {"content_layers": ("relu2_2",), "style_layer_weights": {"relu1_1": 0.5, "relu3_1": 0.5}}
"""What is the same at every depth is looked at where little has to be compiled."""


@pytest.fixture
def prepared(network, shop):
    """What prepares a picture for one process, or for a team whose runs come before the next is prepared."""

    def make(team=None, shape=(320, 280), **settings):
        content, style = picture(*shape, 1), picture(96, 80, 2)
        chosen = Settings(tile_size=256, seed=1, **settings)
        shop.team = team
        return Prepared.of(content, everywhere(style), chosen, network, shop)

    return make


def last(steps):
    *_, step = steps
    return step


@pytest.mark.parametrize("optimizer", ["lbfgs", pytest.param("adam", marks=pytest.mark.slow)])
def test_a_run_over_every_scale_is_that_of_one_process(optimizer, prepared, shop):
    options = {"iterations": (3, 4), "optimizer": optimizer}
    alone = list(optimize_steps(prepared(**options)))
    team = LocalTeam(2, workshop=shop)
    together = list(optimize_steps(prepared(team, **options)))
    assert team.turns > 10
    assert [(s.scale, s.iteration) for s in together] == [(s.scale, s.iteration) for s in alone]
    for one, two in zip(alone, together, strict=True):
        assert two.losses["total"] == pytest.approx(one.losses["total"], rel=1e-3)
    assert np.abs(together[-1].image - alone[-1].image).mean() < 2e-4


@pytest.mark.slow
def test_thirty_iterations_differ_by_what_rounding_does(prepared, shop):
    """Another size of tiles rounds differently, too: that is how far two runs of one process come apart."""
    one = last(optimize_steps(prepared(iterations=(30,)))).image
    other = prepared(iterations=(30,))
    other = replace(other, settings=replace(other.settings, tile_size=288))
    rounding = np.linalg.norm(last(optimize_steps(other)).image - one)
    found = last(optimize_steps(prepared(LocalTeam(2, workshop=shop), iterations=(30,)))).image
    assert 0 < np.linalg.norm(found - one) < 3 * rounding


class Fragile(LocalTeam):
    """A team one of whose workers is lost in some turns, until it is replaced by one that has nothing."""

    def __init__(self, size, dies, **options):
        super().__init__(size, **options)
        self.dies, self.mended, self.lost = dies, 0, False

    def _turn(self, calls, mail, wait):
        if self.turns in self.dies:
            self.dies.remove(self.turns)
            self.workers[-1]._arrays.clear()
            self.lost = True
        if self.lost:
            raise WorkerLost("a worker was lost")
        return super()._turn(calls, mail, wait)

    def mend(self):
        self.mended, self.lost = self.mended + 1, False
        return Message("a worker was lost and replaced")


def test_a_lost_worker_costs_the_iterations_since_its_share_was_kept(prepared, shop):
    options = {"iterations": (2, 9), **SHALLOW}
    whole = list(optimize_steps(prepared(LocalTeam(2, workshop=shop), **options)))
    team = Fragile(2, [5, 150, 152], keep_every=3, workshop=shop)
    seen = []
    for step in optimize_steps(prepared(team, **options)):
        seen.append((step, team.turns))
    assert team.mended == 3 and not team.dies
    assert [(s.scale, s.iteration) for s, _ in seen] == [(s.scale, s.iteration) for s in whole]
    np.testing.assert_array_equal(seen[-1][0].image, whole[-1].image)
    notes = [step.note for step, _ in seen if step.note]
    assert set(notes) <= {
        "a worker was lost and replaced",
        "a worker was lost and replaced; a worker was lost and replaced",
    }
    assert notes


def test_a_picture_can_be_had_while_a_worker_is_lost(prepared, shop):
    team = Fragile(2, [], keep_every=1, workshop=shop)
    steps = optimize_steps(prepared(team, iterations=(4,), **SHALLOW))
    next(steps)
    step = next(steps)
    kept = step.image
    team.dies = [team.turns + 1]
    np.testing.assert_array_equal(step.image, kept)
    np.testing.assert_array_equal(np.clip(step.make_state().optimizer["point"][0], 0, 1), kept)
    assert [step.iteration for step in steps] == [3, 4]
    assert team.mended == 1


def test_a_state_goes_on_with_or_without_a_team(prepared, shop):
    options = {"iterations": (6,), **SHALLOW}
    steps = list(_states(prepared(LocalTeam(2, workshop=shop), **options)))
    alone = last(optimize_steps(prepared(**options), steps[2]))
    together = last(optimize_steps(prepared(LocalTeam(2, workshop=shop), **options), steps[2]))
    assert np.abs(alone.image - together.image).mean() < 2e-4


def _states(made):
    for step in optimize_steps(made):
        yield step.make_state()


def test_a_small_picture_is_not_shared(prepared):
    team = LocalTeam(4)
    last(optimize_steps(prepared(team, shape=(150, 120), iterations=(2,))))
    assert team.turns == 0
