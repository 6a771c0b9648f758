"""Training the embedded ``compact`` network from a teacher of the same shape (knowledge distillation).

The student learns three things at once, on crops of photos and paintings that are also mixed,
recoloured and covered with noise, because an optimisation shows the network pictures that are
neither photo nor painting:

- its own layers, through 1 x 1 linear heads, predict the teacher's layers;
- its style layers, through 1 x 1 heads and a ReLU, predict the teacher's expanded features, whose
  Gram matrices approximate those of normalised VGG-19;
- the Gram matrices of these agree with the teacher's, in the relative measure of the style loss.

Reference: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (2015); Romero et
al., "FitNets" (ICLR 2015) for hints at inner layers; the teacher is described in Wang et al.,
"Collaborative Distillation for Ultra-Resolution Universal Style Transfer" (CVPR 2020).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from impasto import runtime
from impasto.crops import Crops, center_squares, prefetch, vary
from impasto.errors import EngineError, WeightsError
from impasto.evaluation import evaluate_student
from impasto.feature_network import (
    CONTENT_LAYER,
    CONVOLUTION_NAMES,
    LAYERS,
    STYLE_LAYERS,
    FeatureNetwork,
    Tensor,
    apply_head,
)
from impasto.gradients import to_host
from impasto.losses import batch_gram_error, unexplained
from impasto.pastiche_pool import PastichePool
from impasto.settings import DistillSettings
from impasto.training_checkpoint import record_of, restore, save_checkpoint
from impasto.weights import (
    ManifestEntry,
    load_network,
    read_manifest,
    write_manifest,
    write_weights,
)

WIDTHS = (16, 16, 32, 32, 64, 64, 64, 64, 128, 160, 128, 128, 224)
"""Channels of each convolution: a quarter of VGG-19's, more at relu4_2 and relu5_1."""

DEEP_WEIGHTS = {CONTENT_LAYER: 3.0, "relu5_1": 2.0}
LAYER_WEIGHTS = dict.fromkeys(LAYERS[:13], 0.25) | dict.fromkeys(STYLE_LAYERS, 1.0) | DEEP_WEIGHTS
GRAM_WEIGHT = 1.0
REVIVE_EVERY = 250
LEAK = 0.1
EVALUATION_SIDE = 256
LINEAR_LAYERS = ("relu1_1", "relu2_1", "relu3_1")
"""Layers whose expanded features are compared through a linear metric, because heads cost too much there."""


def new_student(seed: int, widths: tuple[int, ...] = WIDTHS) -> dict[str, np.ndarray]:
    """Return random weights for a student that reaches relu5_1 (He et al. 2015 initialisation)."""
    rng = np.random.default_rng(seed)
    weights = {
        "preprocess/kernel": np.eye(3, dtype=np.float32)[None, None] * 4,
        "preprocess/bias": np.full(3, -2.0, np.float32),
    }
    channels = 3
    for name in CONVOLUTION_NAMES[:13]:
        width = widths[CONVOLUTION_NAMES.index(name)]
        kernel = rng.normal(0, np.sqrt(2 / 9 / channels), (3, 3, channels, width))
        weights[f"{name}/kernel"] = kernel.astype(np.float32)
        weights[f"{name}/bias"] = np.zeros(width, np.float32)
        channels = width
    return weights


