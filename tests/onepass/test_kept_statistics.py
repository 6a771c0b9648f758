"""Built-in styles' statistics on the disk: the same numbers, and nothing of anybody's own pictures."""

from __future__ import annotations

import os

import numpy as np
import pytest
from keras import ops

from conftest import picture
from impasto import gallery
from impasto.networks.catalogue import load_network
from impasto.onepass import kept_statistics as room
from impasto.onepass import style_statistics
from impasto.onepass.network import OnePassNetwork, encoder_widths, new_onepass_network
from impasto.onepass.transfer import STATISTICS_LAYERS
from impasto.pictures.reading import Picture
from impasto.preparation import StyleReader
from impasto.prepared import StyleImage
from impasto.settings import Settings
from impasto.styles import StyleSpec
from impasto.workshop import Workshop

SWIRLS = StyleImage(pixels=picture(40, 48, 7), built_in="swirls")


@pytest.fixture(scope="module")
def network():
    encoder = load_network("compact")
    weights = new_onepass_network(3, encoder_widths(encoder))
    tensors = {name: ops.convert_to_tensor(value) for name, value in weights.items()}
    return OnePassNetwork(name="random", encoder=encoder, weights=tensors)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path))
    return tmp_path / "cache" / "styles"


@pytest.fixture
def looks(monkeypatch):
    """Count how often a style image goes through the encoder."""
    calls, look = [], style_statistics._statistics

    def counted(*arguments):
        calls.append(arguments)
        return look(*arguments)

    monkeypatch.setattr(style_statistics, "_statistics", counted)
    return calls


def numbers(network, style=SWIRLS, share=1.0):
    """Return a style's statistics as a new process would have them, in a row."""
    found = style_statistics.known_statistics(network, style, share, Workshop())
    return np.concatenate([np.ravel(part) for layer in STATISTICS_LAYERS for part in found[layer]])


def test_a_built_in_style_is_looked_at_once(network, folder, looks):
    first = numbers(network)
    assert len(looks) == 1 and len(list(folder.glob("*.npz"))) == 1
    np.testing.assert_array_equal(numbers(network), first)
    assert len(looks) == 1
    assert np.abs(numbers(network, share=0.7) - first).max() > 1e-3  # another size is another look
    assert len(looks) == 2 and len(list(folder.iterdir())) == 2
    other = StyleImage(pixels=picture(40, 48, 8), built_in="swirls")
    assert np.abs(numbers(network, other) - first).max() > 1e-3
    assert len(looks) == 3


def test_another_encoder_has_files_of_its_own(network, folder):
    encoder, digest = network.encoder, b"the same"
    paths = {
        room.statistics_file(one, digest, (40, 48))
        for one in (encoder, load_network("compact", dtype="bfloat16"), load_network("compact"))
    }
    assert len(paths) == 2 and all(path.parent == folder for path in paths)


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "nan", "missing"])
def test_a_damaged_file_is_made_anew(network, folder, looks, damage):
    first = numbers(network)
    (path,) = folder.glob("*.npz")
    data = path.read_bytes()
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    if damage in ("nan", "missing"):
        found = arrays.pop("relu2_1/mean")
        np.savez(path, **arrays, **({"relu2_1/mean": found * np.nan} if damage == "nan" else {}))
    else:
        path.write_bytes({"cut": data[:2000], "empty": b"", "text": b"not an archive"}[damage])
    for _ in range(2):
        np.testing.assert_array_equal(numbers(network), first)
        assert len(looks) == 2


def test_nothing_is_kept_of_other_pictures_or_of_a_part(network, folder, looks):
    numbers(network, StyleImage(pixels=SWIRLS.pixels))
    numbers(network, StyleImage(pixels=SWIRLS.pixels, mask=np.ones((40, 48), np.float32), built_in="swirls"))
    assert len(looks) == 2 and not folder.exists()


def test_what_counts_as_built_in(tmp_path):
    built_in = gallery.style_path("swirls")
    (tmp_path / "copy.webp").write_bytes(built_in.read_bytes())  # the same picture
    for source, colors, expected in (
        ("swirls", "style", "swirls"),
        (tmp_path / "copy.webp", "style", "swirls"),
        ("swirls", "content", "swirls"),
        ("swirls", "histogram", ""),
        ("swirls", "luminance", ""),
        (gallery.style_pixels("swirls", 64), "style", ""),
    ):
        photo = Picture(pixels=picture(48, 64, 1))
        reader = StyleReader(photo, Settings(colors=colors), Workshop())
        assert reader.read(StyleSpec(source=source)).built_in == expected, (source, colors)


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(network, folder, looks):
    folder.parent.mkdir(parents=True)
    folder.write_text("a file where the folder would be")
    np.testing.assert_array_equal(numbers(network), numbers(network))
    assert len(looks) == 2


def test_the_oldest_files_go(folder, monkeypatch):
    monkeypatch.setattr(room, "MOST_FILES", 2)
    monkeypatch.setattr(room, "STATISTICS_LAYERS", ("relu1_1",))
    made = {"relu1_1": (np.zeros(2, np.float32), np.zeros((2, 2), np.float32))}
    for age, name in enumerate(("oldest", "older", "newer", "newest")):
        room.kept_statistics(folder / f"{name}.npz", lambda: made)
        os.utime(folder / f"{name}.npz", (1000 + age, 1000 + age))
    assert sorted(path.stem for path in folder.iterdir()) == ["newer", "newest"]
