"""Every setting: its default, its range and its help text, once.

The command line's options are generated from these fields, and the documentation is tested against
them. A wrong value is refused when the object is made, in a sentence that names what was received,
what is allowed and the nearest match.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
import os
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypedDict

from impasto.errors import Argument, Message, SettingError, did_you_mean
from impasto.layers import STYLE_LAYERS, check_layer_names

Precision = Literal["auto", "float32", "bfloat16"]

LARGEST_SIZE = 16_384
"""Longest side in pixels of a result that is held in memory."""
LARGEST_WINDOWED_SIZE = 999_999
"""The same of one that is painted and written in windows."""
Method = Literal["optimize", "onepass"]
OptimizerName = Literal["lbfgs", "adam"]
Fit = Literal["aspect", "stretch"]
FormulasName = Literal["relative", "article", "gatys2016", "neural-style"]
StyleLossName = Literal["gram", "moments", "sliced", "neighbors"]
Colors = Literal["style", "content", "luminance", "histogram", "moments"]
Stage = Literal["reading", "network", "objective", "weights", "finish"]
STAGES: tuple[Stage, ...] = typing.get_args(Stage)
"""Where a setting first matters, in order: when the pictures are read and brought to size, when the network
is loaded, when the targets are computed and the objective is compiled, in the weights and steps alone, and
when the picture is finished.
What was done up to a stage serves all settings that are equal up to it."""


def setting(default: Any, help: str, stage: Stage, **limits: Any) -> Any:
    """Return a dataclass field with its help, the first stage that looks at it, and limits (low, high)."""
    metadata = {"help": help, "stage": stage, **limits}
    if isinstance(default, Mapping):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How one pastiche is made; each field's metadata has its help text and limits."""

    strength: float = setting(
        50.0,
        "How strongly the style is applied; 0 returns the photo, 100 is nearly pure style.",
        low=0,
        high=100,
        stage="weights",
    )
    method: Method = setting(
        "optimize", "optimize improves the picture step by step; onepass paints it at once.", stage="reading"
    )
    refine: int = setting(
        0,
        "Iterations at full size that go on from the method's picture.",
        low=0,
        high=10_000,
        stage="reading",
    )
    refine_network: str | None = setting(
        None,
        "The feature network of refine's iterations, by name or file; the setting network's if none.",
        stage="network",
    )
    max_size: int = setting(
        512,
        "Longest side of the result in pixels; the photo is never enlarged.",
        low=16,
        high=LARGEST_WINDOWED_SIZE,
        stage="reading",
    )
    network: str = setting(
        "compact",
        "Feature network: compact (embedded), vgg19 (see impasto weights) or a weights file.",
        stage="network",
    )
    seed: int = setting(
        0,
        "Seed of every random number; the same seed repeats a result.",
        low=0,
        high=2**32 - 1,
        stage="reading",
    )
    precision: Precision = setting(
        "auto",
        "Precision of the features; auto takes bfloat16 where the processor has it natively.",
        stage="network",
    )
    iterations: tuple[int, ...] | None = setting(
        None,
        "Iterations at each scale, coarse to fine, such as 60,40,30; one number works at full size only.",
        low=1,
        high=100_000,
        stage="reading",
    )
    optimizer: OptimizerName = setting("lbfgs", "What improves the picture.", stage="weights")
    learning_rate: float = setting(
        0.02, "Adam's step in units of the picture's range, 0 to 1.", low=1e-6, high=1.0, stage="weights"
    )
    initial: str = setting(
        "content", "Where the optimization starts: content, noise or a picture's file name.", stage="reading"
    )
    noise_scale: float = setting(
        0.2,
        "Standard deviation of a noise start, in units of the picture's range.",
        low=0.0,
        high=1.0,
        stage="reading",
    )
    fit: Fit = setting(
        "aspect",
        "aspect keeps the pictures' proportions; stretch makes both max-size x max-size squares.",
        stage="reading",
    )
    formulas: FormulasName = setting(
        "relative", "Which losses are computed; see docs/reference.md for each formula.", stage="objective"
    )
    style_loss: StyleLossName = setting(
        "gram", "How style is measured; see docs/controls.md for each.", stage="objective"
    )
    colors: Colors = setting(
        "style",
        "Whose colors: the style's; the content's, given back at the end (content) or with the style "
        "transferred in lightness only (luminance); or the style's, fitted to the content's before "
        "(histogram, moments).",
        stage="reading",
    )
    stroke_size: float = setting(
        1.0,
        "Size of the style image, and so of its strokes, relative to the picture.",
        low=0.25,
        high=4.0,
        stage="reading",
    )
    background: Literal["style", "photo"] = setting(
        "style", "What is seen where no region is: the main style or the photo.", stage="reading"
    )
    subject: Literal["all", "only", "keep"] = setting(
        "all",
        "Find the photo's subject: only stylizes nothing else, keep leaves it as photographed.",
        stage="reading",
    )
    region_edges: Literal["soft", "eroded"] = setting(
        "soft",
        "eroded learns a region's style only where the network sees nothing beyond the region.",
        stage="reading",
    )
    grain: float | None = setting(
        None,
        "Fine grain of the result relative to the style image's own: 1 is as grainy, 0.5 half as much.",
        low=0.0,
        high=4.0,
        stage="objective",
    )
    tile_size: int | None = setting(
        None,
        "Side in pixels of the tiles in which a large picture is computed; by default the free memory "
        "decides.",
        low=256,
        high=LARGEST_SIZE,
        stage="objective",
    )
    content_weight: float | None = setting(
        None, "Weight of the content loss; by default strength decides.", low=0.0, high=1e12, stage="weights"
    )
    style_weight: float | None = setting(
        None, "Weight of the style loss; by default strength decides.", low=0.0, high=1e12, stage="weights"
    )
    tv_weight: float | None = setting(
        None, "Weight of the total variation loss, which smooths.", low=0.0, high=1e12, stage="weights"
    )
    content_layers: tuple[str, ...] = setting(
        ("relu4_2",), "Layers whose features keep the photo's subject.", stage="objective"
    )
    style_layer_weights: Mapping[str, float] = setting(
        dict.fromkeys(("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"), 0.2),
        "Weight of each style layer, such as relu1_1=0.2,relu2_1=0.2.",
        low=0.0,
        high=1e6,
        stage="objective",
    )
    pooling: Literal["average", "max"] = setting(
        "average", "Pooling between the network's blocks.", stage="network"
    )
    pool_rounding: Literal["floor", "ceil"] = setting(
        "floor",
        "What pooling does with an odd last row or column: floor drops it, ceil keeps it.",
        stage="network",
    )
    padding: Literal["auto", "reflect", "zero"] = setting(
        "auto",
        "What the network sees beyond the borders; auto takes what it was trained with.",
        stage="network",
    )

    exposure: float = setting(
        0.0, "Stops by which the finished picture is lighter or darker.", low=-3, high=3, stage="finish"
    )
    contrast: float = setting(
        0.0, "More or less contrast of the finished picture.", low=-100, high=100, stage="finish"
    )
    saturation: float = setting(
        0.0,
        "More or less colorful; at -100 the finished picture is black and white.",
        low=-100,
        high=100,
        stage="finish",
    )
    film_grain: float = setting(
        0.0,
        "Grain of a film over the finished picture, the same look at every size.",
        low=0,
        high=100,
        stage="finish",
    )

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(Settings)
        for spec in dataclasses.fields(self):
            value = checked(spec.name, getattr(self, spec.name), hints[spec.name], spec.metadata)
            object.__setattr__(self, spec.name, value)
        check_layer_names((*self.content_layers, *self.style_layer_weights))
        if not any(self.style_layer_weights.values()):
            raise SettingError(
                "{name} must have a weight above 0; give at least one layer one",
                name=Argument("style_layer_weights"),
            )
        if self.refine_network is not None and not self.refine:
            raise SettingError(
                "{network} needs {refine} above 0",
                network=Argument("refine_network"),
                refine=Argument("refine"),
            )
        if 0 == self.content_weight == self.style_weight:
            raise SettingError(
                "{content} and {style} must not both be 0",
                content=Argument("content_weight"),
                style=Argument("style_weight"),
            )

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Settings:
        """Return settings from a mapping; unknown names are refused with a suggestion.

        Raises:
            SettingError: a name is unknown or a value is not allowed.
        """
        names = [spec.name for spec in dataclasses.fields(cls)]
        for name in values:
            if name not in names:
                raise SettingError(
                    "there is no setting {name!r}{hint}", name=name, hint=did_you_mean(str(name), names)
                )
        return cls(**values)

    @property
    def networks(self) -> tuple[str, ...]:
        """The feature networks that are wanted, by name or file; one pass has its own beside them."""
        return tuple(dict.fromkeys((self.network, self.refine_network or self.network)))

    @property
    def is_photo_itself(self) -> bool:
        """Whether the picture is the photo, as at strength 0, so that no method is run."""
        return self.strength == 0 and self.style_weight is None

    def of_refinement(self) -> Settings:
        """Return the settings of refine's iterations, which are an optimization of one size."""
        return replace(
            self,
            method="optimize",
            network=self.refine_network or self.network,
            refine=0,
            refine_network=None,
            iterations=(self.refine,),
        )

    def of_stage(self, *stages: Stage) -> tuple[str, ...]:
        """Return the values of all settings of these stages, as text that is equal for equal ones."""
        return tuple(
            repr(getattr(self, spec.name))
            for spec in dataclasses.fields(self)
            if spec.metadata["stage"] in stages
        )

    def up_to(self, stage: Stage) -> tuple[str, ...]:
        """Return what is equal for settings that can share everything up to a stage, itself included."""
        return self.of_stage(*STAGES[: STAGES.index(stage) + 1])

    def to_mapping(self) -> dict[str, Any]:
        """Return every setting as plain values, as JSON and TOML can hold them."""
        return {
            spec.name: list(value) if isinstance(value := getattr(self, spec.name), tuple) else value
            for spec in dataclasses.fields(self)
        }


