"""A narrow student chosen from its teacher's channels, without any training.

Layer after layer:

1. choose the channels that say most about the others and about what the next convolution reads: a pivoted
   Cholesky decomposition of the features' covariance, whose next pivot is the channel that lowers the
   weighted unexplained variance most;
2. fit the narrow convolution by least squares from the student's own inputs to the teacher's pre-activations
   of the chosen channels, so that errors made below are corrected;
3. fit a linear head that gives all of the teacher's channels.

Reference: He, Zhang and Sun, "Channel Pruning for Accelerating Very Deep Neural Networks" (ICCV 2017), for
steps 1 and 2 (there channels are chosen by a lasso); Harbrecht, Peters and Schneider, "On the low-rank
approximation by the pivoted Cholesky decomposition" (2012).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.engine.convolution import add_bias, pad_by_reflection
from impasto.engine.gradients import compile_function, to_host
from impasto.layers import CONVOLUTION_NAMES
from impasto.networks.feature_network import FeatureNetwork, Tensor
from impasto.training.distillation.student import REACHED, Arrays, LinearFit, preprocessing

Array = NDArray[Any]

OWN_SHARE = {"1_1": 0.3, "2_1": 0.3, "3_1": 0.3, "4_1": 0.4, "4_2": 0.5, "5_1": 1.0}
"""How much a layer's own channels count in the choice, by layer, where losses look at them; the rest, up to
1, counts what the next convolution reads."""
ROWS = 60_000
"""Positions of all pictures together on which a layer is fitted."""
CONVOLUTION_RIDGE = 1e-4


@dataclass(frozen=True, kw_only=True)
class SelectedLayer:
    """A layer of a student.

    Attributes:
        name: of the teacher's layer, such as ``relu1_1``.
        width, channels: of the student and of the teacher.
        weights: the convolution's and the head's, by name.
        explained: share of the variance of the teacher's features that the head explains on other pictures.
    """

    name: str
    width: int
    channels: int
    weights: Arrays
    explained: float


def select_layers(
    teacher: FeatureNetwork,
    fitted: Iterable[Array],
    held_out: Iterable[Array],
    widths: Sequence[int],
    seed: int,
) -> Iterator[SelectedLayer]:
    """Choose and fit a student, yielding it layer after layer.

    Args:
        teacher: with average pooling and reflection padding; its dtype is used.
        fitted: batches of pictures to fit on, float32 (batch, side, side, 3) in [0, 1].
        held_out: batches of others, on which is measured what is explained.
        widths: channels of the student's convolutions.
        seed: of the positions that are looked at.
    """
    rng, convolve = np.random.default_rng(seed), compile_function(_pre_activations)
    batches = [
        _Batch(teacher, pictures, held)
        for held in (False, True)
        for pictures in (held_out if held else fitted)
    ]
    each = ROWS // sum(len(batch.teacher) for batch in batches if not batch.held_out) + 1
    for index, (name, width) in enumerate(zip(CONVOLUTION_NAMES[:REACHED], widths, strict=True)):
        kernel, bias = (ops.cast(teacher.weights[f"{name}/{part}"], "float32") for part in ("kernel", "bias"))
        for batch in batches:
            if name.endswith("_1") and index:
                batch.pool()
            batch.go_on(convolve(batch.teacher_in(teacher.dtype), kernel, bias), each, rng)
        following = None
        if index + 1 < REACHED:
            following = to_host(teacher.weights[f"{CONVOLUTION_NAMES[index + 1]}/kernel"])
        student_kernel, offset = _fitted_convolution(batches, following, OWN_SHARE.get(name[4:], 0.0), width)
        for batch in batches:
            batch.student_goes_on(convolve(batch.student_in(teacher.dtype), student_kernel, offset))
        head, explained = _fitted_head(batches)
        weights = {f"{name}/kernel": student_kernel, f"{name}/bias": offset}
        weights |= {f"head{name[4:]}/kernel": head[0], f"head{name[4:]}/bias": head[1]}
        yield SelectedLayer(
            name=name.replace("conv", "relu"),
            width=width,
            channels=int(kernel.shape[3]),
            weights=weights,
            explained=explained,
        )


def chosen_channels(covariance: Array, following: Array | None, own: float, count: int) -> list[int]:
    """Return the channels whose knowledge lowers the weighted unexplained variance most, one after another.

    With the covariance C of what the channels chosen so far leave unexplained and weights W, knowing channel
    i lowers trace(W C) by (C W C)_ii / C_ii; then C loses c c' / C_ii, c its i-th column.

    Args:
        covariance: of the channels, (channels, channels).
        following: the kernel (3, 3, channels, outputs) that reads them; None if there is none.
        own: how much the channels themselves count, in [0, 1]; the rest counts what the kernel reads.
        count: how many to choose.
    """
    weights = np.eye(len(covariance))
    if following is not None:
        reads = following.astype(np.float64).transpose(2, 0, 1, 3).reshape(len(covariance), -1)
        reads = reads @ reads.T
        weights = own * weights + (1 - own) * reads * np.trace(covariance) / np.sum(reads * covariance)
    left, total = covariance.astype(np.float64), np.trace(covariance)
    chosen: list[int] = []
    for _ in range(count):
        gains = np.sum((left @ weights) * left, axis=1) / (np.diagonal(left) + 1e-6 * total / len(left))
        gains[chosen] = -1
        best = int(gains.argmax())
        chosen.append(best)
        column = left[:, best] / np.sqrt(left[best, best] + 1e-9 * total)
        left = left - np.outer(column, column)
    return chosen


class _Batch:
    """Some pictures on their way through teacher and student; features wait in float16."""

    def __init__(self, teacher: FeatureNetwork, pictures: Array, held_out: bool) -> None:
        self.teacher, self.student = (
            (pictures @ to_host(w["preprocess/kernel"])[0, 0] + to_host(w["preprocess/bias"])).astype(
                np.float16
            )
            for w in (teacher.weights, preprocessing())
        )
        self.held_out = held_out
        self.wanted: Array = np.zeros((0, 0), np.float32)
        self._positions: Array = np.zeros(0, int)

    def teacher_in(self, dtype: str) -> Tensor:
        """Return the teacher's features as the engine wants them."""
        return ops.cast(ops.convert_to_tensor(self.teacher), dtype)

    def student_in(self, dtype: str) -> Tensor:
        """Return the student's features as the engine wants them."""
        return ops.cast(ops.convert_to_tensor(self.student), dtype)

    def pool(self) -> None:
        """Halve the sides of all features by means."""
        self.teacher, self.student = _halved(self.teacher), _halved(self.student)

    def go_on(self, pre_activations: Tensor, each: int, rng: np.random.Generator) -> None:
        """Take the teacher's next pre-activations; keep some of each picture's positions as they are."""
        values = to_host(ops.cast(pre_activations, "float32"))
        rows = values.reshape(-1, values.shape[-1])
        self._positions = rng.choice(len(rows), min(len(rows), each * len(values)), replace=False)
        self.wanted = rows[self._positions]
        self.teacher = np.maximum(values, 0).astype(np.float16)

    def patches(self) -> Array:
        """Return the 3 x 3 windows of the student's inputs at those positions, (positions, 9 channels)."""
        _, height, width, channels = self.student.shape
        ringed = np.pad(self.student, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
        picture, inside = np.divmod(self._positions, height * width)
        row, column = np.divmod(inside, width)
        windows = [ringed[picture, row + down, column + right] for down in range(3) for right in range(3)]
        patches: Array = np.stack(windows, axis=1).astype(np.float32).reshape(-1, 9 * channels)
        return patches

    def student_goes_on(self, pre_activations: Tensor) -> None:
        """Take the student's next pre-activations."""
        self.student = np.maximum(to_host(ops.cast(pre_activations, "float32")), 0).astype(np.float16)

    def student_rows(self) -> Array:
        """Return the student's features at the positions."""
        rows: Array = self.student.reshape(-1, self.student.shape[-1])[self._positions]
        return rows.astype(np.float32)


def _halved(features: Array) -> Array:
    picture = ops.convert_to_tensor(features.astype(np.float32))
    return to_host(ops.average_pool(picture, 2, 2, data_format="channels_last")).astype(np.float16)


def _pre_activations(x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    kernel, bias = ops.cast(kernel, x.dtype), ops.cast(bias, x.dtype)
    return add_bias(ops.conv(pad_by_reflection(x), kernel, 1, "valid", data_format="channels_last"), bias)


def _fitted_convolution(
    batches: Sequence[_Batch], following: Array | None, own: float, width: int
) -> tuple[Array, Array]:
    """Return the kernel and the bias that take the student to the chosen channels, of mean square 1."""
    fitted = [batch for batch in batches if not batch.held_out]
    sample = np.concatenate([np.maximum(batch.wanted, 0) for batch in fitted])
    chosen = chosen_channels(np.cov(sample.T, bias=True), following, own, width)
    scale = np.float32(np.square(sample[:, chosen]).mean() ** -0.5)
    fit = LinearFit(CONVOLUTION_RIDGE)
    for batch in fitted:
        fit.add(batch.patches(), batch.wanted[:, chosen] * scale)
    kernel, bias = fit.solve()
    return kernel.reshape(3, 3, -1, width), bias


def _fitted_head(batches: Sequence[_Batch]) -> tuple[tuple[Array, Array], float]:
    """Return the head that takes the student's features to the teacher's, and what it explains elsewhere."""
    fit = LinearFit()
    for batch in batches:
        if not batch.held_out:
            fit.add(batch.student_rows(), np.maximum(batch.wanted, 0))
    kernel, bias = fit.solve()
    held_out = [batch for batch in batches if batch.held_out]
    inputs = np.concatenate([batch.student_rows() for batch in held_out])
    wanted = np.maximum(np.concatenate([batch.wanted for batch in held_out]), 0)
    error = np.square(inputs @ kernel + bias - wanted).mean()
    return (kernel, bias), float(1 - error / np.square(wanted - wanted.mean(axis=0)).mean())
