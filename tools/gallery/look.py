"""Look at the styles and at what they do to photos; needs the project's environment (PYTHONPATH=src).

    python -m tools.gallery.look styles OUT.jpg [PICTURE or ID ...]
    python -m tools.gallery.look pastiches OUT.jpg PICTURE or ID ... [--photos NAME ...] [--all] [--optimize]

Pastiches are made by one pass, or by the optimization; for each, the share of clipped pixels (at most 10%)
and the correlation of its luminance with the photo's (at least 0.3) are printed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "src" / "impasto" / "gallery" / "pictures"
PHOTOS = Path("/work/shared/images/content")
FEW = (
    "kodak04_red-hat-portrait",
    "kodak15_face-paint-girl",
    "golden_gate",
    "cobbled-street",
    "new-york-night",
    "chelsea-cat",
)
MORE = ("kodak18_woman-in-garden", "beach-cliff", "chicago", "tubingen", "hot-dogs-food", "coffee-cup")


def file_of(name: str) -> Path:
    return Path(name) if Path(name).is_file() else PICTURES / f"{name}.webp"


def read(path: Path, size: int | None = None) -> np.ndarray:
    image = Image.open(path).convert("RGB")
    if size:
        image.thumbnail((size, size), Image.Resampling.LANCZOS)
    return np.asarray(image, np.float32) / 255


def measured(pastiche: np.ndarray, photo: np.ndarray) -> tuple[float, float]:
    """Return the share of pixels at 0 or 1 in all channels' extremes, and the luminance correlation."""
    levels = np.rint(np.clip(pastiche, 0, 1) * 255)
    clipped = ((levels <= 0) | (levels >= 255)).all(-1).mean()
    small = Image.fromarray(np.rint(photo * 255).astype(np.uint8)).resize(pastiche.shape[1::-1])
    gray = [x @ np.array([0.2126, 0.7152, 0.0722]) for x in (pastiche, np.asarray(small) / 255)]
    return float(clipped), float(np.corrcoef(gray[0].ravel(), gray[1].ravel())[0, 1])


def styles(names: list[str], size: int) -> tuple[list, list]:
    paths = [file_of(name) for name in names] or sorted(PICTURES.glob("*.webp"))
    rows = [paths[i : i + 6] for i in range(0, len(paths), 6)]
    return [[read(p, size * 2) for p in row] for row in rows], [[p.stem for p in row] for row in rows]


def pastiches(names: list[str], photos: list[str], size: int, optimize: bool) -> tuple[list, list]:
    from impasto import stylize

    shots = [(name, read(PHOTOS / f"{name}.jpg", size)) for name in photos]
    rows, labels = [[read(PHOTOS / f"{name}.jpg", size) for name in photos]], [list(photos)]
    for name in names:
        path, row, label = file_of(name), [read(file_of(name), size)], [name]
        for photo_name, photo in shots:
            settings = {} if optimize else {"method": "onepass"}
            pixels = stylize(photo, str(path), max_size=size, **settings).pixels
            clipped, kept = measured(pixels, photo)
            flag = " <--" if clipped > 0.1 or kept < 0.3 else ""
            print(
                f"{path.stem:18} {photo_name:26} clipped {clipped:6.1%}  luminance {kept:.2f}{flag}",
                flush=True,
            )
            row.append(pixels)
            label.append(f"clip {clipped:.1%} lum {kept:.2f}")
        rows.append(row)
        labels.append(label)
    rows[0].insert(0, np.ones_like(rows[0][0]))
    labels[0].insert(0, "")
    return rows, labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("styles", "pastiches"))
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--photos", nargs="*", default=list(FEW))
    parser.add_argument("--optimize", action="store_true")
    parser.add_argument("--all", action="store_true", help="all twelve photos")
    parser.add_argument("--size", type=int, default=320)
    args = parser.parse_args()
    from impasto.pictures.writing import contact_sheet, picture_to_pil

    if args.what == "styles":
        rows, labels = styles(args.names, args.size)
    else:
        photos = [*FEW, *MORE] if args.all else args.photos
        rows, labels = pastiches(args.names, photos, args.size, args.optimize)
    picture_to_pil(contact_sheet(rows, labels, height=min(args.size, 240))).save(args.out, quality=90)


if __name__ == "__main__":
    main()