class SettingValues(TypedDict, total=False):
    """The settings as keyword arguments, for completion and type checkers; ``network`` is an argument itself.

    Where `Settings` has a tuple, one value or any sequence will do.
    """

    strength: float
    method: Method
    refine: int
    refine_network: str | None
    max_size: int
    seed: int
    precision: Precision
    iterations: int | Sequence[int] | None
    optimizer: OptimizerName
    learning_rate: float
    initial: str
    noise_scale: float
    fit: Fit
    formulas: FormulasName
    style_loss: StyleLossName
    colors: Colors
    stroke_size: float
    background: Literal["style", "photo"]
    subject: Literal["all", "only", "keep"]
    region_edges: Literal["soft", "eroded"]
    grain: float | None
    tile_size: int | None
    content_weight: float | None
    style_weight: float | None
    tv_weight: float | None
    content_layers: str | Sequence[str]
    style_layer_weights: Mapping[str, float]
    pooling: Literal["average", "max"]
    pool_rounding: Literal["floor", "ceil"]
    padding: Literal["auto", "reflect", "zero"]
    exposure: float
    contrast: float
    saturation: float
    film_grain: float


@dataclass(frozen=True, kw_only=True)
class DistillSettings:
    """How long and on what a small feature network is trained.

    Attributes:
        steps: training steps.
        falling: over how many steps, at the end, the learning rate falls along a cosine.
        batch: crops per step.
        crop: side of the crops in pixels.
        learning_rate: Muon's, until it falls.
        pastiches: how many of a batch are pastiches made against the student.
        pastiches_from: the step after which they are.
        widths: channels of the convolutions to relu5_1 of a selected student.
        relu_heads: the style layers that are compared through a trained head and a ReLU, which explains more
            but costs what the wide features cost; the others through a linear head, which costs nothing.
        seed: of everything random.
    """

    steps: int = 20_000
    falling: int = 2500
    batch: int = 8
    crop: int = 128
    learning_rate: float = 1e-4
    pastiches: int = 1
    pastiches_from: int = 300
    widths: tuple[int, ...] = (16, 16, 40, 48, 80, 96, 96, 96, 128, 192, 160, 160, 256)
    relu_heads: tuple[str, ...] = ("relu4_1", "relu5_1")
    seed: int = 0

    def __post_init__(self) -> None:
        for layer in self.relu_heads:
            if layer not in STYLE_LAYERS:
                raise SettingError(
                    "relu_heads must be style layers, {allowed}, not {layer!r}{hint}",
                    allowed=", ".join(STYLE_LAYERS),
                    layer=layer,
                    hint=did_you_mean(layer, STYLE_LAYERS),
                )
        for name in ("steps", "falling", "batch", "crop"):
            if getattr(self, name) < 1:
                raise SettingError(
                    "{name} must be at least 1, not {value}", name=Argument(name), value=getattr(self, name)
                )
        if not 0 <= self.pastiches < self.batch:
            raise SettingError(
                "pastiches must be fewer than the batch's {batch}, not {pastiches}",
                batch=self.batch,
                pastiches=self.pastiches,
            )


