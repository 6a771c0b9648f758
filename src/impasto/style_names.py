"""How a person names a style image: a file or a built-in style, with a weight and a part if it is blended."""

from __future__ import annotations

import numbers
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from impasto.errors import SettingError, did_you_mean

PARTS = ("all", "fine", "coarse")
_WRITTEN = re.compile(r"^(?P<source>.+?)(:(?P<weight>[^:@/\\]*))?(@(?P<part>[^:@/\\.]*))?$", re.DOTALL)


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
            raise SettingError(f"a style's weight must be a number from 0 up, not {self.weight!r}")
        if self.part not in PARTS:
            hint = did_you_mean(str(self.part), PARTS)
            raise SettingError(f"a style's part must be fine or coarse, not {self.part!r}{hint}")


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
    with suppress(OSError):  # a name too long for a file
        if Path(style).exists():
            return StyleSpec(source=style)
    found = _WRITTEN.match(style)
    if found is None:
        return StyleSpec(source=style)
    weight, part = found["weight"], found["part"]
    try:
        number = 1.0 if weight is None else float(weight)
    except ValueError as error:
        raise SettingError(
            f"a style must be written FILE, FILE:WEIGHT or FILE:WEIGHT@fine, not {style!r}"
        ) from error
    return StyleSpec(source=found["source"], weight=number, part=part or "all")  # type: ignore[arg-type]
