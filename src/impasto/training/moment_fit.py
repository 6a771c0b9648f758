"""A style's moments, fitted through the one-pass network until its paintings are nearest to the style.

The network stays as it is; what it is told of the style is learned (`onepass.fitted_moments`), with the loss
of a style of one's own. Some dozens of steps are enough.
"""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np
from numpy.typing import NDArray

from impasto.engine import runtime
from impasto.engine.gradients import to_host
from impasto.errors import DivergenceError
from impasto.networks.feature_network import FeatureNetwork, Tensor
from impasto.onepass.fitted_moments import changed_moments
from impasto.onepass.network import OnePassNetwork, encoder_widths
from impasto.onepass.transfer import Maps, iterated_transfer_maps, moments_of, positions_of
from impasto.training.crops import Crops
from impasto.training.loop import rising_and_falling
from impasto.training.pairs import MOST_SHIFT, scaled_crops, with_moved
from impasto.training.style_trainer import StyleTrainer, for_each

Array = NDArray[np.float32]

CROP, BATCH, RESCALES = 256, 2, (0.6, 1.2)
STYLE_WEIGHT, RATE, WARMUP = 30.0, 0.02, 10


class MomentTrainer(StyleTrainer):
    """The change of a style's moments in training; its loss is that of a style of one's own.

    Args:
        start: the one-pass network, which stays as it is.
        judge: the feature network that makes the losses.
        painting: float32 (height, width, 3), in [0, 1].
        begin: the change to begin with, such as one that was fitted to an earlier network; none if None.
    """

    def __init__(
        self,
        start: OnePassNetwork,
        judge: FeatureNetwork,
        painting: Array,
        begin: Mapping[str, Array] | None = None,
    ) -> None:
        change = {}
        for layer, width in encoder_widths(start.encoder).items():
            change[f"{layer}/shift"] = np.zeros(width, np.float32)
            change[f"{layer}/stretch"] = np.zeros((width, width), np.float32)
        super().__init__(start, judge, painting, STYLE_WEIGHT, dict(begin or change))
        self.start = start

    @property
    def network(self) -> OnePassNetwork:
        """The one-pass network."""
        return self.start

    def maps_for(self, features: Mapping[str, Tensor]) -> Maps:
        """Return the maps of photos' features to the changed moments, by what gradients go through well."""
        photo = moments_of(features)
        style = for_each(changed_moments(self.statistics, self.trained), photo)
        return iterated_transfer_maps(photo, style, {k: positions_of(v) for k, v in features.items()})


def fit_moments(
    networks: tuple[OnePassNetwork, FeatureNetwork],
    painting: Array,
    photos: Crops,
    steps: int,
    begin: Mapping[str, Array] | None = None,
    seed: int = 0,
) -> dict[str, Array]:
    """Return the change of a style's moments with which a network paints it best.

    Args:
        networks: the one-pass network, and the feature network that makes the losses.
        painting: the style's picture, float32 (height, width, 3), in [0, 1].
        photos: to be painted.
        steps: of training.
        begin: the change to begin with.
        seed: of everything random.

    Returns:
        What `changed_moments` takes.

    Raises:
        DivergenceError: the loss is not finite.
    """
    trainer = MomentTrainer(*networks, painting, begin)
    optimizer = keras.optimizers.Adam(RATE, beta_2=0.98, global_clipnorm=5.0)
    trainer.compile(optimizer=optimizer, jit_compile=runtime.start_engine() == "jax")
    for step in range(steps):
        rng = np.random.default_rng((seed, step, 8))
        strength = np.where(rng.random(BATCH) < 0.5, 0.5, rng.uniform(0.2, 1.0, BATCH)).astype(np.float32)
        larger = scaled_crops(photos, (seed, step), BATCH, CROP + MOST_SHIFT, RESCALES)
        optimizer.learning_rate = RATE * rising_and_falling(step, WARMUP, 1 - step / steps)
        trainer.train_on_batch({**with_moved(larger, rng), "strength": strength})
        if not np.isfinite(trainer.last_terms()["loss"]):
            raise DivergenceError("the loss is not finite after step {step}", step=step + 1)
    return {name: to_host(value) for name, value in trainer.trained.items()}
