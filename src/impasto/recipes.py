"""Recipes: how a picture was made, written into pictures and read from them or from a TOML or JSON file.

As text a recipe is a table: ``settings`` (fields of `Settings`), ``styles`` and ``regions`` (names and
sha256, no folders), ``network``, ``engine``, ``content`` and the version of Impasto that wrote it. A file
written by hand needs no more than the settings, as a table ``settings`` or at its top level.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from impasto import __version__, gallery
from impasto.engine import runtime
from impasto.errors import (
    Argument,
    ImageError,
    ImpastoError,
    Message,
    MissingFileError,
    SettingError,
    did_you_mean,
)
from impasto.files import parsed_json, path_of
from impasto.pictures.frames.sequence import digest_of, is_pattern, picture_numbers
from impasto.prepared import Prepared
from impasto.settings import Settings
from impasto.styles import PHOTO, RegionSpec, StyleSpec, is_mask_text

if TYPE_CHECKING:
    from impasto.networks.feature_network import FeatureNetwork

KEYS = (
    "impasto", "settings", "network", "refine_network", "engine", "onepass", "content", "styles", "regions",
    "fallback", "stopped", "video",
)  # fmt: skip
TABLES, LISTS = (
    ("settings", "network", "refine_network", "onepass", "content", "fallback", "stopped", "video"),
    {"styles": ("name",), "regions": ("mask", "style")},
)
"""Keys whose value is a table, and those that list tables, with what each of these must name."""
REGION_PARTS = ("mask", "style", "style_mask")


@dataclass(frozen=True, kw_only=True)
class PictureRecord:
    """A picture as a recipe names it: by its name without a folder and its sha256.

    Recipes of earlier versions have ``built-in:NAME`` for the sha256 of a built-in style.
    """

    name: str = ""
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class StyleRecord(PictureRecord):
    """A style image as a recipe names it, with its weight and the part of it that counts."""

    weight: float = 1.0
    part: Any = "all"


@dataclass(frozen=True, kw_only=True)
class RegionRecord:
    """A region as a recipe names it: its mask, its style and the part of the style that is meant.

    A mask that is no file is the text that `impasto.pictures.masks.mask_text` makes of it. Where the photo
    stays as it is, the style is `PHOTO`, without a sha256.
    """

    mask: str
    style: str
    style_mask: str | None = None
    mask_sha256: str | None = None
    style_sha256: str | None = None
    style_mask_sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class NetworkRecord:
    """A network as a recipe names it: how its file keeps the weights and its features' precision, if told."""

    name: str = ""
    sha256: str | None = None
    precision: str | None = None
    kept_as: str | None = None

    @classmethod
    def of(cls, network: FeatureNetwork) -> NetworkRecord:
        """Return what names a feature network."""
        precision, kept_as = network.dtype, network.kept_as or None
        return cls(name=network.name, sha256=network.sha256, precision=precision, kept_as=kept_as)


Record = TypeVar("Record", PictureRecord, StyleRecord, RegionRecord, NetworkRecord)


