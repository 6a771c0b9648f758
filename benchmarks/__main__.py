"""Run the named benchmarks, or all of them: python -m benchmarks [iteration command optimizers ...]."""

from __future__ import annotations

import importlib
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from impasto import __version__
from impasto.engine import runtime

NAMES = (
    "startup",
    "iteration",
    "profile",
    "command",
    "optimizers",
    "borders",
    "pairs",
    "details",
    "onepass",
    "transfer",
    "own_style",
    "fitted",
    "controls",
    "video",
    "video_speed",
    "video_optimization",
    "costs",
    "large",
    "cluster",
    "planning",
    "twelve_megapixels",
    "gigapixel",
    "batch",
    "studio",
    "studio_latency",
    "gpu",
)
RESULTS = Path(__file__).parent / "results"


def bfloat16_rate() -> float:
    """Return what tells machines of one processor name apart: GFLOP/s of matrix multiplies in bfloat16."""
    return round(runtime.matmul_rate("bfloat16", seconds=1.0) / 1e9)


def main() -> None:
    names = sys.argv[1:] or NAMES[:-1]
    for name in names:
        if name not in NAMES:
            sys.exit(f"benchmarks: there is {', '.join(NAMES)}, not {name!r}")
        print(f"== {name}", flush=True)
        rate = bfloat16_rate()
        began = time.perf_counter()
        figures = importlib.import_module(f"benchmarks.{name}").measure()
        result = {
            "benchmark": name,
            "impasto": __version__,
            "date": time.strftime("%Y-%m-%d"),
            "machine": asdict(runtime.describe_machine()) | {"bfloat16_gflops": max(rate, bfloat16_rate())},
            "seconds": round(time.perf_counter() - began, 1),
            "figures": figures,
        }
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
        print(json.dumps(figures, indent=2, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
