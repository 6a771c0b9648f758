"""Training the embedded ``compact`` network from VGG-19 (knowledge distillation).

The student begins as a selection of its teacher's channels (`selection.py`), not with random weights. Then it
learns three things at once, on crops of photos and paintings that are also mixed, recolored and covered with
noise, because an optimization shows the network pictures that are neither photo nor painting:

- its layers, through 1 x 1 linear heads, predict the teacher's layers;
- its style layers, through 1 x 1 heads and a ReLU, predict the teacher's;
- the Gram matrices of these agree with the teacher's, nearly in the relative measure of the style loss.

The teacher has average pooling and reflection padding, and its features are taken as they are, but for one
factor a layer (`student.unit_features`).

Reference: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (2015); Romero et
al., "FitNets" (ICLR 2015) for hints at inner layers; Simonyan and Zisserman (ICLR 2015) for the teacher.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from impasto.engine import runtime
from impasto.engine.gradients import to_host
from impasto.errors import Message, SettingError
from impasto.layers import CONTENT_LAYER, LAYERS, STYLE_LAYERS
from impasto.networks.catalogue import (
    ManifestEntry,
    load_network,
    read_manifest,
    write_manifest,
    write_weights,
)
from impasto.networks.feature_network import FeatureNetwork, Tensor, apply_head
from impasto.settings import DistillSettings
from impasto.training.crops import Crops, center_squares, vary
from impasto.training.distillation.figures import REPORTED_LAYERS, evaluate_student
from impasto.training.distillation.muon import ConvolutionMuon
from impasto.training.distillation.pool import PastichePool
from impasto.training.distillation.selection import select_layers
from impasto.training.distillation.student import (
    REACHED,
    Array,
    Arrays,
    blank_student,
    fit_linear,
    rows_of,
    unit_features,
    widths_of,
)
from impasto.training.loop import Training, TrainingStep, rising_and_falling
from impasto.training.losses import batch_gram_error, unexplained
from impasto.training.trainer import Trainer

REPORTED_WEIGHTS = (1.0, 2.0, 4.0, 3.0, 2.5, 4.0)
"""Of the style layers and the content layer."""
LAYER_WEIGHTS = dict.fromkeys(LAYERS[:REACHED], 0.25) | dict(
    zip(REPORTED_LAYERS, REPORTED_WEIGHTS, strict=True)
)
GRAM_WEIGHT = 1.5
TERMS = ("loss", "layers", "expanded", "style")
WARMUP = 50
EVALUATION_SIDE, SCALING_PICTURES = 256, 32
SELECTION_SIDE, SELECTION_BATCHES, HELD_OUT_BATCHES = 160, 30, 5
"""Side of the crops from which a student is selected, and how many batches of eight."""
FITTING_BATCHES, FITTING_COUNT, FITTING_SIDE = 64, 4, 224
LICENCE = "CC BY 4.0 (derived from VGG-19, Visual Geometry Group, University of Oxford)"


class Distiller(Trainer):
    """The student, its heads and the loss that pulls them towards the teacher.

    Args:
        weights: as of `blank_student`; trained, except the preprocessing.
        teacher: the network to learn from, in float32.
        dtype: the precision in which features are computed.
    """

    def __init__(self, weights: Mapping[str, Array], teacher: FeatureNetwork, dtype: str) -> None:
        super().__init__(weights, "preprocess/", TERMS)
        self.teacher, self.precision = teacher, dtype
        self.seen_teacher = replace(teacher, dtype=dtype).with_cast_weights()

    @property
    def student(self) -> FeatureNetwork:
        """The network in training; its weights are variables."""
        weights = {**self.fixed, **self.trained}
        return FeatureNetwork(name="student", weights=weights, dtype=self.precision)

    def call(self, image: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the student's linear predictions of the teacher's layers, and those with a ReLU."""
        network = self.student
        features = {k: thin(v) for k, v in network.features(image, network.layers).items()}
        layers = {k: apply_head(v, self.trained, f"head{k[4:]}") for k, v in features.items()}
        return layers, {k: network.projected(k, features[k]) for k in STYLE_LAYERS}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):  # type: ignore[no-untyped-def]
        """Return the weighted sum of all terms."""
        targets = self.seen_teacher.features(x, self.seen_teacher.layers)
        targets = {k: thin(v) for k, v in targets.items()}
        layers, expanded = y_pred
        linear = sum(LAYER_WEIGHTS[k] * unexplained(v, targets[k]) for k, v in layers.items())
        rectified = sum(unexplained(expanded[k], targets[k]) for k in STYLE_LAYERS)
        style = sum(batch_gram_error(expanded[k], targets[k]) for k in STYLE_LAYERS)
        loss = linear + rectified + GRAM_WEIGHT * style
        self.tell(loss, linear, rectified, style)
        return loss


def thin(features: Tensor) -> Tensor:
    """Return every second row and column of large feature maps: enough for statistics."""
    return features[:, ::2, ::2] if features.shape[1] > 48 else features


