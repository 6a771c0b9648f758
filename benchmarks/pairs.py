"""The twelve development pairs at 512 px, every method, judged by VGG-19 itself with max pooling.

Writes every pastiche and labelled contact sheets to ``build/pairs``. The pictures are for development
only, so neither they nor what is made of them is kept in the repository; the figures are.
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from benchmarks.shared_files import BUILD, pairs, shared_tool
from impasto import stylize
from impasto.networks.catalogue import list_networks
from impasto.pictures.reading import read_picture
from impasto.pictures.resizing import fit, resize
from impasto.pictures.writing import OutputOptions, contact_sheet, write_picture


def cell(source) -> np.ndarray:
    pixels = read_picture(source).pixels if not isinstance(source, np.ndarray) else source
    return resize(pixels, fit(pixels.shape[:2], 360))


JUDGED = ("style", "content", "palette", "strange", "tv")
METHODS = {
    "optimize": {},
    "onepass": {"method": "onepass"},
    "refine16": {"method": "onepass", "refine": 16},
    "vgg19": {"network": "vgg19"},
}
"""The row vgg19 is left out without its weights: impasto weights fetch vgg19."""


def measure() -> dict[str, object]:
    there = any(card.name == "vgg19" and card.status == "verified" for card in list_networks())
    methods = {name: settings for name, settings in METHODS.items() if name != "vgg19" or there}
    found = {name: measure_method(name, settings) for name, settings in methods.items()}
    return {**found.pop("optimize"), **found}


def measure_method(name: str, settings: dict[str, object]) -> dict[str, object]:
    judge = shared_tool("judge")
    folder = BUILD / "pairs" / name
    folder.mkdir(parents=True, exist_ok=True)
    rows, labels, judged, seconds = [], [], [], []
    for content, style in pairs():
        began = time.perf_counter()
        result = stylize(content, style, **settings)
        seconds.append(time.perf_counter() - began)
        path = folder / f"{content.stem}+{style.stem}.png"
        result.save(path, overwrite=True)
        found = next(iter(judge.judge(content, style, [path])))
        judged.append({"content": content.stem, "style": style.stem, **found, "result": path.name})
        rows.append([cell(content), cell(style), cell(result.pixels)])
        labels.append(
            [
                content.stem,
                style.stem,
                f"style {found['style']}  content {found['content']}  palette {found['palette']}",
            ]
        )
    sheet = contact_sheet(rows, labels)
    write_picture(folder / "sheet.jpg", sheet, OutputOptions(overwrite=True, quality=88))
    mean = {key: round(statistics.mean(j[key] for j in judged), 4) for key in JUDGED}
    return {
        "mean": mean,
        "worst_tv": max(j["tv"] for j in judged),
        "median_seconds": round(statistics.median(seconds), 2),
        "pairs": judged,
    }
