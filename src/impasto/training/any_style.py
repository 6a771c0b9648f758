"""Training the one-pass network on pairs of a photo and a style, with a feature network as the judge.

Every sample has its own strength, and its loss is the optimisation's objective at that strength: the
relative content loss at relu4_2 and the relative style loss over the Gram matrices of the style
layers, as `losses` and `FeatureNetwork` define them.

Reference: Johnson, Alahi and Fei-Fei, "Perceptual Losses for Real-Time Style Transfer and
Super-Resolution" (ECCV 2016), section 3.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.engine import runtime
from impasto.engine.gradients import to_host
from impasto.errors import DivergenceError
from impasto.layers import CONTENT_LAYER, STYLE_LAYERS
from impasto.networks.catalogue import ManifestEntry, read_manifest, write_manifest
from impasto.networks.feature_network import FeatureNetwork, Tensor
from impasto.onepass.network import (
    PasticheNetwork,
    encoder_widths,
    new_pastiche_network,
    read_pastiche_network,
    write_pastiche_network,
)
from impasto.onepass.transfer import (
    CODE_LAYERS,
    Maps,
    amount_at,
    iterated_transfer_maps,
    moments_of,
    transfer_maps,
)
from impasto.pictures.resizing import resize
from impasto.settings import OnePassSettings, Settings
from impasto.training.checkpoint import restore, save_checkpoint
from impasto.training.crops import Crops, center_squares, prefetch
from impasto.training.loop import rate_schedule
from impasto.training.losses import batch_gram_matrices

Array = NDArray[np.float32]
Batch = dict[str, Array]

ERROR_BOUND, CONTENT_BOUND = 8.0, 16.0
"""A layer's style error e counts as e / (1 + e / 8) and the content loss likewise, so that one odd pair, such
as a photo of nothing but sky, does not rule a step."""
RANGE_WEIGHT = 100.0
SAVE_EVERY = 250
RESCALES = (0.5, 1.6)
"""Sides of crops in their pictures, least and most, relative to what they are resized to: larger pictures
than the training has are to be painted, and an enlarged crop is what these have in a window of its size."""
EVALUATION_SIDE, EVALUATION_PAIRS = 192, 32
TERMS = ("loss", "content", "style", "variation")


class OnePassTrainer(keras.Model):  # type: ignore[misc]
    """The decoder in training, its judge and its loss.

    Args:
        weights: as of `new_pastiche_network`; trained, except the scales.
        judge: the feature network that encodes and makes the losses; its dtype is used.
        settings: of which the weights are used.

    Attributes:
        origin: sha256 of the file that the training began with; empty for random weights.
    """

    origin = ""

    def __init__(
        self, weights: Mapping[str, np.ndarray], judge: FeatureNetwork, settings: OnePassSettings
    ) -> None:
        super().__init__(dtype="float32")
        self.judge, self.settings = judge.with_cast_weights(), settings
        self.fixed = {k: ops.convert_to_tensor(v) for k, v in weights.items() if k.startswith("scale/")}
        self.trained = {k: self._variable(k, v) for k, v in weights.items() if k not in self.fixed}
        self.terms = self._variable("terms", np.zeros(len(TERMS), np.float32), trainable=False)
        self.layer_weights = {k: w for k, w in Settings().style_layer_weights.items() if w}
        self.built = True

    def _variable(self, name: str, value: np.ndarray, trainable: bool = True) -> keras.Variable:
        words = {"name": name.replace("/", "_"), "shape": value.shape, "trainable": trainable}
        return self.add_weight(**words, initializer=lambda *_, **__: ops.convert_to_tensor(value))

    @property
    def network(self) -> PasticheNetwork:
        """The network in training; its weights are variables."""
        return PasticheNetwork(name="onepass", encoder=self.judge, weights={**self.fixed, **self.trained})

    def call(self, x: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Return the pastiches, the features of their styles and the photos' content features."""
        count = x["photo"].shape[0]
        pictures = ops.concatenate([x["photo"], x["style"]])
        found = self.judge.features(pictures, [*STYLE_LAYERS, CONTENT_LAYER])
        found = {k: ops.stop_gradient(v) for k, v in found.items()}
        photo, style = ({k: v[part] for k, v in found.items()} for part in (slice(count), slice(count, None)))
        maps = self._maps(photo, style)
        maps = {k: (ops.stop_gradient(m), ops.stop_gradient(o)) for k, (m, o) in maps.items()}
        return self.network.paint(photo, maps, amount_at(x["strength"])), style, photo[CONTENT_LAYER]

    def _maps(self, photo: Mapping[str, Tensor], style: Mapping[str, Tensor]) -> Maps:
        """Return the transfer maps: by matrix products alone on a GPU, where eigenvalues take long."""
        first, second = moments_of(photo), moments_of(style)
        if runtime.device() != "gpu":
            return transfer_maps(first, second)
        positions = {k: int(np.prod(v.shape[1:3])) for k, v in photo.items()}
        return iterated_transfer_maps(first, second, positions)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):  # type: ignore[no-untyped-def]
        """Return the mean over the pairs of the objective at each pair's strength."""
        content, style = self.pair_losses(x, y_pred)
        strength, pastiche = x["strength"], y_pred[0]
        keep, apply = ops.square(1 - strength), ops.square(strength)
        kept = content / (1 + content / CONTENT_BOUND)
        pairs = (keep * kept + self.settings.style_weight * apply * style) / (keep + apply)
        variation = ops.mean(ops.square(pastiche[:, 1:] - pastiche[:, :-1]))
        variation = variation + ops.mean(ops.square(pastiche[:, :, 1:] - pastiche[:, :, :-1]))
        beyond = ops.mean(ops.square(pastiche - ops.clip(pastiche, 0, 1)))
        loss = ops.mean(pairs) + self.settings.variation_weight * variation + RANGE_WEIGHT * beyond
        self.terms.assign(ops.stack([loss, ops.mean(content), ops.mean(style), variation]))
        return loss

    def pair_losses(self, x: Mapping[str, Tensor], found: tuple[Tensor, dict[str, Tensor], Tensor]) -> Any:
        """Return each pair's content and (bounded) style loss, float32 (batch,) each."""
        pastiche, style, photo = found
        features = self.judge.features(pastiche, [*STYLE_LAYERS, CONTENT_LAYER])
        content = relative_content_losses(
            self.judge.expanded(CONTENT_LAYER, features[CONTENT_LAYER]),
            ops.stop_gradient(self.judge.expanded(CONTENT_LAYER, photo)),
        )
        total = ops.zeros_like(content)
        for layer, weight in self.layer_weights.items():
            target = ops.stop_gradient(gram_matrices(self.judge, layer, style[layer]))
            error = relative_style_losses(gram_matrices(self.judge, layer, features[layer]), target)
            total = total + weight * error / (1 + error / ERROR_BOUND)
        return content, total


