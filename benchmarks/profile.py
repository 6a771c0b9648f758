"""What an iteration of ``compact`` spends its time on: a trace of three iterations at 512 x 512.

Operations run side by side on the cores, so their seconds add up to more than an iteration's; the shares are
of their sum.
"""

from __future__ import annotations

import collections
import re
import tempfile
from pathlib import Path

from benchmarks.iteration import evaluator
from impasto.engine import runtime

ITERATIONS = 3
KINDS = {
    "convolution forward": r"FusedConv2D|NativeConv2D$",
    "convolution backward": r"Conv2DBackpropInput",
    "heads and Gram matrices": r"MatMul|Einsum",
    "padding": r"Pad",
    "pooling": r"AvgPool",
    "ReLU backward": r"ReluGrad",
    "the rest, element by element": r".",
}
"""Groups of operations, by patterns of their kinds' names; the first that fits counts."""


def milliseconds(dtype: str) -> dict[str, float]:
    """Return by group the milliseconds of an iteration."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    from impasto.networks.catalogue import load_network

    evaluate = evaluator(load_network("compact", dtype=dtype))
    found: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        for _ in range(ITERATIONS):
            evaluate()
        tf.profiler.experimental.stop()
        space = xplane_pb2.XSpace()
        space.ParseFromString(next(Path(folder).rglob("*.xplane.pb")).read_bytes())
    for plane in space.planes:
        names = {key: value.name for key, value in plane.event_metadata.items()}
        for event in (event for line in plane.lines for event in line.events):
            name, _, kind = names[event.metadata_id].rpartition(":")
            if not name or name.startswith("EagerLocalExecute"):
                continue
            group = next(group for group, pattern in KINDS.items() if re.search(pattern, kind))
            found[group] += event.duration_ps / 1e9 / ITERATIONS
    return dict(found)


def measure() -> dict[str, object]:
    runtime.start_engine()
    precisions = ["float32"]
    if runtime.resolve_precision("auto") == "bfloat16":
        precisions.append("bfloat16")
    figures = {}
    for dtype in precisions:
        found = milliseconds(dtype)
        total = sum(found.values())
        figures[dtype] = {k: round(v / total, 3) for k, v in sorted(found.items(), key=lambda item: -item[1])}
    return figures
