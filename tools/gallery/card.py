"""What a style says of itself, and where the styles are found."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from tools.gallery import styles


@dataclass(frozen=True, kw_only=True)
class Card:
    """A style's words, and the seed of every random choice in it.

    ``id`` is lower-case words with hyphens (the module's name has underscores); ``line`` is one sentence
    that says what one sees.
    """

    id: str
    name: str
    name_zh: str
    line: str
    line_zh: str
    seed: int


def modules() -> dict[str, ModuleType]:
    """Return the styles' modules by id, in the order of the ids."""
    found = {}
    for entry in pkgutil.iter_modules(styles.__path__):
        module = importlib.import_module(f"tools.gallery.styles.{entry.name}")
        if module.CARD.id.replace("-", "_") != entry.name:
            raise ValueError(f"{entry.name}.py has the id {module.CARD.id}")
        found[module.CARD.id] = module
    return dict(sorted(found.items()))


def painted(module: ModuleType, size: int) -> np.ndarray:
    """Return the style's picture, (height, width, 3) in [0, 1], its short side ``size`` pixels."""
    picture = module.paint(size, np.random.default_rng(module.CARD.seed))
    if picture.ndim != 3 or min(picture.shape[:2]) != size or not np.isfinite(picture).all():
        raise ValueError(f"{module.CARD.id} painted {picture.shape}, not a short side of {size}")
    return np.clip(picture, 0, 1)