def gram_matrices(network: FeatureNetwork, layer: str, features: Tensor) -> Tensor:
    """Return `FeatureNetwork.gram_matrix` of each picture of a batch, float32 (batch, wide, wide)."""
    seen = features if network.has_metric(layer) else network.expanded(layer, features)
    seen = ops.cast(seen, "float32")
    return network.wide_moments(layer, batch_gram_matrices(seen), ops.mean(seen, axis=(1, 2)))[0]


def relative_style_losses(grams: Tensor, targets: Tensor) -> Tensor:
    """Return `losses.relative_style_loss` of each pair of a batch, float32 (batch,)."""
    error, size = (ops.sum(ops.square(x), axis=(1, 2)) for x in (grams - targets, targets))
    return error / (size + 1e-12)


def relative_content_losses(features: Tensor, targets: Tensor) -> Tensor:
    """Return `losses.relative_content_loss` of each pair of a batch, float32 (batch,)."""
    features, targets = ops.cast(features, "float32"), ops.cast(targets, "float32")
    about_mean = targets - ops.mean(targets, axis=(1, 2), keepdims=True)
    parts = (features - targets, about_mean, targets)
    error, spread, size = (ops.sum(ops.square(x), axis=(1, 2, 3)) for x in parts)
    return error / ops.maximum(spread, 0.01 * size + 1e-12)


def recolor(pictures: Array, rng: np.random.Generator) -> Array:
    """Return pictures of which half have other contrasts, colours and exposures, within [0, 1]."""
    pictures = pictures.copy()
    for index in np.flatnonzero(rng.random(len(pictures)) < 0.5):
        order = rng.permutation(3) if rng.random() < 0.4 else np.arange(3)
        mean = pictures[index].mean(axis=(0, 1))
        mixing = np.eye(3) * rng.uniform(0.7, 1.3) + rng.normal(0, 0.1, (3, 3))
        shift = rng.normal(0, 0.04, 3).astype(np.float32)
        changed = (pictures[index] - mean) @ mixing.astype(np.float32) + (mean + shift)
        exposure = 2 ** rng.normal(0, 0.7)
        pictures[index] = (np.clip(changed, 0, 1) ** np.float32(exposure))[..., order]
    return pictures


