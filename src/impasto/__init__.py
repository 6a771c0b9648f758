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
        DivergenceError,
        EngineError,
        ImageError,
        ImpastoError,
        MissingFileError,
        OutputError,
        SettingError,
        WeightsError,
    )
    from impasto.pastiche import Pastiche, stylize, stylize_steps
    from impasto.progress import Step
    from impasto.settings import Settings
    from impasto.stylizer import Stylizer

__version__ = "0.1.0"

_HOMES = {
    "errors": (
        "DivergenceError",
        "EngineError",
        "ImageError",
        "ImpastoError",
        "MissingFileError",
        "OutputError",
        "SettingError",
        "WeightsError",
    ),
    "pastiche": ("Pastiche", "stylize", "stylize_steps"),
    "progress": ("Step",),
    "settings": ("Settings",),
    "stylizer": ("Stylizer",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "DivergenceError",
    "EngineError",
    "ImageError",
    "ImpastoError",
    "MissingFileError",
    "OutputError",
    "Pastiche",
    "SettingError",
    "Settings",
    "Step",
    "Stylizer",
    "WeightsError",
    "__version__",
    "stylize",
    "stylize_steps",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'impasto' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"impasto.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
