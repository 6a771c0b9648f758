"""Recipes: how a picture was made, read from the picture itself or from a TOML or JSON file.

A recipe is a mapping: ``settings`` (fields of `Settings`), ``styles`` and ``regions`` (names and sha256, no
folders), ``network``, ``engine``, ``content`` and the version of Impasto that wrote it. A file written by
hand needs no more than the settings, as a table ``settings`` or at its top level.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from impasto import __version__, gallery
from impasto.errors import ImageError, MissingFileError, SettingError, did_you_mean
from impasto.files import digest
from impasto.settings import Settings
from impasto.styles import RegionSpec, StyleSpec

KEYS = ("impasto", "settings", "network", "engine", "onepass", "content", "styles", "regions")
TABLES, LISTS = ("settings", "network", "content"), {"styles": ("name",), "regions": ("mask", "style")}
"""Keys whose value is a table, and those that list tables, with what each of these must name."""
REGION_PARTS = ("mask", "style", "style_mask")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a picture was made.

    Attributes:
        source: the file it was read from.
        values: everything in it.
    """

    source: Path
    values: Mapping[str, Any]

    @property
    def settings(self) -> dict[str, Any]:
        """The settings, checked by name and value."""
        given = dict(self.values.get("settings", {}))
        Settings.from_mapping(given)
        return given

    @property
    def network_sha256(self) -> str | None:
        """The feature network that it was made with; None if the recipe does not say."""
        sha256 = self.values.get("network", {}).get("sha256")
        return sha256 if isinstance(sha256, str) and sha256 else None

    def styles(self) -> list[StyleSpec]:
        """Return the styles, found beside the recipe or in the working folder.

        Raises:
            SettingError: the recipe names none.
            MissingFileError: one of them is not there, or is another picture.
        """
        named = self.values.get("styles", [])
        if not named:
            raise SettingError(f"the recipe {self.source} names no style; name one after the photo")
        return [
            StyleSpec(
                source=self._find(style["name"], style.get("sha256")),
                weight=style.get("weight", 1.0),
                part=style.get("part", "all"),
            )
            for style in named
        ]

    def regions(self) -> list[RegionSpec]:
        """Return the regions, their files found as the styles are."""
        found = []
        for region in self.values.get("regions", []):
            files = [(region.get(part), region.get(f"{part}_sha256")) for part in REGION_PARTS]
            found.append(RegionSpec(*(name and str(self._find(name, digest)) for name, digest in files)))
        return found

    def _find(self, name: str, sha256: str | None) -> Path | str:
        if name in gallery.style_names() and sha256 in (None, f"built-in:{name}"):
            return name
        for folder in (self.source.parent, Path()):
            path = folder / name
            if path.is_file() and sha256 in (None, digest(path)):
                return path
        which = f"{name} (sha256 {sha256[:12]}...)" if sha256 else name
        raise MissingFileError(
            f"the recipe {self.source} was made with {which}, which is not beside it; "
            "put it there or name a style after the photo"
        )


def load_recipe(path: str | Path) -> Recipe:
    """Read a recipe from a picture that Impasto wrote or from a .toml or .json file.

    Raises:
        MissingFileError: there is no such file.
        ImageError: the picture has no recipe.
        SettingError: the file is not TOML or JSON, has unknown keys or comes from a newer Impasto.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"there is no recipe {path}")
    if path.suffix.lower() in (".toml", ".json"):
        values = _parse(path)
    else:
        from impasto.pictures.writing import read_recipe

        text = read_recipe(path)
        if text is None:
            raise ImageError(f"{path} has no recipe: Impasto did not write it, or wrote it with --no-recipe")
        values = json.loads(text)
    return Recipe(source=path, values=checked_recipe(values, path))


def _parse(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
    except (ValueError, OSError) as error:
        raise SettingError(f"{path} is not a readable {path.suffix[1:].upper()} file: {error}") from error


def checked_recipe(values: Any, path: Path) -> dict[str, Any]:
    """Return a recipe whose keys are known and whose version is not newer than this one.

    Raises:
        SettingError: otherwise.
    """
    if not isinstance(values, Mapping):
        raise SettingError(f"the recipe {path} must be a table of settings, not {type(values).__name__}")
    made_by = str(values.get("impasto", __version__))
    if _numbers(made_by) > _numbers(__version__):
        raise SettingError(
            f"the recipe {path} was made by Impasto {made_by}; update from {__version__} to read it"
        )
    names = [spec.name for spec in fields(Settings)]
    if not set(values) & {"settings", "impasto", "styles"}:  # a plain table of settings
        values = {"settings": dict(values)}
    for key in values:
        if key not in KEYS:
            where = "; settings belong in the table settings" if key in names else did_you_mean(key, KEYS)
            raise SettingError(f"the recipe {path} has an unknown key {key!r}{where}")
    _check_form(values, path)
    return dict(values)


def _check_form(values: Mapping[str, Any], path: Path) -> None:
    for key in TABLES:
        if not isinstance(values.get(key, {}), Mapping):
            raise SettingError(f"the recipe {path} must have a table as {key}, not {values[key]!r}")
    for key, needed in LISTS.items():
        tables = values.get(key, [])
        whole = isinstance(tables, list) and all(isinstance(table, Mapping) for table in tables)
        if not whole or not all(isinstance(table.get(name), str) for table in tables for name in needed):
            raise SettingError(
                f"the recipe {path} must list {key} as tables with {' and '.join(needed)}, not {tables!r}"
            )


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]
