"""Blend two styles by weights, and take the brushwork of one with the composition of the other."""

import sys
from pathlib import Path

import skimage.data

import impasto

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "blend")
folder.mkdir(exist_ok=True)
photo = skimage.data.chelsea()
blends = {"half": ["swirls:1", "mosaic:1"], "parts": ["swirls@fine", "mosaic@coarse"]}
for name, styles in blends.items():
    result = impasto.stylize(photo, styles, max_size=192)
    result.save(folder / f"{name}.png", overwrite=True)
    print(name, result.recipe["styles"])
