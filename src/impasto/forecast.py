"""What a picture will take before it is made: the plan of the method that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from impasto.engine import runtime
from impasto.photos import Source, large_photo, result_shape
from impasto.pictures.resizing import scale_to
from impasto.settings import Settings

if TYPE_CHECKING:
    from impasto.networks.feature_network import FeatureNetwork
    from impasto.optimization.planning import Plan

    Networks = Sequence[FeatureNetwork]


def plan_picture(shape: tuple[int, int], networks: Networks, settings: Settings) -> Plan:
    """Predict a run on a photo of a (height, width), reduced to ``max_size``; `plan_method` says more."""
    return plan_method(scale_to(shape, min(settings.max_size, max(shape))), networks, settings)


def plan_photo(content: Source, networks: Networks, settings: Settings) -> Plan:
    """Predict a run on a photo as it is, which may be painted in windows; `plan_method` says more."""
    large = large_photo(content, settings)
    if large is None:
        return plan_method(result_shape(content, settings), networks, settings)
    large.close()
    return plan_method(large.shape, networks, settings, windows=True)


def plan_method(
    shape: tuple[int, int], networks: Networks, settings: Settings, windows: bool = False
) -> Plan:
    """Predict a run of the settings' method, the optimization or one pass, and of its refinement.

    Args:
        shape: (height, width) of the result.
        networks: the feature network of the optimization, and that of the refinement if it is another.
        settings: how.
        windows: whether one pass reads, paints and writes in windows.

    Returns:
        The plan; one pass is a scale of one iteration.

    Raises:
        OutOfMemoryError: it does not fit; the message names the size that does.
    """
    from impasto.optimization.planning import plan_run

    plan = _plan_without_refinement(shape, networks[0], settings, windows)
    if not settings.refine:
        return plan
    refined = plan_run(shape, networks[-1], settings.of_refinement())
    return replace(
        plan,
        scales=[*plan.scales, *refined.scales],
        tiles=[*plan.tiles, *refined.tiles],
        seconds=plan.seconds + refined.seconds,
        start=plan.start + refined.start,
        memory=max(plan.memory, refined.memory),
    )


def _plan_without_refinement(
    shape: tuple[int, int], network: FeatureNetwork, settings: Settings, windows: bool
) -> Plan:
    from impasto.networks.speed import measure_speed
    from impasto.onepass.painter import load_onepass_network
    from impasto.onepass.planning import COMPILATIONS, MAP_SECONDS, plan_onepass
    from impasto.optimization.planning import Plan, plan_run
    from impasto.optimization.scales import Scale

    if settings.method == "optimize":
        return plan_run(shape, network, settings)
    dtype = runtime.resolve_precision(settings.precision)
    speed = measure_speed(load_onepass_network(dtype).encoder)
    painted = plan_onepass(shape, dtype, settings, speed, windows)
    return Plan(
        shape=shape,
        scales=[Scale(shape, 1)],
        tiles=[painted.tile],
        seconds=painted.seconds,
        start=COMPILATIONS * speed.compile_seconds + MAP_SECONDS,
        memory=painted.memory,
        free=runtime.free_memory(),
        windows=painted.windows,
    )
