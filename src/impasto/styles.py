"""How a person names styles and regions: files or built-in styles, with weights, parts and masks."""

from __future__ import annotations

import numbers
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from impasto.errors import SettingError, did_you_mean

PARTS = ("all", "fine", "coarse")
_WRITTEN = re.compile(r"^(?P<source>.+?)(:(?P<weight>[^:@/\\]*))?(@(?P<part>[^:@/\\.]*))?$", re.DOTALL)
MAX_REGIONS = 16
MASK_TEXT = "data:image/png;base64,"
"""How the text of a mask begins that was painted and is no file."""
PHOTO = "photo"
"""What a person writes for a style where the photo stays as it is."""


@dataclass(frozen=True, kw_only=True)
class StyleSpec:
    """A style image as a person names it.

    Attributes:
        source: a path, a PIL image, an array or a built-in style's name.
        weight: its share in a blend, relative to the other styles' weights.
        part: ``fine`` for its brushwork only, ``coarse`` for its composition only, ``all`` for both.
        mask: which part of the style image is meant; all of it if None.

    Raises:
        SettingError: the weight is negative or not a number, or the part is unknown.
    """

    source: Any
    weight: float = 1.0
    part: Literal["all", "fine", "coarse"] = "all"
    mask: Any = None

    def __post_init__(self) -> None:
        if not isinstance(self.weight, numbers.Real) or not 0 <= self.weight < float("inf"):
            raise SettingError(
                "a style's weight must be a number from 0 up, not {weight!r}", weight=self.weight
            )
        if self.part not in PARTS:
            hint = did_you_mean(str(self.part), PARTS)
            raise SettingError(
                "a style's part must be fine or coarse, not {part!r}{hint}", part=self.part, hint=hint
            )


def parse_style(style: Any) -> StyleSpec:
    """Return the style written as ``painting.jpg``, ``painting.jpg:2`` or ``painting.jpg:2@fine``.

    Whatever is not text is the style image itself; a text that is a file's name is that file.

    Raises:
        SettingError: the weight is not a number, or the part is unknown.
    """
    if isinstance(style, StyleSpec):
        return style
    if not isinstance(style, str):
        return StyleSpec(source=style)
    if os.path.exists(style):
        return StyleSpec(source=style)
    match = _WRITTEN.match(style)
    if match is None:
        return StyleSpec(source=style)
    weight, part = match["weight"], match["part"]
    try:
        number = 1.0 if weight is None else float(weight)
    except ValueError as error:
        raise SettingError(
            "a style must be written FILE, FILE:WEIGHT or FILE:WEIGHT@fine, not {style!r}", style=style
        ) from error
    return StyleSpec(source=match["source"], weight=number, part=part or "all")  # type: ignore[arg-type]


@dataclass(frozen=True)
class RegionSpec:
    """One region as a person writes it.

    Attributes:
        mask: the mask's file; white says where. Also an array, a PIL image or, as recipes have a mask that
            is no file, the text that `impasto.pictures.masks.mask_text` makes of it.
        style: the style image's file or name; None: the photo stays as it is there.
        style_mask: which part of the style is meant, as ``mask``; None for all of it.
    """

    mask: Any
    style: Any = None
    style_mask: Any = None


def parse_region(text: str) -> RegionSpec:
    """Return the region written as ``mask.png=style.jpg`` or ``mask.png=style.jpg#stylemask.png``.

    ``mask.png=photo`` leaves the photo as it is there, unless there is a file of that name.
    A file's name may hold ``=`` or ``#``: of all ways to cut the text, the one that names the most
    files that are there is meant; if no way stands out, the first ``=`` and the last ``#`` cut.

    Raises:
        SettingError: the text has another form.
    """
    cuts = [place for place, letter in enumerate(text) if letter == "="] if isinstance(text, str) else []
    readings = [(text[:cut].strip(), *_style_and_mask(text[cut + 1 :].strip())) for cut in cuts]
    mask, style, style_mask = max(readings, key=_count_files, default=("", "", None))
    if not mask or not style or style_mask == "":
        raise SettingError(
            "a region must be written mask.png=style.jpg or mask.png=style.jpg#stylemask.png, "
            "not {text!r}; for example sky.png=starry-night.jpg",
            text=text,
        )
    if style == PHOTO and style_mask is None and not _count_files([style]):
        return RegionSpec(mask)
    return RegionSpec(mask, style, style_mask)


def is_mask_text(source: Any) -> bool:
    """Return whether a mask is not a file but the text that recipes have of it."""
    return isinstance(source, str) and source.startswith(MASK_TEXT)


def check_regions(specs: Sequence[RegionSpec]) -> None:
    """Check the number of regions.

    Raises:
        SettingError: there are more than ``MAX_REGIONS``.
    """
    if len(specs) > MAX_REGIONS:
        raise SettingError(
            "at most {MAX_REGIONS} regions are allowed, not {specs}",
            MAX_REGIONS=MAX_REGIONS,
            specs=len(specs),
        )


def _style_and_mask(text: str) -> tuple[str, str | None]:
    if "#" not in text or _count_files([text]):
        return text, None
    cuts = [place for place, letter in enumerate(text) if letter == "#"]
    readings = [(text[:cut].strip(), text[cut + 1 :].strip()) for cut in reversed(cuts)]
    return max(readings, key=_count_files)


def _count_files(names: Sequence[str | None]) -> int:
    return sum(os.path.isfile(name) for name in filter(None, names))
