"""Pictures that came in: checked by their headers, read, and kept in their session."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto import gallery
from impasto.errors import ImageError, ImpastoError
from impasto.files import digest
from impasto.gallery import StyleCard
from impasto.pictures.masks import LONGEST_TEXT_SIDE, feathered, mask_of_text, read_mask
from impasto.pictures.reading import read_picture, read_shape
from impasto.pictures.resizing import fit
from impasto.pictures.writing import picture_to_pil, read_recipe
from impasto.recipes import Recipe
from impasto.studio.limits import MOST_PIXELS
from impasto.studio.refusals import RefusalError
from impasto.studio.sessions import Mask, OwnStyle, Photo, Points, Session
from impasto.styles import is_mask_text
from impasto.workshop import Workshop

CHECKED_SIDE, SUBJECT_SIDE = 512, 512
SUBJECT_BYTES = 16 * SUBJECT_SIDE**2
TRAINED = ".style"
"""How files of trained styles end."""
NO_POINTS: tuple[Points, Points] = ((), ())


def keep_photo(session: Session, id: str, path: Path) -> Photo:
    """Keep a photo whose file has come.

    Raises:
        ImageError: it cannot be read.
        RefusalError: it has too many pixels.
    """
    with removed_on_error(path):
        _check_pixels(path)
        picture = read_picture(path, max_size=CHECKED_SIDE)
    height, width = picture.full_shape
    recipe = recipe_in(path)
    photo = Photo(
        id=id,
        path=path,
        width=width,
        height=height,
        notes=picture.notes,
        recipe=recipe,
        masks=masks_in(session, recipe or {}),
    )
    session.photos.keep(photo)
    return photo


def keep_style(session: Session, id: str, path: Path, name: str) -> OwnStyle:
    """Keep a style of the session's own; arguments and errors are `keep_photo`'s."""
    with removed_on_error(path):
        _check_pixels(path)
        read_picture(path, max_size=CHECKED_SIDE)
    style = OwnStyle(id=f"own-{id}", name=name[:80] or path.stem, path=path, sha256=digest(path))
    session.styles.keep(style)
    return style


def take_first_style(session: Session, style: str | None) -> None:
    """Give a session the style with which the camera's page begins; a file becomes its own."""
    if style is None or style in gallery.style_names():
        session.first_style = style
        return
    source = Path(style)
    id, path = session.new_file(source.name)
    shutil.copyfile(source, path)
    keep = _keep_trained if source.suffix.lower() == TRAINED else keep_style
    session.first_style = keep(session, id, path, source.stem).id


def _keep_trained(session: Session, id: str, path: Path, name: str) -> OwnStyle:
    """Keep a trained style, and its thumbnail as a picture beside it."""
    from impasto.onepass.style_file import read_style_file  # brings the engine

    with removed_on_error(path):
        style_file, shown = read_style_file(path), path.with_name("shown.png")
        picture_to_pil(style_file.thumbnail.astype(np.float32) / 255).save(shown, "PNG")
    style = OwnStyle(id=f"own-{id}", name=name[:80], path=path, sha256=style_file.sha256, shown=shown)
    session.styles.keep(style)
    return style


def add_to_gallery(path: Path, name: str) -> StyleCard:
    """Keep a style in the user's gallery.

    Raises:
        SettingError: the name is not allowed or taken.
        ImageError: it cannot be read.
    """
    try:
        _check_pixels(path)
        return gallery.add_style(path, name)
    finally:
        shutil.rmtree(path.parent, ignore_errors=True)


def keep_mask(session: Session, id: str, path: Path, feather: float, before: Mask | None) -> Mask:
    """Keep a mask as its recipe will have it: 8 bit, gray, the long side at most `LONGEST_TEXT_SIDE` px.

    Args:
        session: which has it.
        id: of the file that came.
        path: of the file that came.
        feather: 0 to 100: how far its edge is softened.
        before: the mask that it was drawn over, whose points it keeps.
    """
    with removed_on_error(path):
        _check_pixels(path)
        height, width = fit(read_shape(path), LONGEST_TEXT_SIDE)
        ink = read_mask(path, (height, width))
        path.unlink()
        points = (before.add, before.remove) if before else NO_POINTS
        return _keep_ink(session, (id, path), ink, feather, points)


