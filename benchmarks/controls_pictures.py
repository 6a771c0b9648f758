"""Make the pictures of docs/controls.md, one per control, by one command.

    python -m benchmarks.controls_pictures [strength colors blend parts regions subject strokes ...]

Photos come from scikit-image's samples, styles are painted by the package, masks by this file; nothing else
is in them. All are made at 320 px.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import skimage.data

from benchmarks.shared_files import BUILD, ROOT
from impasto import gallery, stylize
from impasto.engine import runtime
from impasto.pictures.reading import read_picture
from impasto.pictures.resizing import fit, resize
from impasto.pictures.subject import subject_mask
from impasto.pictures.writing import OutputOptions, contact_sheet, write_picture
from impasto.preparation import Inputs
from impasto.runs.sweep import plan_sweep, run_sweep
from impasto.styles import RegionSpec

FOLDER = ROOT / "docs" / "pictures"
SIZE, WIDEST, QUALITY = 320, 1400, 87
PAIRS = (("astronaut", "swirls"), ("chelsea", "mosaic"), ("coffee", "swirls"))


def photo(name: str) -> np.ndarray:
    """Return a sample photo, float32 (height, width, 3) in [0, 1], at the pictures' size."""
    pixels = getattr(skimage.data, name)() / np.float32(255)
    return resize(pixels, fit(pixels.shape[:2], SIZE))


def made(content: np.ndarray, style: Any, **settings: Any) -> np.ndarray:
    print(" ", style if isinstance(style, str | list) else "", settings.keys(), flush=True)
    return stylize(content, style, max_size=SIZE, **settings).pixels


def style_cell(name: str) -> np.ndarray:
    return gallery.style_pixels(name, SIZE)


def gray(mask: np.ndarray) -> np.ndarray:
    return np.repeat(np.float32(mask)[..., None], 3, axis=2)


def write(name: str, rows: list, labels: list, height: int) -> None:
    """Write a labeled sheet, no wider than 1,400 px."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    sheet = contact_sheet(rows, labels, height=height)
    if sheet.shape[1] > WIDEST:
        sheet = resize(sheet, (round(sheet.shape[0] * WIDEST / sheet.shape[1]), WIDEST))
    write_picture(FOLDER / name, sheet, OutputOptions(overwrite=True, quality=QUALITY))


def strength() -> None:
    content, values = photo("astronaut"), (0, 25, 50, 75, 100)
    row = [made(content, "swirls", strength=value) for value in values]
    write("strength.jpg", [row], [[f"strength {value}" for value in values]], 260)


def colors() -> None:
    content, modes = photo("astronaut"), ("style", "content", "luminance", "histogram", "moments")
    row = [made(content, "swirls", colors=mode) for mode in modes]
    write("colors.jpg", [row], [list(modes)], 260)


def blend() -> None:
    content, shares = photo("chelsea"), ((1, 0), (3, 1), (1, 1), (1, 3), (0, 1))
    row = [made(content, [f"swirls:{one}", f"mosaic:{other}"]) for one, other in shares]
    write("blend.jpg", [row], [[f"swirls:{one}  mosaic:{other}" for one, other in shares]], 180)


def parts() -> None:
    content = photo("astronaut")
    styles = (["swirls@fine", "mosaic@coarse"], ["mosaic@fine", "swirls@coarse"], ["swirls", "mosaic"])
    row = [made(content, style) for style in styles]
    labels = ["swirls", "mosaic", *("  ".join(style) for style in styles)]
    write("parts.jpg", [[style_cell("swirls"), style_cell("mosaic"), *row]], [labels], 260)


def cup_mask(shape: tuple[int, int]) -> np.ndarray:
    """Return a soft ellipse about the cup of `skimage.data.coffee`, float32 (height, width)."""
    height, width = shape
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot((columns / width - 0.475) / 0.34, (rows / height - 0.52) / 0.46)
    return np.clip((1.05 - distance) / 0.1, 0, 1).astype(np.float32)


def regions() -> None:
    content = photo("coffee")
    mask = cup_mask(content.shape[:2])
    region = [RegionSpec(mask, "mosaic")]
    row = [
        content,
        gray(mask),
        made(content, "swirls", regions=region),
        made(content, "swirls", regions=region, background="photo"),
    ]
    labels = ["photo", "cup.png", "swirls, cup.png=mosaic", "--background photo"]
    write("regions.jpg", [row], [labels], 220)


def subject() -> None:
    rows, labels = [], []
    for name in ("astronaut", "coffee"):
        content = photo(name)
        kept = [made(content, "swirls", subject=choice) for choice in ("only", "keep")]
        rows.append([content, gray(subject_mask(content)), *kept])
        labels.append([name, "the subject as found", "--subject only", "--subject keep"])
    write("subject.jpg", rows, labels, 220)


def strokes() -> None:
    content, sizes = photo("astronaut"), (0.25, 0.5, 1.0, 2.0, 4.0)
    row = [made(content, "swirls", stroke_size=size) for size in sizes]
    write("strokes.jpg", [row], [[f"stroke size {size:g}" for size in sizes]], 260)


def losses() -> None:
    kinds, rows, labels = ("gram", "moments", "sliced", "neighbors"), [], []
    for name, style in PAIRS:
        content = photo(name)
        rows.append([content, *(made(content, style, style_loss=kind) for kind in kinds)])
        labels.append([f"{name}, {style}", *kinds])
    write("style-losses.jpg", rows, labels, 240)


def grain() -> None:
    """Show the middle of each picture, where single pixels can be seen."""
    content, values = photo("chelsea"), (None, 0.5, 1.0, 2.0)
    row = [middle(made(content, "swirls", grain=value)) for value in values]
    labels = [f"grain {value:g}" if value else "without" for value in values]
    write("grain.jpg", [[middle(style_cell("swirls")), *row]], [["the style itself", *labels]], 260)


def middle(pixels: np.ndarray, side: int = 130) -> np.ndarray:
    top, left = ((length - side) // 2 for length in pixels.shape[:2])
    return pixels[top : top + side, left : left + side]


def sweep() -> None:
    inputs = Inputs.of(photo("coffee"), "swirls")
    settings = {"max_size": SIZE, "strength": [20, 50, 80], "colors": ["style", "luminance"]}
    result = run_sweep(plan_sweep(inputs, BUILD / "controls-sweep", settings, overwrite=True))
    sheet = read_picture(result.sheet).pixels
    write_picture(FOLDER / "sweep.jpg", sheet, OutputOptions(overwrite=True, quality=QUALITY))


PICTURES = {
    "strength": strength, "colors": colors, "blend": blend, "parts": parts, "regions": regions,
    "subject": subject, "strokes": strokes, "losses": losses, "grain": grain, "sweep": sweep,
}  # fmt: skip


def main() -> None:
    names = sys.argv[1:] or list(PICTURES)
    runtime.start_engine()
    for name in names:
        if name not in PICTURES:
            sys.exit(f"benchmarks: there is {', '.join(PICTURES)}, not {name!r}")
        print(name, flush=True)
        PICTURES[name]()


if __name__ == "__main__":
    main()
