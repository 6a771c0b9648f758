"""Videos that came in: checked, kept in their session, and seen as stills, which are photos like others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from impasto.pictures.frames.animation import FORMATS as ANIMATIONS
from impasto.pictures.frames.opening import open_clip
from impasto.pictures.frames.recipe import read_clip_recipe
from impasto.pictures.resizing import fit
from impasto.pictures.writing import picture_to_pil
from impasto.studio.limits import MOST_PIXELS
from impasto.studio.refusals import RefusalError
from impasto.studio.sessions import Photo, Session, Video
from impasto.studio.uploads import keep_photo, masks_in, recipe_in, removed_on_error

MOST_MOVING = 500_000_000
"""Pixels of all frames of an animation together; one of more is taken for its first picture."""


def keep_picture(session: Session, id: str, path: Path) -> Photo:
    """Keep a photo whose file has come, or, if its pictures move, a video; errors are `keep_video`'s."""
    return keep_video(session, id, path) if is_moving(path) else keep_photo(session, id, path)


def keep_video(session: Session, id: str, path: Path) -> Photo:
    """Keep a video whose file has come; return the still from its middle.

    Raises:
        ImageError: it cannot be read.
        RefusalError: its frames have too many pixels.
    """
    with removed_on_error(path):
        clip = open_clip(path)
        height, width = clip.shape
        if height * width > MOST_PIXELS:
            raise RefusalError(
                "{name} has {pixels} megapixels; at most {most} can be sent",
                413,
                "too-large",
                name=path.name,
                pixels=round(height * width / 10**6),
                most=MOST_PIXELS // 10**6,
            )
        recipe = recipe_in(path, read_clip_recipe)
        video = Video(id=id, path=path, clip=clip, recipe=recipe, masks=masks_in(session, recipe or {}))
        with _given_up(session, video):
            return still(session, video, clip.length / 2)


@contextmanager
def _given_up(session: Session, video: Video) -> Iterator[None]:
    """Keep a video, but not if nothing can be seen of it."""
    session.videos.keep(video)
    try:
        yield
    except BaseException:
        session.videos.remove(video.id)
        raise


def still(session: Session, video: Video, second: float) -> Photo:
    """Return the photo of what a video shows at a second.

    Raises:
        ImageError: there is no frame that can be read.
    """
    second = round(min(second, video.clip.length), 3)
    for photo in session.photos.everything():
        if (photo.video, photo.second) == (video.id, second):
            still: Photo = photo
            return still
    frame = video.clip.frame_at(second)
    id, path = session.new_file(f"{video.path.stem} {second:g}s.png")
    with removed_on_error(path):
        picture_to_pil(frame.pixels, frame.alpha).save(path, "PNG", compress_level=1)
    height, width = video.clip.shape
    photo = Photo(
        id=id,
        path=path,
        width=width,
        height=height,
        notes=video.clip.notes,
        recipe=video.recipe,
        masks=video.masks,
        video=video.id,
        second=second,
    )
    session.photos.keep(photo)
    return photo


def frame_picture(video: Video, second: float, side: int) -> Any:
    """Return a frame as a Pillow image whose long side is at most so many pixels."""
    frame = video.clip.frame_at(second, fit(video.clip.shape, side))
    return picture_to_pil(frame.pixels)


def is_moving(path: Path) -> bool:
    """Return whether a picture's file holds several that follow each other, and not too many."""
    try:
        with Image.open(path) as image:
            count = getattr(image, "n_frames", 1)
            return image.format in ANIMATIONS and 1 < count <= MOST_MOVING // (image.width * image.height)
    except Exception:  # whatever is wrong with it is told by who reads it
        return False


def video_record(photo: Photo, session: Session) -> dict[str, Any] | None:
    """Return what the interface tells of the video that a photo is a still of; None if it is of none."""
    video: Video | None = session.videos.get(photo.video or "")
    if video is None:
        return None
    clip = video.clip
    return {
        "video": video.id,
        "name": video.path.name,
        "second": photo.second,
        "seconds": round(clip.length, 3),
        "frames": clip.expected,
        "rate": round(float(clip.rate), 3),
        "sound": bool(clip.sound),
    }
