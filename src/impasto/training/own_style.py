"""A style of one's own: the any-style network, fine-tuned on photos until it paints one style better.

The decoder starts as that of the any-style network; the painting's moments and the feature network stay
as they are. The loss is the optimization's objective at each photo's strength, with less weight on style: the
relative content loss at relu4_2 and 24 times the relative style loss over the Gram matrices of the style
layers, whose targets are the painting's; and, as for the any-style network, the palette's, and that a photo
that is moved by some pixels must give the same painting, moved.

A training ends after a number of steps or of minutes, whichever comes first; the learning rate
follows the share that is done of the one that is nearer to its end.

Reference: Johnson, Alahi and Fei-Fei, "Perceptual Losses for Real-Time Style Transfer and
Super-Resolution" (ECCV 2016), section 3.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.engine.gradients import to_host
from impasto.errors import Argument, Message, OutputError
from impasto.networks.feature_network import FeatureNetwork
from impasto.onepass.network import OnePassNetwork
from impasto.onepass.style_file import THUMBNAIL_SIZE, StyleCard, StyleFile, write_style_file
from impasto.pictures.reading import Picture, read_picture
from impasto.pictures.resizing import fit, resize
from impasto.pictures.writing import OutputOptions, contact_sheet, write_picture
from impasto.training.loop import Training, rising_and_falling
from impasto.training.pairs import MOST_SHIFT, scaled_crops, with_moved
from impasto.training.photos import TrainingPhotos, painting_notes
from impasto.training.style_trainer import StyleSettings, StyleTrainer

Array = NDArray[np.float32]

LEAST_PHOTOS = 20
WARMUP = 100
RESCALES = (0.5, 1.4)
"""As `any_style.RESCALES`, of the photos."""
PLATEAU_STEPS, PLATEAU_SHARE = 500, 0.995
EVALUATION_PHOTOS, PREVIEW_PHOTOS, PREVIEW_SIDE = 8, 3, 320


@dataclass(frozen=True, kw_only=True)
class StyleTraining(Training):
    """A training that can be stopped at any time and continued by the same command.

    Attributes:
        trainer: the network, its judge and its loss.
        start: the any-style network.
        photos: the training photos.
        painting: as read.
        settings: how long and on what.
        output: the style file to write.
        notes: sentences without a full stop about the pictures.
        plateau: watches whether it still learns.
    """

    trainer: StyleTrainer
    start: OnePassNetwork
    photos: TrainingPhotos
    painting: Picture
    settings: StyleSettings
    output: Path
    notes: tuple[str, ...]
    plateau: Plateau = field(default_factory=lambda: Plateau())

    @classmethod
    def prepare(
        cls,
        pictures: tuple[str | Path, Iterable[str | Path]],
        output: str | Path,
        settings: StyleSettings,
        start: OnePassNetwork,
        judge: FeatureNetwork | None = None,
    ) -> StyleTraining:
        """Read the pictures and make the network that the training starts from.

        Args:
            pictures: the painting, and the photos: pictures, folders or zip archives.
            output: the style file to write.
            settings: how long and on what.
            start: the any-style network.
            judge: the feature network that makes the losses, in its dtype; the start's encoder if None.

        Raises:
            ImageError: the painting cannot be used or there are too few readable photos.
        """
        painting = read_picture(pictures[0], max_size=settings.style_size)
        photos = TrainingPhotos(pictures[1], least=LEAST_PHOTOS)
        return cls(
            trainer=StyleTrainer(start, judge or start.encoder, painting.pixels, settings.style_weight),
            start=start,
            photos=photos,
            painting=painting,
            settings=settings,
            output=Path(output),
            notes=(*painting_notes(painting), *photos.notes(settings.crop)),
        )

    @property
    def checkpoint(self) -> Path:
        """Where the unfinished training is kept."""
        return self.output.with_name(f"{self.output.name}.training")

    @property
    def preview_path(self) -> Path:
        """Where previews are written."""
        return self.output.with_name(f"{self.output.name}-preview.png")

    @property
    def record(self) -> str:
        """What a checkpoint must agree with: all but the length of the training and the photos."""
        judge = self.trainer.judge
        known = asdict(self.settings) | {"judge": judge.sha256, "precision": judge.dtype}
        known |= {"style": self.painting.sha256, "start": self.start.sha256}
        return json.dumps({k: v for k, v in known.items() if k not in ("steps", "minutes")})

    def optimizer(self) -> keras.optimizers.Optimizer:
        """Return Adam with gradients clipped as a whole."""
        return keras.optimizers.Adam(self.settings.learning_rate, beta_2=0.99, global_clipnorm=5.0)

    def rate(self, step: int, done: float) -> float:
        """Return the learning rate: rising for 100 steps, then falling along a cosine."""
        return self.settings.learning_rate * rising_and_falling(step, WARMUP, 1 - done)

    def done(self, step: int) -> float:
        """Return the share of the training that is done, of steps or of time, whichever is nearer its end."""
        return self.settings.done(step, self.trainer.seconds)

    def notes_on(self, terms: Mapping[str, float], done: float) -> tuple[str, ...]:
        """Say once when the style loss has stopped falling."""
        return self.plateau.notes(terms["style"], done)

    def batch(self, step: int) -> dict[str, Array]:
        """Return a step's photos, these moved, and strengths: half are 0.5, the others any from 0.1 to 1."""
        settings, count = self.settings, self.settings.batch
        rng = np.random.default_rng((settings.seed, step, 7))
        strength = np.where(rng.random(count) < 0.5, 0.5, rng.uniform(0.1, 1.0, count))
        larger = scaled_crops(self.photos, (settings.seed, step), count, settings.crop + MOST_SHIFT, RESCALES)
        return {**with_moved(larger, rng), "strength": strength.astype(np.float32)}

    def preview(self) -> None:
        """Write a picture of the painting, and of photos beside their pastiches at strength 0.5.

        Raises:
            OutputError: it cannot be written.
        """
        rows, labels = [], []
        for photo in self.photos.held_out[:PREVIEW_PHOTOS]:
            pixels = resize(photo / np.float32(255), fit(photo.shape[:2], PREVIEW_SIDE))
            rows.append([pixels, self.paint(self.trainer.network, pixels)])
            labels.append(["photo", "pastiche"])
        rows[0].insert(0, self.painting.pixels)
        labels[0].insert(0, "style")
        sheet = contact_sheet(rows, labels, height=PREVIEW_SIDE)
        write_picture(self.preview_path, sheet, OutputOptions(overwrite=True))

    def paint(self, network: OnePassNetwork, photo: Array) -> Array:
        """Return the pastiche of a photo (height, width, 3) at strength 0.5, in [0, 1]."""
        pastiche = self.trainer.paint(
            network, ops.convert_to_tensor(photo[None]), ops.full((1,), 0.5, "float32")
        )
        shown: Array = np.clip(to_host(pastiche)[0], 0, 1)
        return shown

    def evaluate(self, network: OnePassNetwork) -> dict[str, float]:
        """Return the mean content and style loss at strength 0.5 of photos not trained on."""
        losses = []
        for photo in self.photos.held_out[:EVALUATION_PHOTOS]:
            pixels = photo.astype(np.float32) / np.float32(255)
            pair = (ops.convert_to_tensor(v[None]) for v in (pixels, self.paint(network, pixels)))
            losses.append([float(loss[0]) for loss in self.trainer.losses_of(*pair)])
        content, style = np.mean(losses, axis=0)
        return {"content": round(float(content), 4), "style": round(float(style), 4)}

    def finish(self, name: str, licence: str = "") -> dict[str, Any]:
        """Write the style file, delete the checkpoint, and return the style's figures.

        Args:
            name: of the style.
            licence: of the weights.

        Raises:
            OutputError: the file cannot be written; the message says where the style is kept.
        """
        trainer, settings = self.trainer, self.settings
        figures: dict[str, Any] = {
            "held_out_photos": min(EVALUATION_PHOTOS, len(self.photos.held_out)),
            "any_style": self.evaluate(self.start),
            "trained": self.evaluate(trainer.network),
            "steps": int(trainer.optimizer.iterations),
            "minutes": round(trainer.seconds / 60, 1),
        }
        card = StyleCard(
            name=name,
            licence=licence,
            settings=asdict(settings) | {"judge": trainer.judge.name, "photos": len(self.photos.train)},
            figures=figures,
            style_sha256=self.painting.sha256,
            encoder_sha256=trainer.encoder.sha256,
        )
        pixels = self.painting.pixels
        small = resize(pixels, fit(pixels.shape[:2], THUMBNAIL_SIZE))
        thumbnail = np.rint(small * 255).astype(np.uint8)
        weights = {k: to_host(v) for k, v in trainer.network.weights.items()}
        moments = {
            k: (to_host(mean)[0], to_host(square)[0]) for k, (mean, square) in trainer.statistics.items()
        }
        self._write(StyleFile(card=card, thumbnail=thumbnail, moments=moments, weights=weights))
        self.checkpoint.unlink(missing_ok=True)
        return figures

    def _write(self, style: StyleFile) -> None:
        try:
            write_style_file(self.output, style)
        except OutputError as error:
            spare = Path(tempfile.mkdtemp(prefix="impasto-")) / self.output.name
            write_style_file(spare, style)
            raise OutputError(
                "{error}; the finished style is kept at {spare}: move it from there",
                error=error.message,
                spare=spare,
            ) from error


class Plateau:
    """Watches the style loss and says once when it has stopped falling."""

    def __init__(self) -> None:
        self._losses: list[float] = []
        self._modulation = False

    def notes(self, loss: float, done: float) -> tuple[str, ...]:
        """Return what is to be said after a step, given the share of the training that is done."""
        self._losses.append(loss)
        latest = self._losses[-2 * PLATEAU_STEPS :]
        if self._modulation or len(latest) < 2 * PLATEAU_STEPS or done > 0.8:
            return ()
        before, after = np.mean(latest[:PLATEAU_STEPS]), np.mean(latest[PLATEAU_STEPS:])
        if after < PLATEAU_SHARE * before:
            return ()
        self._modulation = True
        return (
            Message(
                "the style loss, {loss:.3f}, has not fallen for {steps} steps; to finish sooner, stop with "
                "Ctrl-C and repeat the command with fewer {minutes}",
                loss=after,
                steps=PLATEAU_STEPS,
                minutes=Argument("minutes"),
            ),
        )
