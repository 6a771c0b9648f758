"""How long ``import impasto`` and ``impasto --help`` take, beyond an empty Python."""

from __future__ import annotations

import subprocess
import sys
import time


def fastest(*command: str, repeats: int = 10) -> float:
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run([sys.executable, *command], capture_output=True, check=True)
        best = min(best, time.perf_counter() - start)
    return best


def measure() -> dict[str, float]:
    empty = fastest("-c", "pass")
    return {
        "import_impasto_ms": round(1000 * (fastest("-c", "import impasto") - empty), 1),
        "help_ms": round(1000 * fastest("-m", "impasto.cli", "--help"), 1),
    }
