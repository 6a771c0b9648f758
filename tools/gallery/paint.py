"""Paint the built-in styles' pictures: python -m tools.gallery.paint [ID ...] [--size N] [--png FOLDER].

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
    args = parser.parse_args()
    known = modules()
    path = HOME / "manifest.json"
    manifest = json.loads(path.read_text("utf-8")) if path.exists() else {}
    for name in args.ids or known:
        started, module = time.perf_counter(), known[name]
        picture = painted(module, args.size)
        if args.png:
            args.png.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.rint(picture * 255).astype(np.uint8)).save(args.png / f"{name}.png")
        else:
            data, card = encoded(picture), module.CARD
            (HOME / "pictures").mkdir(exist_ok=True)
            (HOME / "pictures" / f"{name}.webp").write_bytes(data)
            manifest[name] = {
                "name": card.name,
                "name_zh": card.name_zh,
                "line": card.line,
                "line_zh": card.line_zh,
                "sha256": hashlib.sha256(data).hexdigest(),
                "licence": "CC0-1.0",
                "painter": module.__name__,
                "seed": card.seed,
            }
        dark = (picture <= 1 / 255).all(-1).mean(), (picture >= 254 / 255).all(-1).mean()
        print(
            f"{name}: {picture.shape} {time.perf_counter() - started:.1f} s, "
            f"black {dark[0]:.1%}, white {dark[1]:.1%}"
        )
    if not args.png:
        path.write_text(
            json.dumps(dict(sorted(manifest.items())), ensure_ascii=False, indent=1) + "\n", "utf-8"
        )
        total = sum(p.stat().st_size for p in (HOME / "pictures").glob("*.webp"))
        print(f"{len(manifest)} styles, {total / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
