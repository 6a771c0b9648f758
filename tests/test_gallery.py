"""The gallery: pictures that are what the manifest says; styles of one's own are kept and given back."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from impasto import gallery
from impasto.errors import ImageError, SettingError
from impasto.gallery.built_in import HOME

BUILT_IN = tuple(json.loads((HOME / "manifest.json").read_text("utf-8")))
every_style = pytest.mark.parametrize("name", BUILT_IN)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty data folder."""
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def painting(tmp_path):
    path = tmp_path / "evening.png"
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_the_gallery_is_large_and_its_pictures_small(home):
    assert gallery.style_names() == BUILT_IN == tuple(sorted(BUILT_IN))
    assert len(BUILT_IN) >= 32 and {"swirls", "mosaic"} <= set(BUILT_IN)
    assert sum(path.stat().st_size for path in (HOME / "pictures").iterdir()) <= 8_000_000
    assert {path.stem for path in (HOME / "pictures").iterdir()} == set(BUILT_IN)


@every_style
def test_a_card_says_what_the_style_is(name):
    card = gallery.card(name)
    assert (card.id, card.licence, card.own) == (name, "CC0-1.0", False)
    assert card.name.isprintable() and card.name[0].isupper()
    assert card.line.endswith(".") and card.line.count(".") == 1 and len(card.line) < 120
    for words in (card.name_zh, card.line_zh):
        assert any("\u4e00" <= letter <= "\u9fff" for letter in words)
    assert card.line_zh.endswith("。")
    with pytest.raises(dataclasses.FrozenInstanceError):
        card.name = "mine"


@every_style
def test_a_picture_is_the_one_of_the_manifest(name):
    card = gallery.card(name)
    assert hashlib.sha256(card.path.read_bytes()).hexdigest() == card.sha256
    with Image.open(card.path) as image:
        assert (image.format, image.mode) == ("WEBP", "RGB")
        assert min(image.size) >= 768
        assert 2 / 3 <= image.width / image.height <= 3 / 2


@every_style
def test_a_picture_is_rich_and_neither_burnt_out_nor_drowned(name):
    pixels = gallery.style_pixels(name, 256)
    assert pixels.dtype == np.float32 and max(pixels.shape) == 256
    assert np.mean((pixels <= 1 / 255).all(-1) | (pixels >= 254 / 255).all(-1)) < 0.05
    lightness = pixels @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    assert 0.08 < lightness.std() < 0.4
    assert 0.1 < lightness.mean() < 0.93
    for sigma in (1, 4, 16):  # something at every scale
        shift = lightness - np.roll(lightness, sigma, axis=1)
        assert np.abs(shift).mean() > 0.01


def test_names_and_lines_are_told_apart():
    cards = [gallery.card(name) for name in BUILT_IN]
    for words in ("name", "name_zh", "line", "line_zh", "sha256"):
        assert len({getattr(card, words) for card in cards}) == len(cards)


def test_an_unknown_name_is_refused_with_a_suggestion(home):
    message = "no style 'swirl' in the gallery; did you mean 'swirls'; impasto gallery list shows them$"
    with pytest.raises(SettingError, match=message):
        gallery.card("swirl")
    with pytest.raises(SettingError, match=r"no style '山水'.*list shows them"):
        gallery.style_path("山水")


@pytest.mark.parametrize("name", ["evening", "晚霞", "Ärger_2", "a" * 40])
def test_an_own_style_is_kept_and_given_back(home, painting, name):
    card = gallery.add_style(painting, name)
    assert gallery.card(name) == card
    assert gallery.style_names() == (*BUILT_IN, name)
    assert card.own and card.path.read_bytes() == painting.read_bytes()
    assert card.path.parent == home / "gallery"
    assert gallery.style_pixels(name).shape == (40, 60, 3)
    gallery.remove_style(name)
    assert gallery.style_names() == BUILT_IN
    assert list((home / "gallery").iterdir()) == []


@pytest.mark.parametrize("name", ["", "a/b", "..", "a.png", "a:2", "a@fine", "-a", "a b", "a" * 41, "x\0"])
def test_names_that_mean_something_else_are_refused(home, painting, name):
    with pytest.raises(SettingError, match="up to 40 letters, digits, hyphens and underscores, not "):
        gallery.add_style(painting, name)
    assert not home.exists()


@pytest.mark.parametrize("name", ["swirls", "Mosaic"])
def test_a_built_in_style_keeps_its_name(home, painting, name):
    with pytest.raises(SettingError, match=f"'{name}' is a built-in style; choose another name"):
        gallery.add_style(painting, name)


def test_no_style_has_the_name_of_the_photo_itself(home, painting):
    with pytest.raises(SettingError, match="'photo' stands for the photo itself; choose another name"):
        gallery.add_style(painting, "photo")
    assert not home.exists()


def test_an_own_style_is_replaced_only_when_asked(home, painting, tmp_path):
    gallery.add_style(painting, "evening")
    other = tmp_path / "other.jpg"
    Image.new("RGB", (50, 50), "teal").save(other)
    with pytest.raises(SettingError, match="has a style 'evening'; choose another name"):
        gallery.add_style(other, "Evening")
    assert gallery.card("evening").path.read_bytes() == painting.read_bytes()
    gallery.add_style(other, "Evening", overwrite=True)
    assert gallery.style_names() == (*BUILT_IN, "Evening")
    assert len(list((home / "gallery").iterdir())) == 2
    assert gallery.card("Evening").path.read_bytes() == other.read_bytes()


def test_what_is_no_picture_is_refused(home, tmp_path):
    path = tmp_path / "text.png"
    path.write_text("no picture")
    with pytest.raises(ImageError, match=r"text\.png"):
        gallery.add_style(path, "text")
    assert gallery.style_names() == BUILT_IN


def test_only_own_styles_are_removed(home):
    with pytest.raises(SettingError, match="'swirls' is built in and stays"):
        gallery.remove_style("swirls")
    with pytest.raises(SettingError, match="your gallery has no style 'swirl'"):
        gallery.remove_style("swirl")


def test_damaged_entries_are_passed_over(home, painting):
    gallery.add_style(painting, "evening")
    card = gallery.add_style(painting, "lost")
    card.path.unlink()
    for name, text in (("a.json", "{"), ("b.json", '{"name": "c", "file": "/etc/passwd"}'), ("c.json", "[]")):
        (home / "gallery" / name).write_text(text)
    assert gallery.style_names() == (*BUILT_IN, "evening")
