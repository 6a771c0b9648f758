"""Repaint a photo that scikit-image brings along in a built-in style, and save it."""

import sys

import skimage.data

import impasto

output = sys.argv[1] if len(sys.argv) > 1 else "first_pastiche.png"
result = impasto.stylize(skimage.data.coffee(), "mosaic", max_size=256)
result.save(output, overwrite=True)
print(f"{output}: {result.image.size} in {result.seconds:.1f} s, losses {result.losses[-1]}")
