"""Paint the built-in styles' pictures: python -m tools.gallery.paint [ID ...] [--manifest].

Without ids, all. With --png, trial pictures go to a folder (add --size 384 while composing); without, the
WebPs and the manifest of the package are written.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import time
from pathlib import Path
from types import ModuleType

import numpy as np
from PIL import Image

from tools.gallery.card import modules, painted

HOME = Path(__file__).resolve().parents[2] / "src" / "impasto" / "gallery"
SIZE = 768
BYTES = 225_000
"""At most so many for one picture: 35 of them stay below 8 MB."""


def encoded(picture: np.ndarray) -> bytes:
    """Return a WebP of the best quality, up to 92, that fits in BYTES."""
    image = Image.fromarray(np.rint(picture * 255).astype(np.uint8))
    for quality in range(92, 30, -3):
        file = io.BytesIO()
        image.save(file, "WEBP", quality=quality, method=6)
        if file.tell() <= BYTES:
            break
    return file.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ids", nargs="*")
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--png", type=Path)
    parser.add_argument("--manifest", action="store_true", help="write the manifest only (after a merge)")
    args = parser.parse_args()
    known = modules()
    for name in args.ids or ([] if args.manifest else known):
        started, module = time.perf_counter(), known[name]
        picture = painted(module, args.size)
        if args.png:
            args.png.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.rint(picture * 255).astype(np.uint8)).save(args.png / f"{name}.png")
        else:
            (HOME / "pictures").mkdir(exist_ok=True)
            (HOME / "pictures" / f"{name}.webp").write_bytes(encoded(picture))
        dark = (picture <= 1 / 255).all(-1).mean(), (picture >= 254 / 255).all(-1).mean()
        print(
            f"{name}: {picture.shape} {time.perf_counter() - started:.1f} s, "
            f"black {dark[0]:.1%}, white {dark[1]:.1%}",
            flush=True,
        )
    if not args.png:
        write_manifest(known)


def write_manifest(known: dict[str, ModuleType]) -> None:
    """Write the manifest of the pictures that are there, from their bytes and their painters' cards."""
    manifest, total = {}, 0
    for path in sorted((HOME / "pictures").glob("*.webp")):
        card, data = known[path.stem].CARD, path.read_bytes()
        total += len(data)
        manifest[path.stem] = {
            "name": card.name,
            "name_zh": card.name_zh,
            "line": card.line,
            "line_zh": card.line_zh,
            "sha256": hashlib.sha256(data).hexdigest(),
            "licence": "CC0-1.0",
            "painter": known[path.stem].__name__,
            "seed": card.seed,
        }
    text = json.dumps(manifest, ensure_ascii=False, indent=1)
    (HOME / "manifest.json").write_text(text + "\n", "utf-8")
    print(f"{len(manifest)} styles, {total / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
