"""Make the pictures of the documentation, all of them the product's own, by one command.

    python -m benchmarks.gallery_pictures

Photos come from scikit-image's samples, styles are painted by the package: docs/pictures/pair.jpg (the
README's), docs/pictures/samples.jpg (four photos, two styles) and, if a stand-in of VGG-19's shape can be
made from the development files, docs/pictures/emergence.jpg (the article preset from white noise).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import skimage.data

from benchmarks.shared_files import ROOT, SHARED, standin
from impasto import gallery, stylize, stylize_steps
from impasto.image_output import OutputOptions, contact_sheet, write_picture
from impasto.presets import settings_for

FOLDER = ROOT / "docs" / "pictures"
MOMENTS = (0, 10, 50, 200, 1000)
PRESETS = ("article", "gatys2016", "neural-style", "johnson-baseline")


def write(name: str, rows: list, labels: list, height: int) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    sheet = contact_sheet(rows, labels, height=height)
    write_picture(FOLDER / name, sheet, OutputOptions(overwrite=True, quality=88))


def pair() -> None:
    photo, style = skimage.data.astronaut() / np.float32(255), gallery.make_style("swirls", 512)
    result = stylize(skimage.data.astronaut(), "swirls")
    write("pair.jpg", [[photo, style, result.pixels]], [["photo", "swirls", "impasto stylize"]], 320)


def samples() -> None:
    rows, labels = [], []
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        photo = getattr(skimage.data, name)()
        made = [stylize(photo, style).pixels for style in gallery.style_names()]
        rows.append([photo / np.float32(255), *made])
        labels.append([name, *gallery.style_names()])
    write("samples.jpg", rows, labels, 300)


def emergence(preset: str, network: Path) -> list[np.ndarray]:
    kept, settings = [], {"network": str(network), "max_size": 300, "iterations": 1000}
    for step in stylize_steps(skimage.data.astronaut(), "swirls", preset=preset, **settings):
        if step.iteration in MOMENTS:
            kept.append(step.image)
            print(preset, step.iteration, {k: f"{v:.4g}" for k, v in step.losses.items()}, flush=True)
    return kept


def emergences() -> None:
    from impasto.preparation import Inputs, prepare

    rows, labels = [], []
    for preset in PRESETS:
        settings = settings_for(preset, {"network": str(standin(".mat")), "max_size": 300})
        inputs = Inputs.of(skimage.data.astronaut(), "swirls")
        prepared = prepare(inputs, settings)
        rows.append([np.clip(prepared.initial, 0, 1), *emergence(preset, standin(".mat"))])
        labels.append([f"{preset}, {n}" for n in MOMENTS])
    write("emergence.jpg", rows, labels, 220)


def main() -> None:
    chosen = sys.argv[1:] or ["pair", "samples", "emergences"]
    for name in chosen:
        if name == "emergences" and not SHARED.is_dir():
            print("emergence.jpg needs the development files; it is left as it is")
            continue
        {"pair": pair, "samples": samples, "emergences": emergences}[name]()


if __name__ == "__main__":
    main()
