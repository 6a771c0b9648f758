"""Presets: named settings that reproduce a source or serve a purpose, kept as data."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from impasto.errors import Argument, SettingError, did_you_mean
from impasto.settings import Settings


@dataclass(frozen=True)
class Preset:
    """A named recipe.

    Attributes:
        name: as ``--preset`` takes it.
        about: what it reproduces or is for, in one sentence.
        source: the publication, or empty.
        settings: the settings that it changes.
    """

    name: str
    about: str
    source: str
    settings: Mapping[str, Any]


@cache
def all_presets() -> Mapping[str, Preset]:
    """Return every preset by name."""
    text = files("impasto").joinpath("data/presets.toml").read_text(encoding="utf-8")
    return {
        name: Preset(name, table["about"], table.get("source", ""), table.get("settings", {}))
        for name, table in tomllib.loads(text).items()
    }


def settings_for(preset: str | None, overrides: Mapping[str, Any]) -> Settings:
    """Return a preset's settings with some of them overridden; the defaults if the preset is None.

    Raises:
        SettingError: the preset or a setting is unknown, or a value is not allowed.
    """
    values: dict[str, Any] = {}
    if preset is not None:
        if preset not in all_presets():
            raise SettingError(
                "{name} must be one of {allowed}, not {value!r}{hint}",
                name=Argument("preset"),
                allowed=", ".join(all_presets()),
                value=preset,
                hint=did_you_mean(preset, all_presets()),
            )
        values.update(all_presets()[preset].settings)
        if "strength" in overrides and "style_weight" in values:
            raise SettingError(
                "{strength} has no meaning with preset {preset}, which fixes both weights; set "
                "{content_weight} and {style_weight} instead",
                strength=Argument("strength"),
                content_weight=Argument("content_weight"),
                style_weight=Argument("style_weight"),
                preset=preset,
            )
    return Settings.from_mapping({**values, **overrides})
