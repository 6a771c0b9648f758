"""Training the one-pass network on pairs of a photo and a style, with a feature network as the judge.

Every sample has its own strength, and its loss is the optimization's objective at that strength: the
relative content loss at relu4_2 and the relative style loss over the Gram matrices of the style
layers, as `losses` and `FeatureNetwork` define them.

Reference: Johnson, Alahi and Fei-Fei, "Perceptual Losses for Real-Time Style Transfer and
Super-Resolution" (ECCV 2016), section 3.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.engine import runtime
from impasto.engine.gradients import to_host
from impasto.layers import CONTENT_LAYER, STYLE_LAYERS
from impasto.networks.catalogue import ManifestEntry, read_manifest, write_manifest
from impasto.networks.feature_network import FeatureNetwork, Tensor
from impasto.onepass.network import (
    OnePassNetwork,
    encoder_widths,
    new_onepass_network,
    read_onepass_network,
    write_onepass_network,
)
from impasto.onepass.transfer import (
    STATISTICS_LAYERS,
    Maps,
    amount_at,
    iterated_transfer_maps,
    moments_of,
    positions_of,
    transfer_maps,
)
from impasto.settings import OnePassSettings, Settings
from impasto.training.carrying_over import carried_over
from impasto.training.crops import Crops, center_squares
from impasto.training.loop import Training, rising_and_falling
from impasto.training.losses import (
    PALETTE_WEIGHT,
    STEADY_WEIGHT,
    TERMS,
    at_strengths,
    beyond_range,
    bounded,
    gram_matrices,
    palette_losses,
    relative_content_losses,
    relative_style_losses,
    unsteadiness,
)
from impasto.training.pairs import Batch, scaled_crops, training_batch
from impasto.training.trainer import Trainer

Array = NDArray[np.float32]

ERROR_BOUND, CONTENT_BOUND = 8.0, 16.0
"""A layer's style error e counts as e / (1 + e / 8), and the content loss likewise: one odd pair, such as a
photo of nothing but sky, must not rule a step."""
RANGE_WEIGHT = 100.0
WARMUP = 200
EVALUATION_SIDE, EVALUATION_PAIRS = 192, 32
CARRYING = OnePassSettings(steps=120, stages=((1.0, 192, 4),), seed=7)
"""On what a decoder is carried over to another encoder."""


class OnePassTrainer(Trainer):
    """The decoder in training, its encoder and its judge, and its loss.

    A photo that is moved by some pixels and has other noise must give the same painting, moved.

    Args:
        weights: as of `new_onepass_network`; trained, except the scales.
        encoder: the feature network whose features the decoder takes back to pixels; its dtype is used.
        judge: the feature network that makes the losses, in its own dtype; perhaps the encoder.
        settings: of which the weights are used.

    Attributes:
        origin: sha256 of the file that the training began with; empty for random weights.
    """

    origin = ""

    def __init__(
        self,
        weights: Mapping[str, np.ndarray],
        encoder: FeatureNetwork,
        judge: FeatureNetwork,
        settings: OnePassSettings,
    ) -> None:
        super().__init__(weights, "scale/", (*TERMS, "palette", "unsteady"))
        self.judge, self.settings = judge.with_cast_weights(), settings
        self.encoder = self.judge if encoder is judge else encoder.with_cast_weights()
        self.layer_weights = {k: w for k, w in Settings().style_layer_weights.items() if w}

    @property
    def network(self) -> OnePassNetwork:
        """The network in training; its weights are variables."""
        return OnePassNetwork(name="onepass", encoder=self.encoder, weights={**self.fixed, **self.trained})

    def call(self, x: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """Return the pastiches, the judge's Gram matrices of their styles, the photos' content features, and
        where there are moved photos, their pastiches with the maps of those that were not moved.
        """
        count = x["photo"].shape[0]
        pictures = ops.concatenate([x["photo"], x["style"]])
        judged = self.judge.features(pictures, [*STYLE_LAYERS, CONTENT_LAYER])
        encoded = judged
        if self.encoder is not self.judge:
            encoded = self.encoder.features(pictures, STATISTICS_LAYERS)
        fixed = {k: ops.stop_gradient(v) for k, v in encoded.items()}
        photo = {k: _each(fixed[k][:count], x) for k in STATISTICS_LAYERS}
        maps = self._maps(photo, {k: _every(fixed[k][count:], x) for k in STATISTICS_LAYERS})
        maps = {k: (ops.stop_gradient(m), ops.stop_gradient(o)) for k, (m, o) in maps.items()}
        grams = {k: gram_matrices(self.judge, k, judged[k][count:]) for k in self.layer_weights}
        targets = {k: ops.stop_gradient(_every(v, x)) for k, v in grams.items()}
        pastiche = self.network.paint(photo, maps, amount_at(x["strength"]))
        compared = pastiche, targets, ops.stop_gradient(_each(judged[CONTENT_LAYER][:count], x))
        if "moved" not in x:  # as in an evaluation
            return compared
        moved = self.encoder.features(x["moved"], STATISTICS_LAYERS)
        moved = {k: ops.stop_gradient(_each(v, x)) for k, v in moved.items()}
        return *compared, self.network.paint(moved, maps, amount_at(x["strength"]))

    def _maps(self, photo: Mapping[str, Tensor], style: Mapping[str, Tensor]) -> Maps:
        """Return the transfer maps: by matrix products alone on a GPU, where eigenvalues take long."""
        first, second = moments_of(photo), moments_of(style)
        if runtime.device() != "gpu":
            return transfer_maps(first, second)
        return iterated_transfer_maps(first, second, {k: positions_of(v) for k, v in photo.items()})

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):  # type: ignore[no-untyped-def]
        """Return the mean over the pairs of the objective at each pair's strength."""
        content, style = self.pair_losses(x, y_pred)
        pastiche = y_pred[0]
        palette = palette_losses(pastiche, _every(x["style"], x))
        wanted = style + PALETTE_WEIGHT * palette
        loss = at_strengths(
            bounded(content, CONTENT_BOUND), wanted, x["strength"], self.settings.style_weight
        )
        variation = ops.mean(ops.square(pastiche[:, 1:] - pastiche[:, :-1]))
        variation = variation + ops.mean(ops.square(pastiche[:, :, 1:] - pastiche[:, :, :-1]))
        beyond = beyond_range(pastiche)
        unsteady = unsteadiness(pastiche, y_pred[3], x["shift"])
        loss = loss + self.settings.variation_weight * variation
        loss = loss + RANGE_WEIGHT * ops.mean(beyond) + STEADY_WEIGHT * ops.mean(unsteady)
        self.tell(loss, ops.mean(content), ops.mean(style), variation, ops.mean(palette), ops.mean(unsteady))
        return loss

    def pair_losses(self, x: Mapping[str, Tensor], y_pred: tuple[Tensor, ...]) -> Any:
        """Return each pair's content and (bounded) style loss, float32 (batch,) each."""
        pastiche, style, photo = y_pred[:3]
        features = self.judge.features(pastiche, [*STYLE_LAYERS, CONTENT_LAYER])
        content = relative_content_losses(
            self.judge.projected(CONTENT_LAYER, features[CONTENT_LAYER]),
            ops.stop_gradient(self.judge.projected(CONTENT_LAYER, photo)),
        )
        total = ops.zeros_like(content)
        for layer, weight in self.layer_weights.items():
            error = relative_style_losses(gram_matrices(self.judge, layer, features[layer]), style[layer])
            total = total + weight * bounded(error, ERROR_BOUND)
        return content, total


