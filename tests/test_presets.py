"""Presets are complete, valid and overridable."""

from __future__ import annotations

from dataclasses import replace

import pytest

from impasto.errors import SettingError
from impasto.presets import all_presets, settings_for


@pytest.mark.parametrize("name", list(all_presets()))
def test_every_preset_is_valid(name):
    settings = settings_for(name, {})
    assert all_presets()[name].about.endswith(".")
    for key, value in all_presets()[name].settings.items():
        stored = getattr(settings, key)
        assert (list(stored) if isinstance(stored, tuple) else stored) == value


def test_overrides_win():
    assert settings_for("article", {"max_size": 64}).max_size == 64
    assert settings_for("article", {"max_size": 64}).formulas == "article"


def test_an_unknown_preset_gets_a_suggestion():
    with pytest.raises(SettingError, match="did you mean 'gatys2016'"):
        settings_for("gatys2015", {})


def test_the_article_as_the_issue_pins_it():
    settings = settings_for("article", {})
    assert (settings.content_weight, settings.style_weight) == (5.0, 500.0)
    assert settings.style_layer_weights == {f"relu{b}_1": 0.2 for b in range(1, 6)}
    assert settings.iterations == (1000,)
    assert settings.learning_rate == pytest.approx(10 / 255)
    assert settings.noise_scale == pytest.approx(0.1 / 255)
    assert (settings.max_size, settings.fit) == (300, "stretch")


def test_the_article_to_the_letter_differs_in_one_weight_only():
    read, literal = settings_for("article", {}), settings_for("article-literal", {})
    assert replace(read, style_weight=1.0) == literal
