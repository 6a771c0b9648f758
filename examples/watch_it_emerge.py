"""Start from white noise and keep the picture at a few iterations: a generator of steps, no callbacks."""

import sys
from pathlib import Path

import skimage.data

import impasto

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "emergence")
folder.mkdir(exist_ok=True)
settings = {"initial": "noise", "iterations": 60, "max_size": 192, "seed": 1}
for step in impasto.stylize_steps(skimage.data.astronaut(), "swirls", **settings):
    if step.iteration in (1, 5, 20, 60):
        step.pastiche.save(folder / f"{step.iteration:03d}.png", overwrite=True)
        print(step.iteration, f"{step.losses['total']:.4f}")