def scaled_crops(
    crops: Crops,
    key: tuple[int, int],
    count: int,
    size: int,
    rescales: tuple[float, float] = RESCALES,
) -> Array:
    """Return (count, size, size, 3) in [0, 1]: crops of other sizes, as the rescales say, resized to it."""
    rng = np.random.default_rng(key)
    least = min(min(picture.shape[:2]) for picture in crops.train[:50])
    sides = np.minimum(np.rint(size * rng.uniform(*rescales, count)).astype(int), max(size, least))
    return np.stack([resize(crops.crop(int(side), rng), (size, size)) for side in sides])


def training_batch(photos: Crops, styles: Crops, settings: OnePassSettings, step: int) -> Batch:
    """Return the pairs of a step (from 0): photo, style (batch, side, side, 3) and strength (batch,).

    Half of the pairs have strength 0.5, the others any from 0.1 to 1.
    """
    side, pairs = settings.stage(step)
    rng = np.random.default_rng((settings.seed, step, 5))
    style = recolor(scaled_crops(styles, (settings.seed + 1, step), pairs, side), rng)
    strength = np.where(rng.random(pairs) < 0.5, 0.5, rng.uniform(0.1, 1.0, pairs))
    photo = recolor(scaled_crops(photos, (settings.seed, step), pairs, side), rng)
    return {"photo": photo, "style": style, "strength": strength.astype(np.float32)}


def scales_of(judge: FeatureNetwork, styles: Crops, settings: OnePassSettings) -> dict[str, Array]:
    """Return 1 / root mean square of the code layers' channels, over 64 training pictures."""
    sums: dict[str, Any] = dict.fromkeys(CODE_LAYERS, 0.0)
    for step in range(8):
        crops = scaled_crops(styles, (settings.seed + 2, step), 8, 128)
        for layer, found in judge.features(ops.convert_to_tensor(crops), CODE_LAYERS).items():
            sums[layer] = sums[layer] + np.square(to_host(found)).mean(axis=(0, 1, 2)) / 8
    return {f"scale/{k}": 1 / np.sqrt(np.maximum(v, 1e-2 * v.mean())) for k, v in sums.items()}


