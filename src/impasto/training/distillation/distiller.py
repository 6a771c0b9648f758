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

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from impasto.engine import runtime
from impasto.engine.gradients import to_host
from impasto.errors import EngineError, WeightsError
from impasto.layers import CONTENT_LAYER, CONVOLUTION_NAMES, LAYERS, STYLE_LAYERS
from impasto.networks.catalogue import (
    ManifestEntry,
    load_network,
    read_manifest,
    write_manifest,
    write_weights,
)
from impasto.networks.feature_network import FeatureNetwork, Tensor, apply_head
from impasto.settings import DistillSettings
from impasto.training.checkpoint import restore, save_checkpoint
from impasto.training.crops import Crops, center_squares, prefetch, vary
from impasto.training.distillation.figures import REPORTED_LAYERS, evaluate_student
from impasto.training.distillation.muon import ConvolutionMuon
from impasto.training.distillation.pool import PastichePool
from impasto.training.distillation.student import fit_linear, grown_student, new_student
from impasto.training.loop import rate_schedule
from impasto.training.losses import batch_gram_error, unexplained

REPORTED_WEIGHTS = (2.0, 6.0, 6.0, 2.0, 1.5, 3.0)
"""Of the style layers and the content layer; the early ones would give way to the deep ones otherwise."""
LAYER_WEIGHTS = dict.fromkeys(LAYERS[:13], 0.25) | dict(zip(REPORTED_LAYERS, REPORTED_WEIGHTS, strict=True))
GRAM_WEIGHT = 1.0
REVIVE_EVERY = 250
LEAK = 0.1
EVALUATION_SIDE = 256
FITTING_BATCHES, FITTING_SIDE = 24, 224
LINEAR_LAYERS = ("relu1_1", "relu2_1", "relu3_1")
"""Layers whose expanded features are compared through a linear metric, because heads cost too much there."""


class Distiller(keras.Model):  # type: ignore[misc]
    """The student, its heads and the loss that pulls them towards the teacher.

    Args:
        student: weights as of `new_student`; trained, except the preprocessing.
        teacher: the network to learn from, with ``expand`` heads at the style layers.
        dtype: the precision in which features are computed.
        seed: of the heads.

    Attributes:
        origin: sha256 of the student that the training began with; empty for random weights.
    """

    def __init__(
        self, student: dict[str, np.ndarray], teacher: FeatureNetwork, dtype: str, seed: int
    ) -> None:
        super().__init__(dtype="float32")
        self.teacher = teacher
        self.precision, self.origin = dtype, ""
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


