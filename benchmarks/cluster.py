"""One picture on a cluster: seconds of an iteration with 1, 2 and 4 workers beside one process, and a model.

Every row is a process of its own: L-BFGS from a random picture, in the same tiles. One process has as many
threads as the workers together; workers have one core each, and where there are more of them than cores,
they are said to be crowded. The model is fitted to these rows and to empty turns, and says what many workers
on machines of their own would do; nothing beyond the rows was measured.

    python -m benchmarks cluster                     2048 px in tiles of 1488
    python -m benchmarks.cluster 512 320             another size and tile
    python -m benchmarks.cluster deviation 1024 768  how value and gradient in two parts deviate
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np

from benchmarks.shared_files import run

SIDE, TILE = 2048, 1488
WORKERS = (1, 2, 4)
ITERATIONS = 4
NETWORK_BYTES = 1.25e9 * 0.7
"""Of a network of 10 Gbit/s, a second: assumed, for the model only."""
MODELED = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
MODELED_SIDES = (2048, 8192, 16384)


def problem(side: int, tile: int, dtype: str = "float32") -> dict[str, Any]:
    """Return network, settings, content, regions and starting point of a square picture."""
    from impasto.gallery import style_pixels
    from impasto.networks.catalogue import load_network
    from impasto.prepared import StyledRegion, StyleImage
    from impasto.settings import Settings

    rng = np.random.default_rng(0)
    style = StyleImage(pixels=style_pixels("swirls", 512), shape=(min(side, 512),) * 2)
    return {
        "network": load_network("compact", dtype=dtype).with_cast_weights(),
        "settings": Settings(),
        "content": rng.random((side, side, 3), np.float32),
        "regions": [StyledRegion(styles=(style,))],
        "point": rng.random((1, side, side, 3), np.float32),
        "tile": tile,
    }


def iterate(evaluate: Any, point: Any, precondition: Any) -> list[float]:
    """Return the seconds of iterations after the first, which compiles."""
    from impasto.optimization.optimizers import LBFGS

    optimizer = LBFGS(evaluate, point, 4, precondition)
    seconds = []
    for _ in range(ITERATIONS):
        began = time.perf_counter()
        total = optimizer.step().total
        if not isinstance(optimizer.point, np.ndarray):
            optimizer.point.vectors.dot(optimizer.point, optimizer.point)  # until everybody is done
        seconds.append(time.perf_counter() - began)
    print(f"total {total:.6g}, seconds {[round(s, 2) for s in seconds]}", file=sys.stderr)
    return seconds[1:]


def one_process(side: int, tile: int) -> dict[str, object]:
    """Measure the tiled iteration of one process with all cores that it may use."""
    from impasto.engine import machine, runtime

    runtime.start_engine()
    from impasto.optimization.preconditioner import Preconditioner
    from impasto.optimization.targets import build_objective
    from impasto.optimization.tiling import compile_in_tiles

    given = problem(side, tile)
    objective = build_objective(
        given["network"], given["content"][None], given["regions"], given["settings"], tile
    )
    evaluate = compile_in_tiles(objective, tile)
    seconds = iterate(
        lambda point: evaluate(objective, point), given["point"], Preconditioner(given["point"])
    )
    return {"cores": machine.available_cores(), "seconds": round(float(np.median(seconds)), 3)}


def deviation(side: int, tile: int) -> dict[str, dict[str, float]]:
    """Compare value and gradient in two parts with one process' in the same tiles, in both precisions.

    Returns:
        By what is compared with what, |value - value'| / |value'| and |gradient - gradient'| / |gradient'|.
    """
    from impasto.engine import runtime

    runtime.start_engine()
    from impasto.optimization.objective import seen_content_layers, seen_layers
    from impasto.optimization.spread.evaluation import SpreadEvaluation
    from impasto.optimization.spread.partition import Partition
    from impasto.optimization.spread.team import LocalTeam
    from impasto.optimization.targets import build_objective, objective_without_content
    from impasto.optimization.tiling import compile_in_tiles
    from impasto.workshop import Workshop

    found = {}
    for dtype in ("float32", "bfloat16"):
        given = problem(side, tile, dtype)
        network, content = given["network"], given["content"]
        regions, settings = given["regions"], given["settings"]
        whole = build_objective(network, content[None], regions, settings, tile)
        one = compile_in_tiles(whole, tile)(whole, given["point"])
        frame = objective_without_content(network, (side, side), regions, settings, tile)
        partition = Partition.of((side, side), tile, seen_layers(settings), 2)
        seen = content, seen_content_layers(settings)
        evaluate = SpreadEvaluation(LocalTeam(2), partition, frame, seen, Workshop())
        two = evaluate(evaluate.vectors.placed(given["point"]))
        found[dtype] = {
            "one": (one.total, np.asarray(one.gradient)),
            "two": (two.total, np.asarray(two.gradient)),
        }
    pairs = {
        "float32": (found["float32"]["two"], found["float32"]["one"]),
        "bfloat16": (found["bfloat16"]["two"], found["bfloat16"]["one"]),
        "bfloat16 and float32, one process": (found["bfloat16"]["one"], found["float32"]["one"]),
        "bfloat16 in parts and float32, one process": (found["bfloat16"]["two"], found["float32"]["one"]),
    }
    return {
        name: {
            "value": float(f"{abs(this[0] / that[0] - 1):.2g}"),
            "gradient": float(f"{np.linalg.norm(this[1] - that[1]) / np.linalg.norm(that[1]):.2g}"),
        }
        for name, (this, that) in pairs.items()
    }


def with_workers(side: int, tile: int, workers: int) -> dict[str, object]:
    """Measure the iteration of workers of one core each."""
    from impasto.engine import machine, runtime

    runtime.start_engine()
    from impasto.optimization.objective import seen_content_layers, seen_layers
    from impasto.optimization.spread.evaluation import SpreadEvaluation, SpreadPreconditioner
    from impasto.optimization.spread.partition import Partition
    from impasto.optimization.targets import objective_without_content
    from impasto.runs.cluster.actors import RayTeam
    from impasto.runs.cluster.sessions import ray_session
    from impasto.workshop import Workshop

    given, cores = problem(side, tile), machine.available_cores()
    settings = given["settings"]
    frame = objective_without_content(given["network"], (side, side), given["regions"], settings, tile)
    partition = Partition.of((side, side), tile, seen_layers(settings), workers)
    with ray_session(cores=workers) as session:  # so that each has one
        team = RayTeam(session, workers)
        content = given["content"], seen_content_layers(settings)
        evaluate = SpreadEvaluation(team, partition, frame, content, Workshop())
        point = evaluate.vectors.placed(given["point"])
        precondition = SpreadPreconditioner(point)
        turns = []
        for _ in range(50):
            began = time.perf_counter()
            team.settle()
            turns.append(time.perf_counter() - began)
        before = team.turns
        seconds = iterate(evaluate, point, precondition)
        turned = (team.turns - before) / (ITERATIONS + 1)
        team.close()
    return {
        "workers": workers,
        "parts": len(partition.parts),
        "crowded": workers > cores,
        "seconds": round(float(np.median(seconds)), 3),
        "work_megapixels": round(partition.parts[0].work / 1e6, 3),
        "turns": round(turned, 1),
        "empty_turn_ms": round(1e3 * float(np.median(turns)), 3),
        **traffic(partition, given["network"]),
    }


def traffic(partition: Any, network: Any) -> dict[str, float]:
    """Return the megabytes that an iteration moves: between a part and its neighbors, and with the driver."""
    from impasto.layers import STYLE_LAYERS
    from impasto.optimization.spread.filtering import grid_matrices, touched

    def bytes_of(window: Any) -> float:
        return 12.0 * window.shape[0] * window.shape[1] if window else 0.0

    grids = grid_matrices(partition.shape)
    given = []
    for number, part in enumerate(partition.parts):
        others = [partition.parts[n] for n in partition.neighbors[number]]
        halo = sum(bytes_of(part.own.meet(other.ground)) for other in others)
        back = sum(bytes_of(other.own.meet(part.ground)) for other in others)
        fine = touched(grids[0], part.own)
        grid = sum(bytes_of(fine.meet(touched(grids[0], other.own))) for other in others)
        given.append(halo + back + 2 * grid)
    coarse = sum(bytes_of(touched(grids[1], touched(grids[0], part.own))) for part in partition.parts)
    sums = 0.0
    for layer in STYLE_LAYERS:
        head = network.weights.get(f"expand{layer[4:]}/bias")
        width = network.weights[f"conv{layer[4:]}/bias"].shape[0]
        width = width if network.has_metric(layer) or head is None else head.shape[0]
        sums += 8.0 * width * (width + 1)
    count = len(partition.parts)
    return {
        "neighbor_mb": round(max(given) / 1e6, 3),
        "driver_mb": round((4 * coarse + count * sums + sums / 2) / 1e6, 3),
    }


def model(rows: list[dict[str, Any]], network_bytes: float = NETWORK_BYTES) -> dict[str, object]:
    """Return a model of many workers, each with a core of its own, fitted to the rows that are not crowded.

    seconds = c work + turns (l + m N) + (neighbor + driver) / network, with c the seconds of a megapixel's
    work of one worker, l the latency of a turn and m what a message costs the driver. Work, turns and bytes
    are those of the partition that would be made.
    """
    from impasto.layers import STYLE_LAYERS
    from impasto.networks.catalogue import load_network
    from impasto.optimization.spread.partition import Partition

    free = [row for row in rows if not row["crowded"]]
    counts = np.array([[1.0, row["parts"]] for row in rows])
    latency, message = np.linalg.lstsq(counts, np.array([r["empty_turn_ms"] for r in rows]), rcond=None)[0]
    latency, message = max(0.0, latency) / 1e3, max(0.0, message) / 1e3
    turns = float(np.mean([row["turns"] for row in rows]))

    def talk(count: int, moved: dict[str, float]) -> float:
        return turns * (latency + message * count) + sum(moved.values()) * 1e6 / network_bytes

    of_work = [(r["seconds"] - turns * r["empty_turn_ms"] / 1e3) / r["work_megapixels"] for r in free]
    speed, network, predicted = float(np.median(of_work)), load_network("compact"), []
    for side in MODELED_SIDES:
        alone = 0.0
        for workers in MODELED:
            partition = Partition.of((side, side), TILE, STYLE_LAYERS, workers)
            count = len(partition.parts)
            seconds = speed * partition.parts[0].work / 1e6 + talk(count, traffic(partition, network))
            alone = alone or seconds
            predicted.append(
                {
                    "side": side,
                    "workers": count,
                    "seconds": round(seconds, 3),
                    "efficiency": round(alone / seconds / count, 3),
                }
            )
    return {
        "seconds_per_megapixel": round(speed, 3),
        "turn_latency_ms": round(1e3 * latency, 3),
        "message_ms": round(1e3 * message, 3),
        "network_bytes_per_second": network_bytes,
        "predicted": predicted,
    }


def measure(side: int = SIDE, tile: int = TILE) -> dict[str, object]:
    rows = []
    alone = json.loads(run("-m", "benchmarks.cluster", "alone", side, tile).splitlines()[-1])
    print(alone, flush=True)
    for workers in WORKERS:
        rows.append(json.loads(run("-m", "benchmarks.cluster", workers, side, tile).splitlines()[-1]))
        print(rows[-1], flush=True)
    same = next((row for row in rows if row["parts"] == alone["cores"]), None)
    overhead = None if same is None else round(same["seconds"] / alone["seconds"] - 1, 3)
    return {
        "side": side,
        "tile": tile,
        "one_process": alone,
        "workers": rows,
        "overhead_with_a_worker_a_core": overhead,
        "deviation": json.loads(run("-m", "benchmarks.cluster", "deviation", 1024, 768).splitlines()[-1]),
        "model": model(rows),
    }


def main() -> None:
    kind, *sizes = sys.argv[1:] or ["all"]
    if kind in ("alone", "deviation"):
        found = (one_process if kind == "alone" else deviation)(*map(int, sizes))
    elif len(sizes) == 2:
        found = with_workers(*map(int, sizes), int(kind))
    else:
        found = measure(*map(int, [kind, *sizes] if sizes else []))
    print(json.dumps(found))


if __name__ == "__main__":
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    main()
