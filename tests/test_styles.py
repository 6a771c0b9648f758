"""Styles as people write them: files with weights and parts, names that look like it, mistakes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto.errors import SettingError
from impasto.styles import StyleSpec, parse_style


@pytest.mark.parametrize(
    ("text", "source", "weight", "part"),
    [
        ("painting.jpg", "painting.jpg", 1, "all"),
        ("painting.jpg:2", "painting.jpg", 2, "all"),
        ("painting.jpg:0.25", "painting.jpg", 0.25, "all"),
        ("painting.jpg:0", "painting.jpg", 0, "all"),
        ("painting.jpg:1e-3", "painting.jpg", 0.001, "all"),
        ("painting.jpg@fine", "painting.jpg", 1, "fine"),
        ("painting.jpg@coarse", "painting.jpg", 1, "coarse"),
        ("painting.jpg:2@fine", "painting.jpg", 2, "fine"),
        ("swirls:3@coarse", "swirls", 3, "coarse"),
        ("a/b.c/painting.jpg:2", "a/b.c/painting.jpg", 2, "all"),
        ("with space.jpg:2", "with space.jpg", 2, "all"),
        ("me@home.org.jpg", "me@home.org.jpg", 1, "all"),
        ("me@home.jpg:2@fine", "me@home.jpg", 2, "fine"),
        ("12:30:05.jpg", "12:30:05.jpg", 1, "all"),
        (r"C:\art\swirl.png", r"C:\art\swirl.png", 1, "all"),
        (r"C:\art\swirl.png:2@fine", r"C:\art\swirl.png", 2, "fine"),
        ("C:/art/swirl.png", "C:/art/swirl.png", 1, "all"),
        ("C:/art/swirl.png:0.5", "C:/art/swirl.png", 0.5, "all"),
        ("C:/me@home/swirl.png@coarse", "C:/me@home/swirl.png", 1, "coarse"),
    ],
)
def test_written_forms(text, source, weight, part, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if text.startswith("12:"):
        (tmp_path / text).touch()
    found = parse_style(text)
    assert (found.source, found.weight, found.part, found.mask) == (source, weight, part, None)


@pytest.mark.parametrize("name", ["a:2", "a.jpg:2@fine", "b@fine", "10:15", "noon: a painting.jpg"])
def test_a_file_of_that_very_name_is_that_file(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).touch()
    assert parse_style(name) == StyleSpec(source=name)
    assert parse_style(f"{name}:3@coarse") == StyleSpec(source=name, weight=3, part="coarse")


@pytest.mark.parametrize("source", [Path("a.jpg:2"), np.zeros((20, 20, 3)), Image.new("RGB", (20, 20))])
def test_what_is_not_text_is_the_picture_itself(source):
    found = parse_style(source)
    assert found.source is source
    assert found.weight == 1


def test_a_finished_spec_stays_as_it_is():
    spec = StyleSpec(source="a.jpg:3", weight=2)
    assert parse_style(spec) is spec


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a.jpg:", "FILE, FILE:WEIGHT or FILE:WEIGHT@fine, not 'a.jpg:'"),
        ("a.jpg:two", "FILE, FILE:WEIGHT or FILE:WEIGHT@fine, not 'a.jpg:two'"),
        ("a.jpg:2,5", "FILE, FILE:WEIGHT or FILE:WEIGHT@fine"),
        ("a.jpg:-1", "a style's weight must be a number from 0 up, not -1.0"),
        ("a.jpg:nan", "a style's weight must be a number from 0 up, not nan"),
        ("a.jpg:inf", "a style's weight must be a number from 0 up, not inf"),
        ("a.jpg@fien", "must be fine or coarse, not 'fien'; did you mean 'fine'?"),
        ("a.jpg:2@corse", "must be fine or coarse, not 'corse'; did you mean 'coarse'?"),
    ],
)
def test_mistakes_are_one_sentence(text, sentence):
    with pytest.raises(SettingError) as caught:
        parse_style(text)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("weight", [-1e-9, math.nan, math.inf, -math.inf, "2", None])
def test_weights_are_numbers_from_zero_up(weight):
    with pytest.raises(SettingError, match="a style's weight must be a number from 0 up"):
        StyleSpec(source="a.jpg", weight=weight)


@pytest.mark.parametrize("part", ["", "finest", 3, None])
def test_parts_are_fine_or_coarse(part):
    with pytest.raises(SettingError, match="a style's part must be fine or coarse"):
        StyleSpec(source="a.jpg", part=part)


@pytest.mark.parametrize("text", ["x" * 5000, "a\0b.jpg", "x" * 5000 + ":2"])
def test_names_that_no_file_can_have_are_left_to_the_reader(text):
    assert str(parse_style(text).source) == text.removesuffix(":2")