@dataclass(frozen=True, kw_only=True)
class Distillation(Training):
    """A student that is selected from its teacher, trained, and finished by least squares.

    Attributes:
        trainer: the student, its heads and the teacher.
        crops: the training pictures.
        settings: how long and on what.
        output: the student's weights file, .npz.
        start: the student that the training goes on from; None for a selection.
        data: names of the training pictures' folders and archives.
    """

    trainer: Distiller
    crops: Crops
    settings: DistillSettings
    output: Path
    start: FeatureNetwork | None = None
    data: tuple[str, ...] = ()

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
        """Read the teacher and the pictures and make room for a student.

        Args:
            teacher: the network to learn from, by name or file.
            images: pictures, folders or zip archives; every 40th picture is held out.
            output: the student's weights file to write, .npz.
            settings: how long and on what; a start has its own widths.
            dtype: of the features, ``float32`` or ``bfloat16``.
            start: an earlier student, by name or file, to go on from; a selection if None.

        Raises:
            WeightsError: the teacher or the start cannot be read or does not reach relu5_1.
            SettingError: the widths are more than the teacher's.
            ImageError: there are too few readable pictures.
        """
        runtime.start_engine()
        images = tuple(images)
        network = load_network(teacher, pooling="average", padding="reflect")
        begun = None if start is None else load_network(start)
        teacher_widths, widths = widths_of(network), widths_of(begun) if begun else settings.widths
        _check_widths(widths, teacher_widths)
        crops = Crops(images, least=16)
        network = unit_features(network, center_squares(crops.held_out, EVALUATION_SIDE)[:SCALING_PICTURES])
        weights = blank_student(widths, teacher_widths)
        if begun:
            weights |= {
                k: to_host(begun.weights[k]) for k in weights if k in begun.weights and k[:4] != "expa"
            }
        return cls(
            trainer=Distiller(weights, network, dtype),
            crops=crops,
            settings=settings,
            output=Path(output),
            start=begun,
            data=tuple(Path(path).name for path in images),
        )

    @property
    def record(self) -> str:
        """What a checkpoint must agree with: not the length, the pace, and what is kept in the end."""
        free = ("steps", "falling", "learning_rate", "pastiches", "widths", "relu_heads")
        chosen = {k: v for k, v in asdict(self.settings).items() if k not in free}
        origin = self.start.sha256 if self.start else f"selected {self.settings.widths}"
        teacher, precision = self.trainer.teacher.sha256, self.trainer.precision
        return json.dumps({**chosen, "teacher": teacher, "origin": origin, "precision": precision})

    def batch(self, step: int) -> Array:
        """Return the crops of a step, float32 (batch, crop, crop, 3) in [0, 1]."""
        settings, rng = self.settings, np.random.default_rng((self.settings.seed, step, 1))
        return vary(self.crops.batch(step, seed=settings.seed, count=settings.batch, size=settings.crop), rng)

    def optimizer(self) -> keras.optimizers.Optimizer:
        """Return Muon, and Adam for what is no convolution."""
        return ConvolutionMuon(self.settings.learning_rate)

    def rate(self, step: int, done: float) -> float:
        """Return the learning rate: rising for 50 steps, level, and falling over the last ones."""
        left = (self.settings.steps - step) / self.settings.falling
        return self.settings.learning_rate * rising_and_falling(step, WARMUP, left)

    def begin(self) -> Iterator[TrainingStep]:
        """Select a student, layer after layer, or fit the heads of the one to go on from."""
        trained = self.trainer.trained
        if self.start is not None:
            fitted = self.fit_heads(LAYERS[:REACHED])
            own = {k: to_host(v) for k, v in self.start.weights.items() if k in trained}
            for name, value in (fitted | _as_expanding(fitted) | own).items():
                trained[name].assign(value.reshape(trained[name].shape))
            return
        selected = select_layers(
            self.trainer.seen_teacher,
            (self._pictures(step, 8, SELECTION_SIDE, 3) for step in range(SELECTION_BATCHES)),
            np.array_split(
                center_squares(self.crops.held_out, SELECTION_SIDE)[: 8 * HELD_OUT_BATCHES], HELD_OUT_BATCHES
            ),
            self.settings.widths,
            self.settings.seed,
        )
        for layer in selected:
            for name, value in (layer.weights | _as_expanding(layer.weights)).items():
                trained[name].assign(value)
            note = Message(
                "{width} of the {channels} channels of {layer} explain {explained:.3f}",
                width=layer.width,
                channels=layer.channels,
                layer=layer.name,
                explained=layer.explained,
            )
            yield TrainingStep(step=0, done=0.0, notes=(note,))

    def before(self, step: int, batch: Array) -> Array:
        """Replace some of the crops by pastiches that the student is optimized to."""
        if self.settings.pastiches and step >= self.settings.pastiches_from:
            batch[: self.settings.pastiches] = self._pool.improve()
        return batch

    @cached_property
    def _pool(self) -> PastichePool:
        settings = self.settings

        def fresh(index: int) -> Array:
            return self.crops.batch(index, seed=settings.seed + 7, count=2, size=settings.crop)

        return PastichePool(self.trainer.student, fresh, settings.pastiches, settings.crop, settings.seed)

    def fit_heads(self, layers: Iterable[str]) -> Arrays:
        """Return linear heads of layers to the teacher's by least squares, ``head1_1/kernel`` and so on."""
        wanted = tuple(layers)
        student, teacher = replace(self.trainer.student, dtype="float32"), self.trainer.teacher

        def pairs() -> Iterator[dict[str, tuple[Array, Array]]]:
            for step in range(FITTING_BATCHES):
                image = ops.convert_to_tensor(self._pictures(step, FITTING_COUNT, FITTING_SIDE, 9))
                inputs, targets = (network.features(image, wanted) for network in (student, teacher))
                yield {k: (rows_of(thin(inputs[k])), rows_of(thin(targets[k]))) for k in wanted}

        heads: Arrays = {}
        for layer, kernel, bias in fit_linear(pairs()):
            heads |= {f"head{layer[4:]}/kernel": kernel, f"head{layer[4:]}/bias": bias}
        return heads

    def _pictures(self, step: int, count: int, side: int, key: int) -> Array:
        """Return crops to fit on; every second batch is varied."""
        crops = self.crops.batch(step, seed=self.settings.seed + key, count=count, size=side)
        return vary(crops, np.random.default_rng(step)) if step % 2 else crops

    def finish(self) -> dict[str, Any]:
        """Write the student's weights and its entry in the folder's manifest; return its figures.

        Style layers with a ReLU keep their trained head, as ``expand``; the others get a linear ``metric``,
        and the content layer a linear ``expand``, by least squares. Kernels are stored as float16.

        Raises:
            OutputError: the file cannot be written.
        """
        weights = {k: to_host(v) for k, v in self.trainer.student.weights.items() if k[:4] != "head"}
        linear = [k for k in (*STYLE_LAYERS, CONTENT_LAYER) if k not in self.settings.relu_heads]
        for name, value in self.fit_heads(linear).items():
            layer = f"relu{name[4:7]}"
            weights.pop(name.replace("head", "expand"), None)
            weights[name.replace("head", "expand" if layer == CONTENT_LAYER else "metric")] = value
        arrays = {k: v[None, None] if v.ndim == 2 else v for k, v in weights.items()}
        teacher, name = self.trainer.teacher, self.output.stem
        meta = {"name": name, "family": "distilled", "pooling": "average", "padding": "reflect"}
        sha256 = write_weights(self.output, arrays, meta, "float16")
        pictures = center_squares(self.crops.held_out, EVALUATION_SIDE)
        figures = evaluate_student(load_network(self.output), teacher, pictures)
        entry = ManifestEntry(
            file=self.output.name,
            sha256=sha256,
            licence=LICENCE
            if teacher.name == "vgg19"
            else f"that of {teacher.name}, from which it is derived",
            source=f"trained by impasto distill from {teacher.name}; see NOTICE",
            recipe=self._recipe(),
            figures=figures,
        )
        folder = self.output.parent
        write_manifest(folder, {**read_manifest(folder), name: entry})
        return figures

    def _recipe(self) -> dict[str, Any]:
        """Return how the student came to be: settings, networks, machine and pictures."""
        teacher, machine = self.trainer.teacher, runtime.describe_machine()
        return asdict(self.settings) | {
            "widths": widths_of(self.trainer.student),
            "teacher": teacher.name,
            "teacher_sha256": teacher.sha256,
            "start": self.start.name if self.start else "selected from the teacher",
            "start_sha256": self.start.sha256 if self.start else None,
            "precision": self.trainer.precision,
            "seconds": round(self.trainer.seconds),
            "machine": f"{machine.processor}, {machine.cores} cores, {machine.device}, {machine.engine}",
            "data": list(self.data),
            "pictures": len(self.crops.train),
        }


def _check_widths(widths: tuple[int, ...], teacher_widths: tuple[int, ...]) -> None:
    """Refuse students that are deeper or wider than their teacher."""
    if len(widths) != len(teacher_widths) or any(np.greater(widths, teacher_widths)):
        raise SettingError(
            "widths must be {count} numbers of at most {allowed}, not {widths}",
            count=len(teacher_widths),
            allowed=", ".join(map(str, teacher_widths)),
            widths=", ".join(map(str, widths)),
        )


def _as_expanding(heads: Mapping[str, Array]) -> Arrays:
    """Return the linear heads of style layers as heads that a ReLU follows."""
    return {
        k.replace("head", "expand"): v
        for k, v in heads.items()
        if k.startswith("head") and f"relu{k[4:7]}" in STYLE_LAYERS
    }
