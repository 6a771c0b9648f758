"""Training a style on a small judge: it learns, resumes, warns, and loses nothing when a disk is full."""

from __future__ import annotations

import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest
import typer
from keras import ops
from PIL import Image
from typer.testing import CliRunner

from conftest import picture, tiny_weights
from impasto.cli.training import register
from impasto.engine.gradients import to_host
from impasto.errors import (
    DivergenceError,
    ImageError,
    MissingFileError,
    OutputError,
    SettingError,
    WeightsError,
)
from impasto.layers import STYLE_LAYERS
from impasto.networks.feature_network import FeatureNetwork
from impasto.onepass.network import OnePassNetwork, encoder_widths, new_onepass_network
from impasto.onepass.style_file import read_style_file
from impasto.optimization.losses import (
    ContentSums,
    relative_content_scale,
    relative_style_loss,
    squared_error,
)
from impasto.pictures.reading import read_picture
from impasto.training.own_style import PLATEAU_STEPS, Plateau, StyleTraining
from impasto.training.photos import TrainingPhotos, painting_notes
from impasto.training.style_trainer import StyleSettings, StyleTrainer

WIDTHS = (4, 4, 6, 6, 6)


def tensor(values):
    return ops.convert_to_tensor(np.asarray(values, np.float32))


def write(path, pixels):
    Image.fromarray((pixels * 255).astype(np.uint8)).save(path)


@pytest.fixture(scope="module")
def judge():
    return FeatureNetwork(
        name="judge", weights={k: tensor(v) for k, v in tiny_weights(widths=WIDTHS).items()}, sha256="ab" * 32
    )


@pytest.fixture(scope="module")
def start(judge):
    arrays = new_onepass_network(0, encoder_widths(judge))
    weights = {k: tensor(v) for k, v in arrays.items()}
    return OnePassNetwork(name="any", encoder=judge, weights=weights, sha256="cd" * 32)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A painting and a folder with 21 photos."""
    root = tmp_path_factory.mktemp("pictures")
    (root / "photos").mkdir()
    for index in range(21):
        write(root / "photos" / f"{index:02}.png", picture(72, 80, index))
    write(root / "painting.png", np.roll(picture(300, 280, 99), 40, axis=2) ** 2)
    return root


def prepared(pictures, folder, start, **chosen):
    settings = StyleSettings(**{"crop": 48, "steps": 40, "style_size": 96, "minutes": None} | chosen)
    inputs = (pictures / "painting.png", [pictures / "photos"])
    return StyleTraining.prepare(inputs, folder / "my.style", settings, start)


def test_settings_are_checked():
    for words, message in (
        ({"crop": 100}, "multiple of 16 from 48 px up, not 100"),
        ({"steps": 0}, "steps must be at least 1, not 0"),
        ({"minutes": 0.0}, "minutes must be above 0, not 0"),
        ({"minutes": float("nan")}, "minutes must be above 0, not nan"),
    ):
        with pytest.raises(SettingError, match=message):
            StyleSettings(**words)


def test_steps_or_minutes_end_a_training():
    settings = StyleSettings(steps=100, minutes=2.0)
    assert settings.done(0, 0.0) == 0
    assert settings.done(50, 30.0) == 0.5  # half of the steps, a quarter of the time
    assert settings.done(50, 90.0) == 0.75
    assert settings.done(3, 500.0) == settings.done(100, 1.0) == 1
    assert StyleSettings(steps=100, minutes=None).done(1, 1e6) == 0.01


def test_the_loss_is_the_objective_of_the_optimization(judge, start):
    """Its terms are those of `losses` for each photo, weighed by the photo's strength."""
    painting, photos = picture(64, 72, 5), np.stack([picture(48, 48, i) for i in (1, 2)])
    trainer = StyleTrainer(start, judge, painting, 36.0)
    pastiches = tensor(np.stack([picture(48, 48, i) for i in (3, 4)]))
    content, style = (to_host(v) for v in trainer.losses_of(tensor(photos), pastiches))
    wanted = judge.features(tensor(painting[None]), STYLE_LAYERS)
    for i in range(2):
        found = judge.features(pastiches[i : i + 1], [*STYLE_LAYERS, "relu4_2"])
        photo = judge.features(tensor(photos[i : i + 1]), ["relu4_2"])["relu4_2"]
        scale = relative_content_scale(ContentSums.of(to_host(photo)))
        error = squared_error(found["relu4_2"], photo) * scale
        assert content[i] == pytest.approx(float(error), rel=1e-4)
        errors = [
            relative_style_loss(judge.gram_matrix(k, found[k]), judge.gram_matrix(k, wanted[k]))
            for k in STYLE_LAYERS
        ]
        assert style[i] == pytest.approx(np.mean([float(e) for e in errors]), rel=1e-4)
    for strength, (keep, apply) in {0.5: (0.5, 18), 1.0: (0, 36)}.items():
        x = {"photo": tensor(photos), "strength": tensor([strength] * 2)}
        x["shift"] = ops.convert_to_tensor([0, 3])
        loss = float(trainer.compute_loss(x, y_pred=(pastiches, tensor(np.roll(pastiches, -3, axis=2)))))
        palette = trainer.last_terms()["palette"]
        assert palette > 0
        wanted = keep * content.mean() + apply * (style.mean() + 30 * palette)
        assert loss == pytest.approx(wanted, rel=1e-4)  # what is moved as it should be adds nothing
        worse = float(trainer.compute_loss(x, y_pred=(pastiches, pastiches)))
        unsteady = trainer.last_terms()["unsteady"]
        assert unsteady > 1e-3 and worse == pytest.approx(wanted + 60 * unsteady, rel=1e-4)