GPU_TRAINING: dict[str, Any] = {"steps": 7000, "stages": ((1.0, 256, 6),)}
"""`OnePassSettings` for a GPU: ten minutes on an H100, where the threads that cut the crops set the pace."""


@dataclass(frozen=True, kw_only=True)
class OnePassSettings:
    """How long and on what a one-pass network is trained.

    Attributes:
        steps: training steps.
        stages: (share of the steps, side of the crops in pixels, photos and as many styles per step, of
            which all pairs are formed), in order; sides are multiples of 16.
        learning_rate: Adam's, at its highest; it rises for 200 steps and falls along a cosine.
        style_weight: style weight over content weight at strength 0.5; less than the optimization's
            36, since one pass cannot bring the style loss as low.
        variation_weight: of the total variation.
        seed: of everything random.
    """

    steps: int = 13_000
    stages: tuple[tuple[float, int, int], ...] = ((0.75, 192, 3), (0.25, 256, 2))
    learning_rate: float = 6e-4
    style_weight: float = 30.0
    variation_weight: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for _, side, _ in self.stages:
            if side < 48 or side % 16:
                raise SettingError("crops must be multiples of 16 from 48 px up, not {side}", side=side)

    def stage(self, step: int) -> tuple[int, int]:
        """Return the crops' side and how many photos and styles the step (from 0) has."""
        done = (step + 0.5) / self.steps * sum(fraction for fraction, _, _ in self.stages)
        for fraction, side, pairs in self.stages:
            if done < fraction:
                return side, pairs
            done -= fraction
        return self.stages[-1][1:]


