"""Read how a picture was made out of the picture itself, and make another photo the same way."""

import sys
from pathlib import Path

import skimage.data

import impasto

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "recipe")
folder.mkdir(exist_ok=True)
first = folder / "first.png"
impasto.stylize(skimage.data.coffee(), "swirls:2", strength=65, max_size=160).save(first, overwrite=True)

recipe = impasto.load_recipe(first)
print("made by Impasto", recipe["impasto"], "of", recipe["styles"])
settings = {name: value for name, value in recipe.settings.items() if name != "network"}
second = impasto.stylize(skimage.data.chelsea(), recipe.styles(), **settings)
second.save(folder / "second.png", overwrite=True)
