"""Paint a cup in one style, the table in another, and then the cup alone."""

import sys
from pathlib import Path

import numpy as np
import skimage.data

import impasto

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "regions")
folder.mkdir(exist_ok=True)
photo = skimage.data.coffee()
rows, columns = np.mgrid[: photo.shape[0], : photo.shape[1]]
cup = np.hypot((columns - 285) / 204, (rows - 208) / 184) < 1  # white, that is True, says where

regions = [impasto.RegionSpec(cup, "mosaic")]
for background in ("style", "photo"):
    result = impasto.stylize(photo, "swirls", regions=regions, background=background, max_size=192)
    result.save(folder / f"background-{background}.png", overwrite=True)
