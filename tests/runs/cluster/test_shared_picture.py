"""One picture on three nodes of one machine: it is that of one process, also if a worker dies."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
import tifffile

from conftest import picture, tensor, tiny_weights
from impasto import stylize_steps
from impasto.networks.feature_network import FeatureNetwork
from impasto.optimization.gatys import optimize_steps
from impasto.optimization.spread.team import LocalTeam
from impasto.prepared import Prepared, everywhere
from impasto.runs.cluster.actors import RayTeam
from impasto.runs.cluster.sessions import ray_session
from impasto.settings import Settings
from impasto.workshop import Workshop

SHAPE, SIDE = (401, 523), 400

pytestmark = pytest.mark.ray

LAYERS = {
    "content_layers": ("relu2_2",),
    "style_layer_weights": {"relu1_1": 0.3, "relu2_1": 0.3, "relu3_1": 0.4},
}
"""Down to relu3_1, so that small tiles have a core."""


@pytest.fixture(scope="module")
def network():
    weights = {name: tensor(value) for name, value in tiny_weights(widths=(4, 4, 6)).items()}
    return FeatureNetwork(name="small", weights=weights)


@pytest.fixture(scope="module")
def session():
    """A cluster of three nodes, each of one core."""
    import ray
    from ray.cluster_utils import Cluster

    options = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    cluster = Cluster(initialize_head=True, head_node_args=options | {"include_dashboard": False})
    try:
        for _ in range(2):
            cluster.add_node(**options)
        with ray_session(cluster.address) as session:
            yield session
    finally:
        ray.shutdown()
        cluster.shutdown()


def prepared(network, team=None):
    settings = Settings(tile_size=256, iterations=(3, 8), tv_weight=1e-3, **LAYERS)
    content, style = picture(128, 112, 1), picture(64, 48, 2)
    return Prepared.of(content, everywhere(style), settings, network, Workshop(team=team))


def test_the_picture_is_that_of_one_process_and_a_killed_worker_costs_little(session, network):
    alone = list(optimize_steps(prepared(network)))
    local = LocalTeam(3)
    inside = list(optimize_steps(prepared(network, local)))
    assert local.turns > 0
    team = RayTeam(session, 3, keep_every=2)
    try:
        assert team.size == 3 and team.free_memory() > 0
        together = list(optimize_steps(prepared(network, team)))
        np.testing.assert_array_equal(together[-1].image, inside[-1].image)
        assert np.abs(together[-1].image - alone[-1].image).mean() < 2e-4
        seen, began = [], 0.0
        for step in optimize_steps(prepared(network, team)):
            seen.append(step)
            if (step.scale, step.iteration) == (2, 4):
                began = time.monotonic()
                pid = session.ray.get(team._workers[1].actor.process.remote())
                os.kill(pid, signal.SIGKILL)
            elif began:
                assert time.monotonic() - began < 60
                began = 0.0
        assert [(s.scale, s.iteration) for s in seen] == [(s.scale, s.iteration) for s in inside]
        assert "a worker was lost and replaced" in [step.note for step in seen]
        np.testing.assert_array_equal(seen[-1].image, inside[-1].image)
    finally:
        team.close()


@pytest.fixture
def large(tmp_path, monkeypatch):
    """Paint a photo in windows, by a workshop, into a file; return its bytes and the steps."""
    photo = np.rint(picture(*SHAPE, 1) * 255).astype(np.uint8)
    tifffile.imwrite(tmp_path / "photo.tif", photo, photometric="rgb", tile=(64, 64))
    monkeypatch.setenv("IMPASTO_WINDOW_PIXELS", "0")
    chosen = {"method": "onepass", "max_size": 600, "tile_size": SIDE, "precision": "float32"}

    def paint(workshop, watch=lambda step: None):
        (*_, last) = stylize_steps(tmp_path / "photo.tif", "swirls", workshop=workshop, **chosen)
        seen = []

        def told(step):
            seen.append(step)
            watch(step)

        replace(last.pastiche, watch=told).save(tmp_path / "out.tif", overwrite=True)
        return (tmp_path / "out.tif").read_bytes(), seen

    return paint


def test_windows_of_a_large_photo_are_shared_and_those_of_a_killed_worker_done_again(session, large):
    alone, steps = large(Workshop())
    team = RayTeam(session, 2)
    try:
        workshop, began = Workshop(team=team), []
        assert large(workshop)[0] == alone

        def kill(step):
            if step.iteration == 4:
                began.append(time.monotonic())
                os.kill(session.ray.get(team.actors[1].process.remote()), signal.SIGKILL)
            elif step.iteration == 12:
                began.append(time.monotonic())

        found, seen = large(workshop, kill)
        assert found == alone
        assert [step.iteration for step in seen] == [step.iteration for step in steps]
        assert "a worker was lost and replaced" in [step.note for step in seen]
        assert began[1] - began[0] < 60
    finally:
        team.close()