class Distiller(keras.Model):  # type: ignore[misc]
    """The student, its heads and the loss that pulls them towards the teacher.

    Args:
        student: weights as of `new_student`; trained, except the preprocessing.
        teacher: the network to learn from, with ``expand`` heads at the style layers.
        dtype: the precision in which features are computed.
    """

    def __init__(
        self, student: dict[str, np.ndarray], teacher: FeatureNetwork, dtype: str, seed: int
    ) -> None:
        super().__init__(dtype="float32")
        self.teacher = teacher
        self.precision = dtype
        self.fixed = {k: ops.convert_to_tensor(student[k]) for k in student if k.startswith("pre")}
        self.trained = {k: self._variable(k, student[k]) for k in student if k not in self.fixed}
        rng = np.random.default_rng(seed + 1)
        for name in CONVOLUTION_NAMES[:13]:
            width = student[f"{name}/kernel"].shape[3]
            wide = teacher.weights[f"{name}/kernel"].shape[3]
            self._add_head(f"head{name[4:]}", width, wide, rng)
        for layer in STYLE_LAYERS:
            wide = teacher.weights[f"expand{layer[4:]}/bias"].shape[0]
            width = student[f"conv{layer[4:]}/bias"].shape[0]
            self._add_head(f"expand{layer[4:]}", width, wide, rng)
        self.built = True

    def _variable(self, name: str, value: np.ndarray) -> keras.Variable:
        return self.add_weight(
            name=name.replace("/", "_"),
            shape=value.shape,
            initializer=lambda *_, **__: ops.convert_to_tensor(value),
        )

    def _add_head(self, name: str, width: int, wide: int, rng: np.random.Generator) -> None:
        kernel = np.eye(width) if width == wide else rng.normal(0, np.sqrt(1 / width), (width, wide))
        self.trained[f"{name}/kernel"] = self._variable(f"{name}/kernel", kernel.astype(np.float32))
        self.trained[f"{name}/bias"] = self._variable(f"{name}/bias", np.zeros(wide, np.float32))

    @property
    def student(self) -> FeatureNetwork:
        """The network in training; its weights are variables."""
        return FeatureNetwork(
            name="student", weights={**self.fixed, **self.trained}, dtype=self.precision, leak=LEAK
        )

    def call(self, image: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the student's predictions of the teacher's layers and of its expanded features."""
        network = self.student
        features = network.features(image, network.layers)
        layers = {k: apply_head(v, self.trained, f"head{k[4:]}") for k, v in features.items()}
        return layers, {k: network.expanded(k, thin(features[k])) for k in STYLE_LAYERS}

    def revive(self, images: np.ndarray, seed: int) -> int:
        """Redraw the channels that no pixel of the images excites, and return how many there were.

        A rectified channel that is never positive has no gradient and stays dead. It gets a new kernel
        of zero mean, scaled to its layer, and its outgoing weights start from zero, so that nothing
        behind it is disturbed.
        """
        rng, revived = np.random.default_rng(seed), 0
        features = self.student.features(ops.convert_to_tensor(images), self.student.layers)
        names = list(CONVOLUTION_NAMES[: len(features)])
        before = images
        for index, (name, layer) in enumerate(zip(names, features, strict=True)):
            found = to_host(ops.cast(features[layer], "float32"))
            dead = np.flatnonzero(found.max(axis=(0, 1, 2)) <= 1e-6)
            if len(dead):
                kernel, bias = (to_host(self.trained[f"{name}/{p}"]).copy() for p in ("kernel", "bias"))
                fresh = rng.normal(size=(*kernel.shape[:3], len(dead)))
                fresh -= fresh.mean(axis=(0, 1, 2))
                gain = np.sqrt(np.square(found).mean() / np.square(before).mean() / kernel[..., 0].size)
                kernel[..., dead], bias[dead] = fresh * gain, 0
                self.trained[f"{name}/kernel"].assign(kernel)
                self.trained[f"{name}/bias"].assign(bias)
                followers = [f"head{name[4:]}", f"expand{name[4:]}", *names[index + 1 : index + 2]]
                self._silence(followers, dead)
                revived += len(dead)
            before = found
        return revived

    def _silence(self, followers: list[str], channels: np.ndarray) -> None:
        """Set the weights that read some channels to zero."""
        for follower in followers:
            if f"{follower}/kernel" in self.trained:
                kernel = to_host(self.trained[f"{follower}/kernel"]).copy()
                kernel[..., channels, :] = 0
                self.trained[f"{follower}/kernel"].assign(kernel)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):  # type: ignore[no-untyped-def]
        """Return the weighted sum of all terms."""
        targets = self.teacher.features(x, self.teacher.layers)
        layers, wide = y_pred
        wide_targets = {k: self.teacher.expanded(k, thin(targets[k])) for k in STYLE_LAYERS}
        loss = 0.0
        for layer, prediction in layers.items():
            loss = loss + LAYER_WEIGHTS[layer] * unexplained(prediction, targets[layer])
        for layer in STYLE_LAYERS:
            loss = loss + unexplained(wide[layer], wide_targets[layer])
            loss = loss + GRAM_WEIGHT * batch_gram_error(wide[layer], wide_targets[layer])
        return loss


def thin(features: Tensor) -> Tensor:
    """Return every second row and column of large feature maps: enough for statistics."""
    return features[:, ::2, ::2] if features.shape[1] > 48 else features


def rate_schedule(settings: DistillSettings) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return a learning rate that rises for 500 steps and falls along a cosine."""
    warmup = min(500, settings.steps // 10)
    return keras.optimizers.schedules.CosineDecay(
        settings.learning_rate / 50,
        settings.steps - warmup,
        0.005,
        warmup_target=settings.learning_rate,
        warmup_steps=warmup,
    )


def distill_steps(
    distiller: Distiller, crops: Crops, settings: DistillSettings, checkpoint: Path
) -> Iterator[tuple[int, float]]:
    """Train, yielding (step, loss) after every step; continue from the checkpoint if there is one.

    Args:
        distiller: the student and its loss.
        crops: the training pictures.
        settings: steps, batch, crop size, learning rate and seed.
        checkpoint: written every 500 steps and at the end, atomically.

    Raises:
        WeightsError: the checkpoint belongs to another training or is damaged.
        OutputError: the checkpoint cannot be written.
    """
    steps = settings.steps
    rate = rate_schedule(settings)
    distiller.compile(optimizer=keras.optimizers.Adam(rate, clipnorm=1.0), jit_compile=False)
    distiller.optimizer.build(distiller.trainable_variables)
    record = record_of(distiller, settings)
    first = restore(distiller, checkpoint, record)
    if not first:
        save_checkpoint(distiller, checkpoint, 0, record)  # says now if it cannot be written

    def batches() -> Iterator[np.ndarray]:
        for step in range(first, steps):
            rng = np.random.default_rng((settings.seed, step, 1))
            yield vary(crops.batch(step, seed=settings.seed, count=settings.batch, size=settings.crop), rng)

    def fresh(index: int) -> np.ndarray:
        return crops.batch(index, seed=settings.seed + 7, count=2, size=settings.crop)

    pool = None
    if settings.pastiches:
        pool = PastichePool(
            lambda: distiller.student, fresh, settings.pastiches, settings.crop, settings.seed
        )
    for step, batch in enumerate(prefetch(batches()), first + 1):
        if step % REVIVE_EVERY == 1 and step < 0.6 * steps:
            distiller.revive(batch, seed=settings.seed + step)
        if pool and step > settings.pastiches_from:
            batch[: settings.pastiches] = pool.improve()
        loss = float(distiller.train_on_batch(batch))
        if step % 500 == 0 or step == steps:
            save_checkpoint(distiller, checkpoint, step, record)
        yield step, loss


@dataclass(frozen=True, kw_only=True)
class Distillation:
    """A training that can be stopped at any time and continued by the same command.

    Attributes:
        distiller: the student, its heads and the teacher.
        crops: the training pictures.
        settings: how long and on what.
        output: the student's weights file, .npz.
    """

    distiller: Distiller
    crops: Crops
    settings: DistillSettings
    output: Path

    @classmethod
    def prepare(
        cls,
        teacher: str | Path,
        images: Iterable[str | Path],
        output: str | Path,
        settings: DistillSettings,
        dtype: str,
    ) -> Distillation:
        """Read the teacher and the pictures and make a new student.

        Args:
            teacher: weights file of a VGG-shaped network with ``expand`` heads at the style layers.
            images: pictures, folders or zip archives; every 40th picture is held out.
            output: the student's weights file to write, .npz.
            settings: how long and on what.
            dtype: of the features, ``float32`` or ``bfloat16``.

        Raises:
            WeightsError: the teacher cannot be read or has no heads.
            ImageError: there are too few readable pictures.
        """
        if runtime.start_engine() != "tensorflow":
            raise EngineError("distillation needs the engine tensorflow; unset KERAS_BACKEND")
        network = load_network(teacher, pooling="max", padding="reflect", dtype=dtype)
        missing = [k for k in STYLE_LAYERS if f"expand{k[4:]}/bias" not in network.weights]
        if missing:
            raise WeightsError(f"the teacher {teacher} has no expand heads at {', '.join(missing)}")
        distiller = Distiller(new_student(settings.seed), network, dtype, settings.seed)
        crops = Crops(images, least=16)
        center_squares(crops.held_out, EVALUATION_SIDE)  # says now if there is nothing to evaluate on
        return cls(distiller=distiller, crops=crops, settings=settings, output=Path(output))

    @property
    def checkpoint(self) -> Path:
        """Where the unfinished training is kept."""
        return self.output.with_suffix(".training")

    def steps(self) -> Iterator[tuple[int, float]]:
        """Train, yielding (step, loss); continue from the checkpoint if there is one."""
        yield from distill_steps(self.distiller, self.crops, self.settings, self.checkpoint)

    def evaluate(self) -> dict[str, Any]:
        """Compare the student with its teacher on the held-out pictures, in float32."""
        pictures = center_squares(self.crops.held_out, EVALUATION_SIDE)
        student, teacher = self.distiller.student, self.distiller.teacher
        return evaluate_student(
            replace(student, dtype="float32"), replace(teacher, dtype="float32"), pictures
        )

    def linear_metrics(self, batches: int = 12) -> dict[str, np.ndarray]:
        """Fit, for the large early layers, the teacher's expanded features by least squares.

        Returns:
            ``metric1_1/kernel`` (width, wide) and ``metric1_1/bias`` (wide,) and so on.
        """
        student, teacher = (
            replace(n, dtype="float32") for n in (self.distiller.student, self.distiller.teacher)
        )
        sums: dict[str, list[Any]] = {layer: [0.0, 0.0] for layer in LINEAR_LAYERS}
        for step in range(batches):
            images = self.crops.batch(step, seed=self.settings.seed + 9, count=8, size=self.settings.crop)
            image = ops.convert_to_tensor(vary(images, np.random.default_rng(step)))
            narrow = student.features(image, LINEAR_LAYERS)
            wide = teacher.features(image, LINEAR_LAYERS)
            for layer in LINEAR_LAYERS:
                x = to_host(narrow[layer]).reshape(-1, narrow[layer].shape[-1]).astype(np.float64)
                x = np.concatenate([x, np.ones((len(x), 1))], axis=1)
                target = to_host(teacher.expanded(layer, wide[layer]))
                sums[layer][0] += x.T @ x
                sums[layer][1] += x.T @ target.reshape(len(x), -1)
        found = {}
        for layer, (squares, products) in sums.items():
            ridge = 1e-6 * np.trace(squares) / len(squares) * np.eye(len(squares))
            solution = np.linalg.solve(squares + ridge, products).astype(np.float32)
            found[f"metric{layer[4:]}/kernel"], found[f"metric{layer[4:]}/bias"] = solution[:-1], solution[-1]
        return found

    def finish(self) -> dict[str, Any]:
        """Write the student's weights and its entry in the folder's manifest; return its figures.

        Kernels are stored as float16. Of the heads, those that the losses look through are kept.

        Raises:
            OutputError: the file cannot be written.
        """
        trained = {k: to_host(v) for k, v in self.distiller.student.weights.items()}
        heads = (f"head{CONTENT_LAYER[4:]}", *(f"metric{layer[4:]}" for layer in LINEAR_LAYERS))
        dropped = ("head", *(f"expand{layer[4:]}" for layer in LINEAR_LAYERS))
        arrays = {k: v for k, v in trained.items() if not k.startswith(dropped)}
        trained |= self.linear_metrics()
        for head in heads:
            for part in ("kernel", "bias"):
                name = f"{head}/{part}".replace("head", "expand")
                arrays[name] = trained[f"{head}/{part}"]
        arrays = {k: v[None, None] if v.ndim == 2 else v for k, v in arrays.items()}
        meta = {"name": self.output.stem, "family": "distilled", "pooling": "average", "padding": "reflect"}
        sha256 = write_weights(self.output, arrays, meta, "float16")
        figures = self.evaluate()
        entry = ManifestEntry(
            file=self.output.name,
            sha256=sha256,
            licence="Apache-2.0",
            source="trained by impasto distill; see NOTICE for the teacher",
            recipe=asdict(self.settings) | {"teacher_sha256": self.distiller.teacher.sha256},
            figures=figures,
        )
        folder = self.output.parent
        write_manifest(folder, {**read_manifest(folder), self.output.stem: entry})
        return figures
