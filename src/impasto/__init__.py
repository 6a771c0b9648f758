"""Impasto repaints a photo in the style of another picture.

    import impasto
    result = impasto.stylize("photo.jpg", "painting.jpg", strength=60)
    result.save("pastiche.png")

Nothing heavy is loaded until it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from impasto.errors import (
        CheckpointError,
        ClosedError,
        DivergenceError,
        EngineError,
        ImageError,
        ImpastoError,
        MissingFileError,
        OutOfMemoryError,
        OutputError,
        SettingError,
        WeightsError,
    )
    from impasto.finished import LargePastiche, Pastiche
    from impasto.networks.fetching import fetch_vgg19
    from impasto.pastiche import plan, stylize, stylize_steps
    from impasto.pictures.reading import Picture, read_picture
    from impasto.pictures.subject import Subject
    from impasto.progress import Step
    from impasto.progress_bar import show_progress
    from impasto.recipes import Recipe, load_recipe
    from impasto.runs.batch.run import batch
    from impasto.runs.cluster.workshop import cluster_workshop
    from impasto.runs.sweep import sweep
    from impasto.settings import Settings
    from impasto.styles import RegionSpec, StyleSpec
    from impasto.stylizer import Stylizer
    from impasto.workshop import Workshop

__version__ = "0.1.0"

_HOMES = {
    "errors": (
        "CheckpointError",
        "ClosedError",
        "DivergenceError",
        "EngineError",
        "ImageError",
        "ImpastoError",
        "MissingFileError",
        "OutOfMemoryError",
        "OutputError",
        "SettingError",
        "WeightsError",
    ),
    "networks.fetching": ("fetch_vgg19",),
    "finished": (
        "LargePastiche",
        "Pastiche",
    ),
    "pastiche": (
        "plan",
        "stylize",
        "stylize_steps",
    ),
    "pictures.reading": (
        "Picture",
        "read_picture",
    ),
    "pictures.subject": ("Subject",),
    "progress": ("Step",),
    "progress_bar": ("show_progress",),
    "recipes": (
        "Recipe",
        "load_recipe",
    ),
    "runs.batch.run": ("batch",),
    "runs.cluster.workshop": ("cluster_workshop",),
    "runs.sweep": ("sweep",),
    "settings": ("Settings",),
    "styles": (
        "RegionSpec",
        "StyleSpec",
    ),
    "stylizer": ("Stylizer",),
    "workshop": ("Workshop",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "CheckpointError",
    "ClosedError",
    "DivergenceError",
    "EngineError",
    "ImageError",
    "ImpastoError",
    "LargePastiche",
    "MissingFileError",
    "OutOfMemoryError",
    "OutputError",
    "Pastiche",
    "Picture",
    "Recipe",
    "RegionSpec",
    "SettingError",
    "Settings",
    "Step",
    "StyleSpec",
    "Stylizer",
    "Subject",
    "WeightsError",
    "Workshop",
    "__version__",
    "batch",
    "cluster_workshop",
    "fetch_vgg19",
    "load_recipe",
    "plan",
    "read_picture",
    "show_progress",
    "stylize",
    "stylize_steps",
    "sweep",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'impasto' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"impasto.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
