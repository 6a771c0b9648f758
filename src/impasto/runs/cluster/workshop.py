"""A workshop whose large pictures are shared by the workers of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from impasto.runs.cluster.actors import ray_team
from impasto.workshop import Workshop


@contextmanager
def cluster_workshop(address: str | None = None, *, workers: int | None = None) -> Iterator[Workshop]:
    """Yield a workshop with workers, each of which optimizes a part of every picture that is large enough.

        with impasto.cluster_workshop("10.0.0.1:6379") as workshop:
            impasto.stylize("photo.jpg", "painting.jpg", max_size=6000, workshop=workshop).save("large.jpg")

    The picture is the one that a single machine would make in the same tiles, but for rounding. A worker that
    is lost is replaced; it costs the iterations since the workers' parts were brought together last.

    Args:
        address: ``HOST:PORT`` of a cluster of Ray, or ``auto`` for the one of which this machine is a part;
            None starts one on this machine alone.
        workers: how many; None: one for each machine (or GPU), but two on a single machine.

    Raises:
        EngineError: Ray is not installed, nothing answers at the address, or no worker starts.
        SettingError: the address is written wrongly, or there are too few cores.
    """
    with ray_team(address, workers) as team, Workshop(team=team) as workshop:
        yield workshop