def _record_of(distiller: Distiller, settings: DistillSettings) -> str:
    """Return what a checkpoint must agree with: everything but the number of steps."""
    chosen = {k: v for k, v in asdict(settings).items() if k != "steps"}
    teacher, origin = distiller.teacher.sha256, distiller.origin
    return json.dumps({**chosen, "teacher": teacher, "origin": origin, "precision": distiller.precision})


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
    optimizer = ConvolutionMuon(rate_schedule(settings.learning_rate, steps))
    distiller.compile(optimizer=optimizer, jit_compile=False)
    distiller.optimizer.build(distiller.trainable_variables)
    record = _record_of(distiller, settings)
    first = restore(distiller, checkpoint, record)
    if not first:
        save_checkpoint(distiller, checkpoint, 0, record)  # says now if it cannot be written

    def batch_at(step: int) -> np.ndarray:
        rng = np.random.default_rng((settings.seed, step, 1))
        return vary(crops.batch(step, seed=settings.seed, count=settings.batch, size=settings.crop), rng)

    def fresh(index: int) -> np.ndarray:
        return crops.batch(index, seed=settings.seed + 7, count=2, size=settings.crop)

    pool = None
    if settings.pastiches:
        pool = PastichePool(
            lambda: distiller.student, fresh, settings.pastiches, settings.crop, settings.seed
        )
    for step, batch in enumerate(prefetch(batch_at, range(first, steps)), first + 1):
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
        start: the student that the training began with; None for random weights.
    """

    distiller: Distiller
    crops: Crops
    settings: DistillSettings
    output: Path
    start: FeatureNetwork | None = None

    @classmethod
    def prepare(
        cls,
        teacher: str | Path,
        images: Iterable[str | Path],
        output: str | Path,
        settings: DistillSettings,
        dtype: str,
        start: str | Path | None = None,
    ) -> Distillation:
        """Read the teacher and the pictures and make a new student.

        Args:
            teacher: weights file of a VGG-shaped network with ``expand`` heads at the style layers.
            images: pictures, folders or zip archives; every 40th picture is held out.
            output: the student's weights file to write, .npz.
            settings: how long and on what.
            dtype: of the features, ``float32`` or ``bfloat16``.
            start: an earlier student, by name or file, to go on from; random weights if None.

        Raises:
            WeightsError: the teacher cannot be read or has no heads, or the start is no such student.
            ImageError: there are too few readable pictures.
        """
        if runtime.start_engine() != "tensorflow":
            raise EngineError("distillation needs the engine tensorflow; unset KERAS_BACKEND")
        network = load_network(teacher, pooling="max", padding="reflect", dtype=dtype)
        missing = [k for k in STYLE_LAYERS if f"expand{k[4:]}/bias" not in network.weights]
        if missing:
            raise WeightsError(f"the teacher {teacher} has no expand heads at {', '.join(missing)}")
        begun, weights = None, new_student(settings.seed)
        if start is not None:
            begun = load_network(start)
            weights = grown_student({k: to_host(v) for k, v in begun.weights.items()}, settings.seed)
        distiller = Distiller(weights, network, dtype, settings.seed)
        distiller.origin = begun.sha256 if begun else ""
        crops = Crops(images, least=16)
        center_squares(crops.held_out, EVALUATION_SIDE)  # says now if there is nothing to evaluate on
        return cls(distiller=distiller, crops=crops, settings=settings, output=Path(output), start=begun)

    @property
    def checkpoint(self) -> Path:
        """Where the unfinished training is kept."""
        return self.output.with_suffix(".training")

    def steps(self) -> Iterator[tuple[int, float]]:
        """Train, yielding (step, loss); continue from the checkpoint if there is one."""
        if self.start is not None and not self.checkpoint.exists():
            self._take_heads(self.start)
        yield from distill_steps(self.distiller, self.crops, self.settings, self.checkpoint)

    def _take_heads(self, start: FeatureNetwork) -> None:
        """Take the heads that a finished student has, and fit those that it lacks."""
        for name, value in self.fit_heads().items():
            name = name.replace("metric", "expand")
            if name in self.distiller.trained:
                self.distiller.trained[name].assign(value)
        for layer in STYLE_LAYERS:
            for part in ("kernel", "bias"):
                name = f"expand{layer[4:]}/{part}"
                if name in start.weights:
                    trained, kept = self.distiller.trained[name], to_host(start.weights[name])
                    whole = np.zeros(trained.shape, np.float32)
                    whole[: kept.shape[-2] if part == "kernel" else None] = kept.reshape(-1, *whole.shape[1:])
                    trained.assign(whole)

    def evaluate(self) -> dict[str, Any]:
        """Compare the student with its teacher on the held-out pictures, in float32."""
        pictures = center_squares(self.crops.held_out, EVALUATION_SIDE)
        student, teacher = self.distiller.student, self.distiller.teacher
        return evaluate_student(
            replace(student, dtype="float32"), replace(teacher, dtype="float32"), pictures
        )

    def fit_heads(self) -> dict[str, np.ndarray]:
        """Fit all that is linear by least squares, and take the fitted heads.

        Returns:
            ``metric1_1/kernel`` (width, wide) and ``metric1_1/bias`` (wide,) and so on, which take the
            large early layers to the teacher's expanded features.
        """
        student, teacher = (
            replace(n, dtype="float32") for n in (self.distiller.student, self.distiller.teacher)
        )

        def pairs() -> Iterator[dict[str, tuple[np.ndarray, np.ndarray]]]:
            for step in range(FITTING_BATCHES):
                image = self.crops.batch(step, seed=self.settings.seed + 9, count=4, size=FITTING_SIDE)
                image = vary(image, np.random.default_rng(step)) if step % 2 else image
                narrow, wide = (n.features(image, student.layers) for n in (student, teacher))
                narrow, wide = ({k: thin(v) for k, v in found.items()} for found in (narrow, wide))
                found = {f"head{k[4:]}": (narrow[k], wide[k]) for k in narrow}
                for layer in LINEAR_LAYERS:
                    found[f"metric{layer[4:]}"] = narrow[layer], teacher.expanded(layer, wide[layer])
                yield {k: (_rows(features), _rows(target)) for k, (features, target) in found.items()}

        metrics = {}
        for name, kernel, bias in fit_linear(pairs()):
            for part, value in (("kernel", kernel), ("bias", bias)):
                if name.startswith("head"):
                    self.distiller.trained[f"{name}/{part}"].assign(value)
                else:
                    metrics[f"{name}/{part}"] = value
        return metrics

    def finish(self) -> dict[str, Any]:
        """Write the student's weights and its entry in the folder's manifest; return its figures.

        Kernels are stored as float16. Of the heads, those that the losses look through are kept.

        Raises:
            OutputError: the file cannot be written.
        """
        metrics = self.fit_heads()
        trained = {k: to_host(v) for k, v in self.distiller.student.weights.items()} | metrics
        heads = (f"head{CONTENT_LAYER[4:]}", *(f"metric{layer[4:]}" for layer in LINEAR_LAYERS))
        dropped = ("head", *(f"expand{layer[4:]}" for layer in LINEAR_LAYERS))
        arrays = {k: v for k, v in trained.items() if not k.startswith(dropped)}
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
            recipe=asdict(self.settings)
            | {
                "teacher_sha256": self.distiller.teacher.sha256,
                "start_sha256": self.distiller.origin or None,
            },
            figures=figures,
        )
        folder = self.output.parent
        write_manifest(folder, {**read_manifest(folder), self.output.stem: entry})
        return figures


def _rows(features: Tensor) -> np.ndarray:
    return to_host(features).reshape(-1, features.shape[-1])
