"""Names are checked before anything is loaded: what a person typed wrongly is told at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.errors import Argument, MissingFileError, SettingError, did_you_mean
from impasto.gallery import style_names
from impasto.styles import is_mask_text

if TYPE_CHECKING:
    from impasto.settings import Settings
    from impasto.styles import RegionSpec, StyleSpec


def check_names(
    content: Any, styles: Iterable[StyleSpec], regions: Iterable[RegionSpec], settings: Iterable[Settings]
) -> None:
    """Check that all files and networks that are named are there; none of them is read.

    Args:
        content: the photo; it and all others are passed over if they are not names.
        styles: the style images.
        regions: parts of the picture with styles of their own.
        settings: of which the initial image and the network are names.

    Raises:
        MissingFileError: a file is not there; the message names the nearest one that is.
        ImageError: something that is no file has the name.
        SettingError: the initial image is neither a file nor a known word.
        WeightsError: there is no such network.
    """
    settings = list(settings)
    if isinstance(content, str | Path):
        from impasto.pictures.windows import check_photo

        check_photo(content)
    for style in styles:
        check_style_name(style.source)
        _check([style.mask])
    for region in regions:
        check_style_name(region.style)
        masks = [mask for mask in (region.mask, region.style_mask) if not is_mask_text(mask)]
        _check([mask for mask in masks if not _are_numbered(mask)])
    for initial in dict.fromkeys(one.initial for one in settings):
        if initial not in ("content", "noise"):
            try:
                _check([initial])
            except MissingFileError as error:
                raise SettingError(
                    "{name} must be content, noise or a picture's file name, not {value!r}{hint}",
                    name=Argument("initial"),
                    value=initial,
                    hint=did_you_mean(initial, ("content", "noise")),
                ) from error
    for network in dict.fromkeys(network for one in settings for network in one.networks):
        from impasto.networks.catalogue import check_name

        check_name(network)


def check_style_name(style: Any) -> None:
    """Check that a style is a built-in one or a file.

    Raises:
        MissingFileError: it is neither; the message names the nearest built-in style or file.
    """
    if not isinstance(style, str | Path) or (str(style) in style_names() and not os.path.exists(style)):
        return
    from impasto.pictures.reading import check_file

    try:
        check_file(style)
    except MissingFileError as error:
        hint = did_you_mean(str(style), style_names())
        if not hint or Path(style).suffix or Path(style).name != str(style):
            raise
        raise MissingFileError(
            "{style!r} is neither a file nor a style of the gallery, which {command} shows{hint}",
            style=str(style),
            command="impasto gallery list",
            hint=hint,
        ) from error


def _are_numbered(mask: Any) -> bool:
    """Return whether a mask's name means numbered pictures, which are there; a film's region may have them.

    Raises:
        MissingFileError: there is none.
    """
    if not isinstance(mask, str | Path) or "%" not in Path(mask).name:
        return False
    from impasto.pictures.frames.sequence import is_pattern, picture_numbers

    return is_pattern(mask) and bool(picture_numbers(Path(mask)))


def _check(files: Sequence[Any]) -> None:
    from impasto.pictures.reading import check_file

    for file in files:
        if isinstance(file, str | Path):
            check_file(file)
