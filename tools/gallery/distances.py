"""How far styles are from one another in VGG-19's style distance.

    python -m tools.gallery.distances [PICTURE or ID ...]

The distance is the judge's (shared/tools/judge.py): the mean over five layers of |G(a) - G(b)|^2 / |G(b)|^2,
the larger of both directions. No pair may be nearer than a quarter of the median. Needs the
project's environment.
"""

from __future__ import annotations

import importlib.util
import itertools
import sys
from pathlib import Path

import numpy as np

from tools.gallery.look import PICTURES, file_of

JUDGE = Path("/work/shared/tools/judge.py")


def main(names: list[str], size: int = 512) -> int:
    spec = importlib.util.spec_from_file_location("judge", JUDGE)
    judge = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(judge)
    paths = [file_of(name) for name in names] or sorted(PICTURES.glob("*.webp"))
    grams = {path.stem: judge.features(judge.load(path, size))[0] for path in paths}

    def distance(a: str, b: str) -> float:
        gap = {k: ((grams[a][k] - grams[b][k]) ** 2).sum() for k in judge.STYLE}
        return max(float(np.mean([gap[k] / (grams[x][k] ** 2).sum() for k in judge.STYLE])) for x in (a, b))

    pairs = sorted((distance(a, b), a, b) for a, b in itertools.combinations(grams, 2))
    middle = float(np.median([pair[0] for pair in pairs]))
    near = [pair for pair in pairs if pair[0] < middle / 4]
    print(f"{len(grams)} styles, {len(pairs)} pairs, median {middle:.3f}, a quarter {middle / 4:.3f}")
    for value, a, b in pairs[: max(12, len(near))]:
        print(f"{value:.3f}  {a} - {b}{'  <-- too near' if value < middle / 4 else ''}")
    return 1 if near else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
