"""Style files: what a style network computes, what a file keeps, and files that are not whole."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import impasto
from conftest import picture, tensor, tiny_weights
from impasto.engine.gradients import to_host
from impasto.errors import MissingFileError, OutputError, SettingError, WeightsError
from impasto.networks.feature_network import FeatureNetwork
from impasto.onepass import compiled as room
from impasto.onepass.network import encoder_widths, new_onepass_network
from impasto.onepass.style_file import (
    FORMAT,
    StyleCard,
    StyleFile,
    is_style_file,
    read_style_file,
    write_style_file,
)
from impasto.onepass.transfer import STATISTICS_LAYERS, amount_at, moments_of, transfer_maps
from trained_styles import trained_style

WIDTHS = (4, 4, 6, 6, 6)


@pytest.fixture(scope="module")
def encoder():
    weights = {k: tensor(v) for k, v in tiny_weights(widths=WIDTHS).items()}
    return FeatureNetwork(name="encoder", weights=weights, sha256="cd" * 32)


@pytest.fixture(scope="module")
def style(encoder):
    card = StyleCard(
        name="waves",
        licence="CC0-1.0",
        settings={"steps": 7, "minutes": None},
        figures={"trained": {"style": 0.1}},
        style_sha256="ab" * 32,
        encoder_sha256=encoder.sha256,
    )
    painting = picture(40, 56)
    code = moments_of(encoder.features(tensor(painting[None]), STATISTICS_LAYERS))
    moments = {k: (to_host(mean)[0], to_host(covariance)[0]) for k, (mean, covariance) in code.items()}
    weights = new_onepass_network(5, encoder_widths(encoder))
    thumbnail = (painting * 255).astype(np.uint8)
    return StyleFile(card=card, thumbnail=thumbnail, moments=moments, weights=weights)


@pytest.fixture
def written(style, tmp_path):
    path = tmp_path / "waves.style"
    write_style_file(path, style)
    return path


def paint(style, encoder, strength, photo):
    network = style.network(encoder)
    features = network.encode(tensor(photo[None]))
    maps = transfer_maps(moments_of(features), style.statistics())
    return np.clip(to_host(network.paint(features, maps, amount_at(tensor([strength]))))[0], 0, 1)


def rewrite(path, **changed):
    """Write the members of a style file again, some of them changed or, if None, left out."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files} | changed
    np.savez(path.open("wb"), **{name: value for name, value in arrays.items() if value is not None})


def words(path, **changed):
    """Return a style file's card with some words changed."""
    with np.load(path) as file:
        card = json.loads(file["style_card"].tobytes()) | changed
    return np.frombuffer(json.dumps(card).encode(), np.uint8)


def test_a_file_keeps_everything(style, encoder, written):
    found = read_style_file(written)
    assert found.card == style.card
    np.testing.assert_array_equal(found.thumbnail, style.thumbnail)
    for layer, values in style.moments.items():
        for before, after in zip(values, found.moments[layer], strict=True):
            np.testing.assert_array_equal(after, before)
    assert set(found.weights) == set(style.weights)
    photo = picture(64, 56, 4)
    before, after = (paint(s, encoder, 0.5, photo) for s in (style, found))
    assert np.abs(after - before).max() < 2 / 255
    assert found.network(encoder).sha256 == found.sha256 == read_style_file(written).sha256
    assert written.stat().st_size < 4e6
    with zipfile.ZipFile(written) as archive:
        assert all(name.endswith(".npy") for name in archive.namelist())


def test_the_same_style_gives_the_same_file(style, tmp_path):
    assert write_style_file(tmp_path / "a.style", style) == write_style_file(tmp_path / "b.style", style)


def test_style_files_are_recognized(written, tmp_path):
    renamed = written.rename(tmp_path / "waves.jpg")
    assert is_style_file(renamed)
    assert is_style_file("not-there.style")
    Image.new("RGB", (20, 20)).save(tmp_path / "photo.png")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    for other in (tmp_path / "photo.png", tmp_path / "other.npz", tmp_path, tmp_path / "missing.png"):
        assert not is_style_file(other)


def test_a_missing_file(tmp_path):
    with pytest.raises(MissingFileError, match=r"no style file at .*gone.style"):
        read_style_file(tmp_path / "gone.style")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file(written, share):
    data = written.read_bytes()
    written.write_bytes(data[: int(share * len(data))])
    with pytest.raises(WeightsError, match="is not a whole style file; copy it again"):
        read_style_file(written)


def test_damaged_bytes_never_pass(written, style):
    data = bytearray(written.read_bytes())
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(data), 25):
        changed = bytearray(data)
        changed[place] ^= 0xFF
        written.write_bytes(changed)
        try:
            found = read_style_file(written)
        except WeightsError:
            continue
        for name, value in found.weights.items():  # a byte that nothing reads, such as a date
            np.testing.assert_allclose(value, style.weights[name], rtol=1e-3, atol=1e-3)


