"""The photos that a style is trained on, with what is doubtful about them said by name."""

from __future__ import annotations

from pathlib import Path

from impasto.errors import Message
from impasto.pictures.reading import Picture
from impasto.training.crops import Crops

LEAST_DEVIATION = 0.02
"""Of pixels in [0, 1]; a picture with less has nothing to learn from."""
LEAST_PAINTING = 256
NAMED = 5


class TrainingPhotos(Crops):
    """Crops that remember the names of their pictures.

    Args:
        paths: pictures, folders (searched recursively) or zip archives.
        least: how many must be readable.

    Attributes:
        names: of the readable pictures, in the order of `pictures`.
    """

    def notes(self, crop: int) -> tuple[str, ...]:
        """Return sentences, without a full stop, about pictures that will not help.

        Args:
            crop: side of the crops in pixels.
        """
        first: dict[int, str] = {}
        small, flat, twice = [], [], []
        for name, picture in zip(self.names, self.pictures, strict=True):
            if min(picture.shape[:2]) < crop:
                small.append(name)
            if picture.std() < 255 * LEAST_DEVIATION:
                flat.append(name)
            if first.setdefault(hash(picture.tobytes()), name) != name:
                twice.append(name)
        groups = (
            (self.broken, Message("could not be read and are left out")),
            (small, Message("have a side under {crop} px, so their borders are repeated", crop=crop)),
            (flat, Message("show next to nothing, such as one color; take them out of the folder")),
            (twice, Message("are copies of others, which count twice")),
        )
        return tuple(
            Message("{pictures} {words}", pictures=_listed(names), words=words)
            for names, words in groups
            if names
        )


def painting_notes(painting: Picture) -> tuple[str, ...]:
    """Return sentences, without a full stop, about a painting that makes a poor style."""
    height, width = painting.pixels.shape[:2]
    notes = list(painting.notes)
    if min(height, width) < LEAST_PAINTING:
        notes.append(
            Message(
                "the painting is only {width} x {height} px; with sides of {least} px or more its strokes "
                "would be learned better",
                width=width,
                height=height,
                least=LEAST_PAINTING,
            )
        )
    if painting.pixels.std() < LEAST_DEVIATION:
        notes.append(Message("the painting is nearly one color, so there is hardly a style to learn"))
    return tuple(notes)


def _listed(names: list[str]) -> str:
    """Return how many photos there are and the first of their names."""
    shown = ", ".join(Path(name).name for name in names[:NAMED])
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{len(names)} of the photos ({shown}{more})"