def test_a_batch_depends_on_seed_and_step_alone(pictures, tmp_path, start):
    training = prepared(pictures, tmp_path, start, batch=24)
    first, again, other = (training.batch(step) for step in (3, 3, 4))
    assert first["photo"].shape == (24, 48, 48, 3)
    for key, values in first.items():
        np.testing.assert_array_equal(values, again[key])
        assert np.any(values != other[key])
    assert np.sum(first["strength"] == 0.5) in range(5, 20)
    assert first["strength"].min() >= 0.1


def test_the_learning_rate_rises_and_falls(pictures, tmp_path, start):
    training = prepared(pictures, tmp_path, start, learning_rate=1.0)
    assert training.rate(0, 0.0) == pytest.approx(0.01)
    assert training.rate(1000, 0.0) == pytest.approx(1.0)
    assert training.rate(1000, 0.5) == pytest.approx(0.5025)
    assert training.rate(1000, 1.0) == pytest.approx(0.005)


def test_doubtful_pictures_are_named(tmp_path):
    for index in range(20):
        write(tmp_path / f"{index:02}.png", picture(64, 64, index))
    write(tmp_path / "blank.png", np.full((64, 64, 3), 0.4))
    write(tmp_path / "tiny.png", picture(40, 90, 30))
    shutil.copy(tmp_path / "07.png", tmp_path / "copy.png")
    for index in range(7):
        (tmp_path / f"broken{index}.jpg").write_bytes(b"\xff\xd8\xff nothing")
    photos = TrainingPhotos([tmp_path], least=20)
    notes = photos.notes(48)
    assert len(photos.pictures) == len(photos.names) == 23
    assert np.array_equal(photos.pictures[photos.names.index(str(tmp_path / "copy.png"))], photos.pictures[7])
    assert [note.split(" of ")[0] for note in notes] == ["7", "1", "1", "1"]
    for note, name in zip(
        notes, ("broken4.jpg and 2 more", "tiny.png", "blank.png", "copy.png"), strict=True
    ):
        assert f"{name})" in note
    assert TrainingPhotos([tmp_path], least=20).notes(32) == (notes[0], *notes[2:])


def test_poor_paintings_are_told(tmp_path):
    write(tmp_path / "flat.png", np.full((100, 300, 3), 0.4))
    notes = painting_notes(read_picture(tmp_path / "flat.png"))
    assert "300 x 100 px" in notes[0] and "nearly one color" in notes[1]
    write(tmp_path / "good.png", picture(300, 300))
    assert painting_notes(read_picture(tmp_path / "good.png")) == ()