def keep_subject(
    session: Session, photo: Photo, points: tuple[Points, Points], feather: float, workshop: Workshop
) -> Mask:
    """Keep a mask of a photo's subject.

    Args:
        session: of the photo.
        photo: whose subject.
        points: (x, y) in [0, 1] that belong to it, and that do not.
        feather: 0 to 100: how soft its edge is.
        workshop: keeps what is known of the photo, so that a correction is quick.

    Raises:
        ImageError: nothing stands out, and no point tells more.
    """
    from impasto.pictures.subject import Subject

    def look() -> Subject:
        return Subject(read_picture(photo.path, max_size=SUBJECT_SIDE).pixels)

    subject = workshop.get("photos", ("subject", photo.id), look, lambda _: SUBJECT_BYTES)
    add, remove = points
    id, path = session.new_file("mask.png")
    with removed_on_error(path):
        return _keep_ink(session, (id, path), subject.mask(add=add, remove=remove), feather, points)


def _keep_ink(
    session: Session,
    place: tuple[str, Path],
    ink: NDArray[np.float32],
    feather: float = 0,
    points: tuple[Points, Points] = NO_POINTS,
) -> Mask:
    """Keep what was drawn and, softened, what it is used as; the place is an id and a file of its folder."""
    id, folder = place[0], place[1].parent
    drawn = path = _write_gray(folder / "mask.png", ink)
    if feather:
        drawn = _write_gray(folder / "ink.png", ink)
        _write_gray(path, feathered(ink, feather))
    height, width = ink.shape
    mask = Mask(
        id=id,
        path=path,
        width=width,
        height=height,
        ink=drawn,
        feather=feather,
        add=tuple(points[0]),
        remove=tuple(points[1]),
    )
    session.masks.keep(mask)
    return mask


def _write_gray(path: Path, gray: NDArray[np.float32]) -> Path:
    picture_to_pil(gray[..., None].repeat(3, axis=2)).convert("L").save(path, "PNG")
    return path


def as_picture_name(name: str) -> str:
    """Return a style's file name so that it cannot be taken for a trained style."""
    return f"{name}.picture" if Path(name).suffix.lower() == TRAINED else name


@contextmanager
def removed_on_error(path: Path) -> Iterator[None]:
    """Delete a file and its folder if an error comes."""
    try:
        yield
    except BaseException:
        shutil.rmtree(path.parent, ignore_errors=True)
        raise


def _check_pixels(path: Path) -> None:
    height, width = read_shape(path)
    if height * width > MOST_PIXELS:
        raise RefusalError(
            "{name} has {pixels} megapixels; at most {most} can be sent",
            413,
            "too-large",
            name=path.name,
            pixels=round(height * width / 10**6),
            most=MOST_PIXELS // 10**6,
        )


def masks_in(session: Session, recipe: Mapping[str, Any]) -> tuple[str | None, ...]:
    """Keep the masks that a recipe holds; return the id of each region's, None for one that it only names."""
    masks: list[str | None] = []
    for region in recipe.get("regions") or ():
        masks.append(None)
        if is_mask_text(region["mask"]):
            with suppress(ImageError):
                gray = mask_of_text(region["mask"]).astype(np.float32) / np.float32(255)
                masks[-1] = _keep_ink(session, session.new_file("mask.png"), gray).id
    return tuple(masks)


def recipe_in(path: Path, read: Callable[[Path], str | None] = read_recipe) -> dict[str, Any] | None:
    """Return the recipe of a file that Impasto made, or None."""
    try:
        text = read(path)
        return Recipe.from_mapping(json.loads(text), path).to_mapping() if text else None
    except (ImpastoError, ValueError, TypeError, KeyError):  # a format without recipes, or a newer Impasto's
        return None
