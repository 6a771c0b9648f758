"""The commands of styles: gallery list, show, add, remove; sheet."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from conftest import make_desk
from impasto import gallery


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with a photo, a painting and an empty data folder."""
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path / "home"))
    return make_desk(tmp_path, ("photo.png", "painting.png"))


def test_list_shows_every_style(impasto, desk):
    code, out, _ = impasto("gallery", "list")
    assert code == 0
    assert all(name in out for name in gallery.style_names())


def test_list_for_another_program(impasto, desk):
    impasto("gallery", "add", desk / "painting.png", "--name", "晚霞")
    listed = json.loads(impasto("gallery", "list", "--json")[1])
    assert [entry["id"] for entry in listed] == list(gallery.style_names())
    assert (listed[-1]["id"], listed[-1]["own"], listed[0]["own"]) == ("晚霞", True, False)
    assert listed[0]["licence"] == "CC0-1.0" and listed[0]["path"].endswith(".webp")


def test_show_tells_about_one_style(impasto, desk):
    code, out, _ = impasto("gallery", "show", "swirls")
    assert code == 0
    assert "Night Wind over the Hills" in out and "山上夜风" in out
    code, _, err = impasto("gallery", "show", "swirl")
    assert code == 2 and "did you mean 'swirls'" in err


def test_an_own_style_works_wherever_a_file_does(impasto, desk):
    code, _, err = impasto("gallery", "add", desk / "painting.png", "--name", "evening")
    assert (code, err.strip()) == (0, "evening is in your gallery: impasto photo.jpg evening")
    line = ("stylize", desk / "photo.png", "evening", "-o", desk / "out.png", "--strength", "0")
    assert impasto(*line)[0] == 0
    assert impasto("gallery", "add", desk / "photo.png", "--name", "evening")[0] == 2
    assert impasto("gallery", "add", desk / "photo.png", "--name", "evening", "--overwrite")[0] == 0
    assert gallery.style_path("evening").read_bytes() == (desk / "photo.png").read_bytes()
    assert impasto("gallery", "remove", "evening")[0] == 0
    code, _, err = impasto(*line, "--overwrite")
    assert code == 1 and "evening" in err


def test_a_sheet_shows_the_photo_in_every_style(impasto, desk, monkeypatch):
    names = ("mosaic", "swirls")
    monkeypatch.setattr(gallery, "cards", lambda: tuple(map(gallery.card, names)), raising=True)
    monkeypatch.setattr(gallery, "card", {card.id: card for card in gallery.built_in_cards().values()}.get)
    code, _, err = impasto("sheet", desk / "photo.png", "-o", desk / "sheet.png", "--size", "64")
    assert (code, err.splitlines()[-1].endswith("sheet.png: the photo in 2 styles.")) == (0, True)
    sheet = np.asarray(Image.open(desk / "sheet.png").convert("RGB"), np.float32)
    cells = [sheet[8 : 8 + 48, 8 + k * 72 : 8 + k * 72 + 64] for k in range(3)]
    photo = np.asarray(Image.open(desk / "photo.png").convert("RGB"), np.float32)
    assert np.abs(cells[0] - photo).mean() < 1
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(cells[one] - cells[other]).mean() > 5


def test_a_sheet_replaces_nothing_unasked(impasto, desk):
    (desk / "sheet.jpg").write_bytes(b"precious")
    code, _, err = impasto("sheet", desk / "photo.png", "-o", desk / "sheet.jpg")
    assert code == 1 and "already exists" in err
    assert (desk / "sheet.jpg").read_bytes() == b"precious"