def test_too_few_photos(pictures, tmp_path, start):
    (tmp_path / "photos").mkdir()
    shutil.copy(pictures / "painting.png", tmp_path / "painting.png")
    with pytest.raises(ImageError, match="at least 20 readable pictures are needed, but only 0 were found"):
        prepared(tmp_path, tmp_path, start)
    for index in range(19):
        shutil.copy(pictures / "photos" / f"{index:02}.png", tmp_path / "photos")
    (tmp_path / "photos" / "broken.png").write_bytes(b"nothing")
    with pytest.raises(ImageError, match="only 19 were found and 1 were unreadable"):
        prepared(tmp_path, tmp_path, start)
    shutil.rmtree(tmp_path / "photos")
    with pytest.raises(MissingFileError, match="no picture, folder or archive"):
        prepared(tmp_path, tmp_path, start)


def test_an_unreadable_painting(pictures, tmp_path, start):
    (tmp_path / "painting.png").write_bytes(b"nothing")
    with pytest.raises(ImageError, match=r"painting\.png"):
        prepared(tmp_path, tmp_path, start)


def test_a_plateau_is_told_once():
    watch, falling, rng = Plateau(), Plateau(), np.random.default_rng(0)
    noise = rng.normal(0, 0.01, 3 * PLATEAU_STEPS)
    notes = [watch.notes(0.2 + e, 0.3) for e in noise]
    assert [n for n in notes if n] == [notes[2 * PLATEAU_STEPS - 1]]
    assert "has not fallen for 500 steps" in notes[2 * PLATEAU_STEPS - 1][0]
    assert not any(falling.notes(0.2 * 0.999**i + e, 0.3) for i, e in enumerate(noise))


def test_the_end_is_no_plateau():
    watch = Plateau()
    assert not any(watch.notes(0.2, 0.9) for _ in range(3 * PLATEAU_STEPS))


def test_nothing_can_be_written_there(pictures, tmp_path, start):
    """It says so before the first step."""
    (tmp_path / "file").write_text("in the way")
    training = prepared(pictures, tmp_path / "file", start)
    with pytest.raises(OutputError, match=r"my\.style\.training cannot be written"):
        next(training.steps())


def test_a_full_disk_at_the_end_loses_nothing(pictures, tmp_path, start, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    training = prepared(pictures, tmp_path, start)
    training.trainer.compile(optimizer="adam")
    (tmp_path / "file").write_text("in the way")
    elsewhere = replace(training, output=tmp_path / "file" / "my.style")
    with pytest.raises(OutputError, match=r"finished style is kept at .*my\.style: move it"):
        elsewhere.finish("mine")
    (kept,) = tmp_path.glob("impasto-*/my.style")
    assert read_style_file(kept).card.name == "mine"


@pytest.mark.slow
def test_it_learns_resumes_and_writes_a_style(pictures, tmp_path, start, monkeypatch):
    first = prepared(pictures, tmp_path, start, learning_rate=2e-3)
    steps = []
    for step in first.steps():
        steps.append(step)
        if step.step == 30:
            first.save(step.step)
            break
    assert not first.output.exists()
    losses = [step.terms["loss"] for step in steps]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:3])
    again = prepared(pictures, tmp_path, start, learning_rate=2e-3)
    numbers = [(step.step, step.done) for step in again.steps()]
    assert numbers[0] == (31, 31 / 40) and numbers[-1] == (40, 1.0)
    assert again.preview_path.stat().st_size > 1000
    assert Image.open(again.preview_path).size[1] > 3 * 320
    figures = again.finish("mine", "CC0-1.0")
    assert figures["trained"]["style"] < 0.8 * figures["any_style"]["style"]
    assert figures["steps"] == 40
    style = read_style_file(again.output)
    assert (style.card.name, style.card.licence, style.card.figures) == ("mine", "CC0-1.0", figures)
    assert style.card.settings["photos"] == len(again.photos.train)
    assert style.card.encoder_sha256 == start.encoder.sha256
    assert max(style.thumbnail.shape) <= 256
    assert not again.checkpoint.exists()
    photo = picture(60, 50, 7)
    shown = again.paint(style.network(start.encoder), photo)
    assert np.abs(shown - again.paint(again.trainer.network, photo)).max() < 3 / 255