def _each(values: Tensor, x: Mapping[str, Tensor]) -> Tensor:
    """Return the values of the photos, each as often as there are pairs of it."""
    return ops.repeat(values, x["strength"].shape[0] // values.shape[0], axis=0)


def _every(values: Tensor, x: Mapping[str, Tensor]) -> Tensor:
    """Return the values of the styles, all of them for every photo."""
    times = x["strength"].shape[0] // x["photo"].shape[0]
    return ops.tile(values, (times, *(1 for _ in values.shape[1:])))


def scales_of(encoder: FeatureNetwork, styles: Crops, settings: OnePassSettings) -> dict[str, Array]:
    """Return 1 / root mean square of the channels of `STATISTICS_LAYERS`, over 64 training pictures."""
    sums: dict[str, Any] = dict.fromkeys(STATISTICS_LAYERS, 0.0)
    for step in range(8):
        crops = scaled_crops(styles, (settings.seed + 2, step), 8, 128)
        for layer, features in encoder.features(ops.convert_to_tensor(crops), STATISTICS_LAYERS).items():
            sums[layer] = sums[layer] + np.square(to_host(features)).mean(axis=(0, 1, 2)) / 8
    return {f"scale/{k}": 1 / np.sqrt(np.maximum(v, 1e-2 * v.mean())) for k, v in sums.items()}


@dataclass(frozen=True, kw_only=True)
class OnePassTraining(Training):
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
        networks: tuple[FeatureNetwork, FeatureNetwork],
        start: tuple[Path, FeatureNetwork] | None = None,
    ) -> OnePassTraining:
        """Read the pictures and make a new network.

        Args:
            photos: pictures, folders or zip archives; every 40th picture is held out.
            styles: the same.
            output: the weights file to write, .npz.
            settings: how long and on what.
            networks: the feature network that encodes, and the one that makes the losses, perhaps the same;
                each computes in its dtype.
            start: earlier weights to go on from and what they were trained to read; where that is another
                feature network they are carried over first. Random weights if None.

        Raises:
            ImageError: there are too few readable pictures.
            WeightsError: the second network does not reach relu5_1, or the start cannot be used.
        """
        cut_photos, cut_styles = Crops(photos), Crops(styles)
        encoder, judge = networks
        weights = new_onepass_network(settings.seed, encoder_widths(encoder))
        weights |= scales_of(encoder, cut_styles, settings)
        origin = ""
        if start is not None:
            earlier = read_onepass_network(*start, own=False)
            origin = earlier.sha256
            if earlier.encoder is encoder:
                weights = {k: to_host(v) for k, v in earlier.weights.items()}
            else:
                new = replace(earlier, encoder=encoder, weights=weights)
                batch_at = partial(training_batch, cut_photos, cut_styles, CARRYING)
                weights = carried_over(earlier, new, batch_at, CARRYING.steps)
        trainer = OnePassTrainer(weights, encoder, judge, settings)
        trainer.origin = origin
        pictures = {"photos": cut_photos, "styles": cut_styles}
        return cls(trainer=trainer, settings=settings, output=Path(output), **pictures)

    @property
    def record(self) -> str:
        """What a checkpoint must agree with: everything but the number of steps."""
        judge = self.trainer.judge
        known = asdict(self.settings) | {"judge": judge.sha256, "precision": judge.dtype}
        if self.trainer.encoder is not judge:
            known["encoder"] = self.trainer.encoder.sha256
        known["origin"] = self.trainer.origin
        return json.dumps({k: v for k, v in known.items() if k != "steps"})

    def batch(self, step: int) -> Batch:
        """Return the pairs of a step."""
        return training_batch(self.photos, self.styles, self.settings, step)

    def optimizer(self) -> keras.optimizers.Optimizer:
        """Return Adam with gradients clipped as a whole."""
        return keras.optimizers.Adam(self.settings.learning_rate, beta_2=0.99, global_clipnorm=5.0)

    def rate(self, step: int, done: float) -> float:
        """Return the learning rate: rising for 200 steps, or a tenth of them, then falling along a cosine."""
        warmup = max(1, min(WARMUP, self.settings.steps // 10))
        left = (self.settings.steps - step) / max(1, self.settings.steps - warmup)
        return self.settings.learning_rate * rising_and_falling(step, warmup, left)

    def before(self, step: int, batch: Batch) -> Batch:
        """Have a step of another size compiled anew: a function that has seen two sizes forgets both."""
        if step and self.settings.stage(step) != self.settings.stage(step - 1):
            self.trainer.make_train_function(force=True)
        return batch

    def evaluate(self, strengths: tuple[float, ...] = (0.2, 0.5, 1.0)) -> dict[str, Any]:
        """Return the mean losses on held-out pairs at some strengths, and of the photos themselves.

        Style losses are bounded as in training. ``photo`` is the style loss of doing nothing.
        """
        x = {
            "photo": center_squares(self.photos.held_out, EVALUATION_SIDE)[:EVALUATION_PAIRS],
            "style": center_squares(self.styles.held_out, EVALUATION_SIDE)[:EVALUATION_PAIRS],
        }
        count = min(map(len, x.values()))
        figures: dict[str, Any] = {"pairs": count}
        for strength in (0.0, *strengths):
            sums = np.zeros(2)
            for index in range(0, count, 4):
                part = {k: ops.convert_to_tensor(v[index : min(index + 4, count)]) for k, v in x.items()}
                part["strength"] = ops.full((part["photo"].shape[0],), strength, "float32")
                losses = self.trainer.pair_losses(part, self.trainer(part))
                sums += [to_host(loss).sum() for loss in losses]
            content, style = (round(float(value), 4) for value in sums / count)
            figures |= (
                {f"{strength:g}": {"content": content, "style": style}} if strength else {"photo": style}
            )
        return figures

    def finish(self) -> dict[str, Any]:
        """Write the weights and their entry in the folder's manifest; return `evaluate`'s figures.

        Raises:
            OutputError: the file cannot be written.
        """
        judge, encoder = self.trainer.judge, self.trainer.encoder
        meta = {"name": self.output.stem, "encoder_sha256": encoder.sha256}
        sha256 = write_onepass_network(self.output, self.trainer.network.weights, meta)
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
                "encoder": encoder.name,
                "encoder_sha256": encoder.sha256,
                "start_sha256": self.trainer.origin or None,
            },
            figures=figures,
        )
        folder = self.output.parent
        write_manifest(folder, {**read_manifest(folder), self.output.stem: entry})
        return figures


def contact_sheet(network: OnePassNetwork, photos: Array, styles: Array, strength: float) -> Array:
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
    statistics = moments_of(network.encode(ops.convert_to_tensor(styles)))
    rows = [np.concatenate([np.ones_like(photos[0]), *styles], axis=1)]
    for photo in photos:
        features = network.encode(ops.convert_to_tensor(np.repeat(photo[None], len(styles), axis=0)))
        pastiches = network.paint(features, transfer_maps(moments_of(features), statistics), amount)
        rows.append(np.concatenate([photo, *np.clip(to_host(pastiches), 0, 1)], axis=1))
    return np.concatenate(rows, axis=0)
