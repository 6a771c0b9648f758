"""A run on disk: whole or not there, and never taken for another run's."""

from __future__ import annotations

import json
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest

from impasto.errors import CheckpointError, OutputError
from impasto.optimization.gatys import State
from impasto.preparation import Inputs
from impasto.runs.checkpoint import RunCheckpoint
from impasto.runs.job import Job

JOB = Job(inputs=Inputs.of("photo.jpg", "a.jpg:2"), output=Path("out.png"))
RECIPE = {"impasto": "0.1", "content": {"name": "photo.jpg", "sha256": "ab"}, "styles": [{"weight": 1 / 3}]}


@pytest.fixture
def checkpoint():
    rng = np.random.default_rng(0)
    optimizer = {
        "point": rng.normal(size=(1, 20, 24, 3)).astype(np.float32),
        "pairs": 3,
        "converged": False,
        "move_bend": rng.normal(size=(4, 4)),
        "total": np.float64(1 / 3),
    }
    losses = [{"total": 0.1 + 0.2, "style": 1e-300}, {"total": float("nan"), "style": float("inf")}]
    guard = {"limit": 0.1 + 0.2, "contrast": 1e-9, "troubles": 2}
    state = State(scale=2, iteration=7, tiles=(None, 640), guard=guard, optimizer=optimizer)
    return RunCheckpoint(job=JOB, written="ab", recipe=RECIPE, losses=losses, state=state)


def test_everything_comes_back_to_the_last_bit(checkpoint, tmp_path):
    checkpoint.save(tmp_path / "a.checkpoint")
    found = RunCheckpoint.load(tmp_path / "a.checkpoint")
    assert (found.job, found.written, found.recipe) == (JOB, "ab", RECIPE)
    assert found.losses[0] == checkpoint.losses[0]
    assert np.isnan(found.losses[1]["total"])
    assert (found.state.scale, found.state.iteration) == (2, 7)
    assert (list(found.state.tiles), found.state.guard) == ([None, 640], checkpoint.state.guard)
    assert set(found.state.optimizer) == set(checkpoint.state.optimizer)
    for name, value in checkpoint.state.optimizer.items():
        now = found.state.optimizer[name]
        assert now.dtype == np.asarray(value).dtype
        np.testing.assert_array_equal(now, value)


def test_only_the_checkpoint_is_left_behind(checkpoint, tmp_path):
    for _ in range(2):
        checkpoint.save(tmp_path / "a.checkpoint")
    assert [path.name for path in tmp_path.iterdir()] == ["a.checkpoint"]


def test_a_failed_write_leaves_the_earlier_one(checkpoint, tmp_path, monkeypatch):
    path = tmp_path / "a.checkpoint"
    checkpoint.save(path)
    earlier = path.read_bytes()
    real = np.savez

    def out_of_space(file, **arrays):
        real(file, **arrays)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", out_of_space)
    with pytest.raises(OutputError, match=r"a\.checkpoint cannot be written: No space left on device"):
        checkpoint.save(path)
    assert path.read_bytes() == earlier
    assert [path.name for path in tmp_path.iterdir()] == ["a.checkpoint"]


def test_a_truncated_checkpoint_is_refused_wherever_it_ends(checkpoint, tmp_path):
    path = tmp_path / "a.checkpoint"
    checkpoint.save(path)
    data = path.read_bytes()
    for length in [*range(0, len(data), 211), len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(CheckpointError, match="is not a whole checkpoint"):
            RunCheckpoint.load(path)


def test_a_damaged_checkpoint_is_refused_or_tells_the_truth(checkpoint, tmp_path):
    path = tmp_path / "a.checkpoint"
    checkpoint.save(path)
    data, chance, refused = path.read_bytes(), random.Random(3), 0
    whole = RunCheckpoint.load(path)
    for _ in range(400):
        spoiled = bytearray(data)
        for _ in range(chance.choice((1, 1, 4, 64))):
            spoiled[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(spoiled)
        try:
            found = RunCheckpoint.load(path)
        except CheckpointError as error:
            refused += 1
            assert "\n" not in str(error)
            continue
        assert found.job == whole.job
        assert found.recipe == whole.recipe
        for name, value in found.state.optimizer.items():
            np.testing.assert_array_equal(value, whole.state.optimizer[name])
    assert refused > 300


def rewritten(path, change):
    """Change the words of a checkpoint."""
    with np.load(path) as saved:
        arrays = {name: saved[name] for name in saved.files}
    words = json.loads(arrays["words"].tobytes())
    changed = change(words) or words
    arrays["words"] = np.frombuffer(json.dumps(changed).encode(), np.uint8)
    with path.open("wb") as file:
        np.savez(file, **arrays)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda words: words.update(version=2),
            "is a checkpoint of version 2, and this Impasto reads version 3",
        ),
        (lambda words: words.pop("version") and None, "is not a whole checkpoint"),
        (lambda words: words.pop("scale") and None, "is not a whole checkpoint"),
        (lambda words: words.pop("job") and None, "is not a whole checkpoint"),
        (lambda words: ["a", "list"], "is not a whole checkpoint"),
    ],
)
def test_a_checkpoint_of_another_kind_is_refused(checkpoint, tmp_path, change, sentence):
    path = tmp_path / "a.checkpoint"
    checkpoint.save(path)
    rewritten(path, change)
    with pytest.raises(CheckpointError, match=sentence):
        RunCheckpoint.load(path)


def test_other_files_are_refused(tmp_path):
    np.savez(tmp_path / "weights.npz", words=np.zeros(3, np.uint8))
    np.savez(tmp_path / "others.npz", kernel=np.zeros(3))
    np.save(tmp_path / "array.npy", np.zeros(3))
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("words.npy", b"no array")
    (tmp_path / "notes.txt").write_text("notes")
    for path in tmp_path.iterdir():
        with pytest.raises(CheckpointError, match="is not a whole checkpoint of Impasto"):
            RunCheckpoint.load(path)
    for missing in (tmp_path / "gone", tmp_path):
        with pytest.raises(CheckpointError, match="there is no checkpoint"):
            RunCheckpoint.load(missing)


def test_the_same_recipe_goes_on_and_another_is_refused_by_name(checkpoint, tmp_path):
    path = tmp_path / "a.checkpoint"
    checkpoint.save(path)
    found = RunCheckpoint.load(path)
    found.check(RECIPE, path)
    found.check({**RECIPE, "styles": ({"weight": 1 / 3},)}, path)  # JSON knows no tuples
    for name, value in (("impasto", "0.2"), ("content", {"name": "photo.jpg", "sha256": "cd"})):
        with pytest.raises(CheckpointError, match=f"cannot be resumed: {name} was .* and is now"):
            found.check({**RECIPE, name: value}, path)
    with pytest.raises(CheckpointError, match=r"content was .* and is now null"):
        found.check({key: value for key, value in RECIPE.items() if key != "content"}, path)
    with pytest.raises(CheckpointError) as caught:
        found.check({**RECIPE, "content": {"name": "x" * 5000}}, path)
    assert len(str(caught.value)) < 600
