"""Make the pictures of the documentation, all of them the product's own, by one command.

    python -m benchmarks.gallery_pictures

Photos come from scikit-image's samples, styles are painted by the package. In docs/pictures:

- pair.jpg: the README's; samples.jpg: four photos, two styles;
- one-pass.jpg: twelve pairs by one pass, by one pass and refinement, and by the optimisation;
- sky.jpg: a smooth sky of 3,000 px, in tiles; last-scale.jpg: what the last scale of a large picture adds;
- article.jpg: the article's preset in its two readings, from white noise; it needs VGG-19 to be installed;
- emergence.jpg: the reference presets from white noise, on a stand-in of VGG-19's shape if it can be made
  from the development files.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import skimage.data

from benchmarks.shared_files import ROOT, SHARED, standin
from impasto import gallery, stylize, stylize_steps
from impasto.pictures.resizing import resize
from impasto.pictures.writing import OutputOptions, contact_sheet, write_picture
from impasto.presets import settings_for

FOLDER = ROOT / "docs" / "pictures"
MOMENTS = (0, 10, 50, 200, 1000)
PHOTOS = ("astronaut", "chelsea", "coffee", "rocket", "stereo_motorcycle", "hubble_deep_field")
STYLES, SAMPLES = ("swirls", "mosaic"), ("swirls", "watercolor-hills")
PRESETS = ("article", "gatys2016", "neural-style", "johnson-baseline")


def write(name: str, rows: list, labels: list, height: int) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    sheet = contact_sheet(rows, labels, height=height)
    write_picture(FOLDER / name, sheet, OutputOptions(overwrite=True, quality=88))


def pair() -> None:
    pixels, name = skimage.data.chelsea(), "watercolor-hills"
    photo, style = pixels / np.float32(255), gallery.style_pixels(name, 512)
    result = stylize(pixels, name)
    write("pair.jpg", [[photo, style, result.pixels]], [["photo", name, "impasto stylize"]], 320)


def samples() -> None:
    rows, labels = [], []
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        photo = getattr(skimage.data, name)()
        made = [stylize(photo, style).pixels for style in SAMPLES]
        rows.append([photo / np.float32(255), *made])
        labels.append([name, *SAMPLES])
    write("samples.jpg", rows, labels, 300)


def one_pass() -> None:
    rows, labels = [], []
    for name in PHOTOS:
        photo = getattr(skimage.data, name)()
        photo = photo[0] if isinstance(photo, tuple) else photo
        for style in STYLES:
            made = [
                stylize(photo, style, max_size=384, **settings).pixels
                for settings in ({"method": "onepass"}, {"method": "onepass", "refine": 10}, {})
            ]
            rows.append([photo / np.float32(255), gallery.style_pixels(style, 384), *made])
            labels.append([name, style, "one pass", "one pass, refine 10", "optimisation"])
    write("one-pass.jpg", rows, labels, 190)


def sky() -> None:
    """Paint a smooth sky in tiles: a seam would show in it."""
    height, width = 2000, 3000
    down, right = np.linspace(0, 1, height)[:, None, None], np.linspace(0, 1, width)[None, :, None]
    photo = np.array([0.35, 0.55, 0.85]) * (1 - down) + np.array([0.85, 0.9, 0.95]) * down + 0 * right
    result = stylize(photo.astype(np.float32), "swirls", max_size=width, tile_size=1168)
    crop = result.pixels[700:1300, 1050:1950]
    write(
        "sky.jpg", [[result.pixels, crop]], [["3000 x 2000 px, in tiles", "900 x 600 px of its middle"]], 480
    )


def last_scale() -> None:
    """Show a detail of a 2,048 px picture before, within and after the iterations of its last scale."""
    photo = resize(skimage.data.astronaut() / np.float32(255), (2048, 2048))
    rows, labels = [], []
    for step in stylize_steps(photo, "swirls", max_size=2048):
        ends = step.iteration == step.iterations and step.scale == step.scales - 1
        if ends or (step.last or (step.scale == step.scales and step.iteration in (1, 3))):
            rows.append(resize(step.image, photo.shape[:2])[300:700, 700:1100])
            labels.append(
                f"scale {step.scale}/{step.scales}, {step.iteration}, total {step.losses['total']:.3g}"
            )
    write("last-scale.jpg", [rows], [labels], 400)


def emergence(preset: str, network: Path) -> list[np.ndarray]:
    kept, settings = [], {"network": str(network), "max_size": 300, "iterations": 1000}
    for step in stylize_steps(skimage.data.astronaut(), "swirls", preset=preset, **settings):
        if step.iteration in MOMENTS:
            kept.append(step.image)
            print(preset, step.iteration, {k: f"{v:.4g}" for k, v in step.losses.items()}, flush=True)
    return kept


def article() -> None:
    """Show the article's preset in its two readings, from white noise with the installed VGG-19."""
    rows, labels, moments = [], [], (10, 50, 200, 1000)
    for preset in ("article", "article-literal"):
        steps = stylize_steps(skimage.data.astronaut(), "swirls", preset=preset)
        rows.append([step.image for step in steps if step.iteration in moments])
        labels.append([f"{preset}, {n}" for n in moments])
    write("article.jpg", rows, labels, 300)


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
    chosen = sys.argv[1:] or list(PICTURES)
    for name in chosen:
        if name == "emergences" and not SHARED.is_dir():
            print("emergence.jpg needs the development files; it is left as it is")
            continue
        PICTURES[name]()


PICTURES = {
    "pair": pair,
    "samples": samples,
    "one_pass": one_pass,
    "sky": sky,
    "last_scale": last_scale,
    "article": article,
    "emergences": emergences,
}

if __name__ == "__main__":
    main()