@dataclass(frozen=True, kw_only=True, eq=False)
class Recipe(Mapping[str, Any]):
    """How a picture was made; as a mapping it is what `to_mapping` returns.

    Whatever a recipe written by hand does not say is None.

    Attributes:
        settings: fields of `Settings` by name, checked.
        version: of the Impasto that made the picture.
        network: the feature network.
        refine_network: that of refine's iterations, if it is another.
        engine: ``tensorflow``, ``jax`` or ``torch``.
        onepass: the network that painted in one pass.
        content: the photo.
        style_records, region_records: the styles and regions.
        fallback: which method made the picture instead of the one in the settings (``method``), and what was
            wrong with the one-pass picture (``onepass``). It is told only: the same happens again.
        stopped: where the run was stopped (``scale``, ``scales``, ``iteration``, ``iterations``), if the
            settings cannot tell. It is told only: repeated, the picture is finished.
        video: what only videos have: stillness, strengths at some times, the part that was painted.
        source: the file it was read from; None for a picture of this process.
    """

    settings: Mapping[str, Any]
    version: str | None = None
    network: NetworkRecord | None = None
    refine_network: NetworkRecord | None = None
    engine: str | None = None
    onepass: NetworkRecord | None = None
    content: PictureRecord | None = None
    style_records: tuple[StyleRecord, ...] | None = None
    region_records: tuple[RegionRecord, ...] | None = None
    fallback: Mapping[str, str] | None = None
    stopped: Mapping[str, int] | None = None
    video: Mapping[str, Any] | None = None
    source: Path | None = None

    @classmethod
    def of(cls, prepared: Prepared) -> Recipe:
        """Return what it takes to repeat a pastiche."""
        photo, onepass = prepared.picture, prepared.onepass
        return cls(
            settings=prepared.settings.to_mapping(),
            version=__version__,
            network=NetworkRecord.of(prepared.network),
            refine_network=NetworkRecord.of(prepared.refine_network) if prepared.refine_network else None,
            engine=runtime.start_engine(),
            onepass=NetworkRecord(name=onepass.name, sha256=onepass.sha256) if onepass else None,
            content=PictureRecord(name=photo.name, sha256=photo.sha256),
            style_records=tuple(_record(StyleRecord, style) for style in prepared.record["styles"]),
            region_records=tuple(_record(RegionRecord, region) for region in prepared.record["regions"]),
        )

    @classmethod
    def from_mapping(cls, values: Any, source: Path) -> Recipe:
        """Return the recipe that a file holds as text.

        Raises:
            SettingError: it has unknown keys or values that are not allowed, or comes from a newer Impasto.
        """
        values = _checked(values, source)
        settings = dict(values.get("settings", {}))
        try:
            Settings.from_mapping(settings)
        except SettingError as error:
            raise SettingError("{where}: {error}", where=source, error=_as_written(error.message)) from error
        tables: dict[str, Any] = dict.fromkeys(("network", "refine_network", "onepass"), NetworkRecord)
        tables["content"] = PictureRecord
        records: dict[str, Any] = {k: _record(kind, values[k]) for k, kind in tables.items() if k in values}
        lists: dict[str, Any] = {"styles": StyleRecord, "regions": RegionRecord}
        for key, kind in lists.items():
            if key in values:
                records[f"{key[:-1]}_records"] = tuple(_record(kind, table) for table in values[key])
        version, engine = values.get("impasto"), values.get("engine")
        parts = {key: values.get(key) for key in ("fallback", "stopped", "video")}
        return cls(settings=settings, version=version, engine=engine, source=source, **parts, **records)

    def to_mapping(self) -> dict[str, Any]:
        """Return the recipe as plain values, as JSON and TOML can hold them."""
        entries = {
            "impasto": self.version,
            "settings": dict(self.settings),
            "network": self.network and _plain(self.network),
            "refine_network": self.refine_network and _plain(self.refine_network),
            "engine": self.engine,
            "onepass": self.onepass and _plain(self.onepass),
            "fallback": self.fallback and dict(self.fallback),
            "video": self.video and dict(self.video),
            "stopped": self.stopped and dict(self.stopped),
            "content": self.content and asdict(self.content),
            "styles": _tables(self.style_records),
            "regions": _tables(self.region_records),
        }
        return {name: value for name, value in entries.items() if value is not None}

    def __getitem__(self, key: str) -> Any:
        return self.to_mapping()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.to_mapping())

    def __len__(self) -> int:
        return len(self.to_mapping())

    @property
    def networks(self) -> dict[str, str]:
        """The sha256 of the feature networks that it was made with, by the setting that names each."""
        records = {"network": self.network, "refine_network": self.refine_network}
        digests = {name: record.sha256 for name, record in records.items() if record}
        return {name: sha256 for name, sha256 in digests.items() if isinstance(sha256, str) and sha256}

    def styles(self) -> list[StyleSpec]:
        """Return the styles, found beside the recipe or in the working folder.

        Raises:
            SettingError: the recipe names none.
            MissingFileError: one of them is not there, or is another picture.
        """
        if not self.style_records:
            raise SettingError(
                "the recipe {source} names no style; name one after the photo", source=self.source
            )
        return [
            StyleSpec(source=self._find(style.name, style.sha256), weight=style.weight, part=style.part)
            for style in self.style_records
        ]

    def regions(self) -> list[RegionSpec]:
        """Return the regions, their files found as the styles are."""
        regions = []
        for region in self.region_records or ():
            files = [(getattr(region, part), getattr(region, f"{part}_sha256")) for part in REGION_PARTS]
            files = [(None if file == (PHOTO, None) else file[0], file[1]) for file in files]
            regions.append(RegionSpec(*(name and str(self._find(name, digest)) for name, digest in files)))
        return regions

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about built-in styles that are no longer as they were."""
        named = [(style.name, style.sha256) for style in self.style_records or ()]
        named += [(region.style, region.style_sha256) for region in self.region_records or ()]
        cards = {card.id: card for card in gallery.cards() if not card.own}
        return tuple(
            Message(
                "the style {name} has been painted anew since the recipe was written; the picture will "
                "differ",
                name=name,
            )
            for name, sha256 in dict(named).items()
            if name in cards and sha256 not in (None, cards[name].sha256) and not self._beside(name, sha256)
        )

    def _find(self, name: str, sha256: str | None) -> Path | str:
        if is_mask_text(name):
            return name
        cards = {card.id: card for card in gallery.cards()}
        if name in cards and sha256 in (None, cards[name].sha256):
            return name
        if path := self._beside(name, sha256):
            return path
        if name in cards and not cards[name].own:  # painted anew since: see notes
            return name
        which = f"{name} (sha256 {sha256[:12]}...)" if sha256 else name
        raise MissingFileError(
            "the recipe {source} was made with {which}, which is not beside it; put it there or "
            "name a style after the photo",
            source=self.source,
            which=which,
        )

    def _beside(self, name: str, sha256: str | None) -> Path | None:
        """Return the file of that name beside the recipe or in the working folder, if it is the same."""
        folders = (self.source.parent if self.source else Path(), Path())
        paths = (folder / name for folder in folders)
        return next((path for path in paths if _is_there(path) and sha256 in (None, digest_of(path))), None)


def _as_written(message: Message) -> Message:
    """Return a sentence in which settings have their names in files, whatever their options are."""
    values = {k: str(v) if isinstance(v, Argument) else v for k, v in message.values.items()}
    return Message(message.id, **values)


def _is_there(path: Path) -> bool:
    """Return whether there is a file, or numbered pictures if that is what the name means."""
    try:
        return os.path.isfile(path) or (is_pattern(path) and bool(picture_numbers(path)))
    except ImpastoError:
        return False


def load_recipe(path: str | Path) -> Recipe:
    """Read a recipe from a picture that Impasto wrote or from a .toml or .json file.

    Raises:
        MissingFileError: there is no such file.
        ImageError: the picture has no recipe.
        SettingError: it is no path, not TOML or JSON, has unknown keys or comes from a newer Impasto.
    """
    path = path_of(path, "path")
    if not os.path.isfile(path):
        raise MissingFileError("there is no recipe {path}", path=path)
    if path.suffix.lower() in (".toml", ".json"):
        values = _parse(path)
    else:
        from impasto.pictures.frames.recipe import read_clip_recipe

        text = read_clip_recipe(path)
        if text is None:
            raise ImageError(
                "{path} has no recipe: Impasto did not write it, or wrote it with --no-recipe", path=path
            )
        values = parsed_json(text)
    return Recipe.from_mapping(values, path)


def _record(kind: type[Record], values: Mapping[str, Any]) -> Record:
    """Return a record from a table, of which other versions' keys are left out."""
    return kind(**{spec.name: values[spec.name] for spec in fields(kind) if spec.name in values})


