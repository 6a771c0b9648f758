"""The recipe in a clip that Impasto wrote."""

from __future__ import annotations

from pathlib import Path

from impasto.files import parsed_json
from impasto.pictures.frames.animation import is_picture
from impasto.pictures.frames.container import opened, video_errors
from impasto.pictures.frames.joining import RECIPE_TAG
from impasto.pictures.writing import read_recipe


def read_clip_recipe(path: Path) -> str | None:
    """Return the recipe in a picture or a clip that Impasto wrote, or None if there is none.

    Raises:
        ImageError: the file is not there, or neither a picture nor a video.
    """
    with path.open("rb") as file:
        head = file.read(16)
    if is_picture(head) or not head:
        return read_recipe(path)
    with video_errors(path.name), opened(path) as container:
        tags = {name.lower(): value for name, value in container.metadata.items()}
    text = tags.get(RECIPE_TAG, "")
    try:
        return text if isinstance(parsed_json(text), dict) else None
    except ValueError:
        return None  # somebody else's comment