@dataclass(frozen=True, kw_only=True)
class OnePassTraining:
    """A training that can be stopped at any time and continued by the same command.

    Attributes:
        trainer: the network, its judge and the loss.
        photos, styles: the training pictures.
        settings: how long and on what.
        output: the weights file to write, .npz.
    """

    trainer: OnePassTrainer
    photos: Crops
    styles: Crops
    settings: OnePassSettings
    output: Path

    @classmethod
    def prepare(
        cls,
        photos: Iterable[str | Path],
        styles: Iterable[str | Path],
        output: str | Path,
        settings: OnePassSettings,
        judge: FeatureNetwork,
        start: Path | None = None,
    ) -> OnePassTraining:
        """Read the pictures and make a new network.

        Args:
            photos: pictures, folders or zip archives; every 40th picture is held out.
            styles: the same.
            output: the weights file to write, .npz.
            settings: how long and on what.
            judge: the feature network that makes codes and losses; its dtype is the training's.
            start: earlier weights to go on from, also with another judge; random ones if None.

        Raises:
            ImageError: there are too few readable pictures.
            WeightsError: the judge does not reach relu5_1, or the start cannot be used.
        """
        cut_photos, cut_styles = Crops(photos), Crops(styles)
        weights = new_pastiche_network(settings.seed, encoder_widths(judge))
        weights |= scales_of(judge, cut_styles, settings)
        origin = ""
        if start is not None:
            earlier = read_pastiche_network(start, judge, own=False)
            weights, origin = {k: to_host(v) for k, v in earlier.weights.items()}, earlier.sha256
        trainer = OnePassTrainer(weights, judge, settings)
        trainer.origin = origin
        pictures = {"photos": cut_photos, "styles": cut_styles}
        return cls(trainer=trainer, settings=settings, output=Path(output), **pictures)

    @property
    def checkpoint(self) -> Path:
        """Where the unfinished training is kept."""
        return self.output.with_suffix(".training")

    @property
    def record(self) -> str:
        """What a checkpoint must agree with: everything but the number of steps."""
        judge = self.trainer.judge
        known = asdict(self.settings) | {"judge": judge.sha256, "precision": judge.dtype}
        known["origin"] = self.trainer.origin
        return json.dumps({k: v for k, v in known.items() if k != "steps"})

    def steps(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Train, yielding (step, terms) after every step; continue from the checkpoint if there is one.

        The terms are ``loss`` and the means of ``content``, ``style`` and ``variation``.

        Raises:
            WeightsError: the checkpoint belongs to another training or is damaged.
            OutputError: the checkpoint cannot be written.
            DivergenceError: the loss is not finite.
        """
        trainer, settings = self.trainer, self.settings
        rate = rate_schedule(settings.learning_rate, settings.steps)
        optimizer = keras.optimizers.Adam(rate, beta_2=0.99, global_clipnorm=5.0)
        trainer.compile(optimizer=optimizer, jit_compile=runtime.start_engine() == "jax")
        trainer.optimizer.build(trainer.trainable_variables)
        first = restore(trainer, self.checkpoint, self.record)
        if not first:
            save_checkpoint(trainer, self.checkpoint, 0, self.record)  # says now if it cannot
        pictures, workers = (self.photos, self.styles, settings), runtime.helpers()
        batches = prefetch(partial(training_batch, *pictures), range(first, settings.steps), workers)
        for step, batch in enumerate(batches, first + 1):
            if step > first + 1 and settings.stage(step - 1) != settings.stage(step - 2):
                trainer.make_train_function(force=True)  # a function seen at two sizes forgets both
            trainer.train_on_batch(batch)
            terms = dict(zip(TERMS, map(float, to_host(trainer.terms)), strict=True))
            if not np.isfinite(terms["loss"]):
                raise DivergenceError(f"the loss of step {step} is not finite; choose a lower learning_rate")
            if step % SAVE_EVERY == 0 or step == settings.steps:
                save_checkpoint(trainer, self.checkpoint, step, self.record)
            yield step, terms

    def evaluate(self, strengths: tuple[float, ...] = (0.2, 0.5, 1.0)) -> dict[str, Any]:
        """Return the mean losses on held-out pairs at some strengths, and of the photos themselves.

        Style losses are bounded as in training. ``photo`` is the style loss of doing nothing.
        """
        x = {
            "photo": center_squares(self.photos.held_out, EVALUATION_SIDE)[:EVALUATION_PAIRS],
            "style": center_squares(self.styles.held_out, EVALUATION_SIDE)[:EVALUATION_PAIRS],
        }
        count = min(map(len, x.values()))
        found: dict[str, Any] = {"pairs": count}
        for strength in (0.0, *strengths):
            sums = np.zeros(2)
            for index in range(0, count, 4):
                part = {k: ops.convert_to_tensor(v[index : min(index + 4, count)]) for k, v in x.items()}
                part["strength"] = ops.full((part["photo"].shape[0],), strength, "float32")
                losses = self.trainer.pair_losses(part, self.trainer(part))
                sums += [to_host(loss).sum() for loss in losses]
            content, style = (round(float(value), 4) for value in sums / count)
            found |= {f"{strength:g}": {"content": content, "style": style}} if strength else {"photo": style}
        return found

    def finish(self) -> dict[str, Any]:
        """Write the weights and their entry in the folder's manifest; return `evaluate`'s figures.

        Raises:
            OutputError: the file cannot be written.
        """
        judge = self.trainer.judge
        meta = {"name": self.output.stem, "encoder_sha256": judge.sha256}
        sha256 = write_pastiche_network(self.output, self.trainer.network.weights, meta)
        figures = self.evaluate()
        entry = ManifestEntry(
            file=self.output.name,
            sha256=sha256,
            licence="Apache-2.0",
            source="trained by impasto; see NOTICE for the pictures",
            recipe=asdict(self.settings)
            | {
                "judge": judge.name,
                "judge_sha256": judge.sha256,
                "start_sha256": self.trainer.origin or None,
            },
            figures=figures,
        )
        folder = self.output.parent
        write_manifest(folder, {**read_manifest(folder), self.output.stem: entry})
        return figures


def contact_sheet(network: PasticheNetwork, photos: Array, styles: Array, strength: float) -> Array:
    """Return one picture: styles above, photos at the left, pastiches between.

    Args:
        network: the one-pass network.
        photos: float32 (count, side, side, 3), in [0, 1].
        styles: the same.
        strength: in [0, 1].

    Returns:
        float32 ((photos + 1) side, (styles + 1) side, 3), in [0, 1].
    """
    amount = amount_at(ops.full((len(styles),), strength, "float32"))
    code = moments_of(network.encode(ops.convert_to_tensor(styles)))
    rows = [np.concatenate([np.ones_like(photos[0]), *styles], axis=1)]
    for photo in photos:
        features = network.encode(ops.convert_to_tensor(np.repeat(photo[None], len(styles), axis=0)))
        found = network.paint(features, transfer_maps(moments_of(features), code), amount)
        rows.append(np.concatenate([photo, *np.clip(to_host(found), 0, 1)], axis=1))
    return np.concatenate(rows, axis=0)
