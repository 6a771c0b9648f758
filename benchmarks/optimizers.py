"""Which optimizer reaches an objective soonest: our L-BFGS, preconditioned or not, SciPy's or Adam.

At one scale of 256 px, on the development pairs; the goal is what 60 iterations of our plain L-BFGS reach.
Times are of the iterations alone, on functions that are compiled already.
"""

from __future__ import annotations

import statistics
import time
from functools import partial

import numpy as np

from benchmarks.shared_files import pairs
from impasto.engine import runtime

SIDE, ITERATIONS, LIMIT = 256, 60, 200


class Reached(Exception):
    """The goal is reached."""


def problem(content, style):
    from keras import ops

    from impasto.optimization.targets import build_objective
    from impasto.optimization.tiling import compile_whole
    from impasto.preparation import Inputs, prepare
    from impasto.settings import Settings

    prepared = prepare(Inputs.of(content, style), Settings(max_size=SIDE))
    photo = ops.convert_to_tensor(prepared.content[None])
    objective = build_objective(prepared.network, photo, prepared.regions, Settings())
    start = prepared.content[None]
    evaluate = partial(compile_whole(objective), objective)
    evaluate(start)
    return evaluate, start


def run_stepwise(optimizer, goal: float) -> float | None:
    began = time.perf_counter()
    for _ in range(LIMIT):
        if optimizer.step().total <= goal:
            return time.perf_counter() - began
    return None


def run_scipy(evaluate, start, goal: float) -> float | None:
    from scipy.optimize import minimize

    def function(x):
        found = evaluate(x.astype(np.float32).reshape(start.shape))
        if found.total <= goal:
            raise Reached
        return found.total, found.gradient.ravel().astype(np.float64)

    began = time.perf_counter()
    try:
        minimize(
            function,
            start.ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": LIMIT, "maxfun": 2 * LIMIT, "maxcor": 12, "ftol": 0, "gtol": 0},
        )
    except Reached:
        return time.perf_counter() - began
    return None


def measure() -> dict[str, object]:
    runtime.start_engine()
    from impasto.optimization.optimizers import LBFGS, Adam
    from impasto.optimization.preconditioner import Preconditioner

    times: dict[str, list[float | None]] = {}
    for content, style in pairs()[::6]:
        evaluate, start = problem(content, style)
        ours = LBFGS(evaluate, start)
        began = time.perf_counter()
        for _ in range(ITERATIONS):
            goal = ours.step().total
        times.setdefault("lbfgs", []).append(time.perf_counter() - began)
        better = LBFGS(evaluate, start, precondition=Preconditioner(start))
        times.setdefault("lbfgs_preconditioned", []).append(run_stepwise(better, goal))
        times.setdefault("scipy_lbfgsb", []).append(run_scipy(evaluate, start, goal))
        for rate in (0.01, 0.02, 0.04):
            adam = Adam(evaluate, start, rate)
            times.setdefault(f"adam_{rate}", []).append(run_stepwise(adam, goal))
    return {name: summary(found) for name, found in times.items()}


def summary(found: list[float | None]) -> dict[str, object]:
    reached = [t for t in found if t is not None]
    return {
        "reached_the_goal": f"{len(reached)} of {len(found)}",
        "median_seconds": round(statistics.median(reached), 2) if reached else None,
    }