def _tables(records: tuple[StyleRecord, ...] | tuple[RegionRecord, ...] | None) -> list[Any] | None:
    return None if records is None else [asdict(record) for record in records]


def _plain(network: NetworkRecord) -> dict[str, Any]:
    return {name: value for name, value in asdict(network).items() if value is not None}


def _parse(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text) if path.suffix.lower() == ".toml" else parsed_json(text)
    except (ValueError, OSError, RecursionError) as error:
        raise SettingError(
            "{path} is not a readable {kind} file: {reason}",
            path=path,
            kind=path.suffix[1:].upper(),
            reason=str(error),
        ) from error


def hint_for(key: str, allowed: Sequence[str]) -> str:
    """Return what helps with a key that a recipe or a table's row does not have beside its settings."""
    if key in [spec.name for spec in fields(Settings)]:
        return Message("; settings belong in the table settings")
    return did_you_mean(key, allowed)


def _checked(values: Any, path: Path) -> dict[str, Any]:
    """Return a recipe whose keys are known and whose version is not newer than this one.

    Raises:
        SettingError: otherwise.
    """
    if not isinstance(values, Mapping):
        raise SettingError(
            "the recipe {path} must be a table of settings, not {kind}", path=path, kind=type(values).__name__
        )
    made_by = str(values.get("impasto", __version__))
    if _numbers(made_by) > _numbers(__version__):
        raise SettingError(
            "the recipe {path} was made by Impasto {made_by}; update from {version} to read it",
            path=path,
            made_by=made_by,
            version=__version__,
        )
    if not set(values) & {"settings", "impasto", "styles"}:  # a plain table of settings
        values = {"settings": dict(values)}
    for key in values:
        if key not in KEYS:
            raise SettingError(
                "the recipe {path} has an unknown key {key!r}{where}",
                path=path,
                key=key,
                where=hint_for(key, KEYS),
            )
    _check_form(values, path)
    return dict(values)


def _check_form(values: Mapping[str, Any], path: Path) -> None:
    for key in TABLES:
        if not isinstance(values.get(key, {}), Mapping):
            raise SettingError(
                "the recipe {path} must have a table as {key}, not {value!r}",
                path=path,
                key=key,
                value=values[key],
            )
    for key, needed in LISTS.items():
        tables = values.get(key, [])
        whole = isinstance(tables, list) and all(isinstance(table, Mapping) for table in tables)
        if not whole or not all(isinstance(table.get(name), str) for table in tables for name in needed):
            raise SettingError(
                "the recipe {path} must list {key} as tables with {needed}, not {tables!r}",
                path=path,
                key=key,
                needed=" and ".join(needed),
                tables=tables,
            )


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]