@pytest.mark.slow
def test_a_training_ends_with_its_minutes_and_keeps_them(pictures, tmp_path, start):
    training = prepared(pictures, tmp_path, start, minutes=1e-4)
    assert [step.step for step in training.steps()] == [1]  # 6 ms are over after the first
    again = prepared(pictures, tmp_path, start, minutes=1e-4)
    assert list(again.steps()) == []


@pytest.mark.slow
def test_what_goes_wrong_on_the_way(pictures, tmp_path, start, monkeypatch):
    """A full disk is a note, a loss that is not finite ends the training; the checkpoint stays as it was."""
    training = prepared(pictures, tmp_path, start)
    monkeypatch.setattr("impasto.training.loop.SECONDS_BETWEEN_SAVES", 0.0)
    seen, kept = [], b""
    with pytest.raises(DivergenceError, match="not finite after step 3; repeat the command to go on"):
        for step in training.steps():
            seen.append(step)
            if step.step == 1:
                kept = training.checkpoint.read_bytes()
                tmp_path.chmod(0o500)
                monkeypatch.setattr("impasto.training.loop.save_checkpoint", full_disk)
                monkeypatch.setattr("impasto.training.own_style.write_picture", full_disk)
            else:
                training.trainer.trained["half/bias"].assign(np.full(24, np.nan, np.float32))
    tmp_path.chmod(0o700)
    assert seen[0].notes == ()
    assert len(seen[1].notes) == 2
    assert "No space left on device; the training goes on and tries again in a minute" in seen[1].notes[0]
    assert training.checkpoint.read_bytes() == kept
    other = prepared(pictures, tmp_path, start, seed=1)
    with pytest.raises(WeightsError, match="other settings"):
        next(other.steps())
    training.checkpoint.write_bytes(kept[: len(kept) // 2])
    with pytest.raises(WeightsError, match="not a whole checkpoint"):
        next(training.steps())


def full_disk(*values):
    raise OutputError("my.style.training cannot be written: No space left on device")


@pytest.fixture
def app(monkeypatch, start):
    """The commands, with a small any-style network instead of the embedded one."""
    monkeypatch.setattr("impasto.onepass.painter.load_onepass_network", lambda dtype: start)
    application = typer.Typer()
    register(application)
    return application


def test_a_style_is_not_written_over(app, pictures, tmp_path):
    inputs = ["train", str(pictures / "painting.png"), str(pictures / "photos"), "-o"]
    (tmp_path / "done.style").write_bytes(b"a style")
    with pytest.raises(OutputError, match=r"done\.style already exists; add overwrite=True"):
        CliRunner().invoke(app, [*inputs, str(tmp_path / "done.style")], catch_exceptions=False)
    with pytest.raises(SettingError, match=r"must end in \.style, such as my\.style, not 'my\.npz'"):
        CliRunner().invoke(app, [*inputs, str(tmp_path / "my.npz")], catch_exceptions=False)


@pytest.mark.slow
def test_the_train_command_is_interrupted_and_goes_on(app, pictures, tmp_path, monkeypatch):
    output = tmp_path / "my.style"
    command = ["train", str(pictures / "painting.png"), str(pictures / "photos"), "-o", str(output)]
    command += ["--steps", "4", "--style-size", "96", "--licence", "CC0-1.0"]

    def interrupted(watch, loss, done):
        signal.raise_signal(signal.SIGINT)
        return ()

    with monkeypatch.context() as patched:
        patched.setattr(Plateau, "notes", interrupted)
        result = CliRunner().invoke(app, command)
    assert result.exit_code == 130, result.output
    assert "my.style.training is kept: repeat the command to continue" in result.output.replace("\n", "")
    assert not output.exists()
    with np.load(tmp_path / "my.style.training") as saved:
        assert int(saved["step"]) == 1
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == 0
    assert "Continuing from" in result.output and "Note: 21 of the photos" in result.output
    card = read_style_file(output).card
    assert (card.name, card.licence, card.figures["steps"]) == ("painting", "CC0-1.0", 4)
    assert {path.name for path in tmp_path.iterdir()} == {"my.style", "my.style-preview.png"}
    result = CliRunner().invoke(app, ["export", str(output), "-o", str(tmp_path / "model")])
    assert result.exit_code == 0, result.output
    assert "differs from the engine by at most 0.0" in result.output
    assert (tmp_path / "model" / "saved_model.pb").exists()
