"""The controls that the page shows: made from the settings, with a page's words."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal

from impasto.errors import Message
from impasto.language import told_in
from impasto.settings import Settings
from impasto.studio.values import number, whole, wrong

Group = Literal["style", "color", "strokes", "adjust", "expert"]
NOT_SHOWN = {
    "method", "refine", "refine_network", "max_size", "iterations", "initial", "noise_scale", "network",
    "tile_size", "fit", "optimizer", "learning_rate",
}  # fmt: skip
"""What other parts of the page decide (method, sizes), what names files of the server, and what a photo's
studio has no use for: a stretched picture, a start from noise and the optimizer that it needs."""
PLACES: dict[str, tuple[Group, str, str]] = {
    "strength": ("style", "Strength", "强度"),
    "colors": ("color", "Colors", "颜色"),
    "stroke_size": ("strokes", "Stroke size", "笔触大小"),
    "grain": ("strokes", "Grain of the strokes", "笔触颗粒"),
    "background": ("style", "Outside the regions", "区域之外"),
    "subject": ("style", "Subject", "主体"),
    "region_edges": ("expert", "Edges of regions", "区域边缘"),
    "seed": ("expert", "Seed", "随机种子"),
    "precision": ("expert", "Precision", "精度"),
    "formulas": ("expert", "Formulas", "公式"),
    "style_loss": ("expert", "Style loss", "风格损失"),
    "content_weight": ("expert", "Content weight", "内容权重"),
    "style_weight": ("expert", "Style weight", "风格权重"),
    "tv_weight": ("expert", "Smoothing weight", "平滑权重"),
    "pooling": ("expert", "Pooling", "池化"),
    "pool_rounding": ("expert", "Odd rows in pooling", "池化的奇数行"),
    "padding": ("expert", "Beyond the borders", "边界之外"),
    "exposure": ("adjust", "Exposure", "曝光"),
    "contrast": ("adjust", "Contrast", "对比度"),
    "saturation": ("adjust", "Saturation", "饱和度"),
    "film_grain": ("adjust", "Film grain", "胶片颗粒"),
}
STEPS = {"exposure": 0.05, "stroke_size": 0.05, "grain": 0.05}
"""Of sliders; those of others are whole numbers, or for weights any."""


def control_records() -> list[dict[str, Any]]:
    """Return what the interface tells of the controls, in the order of the settings."""
    return [_record(spec, kind) for spec, kind in _shown().values()]


def checked_setting(name: str, value: Any) -> Any:
    """Return the value of a control, with its type; its limits are checked by the settings.

    Raises:
        RefusalError: there is no such control, or it takes another kind of value.
    """
    shown = _shown()
    if name not in shown:
        raise wrong("settings", Message("controls: {allowed}", allowed=", ".join(shown)), name)
    spec, kind = shown[name]
    if value is None and spec.default is None:
        return None
    if kind == "number":
        return _number(spec, value)
    if kind == "flag" and isinstance(value, bool):
        return value
    allowed = _choices(spec.name)
    if kind == "choice" and isinstance(value, str) and value in allowed:
        return value
    raise wrong(name, Message("one of {allowed}", allowed=", ".join(allowed) or "true, false"), value)


def _number(spec: dataclasses.Field[Any], value: Any) -> float:
    least, most = spec.metadata["low"], spec.metadata["high"]
    take = whole if isinstance(spec.default, int) and not isinstance(spec.default, bool) else number
    return take(spec.name, value, least, most)


def look_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return of a recipe's settings those that controls have and that are not as they are by default."""
    shown = _shown()
    return {
        name: value for name, value in values.items() if name in shown and value != shown[name][0].default
    }


def _shown() -> dict[str, tuple[dataclasses.Field[Any], str]]:
    hints = typing.get_type_hints(Settings)
    specs = (spec for spec in dataclasses.fields(Settings) if spec.name not in NOT_SHOWN)
    controls = {spec.name: (spec, _kind(hints[spec.name])) for spec in specs}
    return {name: (spec, kind) for name, (spec, kind) in controls.items() if kind}


def _kind(hint: Any) -> str:
    """Return what kind of control a type needs; nothing for types that no control can set."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        (hint,) = (part for part in typing.get_args(hint) if part is not type(None))
    if typing.get_origin(hint) is Literal:
        return "choice"
    return {bool: "flag", int: "number", float: "number"}.get(hint, "")


def _choices(name: str) -> list[str]:
    hint = typing.get_type_hints(Settings)[name]
    return list(typing.get_args(hint)) if typing.get_origin(hint) is Literal else []


def _record(spec: dataclasses.Field[Any], kind: str) -> dict[str, Any]:
    group, en, zh = PLACES.get(spec.name, ("expert", spec.name.replace("_", " ").capitalize(), spec.name))
    whole_numbers = isinstance(spec.default, int | float) and float(spec.default).is_integer()
    return {
        "name": spec.name,
        "kind": kind,
        "least": spec.metadata.get("low"),
        "most": spec.metadata.get("high"),
        "step": STEPS.get(spec.name, 1 if whole_numbers else None) if kind == "number" else None,
        "default": spec.default,
        "choices": _choices(spec.name),
        "labels": {"en": en, "zh": zh},
        "helps": {language: told_in(language, spec.metadata["help"]) for language in ("en", "zh")},
        "group": group,
    }
