"""Plan a large picture, then compute one in tiles: the same picture as at once, in less memory."""

import sys
from pathlib import Path

import numpy as np
import skimage.data

import impasto

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "large")
folder.mkdir(exist_ok=True)
plan = impasto.plan((6000, 8000), max_size=8000)
print(f"48 megapixels: {plan.seconds / 60:.0f} min, {plan.memory / 2**30:.1f} GiB, tiles {plan.tiles}")

made = {}
for name, tile in (("whole", None), ("tiles", 384)):
    result = impasto.stylize(
        skimage.data.astronaut(), "swirls", iterations=(6, 3), tile_size=tile, precision="float32"
    )
    result.save(folder / f"{name}.png", overwrite=True)
    made[name] = result.pixels
print("largest difference of a pixel, 0 to 1:", np.abs(made["whole"] - made["tiles"]).max())
