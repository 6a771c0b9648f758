"""Keep the photo's colors in four ways, and see how far the mean color moved in each."""

import sys
from pathlib import Path

import skimage.data

import impasto

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "colors")
folder.mkdir(exist_ok=True)
photo = skimage.data.astronaut()
for mode in ("style", "content", "luminance", "histogram", "moments"):
    result = impasto.stylize(photo, "swirls", colors=mode, max_size=128, iterations=(20, 10))
    result.save(folder / f"{mode}.png", overwrite=True)
    print(f"{mode:10}", (result.pixels.mean(axis=(0, 1)) - photo.mean(axis=(0, 1)) / 255).round(3))
