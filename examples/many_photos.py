"""Paint many photos in two styles; a second call makes only what is missing or changed."""

import sys
from pathlib import Path

import skimage.data
from PIL import Image

import impasto


def main(folder: Path) -> None:
    photos = folder / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    for name in ("astronaut", "chelsea", "coffee"):
        if not (photos / f"{name}.jpg").exists():
            Image.fromarray(getattr(skimage.data, name)()).save(photos / f"{name}.jpg")

    for _ in range(2):
        result = impasto.batch(
            photos,
            ["swirls", "mosaic"],
            folder,
            pattern="{name}-{style}.jpg",
            preset="instant",
            max_size=256,
        )
        outcomes = [end.outcome for end in result.ends]
        print(f"{outcomes.count('made')} made, {outcomes.count('kept')} kept in {result.seconds:.0f} s")
    for end in result.failed:
        print(end.output, end.error)


if __name__ == "__main__":  # its processes are started anew, and read this file first
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "many"))