def checked(name: str, value: Any, hint: Any, limits: Mapping[str, Any]) -> Any:
    """Return the value as its type wants it, or raise a SettingError that says what is allowed."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        if value is None:
            return None
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if typing.get_origin(hint) is Literal:
        return _checked_choice(name, value, typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        if isinstance(value, str) or not isinstance(value, Iterable):
            value = (value,)
        items = tuple(value)
        if not items:
            raise SettingError("{name} must not be empty", name=Argument(name))
        return tuple(_checked_scalar(name, item, typing.get_args(hint)[0], limits) for item in items)
    if typing.get_origin(hint) is Mapping:
        if not isinstance(value, Mapping):
            raise SettingError(
                "{name} must map names to numbers, not {value!r}", name=Argument(name), value=value
            )
        return {str(k): _checked_scalar(f"{name}[{k}]", v, float, limits) for k, v in value.items()}
    return _checked_scalar(name, value, hint, limits)


def _checked_choice(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise SettingError(
            "{name} must be one of {allowed}, not {value!r}{hint}",
            name=Argument(name),
            allowed=", ".join(allowed),
            value=value,
            hint=did_you_mean(str(value), allowed),
        )
    return str(value)


def _checked_scalar(name: str, value: Any, kind: Any, limits: Mapping[str, Any]) -> Any:
    if kind is str:
        if isinstance(value, os.PathLike):
            value = os.fspath(value)
        if not isinstance(value, str) or not value:
            raise SettingError(
                "{name} must be a non-empty text, not {value!r}", name=Argument(name), value=value
            )
        return value
    low, high = limits.get("low", -math.inf), limits.get("high", math.inf)
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not low <= value <= high or (kind is int and int(value) != value):
        number = Message("a whole number") if kind is int else Message("a number")
        raise SettingError(
            "{name} must be {number} from {low:g} to {high:g}, not {value!r}",
            name=Argument(name),
            number=number,
            low=low,
            high=high,
            value=value,
        )
    return kind(value)
