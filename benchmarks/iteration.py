"""One value-and-gradient at 512 x 512 against the machine's matrix-multiply rate, and against PyTorch.

Work is counted as the convolutions' multiply-adds, forward and back to the image, two operations each.
The rate is that of a 2048-cubed matrix multiply of the same engine and precision, measured in turns with
the iterations, because the machine's speed drifts; the fastest of each counts. The peer is the plain
PyTorch float32 loop (NCHW, nn.Sequential, autograd) in its own environment, if ``.venv-torch`` is there
(make test-engines makes it).
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import numpy as np

from benchmarks.shared_files import ROOT, standin
from impasto.engine import runtime

SIDE = 512
ROUNDS = 7


def evaluator(network):
    from keras import ops

    from impasto.optimization.targets import build_objective
    from impasto.optimization.tiling import compile_whole
    from impasto.prepared import everywhere
    from impasto.settings import Settings

    rng = np.random.default_rng(0)
    content, style, point = rng.uniform(0, 1, (3, SIDE, SIDE, 3)).astype(np.float32)
    network, content = network.with_cast_weights(), ops.convert_to_tensor(content[None])
    objective = build_objective(network, content, everywhere(style), Settings())
    evaluate = compile_whole(objective)
    evaluate(objective, point[None])
    return lambda: evaluate(objective, point[None])


def seconds(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def share_of_rate(network, dtype: str) -> dict[str, float]:
    from impasto.optimization.planning import operations

    evaluate = evaluator(network)
    times, rates = [], []
    for _ in range(ROUNDS):
        rates.append(runtime.matmul_rate(dtype, seconds=0.4))
        times += [seconds(evaluate) for _ in range(2)]
    work = operations(network) * SIDE**2
    rate, best = max(rates), min(times)
    return {
        "seconds": round(best, 4),
        "gflop": round(work / 1e9, 1),
        "gflops": round(work / best / 1e9, 1),
        "matmul_gflops": round(rate / 1e9, 1),
        "share_of_matmul_rate": round(work / best / rate, 3),
    }


def peer_seconds() -> float | None:
    python = ROOT / ".venv-torch" / "bin" / "python"
    if not python.exists():
        return None
    script = Path(__file__).with_name("peer_torch.py")
    done = subprocess.run([python, script, str(SIDE)], capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)["seconds"])


def measure() -> dict[str, object]:
    runtime.start_engine()
    from impasto.networks.catalogue import load_network

    figures: dict[str, object] = {}
    precisions = ["float32"]
    if runtime.resolve_precision("auto") == "bfloat16":
        precisions.append("bfloat16")
    peer = [peer_seconds()]
    for dtype in precisions:
        figures[f"vgg19_standin_{dtype}"] = share_of_rate(load_network(standin(), dtype=dtype), dtype)
        figures[f"compact_{dtype}"] = share_of_rate(load_network("compact", dtype=dtype), dtype)
    peer.append(peer_seconds())
    if None not in peer:
        torch = min(peer)
        figures["pytorch_float32_loop_seconds"] = round(torch, 4)
        for dtype in precisions:
            ours = figures[f"vgg19_standin_{dtype}"]["seconds"]
            figures[f"ratio_to_pytorch_{dtype}"] = round(ours / torch, 3)
    return figures
