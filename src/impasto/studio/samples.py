"""Sample photos, for who has none at hand: those that scikit-image brings along."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.studio.refusals import RefusalError


@dataclass(frozen=True)
class Sample:
    """A sample photo: its file in scikit-image, its names, its width and height in pixels."""

    file: str
    en: str
    zh: str
    width: int
    height: int


SAMPLES = {
    "cat": Sample("chelsea.png", "A cat", "猫", 451, 300),
    "portrait": Sample("astronaut.png", "An astronaut", "宇航员", 512, 512),
    "coffee": Sample("coffee.png", "A cup of coffee", "一杯咖啡", 600, 400),
    "rocket": Sample("rocket.jpg", "A rocket", "火箭", 640, 427),
    "motorcycle": Sample("motorcycle_left.png", "A motorcycle", "摩托车", 741, 500),
    "galaxies": Sample("hubble_deep_field.jpg", "Galaxies", "星系", 1000, 872),
}


def sample_path(id: str) -> Path:
    """Return the file of a sample photo.

    Raises:
        RefusalError: there is none of that id, or scikit-image came without it.
    """
    package = importlib.util.find_spec("skimage")
    if id in SAMPLES and package and package.submodule_search_locations:
        path = Path(package.submodule_search_locations[0]) / "data" / SAMPLES[id].file
        if os.path.isfile(path):
            return path
    raise RefusalError("there is no sample {id!r}", 404, "not-found", id=id[:80])


def sample_records() -> list[dict[str, Any]]:
    """Return what the interface tells of the samples."""
    return [
        {"id": id, "names": {"en": one.en, "zh": one.zh}, "width": one.width, "height": one.height}
        for id, one in SAMPLES.items()
    ]
