"""Looks: what the page says about how a picture is to be made, as inputs and settings of the library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto import gallery
from impasto.photos import Source
from impasto.pictures.reading import read_picture
from impasto.preparation import Inputs
from impasto.settings import Settings
from impasto.studio.clips import video_record
from impasto.studio.controls import checked_setting, look_settings
from impasto.studio.refusals import RefusalError
from impasto.studio.sessions import Mask, Photo, Session
from impasto.studio.values import Values
from impasto.styles import MAX_REGIONS, PHOTO, RegionSpec, StyleSpec

MOST_STYLES = 4


@dataclass(frozen=True, kw_only=True)
class Look:
    """A look whose parts are known to be there.

    Attributes:
        styles: blended by their weights.
        regions: parts of the picture with styles of their own.
        settings: those that controls have, by name.
        plain: the look as the page gave it, for the page.
    """

    styles: tuple[StyleSpec, ...]
    regions: tuple[RegionSpec, ...]
    settings: Mapping[str, Any]
    plain: Mapping[str, Any]

    def inputs(self, photo: Source) -> Inputs:
        """Return what the library is given, for a photo."""
        return Inputs.of(photo, list(self.styles), self.regions)

    def chosen(self, **more: Any) -> Settings:
        """Return all settings.

        Raises:
            SettingError: some of them do not go together.
        """
        return Settings.from_mapping({"method": "onepass", **self.settings, **more})


def read_look(plain: Any, session: Session) -> Look:
    """Return a look from JSON.

    Raises:
        RefusalError: a value is not allowed, or names something that is not in the session.
    """
    values = Values(plain, "look")
    styles = [Values(one, "styles") for one in values.listed("styles", MOST_STYLES)]
    regions = [Values(one, "regions") for one in values.listed("regions", MAX_REGIONS)]
    settings = Values(values.raw("settings") or {}, "settings")
    if not styles:
        raise RefusalError("a look needs at least one style", 422, "value")
    look = Look(
        styles=tuple(_style(one, session) for one in styles),
        regions=tuple(_region(one, session) for one in regions),
        settings={name: checked_setting(name, value) for name, value in settings.items()},
        plain={name: plain[name] for name in ("styles", "settings", "regions") if plain.get(name)},
    )
    look.chosen()  # says now what does not go together
    return look


def _style(values: Values, session: Session) -> StyleSpec:
    return StyleSpec(
        source=style_source(values.text("id"), session),
        weight=values.number("weight", 0, 1000, 1),
        part=values.choice("part", ("all", "fine", "coarse"), "all"),  # type: ignore[arg-type]
    )


def _region(values: Values, session: Session) -> RegionSpec:
    mask = session.masks.find(values.raw("mask"))
    style = values.raw("style")
    source = None if style is None else style_source(values.text("style"), session)
    return RegionSpec(mask_pixels(mask.path), source)  # type: ignore[arg-type]


def mask_pixels(path: Any) -> NDArray[np.uint8]:
    """Return a mask of the session, uint8 (height, width)."""
    gray: NDArray[np.float32] = read_picture(path).pixels[..., 0]
    return np.rint(gray * 255).astype(np.uint8)


def mask_record(mask: Mask) -> dict[str, Any]:
    """Return what the interface tells of a mask: its size, and how it was drawn."""
    points = {"add": mask.add, "remove": mask.remove}
    return {"mask": mask.id, "width": mask.width, "height": mask.height, "feather": mask.feather} | points


def style_source(id: str, session: Session) -> str:
    """Return what the library takes for a style of the gallery or the session.

    Raises:
        RefusalError: there is none of that id.
    """
    if own := session.styles.get(id):
        return str(own.path)
    if id not in gallery.style_names():
        raise RefusalError("there is no style {id} in the gallery", 404, "not-found", id=repr(id)[:80])
    return id


def style_records(session: Session) -> list[dict[str, Any]]:
    """Return what the interface tells of all styles: the gallery's and the session's."""
    built_in = [
        _record(card.id, (card.name, card.name_zh), (card.line, card.line_zh), card.sha256)
        | {"own": card.own, "kept": card.own}
        for card in gallery.cards()
    ]
    return [*built_in, *(own_style_record(style) for style in session.styles.everything())]


def own_style_record(style: Any) -> dict[str, Any]:
    """Return what the interface tells of a style that the session brought."""
    return _record(style.id, (style.name,) * 2, ("Your own.", "自己添加。"), style.sha256) | {
        "own": True,
        "kept": False,
    }


def _record(id: str, names: tuple[str, str], lines: tuple[str, str], sha256: str) -> dict[str, Any]:
    both = {"names": names, "lines": lines}
    return {"id": id, "sha256": sha256} | {k: {"en": v[0], "zh": v[1]} for k, v in both.items()}


def look_of(photo: Photo, session: Session) -> dict[str, Any] | None:
    """Return the look of a photo's recipe; None if there is none, or not all of it is at hand."""
    recipe = photo.recipe or {}
    known = {key: card.id for card in gallery.cards() for key in (card.id, card.sha256)}
    known |= {style.sha256: style.id for style in session.styles.everything()}

    def id_of(name: str, sha256: str | None) -> str | None:
        return known.get(sha256 or "") or known.get(name)

    styles = [
        {"id": id_of(one["name"], one.get("sha256")), "weight": one["weight"], "part": one["part"]}
        for one in recipe.get("styles") or ()
    ]
    regions = [
        {"mask": mask, "style": None if one["style"] == PHOTO else id_of(one["style"], one["style_sha256"])}
        for one, mask in zip(recipe.get("regions") or (), photo.masks, strict=True)
    ]
    lost = any(
        one["style"] is None and record["style"] != PHOTO
        for one, record in zip(regions, recipe.get("regions") or (), strict=True)
    )
    if not styles or lost or any(one["id"] is None for one in styles) or None in photo.masks:
        return None
    return {"styles": styles, "settings": look_settings(recipe.get("settings") or {}), "regions": regions}


def photo_record(photo: Photo, session: Session) -> dict[str, Any]:
    """Return what the interface tells of a photo."""
    return {
        "photo": photo.id,
        "name": photo.path.name,
        "width": photo.width,
        "height": photo.height,
        "notes": session.said(photo.notes),
        "look": look_of(photo, session),
        "recipe": photo.recipe,
        "video": video_record(photo, session),
    }
