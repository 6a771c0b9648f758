"""Every setting refuses what it must, in a sentence that helps."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Sequence

import pytest

from impasto.errors import SettingError
from impasto.settings import STAGES, Settings, SettingValues


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("strength", 101, "strength must be a number from 0 to 100, not 101"),
        ("strength", -1, "strength must be a number from 0 to 100, not -1"),
        ("strength", float("nan"), "not nan"),
        ("strength", "strong", "strength must be a number"),
        ("strength", True, "strength must be a number"),
        ("max_size", 8, "max_size must be a whole number from 16 to 999999, not 8"),
        ("max_size", 512.5, "not 512.5"),
        ("optimizer", "lbgfs", "did you mean 'lbfgs'?"),
        ("precision", "float16", "one of auto, float32, bfloat16"),
        ("pooling", "avg", "average, max"),
        ("style_weight", -3, "style_weight must be a number from 0 to 1e+12, not -3"),
        ("content_weight", -3, "content_weight must be"),
        ("tv_weight", -1e-9, "tv_weight must be"),
        ("iterations", (10, -1), "iterations must be a whole number from 1"),
        ("iterations", (), "iterations must not be empty"),
        ("style_layer_weights", {"relu1_1": -1}, "style_layer_weights[relu1_1] must be"),
        ("style_layer_weights", {"relu1_1": 0}, "at least one layer"),
        ("content_layers", (), "must not be empty"),
        ("content_layers", ("relu9_1",), "layers must be named relu1_1 ... relu5_4, not 'relu9_1'"),
        ("style_layer_weights", {"relu4_9": 1}, "not 'relu4_9'; did you mean"),
        ("network", "", "network must be a non-empty text"),
    ],
)
def test_a_wrong_value_is_refused(name, value, sentence):
    with pytest.raises(SettingError) as caught:
        Settings(**{name: value})
    assert sentence in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(SettingError, match="no setting 'strenght'; did you mean 'strength'"):
        Settings.from_mapping({"strenght": 3})


def test_settings_are_frozen_and_survive_json():
    settings = Settings(strength=30, iterations=(3, 4), style_layer_weights={"relu3_1": 1.0})
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.strength = 4
    again = Settings.from_mapping(json.loads(json.dumps(settings.to_mapping())))
    assert again == settings


def test_numpy_numbers_and_single_iterations_are_understood():
    import numpy as np

    settings = Settings(strength=np.float32(25), iterations=7)
    assert settings.strength == 25.0
    assert settings.iterations == (7,)


def test_every_setting_has_a_help_text():
    for spec in dataclasses.fields(Settings):
        assert spec.metadata["help"].endswith(".")


def test_every_setting_has_a_stage():
    stages = {spec.name: spec.metadata["stage"] for spec in dataclasses.fields(Settings)}
    assert set(stages.values()) == set(STAGES)
    ours = Settings()
    for name, value in {"colors": "content", "pooling": "max", "grain": 2.0, "strength": 3.0}.items():
        other = dataclasses.replace(ours, **{name: value})
        equal = [stage for stage in STAGES if ours.up_to(stage) == other.up_to(stage)]
        assert equal == list(STAGES[: STAGES.index(stages[name])])


def test_keyword_arguments_are_typed_as_the_settings_are():
    """One value or a sequence where a setting is a tuple; ``network`` is an argument of its own."""

    def widened(hint):
        if typing.get_origin(hint) is tuple:
            item = typing.get_args(hint)[0]
            return {item, Sequence[item]}
        if typing.get_origin(hint) in (typing.Union, type(int | str)):
            return set().union(*(widened(part) for part in typing.get_args(hint)))
        return {hint}

    def parts(hint):
        union = typing.get_origin(hint) in (typing.Union, type(int | str))
        return set(typing.get_args(hint)) if union else {hint}

    fields, values = typing.get_type_hints(Settings), typing.get_type_hints(SettingValues)
    assert set(fields) - set(values) == {"network"}
    assert list(values) == [name for name in fields if name in values]
    for name, hint in values.items():
        assert parts(hint) == widened(fields[name]), name
