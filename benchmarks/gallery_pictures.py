"""Make the pictures of the documentation, all of them the product's own, by one command.

    python -m benchmarks.gallery_pictures

Photos come from scikit-image's samples, styles are painted by the package. In docs/pictures:

- pair.jpg: the README's; samples.jpg: four photos, two styles;
- one-pass.jpg: twelve pairs by one pass, by one pass and refinement, and by the optimization;
- sky.jpg: a smooth sky of 3,000 px, in tiles; last-scale.jpg: what the last scale of a large picture adds;
- article.jpg: the article's preset in its two readings, from white noise; emergence.jpg: the same of other
  publications; both need VGG-19 (impasto weights fetch vgg19).
"""

from __future__ import annotations

import sys

import numpy as np
import skimage.data

from benchmarks.shared_files import BUILD, ROOT
from impasto import gallery, stylize, stylize_steps
from impasto.pictures.reading import read_picture
from impasto.pictures.resizing import resize
from impasto.pictures.writing import OutputOptions, contact_sheet, write_picture
from impasto.presets import settings_for

FOLDER = ROOT / "docs" / "pictures"
MOMENTS = (10, 50, 200)
PHOTOS = ("astronaut", "chelsea", "coffee", "rocket", "stereo_motorcycle", "hubble_deep_field")
STYLES, SAMPLES = ("swirls", "mosaic"), ("swirls", "watercolor-hills")


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
            labels.append([name, style, "one pass", "one pass, refine 10", "optimization"])
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


def emergence(preset: str) -> list[tuple[int, np.ndarray]]:
    """Return (iteration, picture) of a preset from white noise on VGG-19.

    A run takes minutes to an hour: its pictures stay in build/emergence and are not made again.
    """
    folder, last = BUILD / "emergence", settings_for(preset, {}).iterations[0]
    moments = [n for n in MOMENTS if n < last] + [last]
    paths = {n: folder / f"{preset}-{n}.png" for n in moments}
    if not all(path.exists() for path in paths.values()):
        folder.mkdir(parents=True, exist_ok=True)
        for step in stylize_steps(skimage.data.astronaut(), "swirls", preset=preset, max_size=300):
            if step.iteration in paths:
                print(preset, step.iteration, {k: f"{v:.4g}" for k, v in step.losses.items()}, flush=True)
                pixels = np.clip(step.image, 0, 1)
                write_picture(paths[step.iteration], pixels, OutputOptions(overwrite=True))
    return [(n, read_picture(path).pixels) for n, path in paths.items()]


def emergence_sheet(name: str, presets: tuple[str, ...]) -> None:
    made = {preset: emergence(preset) for preset in presets}
    rows = [[image for _, image in row] for row in made.values()]
    labels = [[f"{preset}, {n}" for n, _ in row] for preset, row in made.items()]
    write(name, rows, labels, 300)


def article() -> None:
    """Show the article's preset in its two readings."""
    emergence_sheet("article.jpg", ("article", "article-literal"))


def emergences() -> None:
    """Show the other publications' presets."""
    emergence_sheet("emergence.jpg", ("gatys2016", "neural-style", "johnson-baseline"))


def main() -> None:
    for name in sys.argv[1:] or list(PICTURES):
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
