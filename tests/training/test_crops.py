"""Training pictures: found, read, cut repeatably, varied within range."""

from __future__ import annotations

import time
import zipfile

import numpy as np
import pytest
from PIL import Image

from conftest import picture
from impasto.errors import ImageError, MissingFileError
from impasto.training.crops import AHEAD, Crops, center_squares, prefetch, vary


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures")
    (path / "inner").mkdir()
    for index in range(9):
        pixels = (picture(40, 50, index) * 255).astype(np.uint8)
        Image.fromarray(pixels).save(path / ("inner" if index % 2 else "") / f"{index}.png")
    (path / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    (path / "notes.txt").write_text("no picture")
    return path


def test_folders_are_searched_and_broken_files_named(folder):
    crops = Crops([folder])
    assert len(crops.train) + len(crops.held_out) == 9
    assert len(crops.held_out) == 3
    assert [name.endswith("broken.jpg") for name in crops.broken] == [True]


def test_archives_give_the_same_pictures(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for file in sorted(folder.rglob("*.png")):
            archive.write(file, file.relative_to(folder))
    both = Crops([folder]), Crops([tmp_path / "all.zip"])
    for one, other in zip(*((*c.held_out, *c.train) for c in both), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_batch_depends_on_seed_and_step_alone(folder):
    crops = Crops([folder])
    first = crops.batch(5, seed=1, count=6, size=24)
    assert first.shape == (6, 24, 24, 3)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, crops.batch(5, seed=1, count=6, size=24))
    assert not np.array_equal(first, crops.batch(6, seed=1, count=6, size=24))
    assert not np.array_equal(first, crops.batch(5, seed=2, count=6, size=24))


def test_crops_larger_than_a_picture_are_filled(folder):
    assert Crops([folder]).batch(0, seed=0, count=2, size=64).shape == (2, 64, 64, 3)


def test_too_few_and_missing(folder, tmp_path):
    with pytest.raises(
        ImageError, match="at least 8 readable pictures are needed, but only 1 were found and 0"
    ):
        Crops([folder / "0.png"])
    with pytest.raises(MissingFileError, match="no picture, folder or archive at"):
        Crops([tmp_path / "nowhere"])


def test_variations_stay_in_range_and_change_pictures():
    batch = np.stack([picture(32, 32, seed) for seed in range(16)])
    varied = vary(batch, np.random.default_rng(0))
    assert varied.shape == batch.shape
    assert varied.min() >= 0
    assert varied.max() <= 1
    changed = np.abs(varied - batch).reshape(16, -1).max(axis=1) > 0.01
    assert 8 <= changed.sum() < 16


@pytest.mark.parametrize("workers", [1, 5])
def test_prefetch_keeps_the_order_and_passes_errors_on(workers):
    made = []

    def batch_at(step):
        made.append(step)
        if step == 40:
            raise ImageError("a picture went missing")
        time.sleep(0.002 * (step % 3))
        return step

    assert list(prefetch(batch_at, range(3, 20), workers)) == list(range(3, 20))
    with pytest.raises(ImageError, match="went missing"):
        list(prefetch(batch_at, range(38, 45), workers))
    made.clear()
    batches = prefetch(batch_at, range(50, 10_000), workers)
    assert next(batches) == 50
    batches.close()
    assert len(made) <= 2 * workers + AHEAD + 1  # who stops early does not wait for the rest


def test_center_squares(folder):
    squares = center_squares(Crops([folder]).train, 32)
    assert squares.shape == (6, 32, 32, 3)
    with pytest.raises(ImageError, match="at least 3 held-out pictures of 64 x 64 px, but 0"):
        center_squares(Crops([folder]).train, 64)