def test_a_picture_is_no_style(tmp_path):
    Image.new("RGB", (20, 20)).save(tmp_path / "photo.png")
    (tmp_path / "photo.png").rename(tmp_path / "photo.style")
    with pytest.raises(WeightsError, match="not a whole style file"):
        read_style_file(tmp_path / "photo.style")


@pytest.mark.parametrize(
    ("form", "said"),
    [(1, "is newer; update Impasto"), (-1, "is older and had another network; train it again")],
)
def test_a_file_of_another_version(written, form, said):
    rewrite(written, style_card=words(written, format=FORMAT + form, version="9.1"))
    with pytest.raises(WeightsError, match=rf"written by Impasto 9\.1, which {said}"):
        read_style_file(written)


def test_a_wrong_hash(written, style):
    bias = style.weights["half/bias"] + np.float32(0.01)
    rewrite(written, **{"weights/half/bias": bias})
    with pytest.raises(WeightsError, match=r"damaged: its sha256 is not the recorded one"):
        read_style_file(written)


@pytest.mark.parametrize("card", [b"", b"[1]", b"{}", b'{"format": "new", "sha256": ""}', b"\xff"])
def test_a_card_that_is_none(written, card):
    rewrite(written, style_card=np.frombuffer(card, np.uint8))
    with pytest.raises(WeightsError, match="not a whole style file"):
        read_style_file(written)


def test_pickles_are_not_opened(written, tmp_path):
    trap = tmp_path / "opened"

    class Trap:
        def __reduce__(self):
            return trap.touch, ()

    buffer = io.BytesIO()
    np.save(buffer, np.array([Trap()], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(written, "a") as archive:
        archive.writestr("weights/trap.npy", buffer.getvalue())
    with pytest.raises(WeightsError, match="not a whole style file"):
        read_style_file(written)
    assert not trap.exists()


def test_an_archive_that_unpacks_to_too_much(tmp_path):
    path = tmp_path / "bomb.style"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("style_card.npy", bytes(80 * 2**20))
    with pytest.raises(WeightsError, match="not a whole style file"):
        read_style_file(path)


def test_weights_of_another_network(style, tmp_path):
    weights = dict(style.weights)
    bias = weights.pop("half/bias")
    cases = {
        "half/bias is missing": weights,
        "extra is unknown": {**style.weights, "extra": bias},
        r"has the shape \(23,\) instead of \(24,\)": {**weights, "half/bias": bias[:23]},
        "not finite": {**weights, "half/bias": bias * np.nan},
    }
    for message, changed in cases.items():
        with pytest.raises(SettingError, match=message):
            write_style_file(tmp_path / "other.style", replace(style, weights=changed))
    assert not (tmp_path / "other.style").exists()


def test_moments_of_another_network(style, tmp_path):
    mean, covariance = style.moments["relu2_1"]
    cases = {
        "the layer relu2_1 is missing": {k: v for k, v in style.moments.items() if k != "relu2_1"},
        r"mean of relu2_1 has the shape \(3,\) instead of \(4,\)": {"relu2_1": (mean[:3], covariance)},
        "covariance of relu2_1 holds values that are not finite": {"relu2_1": (mean, covariance * np.inf)},
    }
    for message, changed in cases.items():
        moments = changed if "missing" in message else {**style.moments, **changed}
        with pytest.raises(SettingError, match=message):
            write_style_file(tmp_path / "other.style", replace(style, moments=moments))


def test_another_feature_network_is_refused(style, encoder):
    with pytest.raises(WeightsError, match="'waves' was trained with another feature network than encoder"):
        style.network(replace(encoder, sha256="00" * 32))


def test_a_file_that_cannot_be_written(style, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        write_style_file(tmp_path / "file" / "my.style", style)


def test_a_style_file_paints_and_is_kept_warm(tmp_path, monkeypatch):
    path = tmp_path / "waves.style"
    sha256 = trained_style(path)
    compiled, real = [], room.compile_function
    monkeypatch.setattr(room, "compile_function", lambda part: compiled.append(part) or real(part))
    with impasto.Workshop() as workshop:
        one = impasto.stylize(picture(40, 48, 1), path, workshop=workshop)
        before = len(compiled)
        two = impasto.stylize(picture(40, 48, 2), path, workshop=workshop)
    assert len(compiled) == before > 0  # the second photo compiles nothing
    assert one.settings.method == "onepass"
    assert one.recipe["onepass"] == {"name": "waves", "sha256": sha256}
    assert one.recipe.style_records[0].name == "waves.style"
    assert np.abs(one.pixels - two.pixels).mean() > 0.01
    one.save(tmp_path / "out.png")
    (spec,) = impasto.load_recipe(tmp_path / "out.png").styles()
    assert spec.source == path
