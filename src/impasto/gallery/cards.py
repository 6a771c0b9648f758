"""What a style of the gallery says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class StyleCard:
    """What a style of the gallery is.

    Attributes:
        id: by which it is named, wherever a style's file can be.
        name: in English; an own style's is its id.
        name_zh: in Simplified Chinese.
        line: one sentence about what one sees, in English.
        line_zh: the same in Simplified Chinese.
        sha256: of the picture's file.
        licence: an SPDX identifier; empty for an own style.
        path: the picture's file.
        own: whether the user added it.
    """

    id: str
    name: str
    name_zh: str
    line: str
    line_zh: str
    sha256: str
    licence: str
    path: Path
    own: bool = False
