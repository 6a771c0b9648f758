"""Built-in styles' moments, fitted to the one-pass network: read as written, for one network only."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from skimage.data import astronaut

from conftest import script
from impasto import gallery, stylize
from impasto.engine.gradients import to_host
from impasto.errors import WeightsError
from impasto.gallery.built_in import built_in_cards
from impasto.networks.catalogue import read_manifest, write_manifest
from impasto.onepass.fitted_moments import FITS, changed_moments, fitted_moments, recorded_fits, write_fits
from impasto.onepass.painter import FOLDER, ONEPASS, load_onepass_network
from impasto.onepass.style_statistics import known_statistics
from impasto.onepass.transfer import STATISTICS_LAYERS
from impasto.prepared import StyleImage
from impasto.workshop import Workshop

WIDTHS = dict(zip(STATISTICS_LAYERS, (2, 3, 3, 4), strict=True))


def some_moments(seed=0):
    rng = np.random.default_rng(seed)
    roots = {k: rng.normal(size=(c, c)).astype(np.float32) for k, c in WIDTHS.items()}
    return {k: (rng.normal(size=(1, len(r))).astype(np.float32), (r @ r.T)[None]) for k, r in roots.items()}


def some_change(seed=1):
    rng = np.random.default_rng(seed)
    shapes = {f"{k}/shift": (c,) for k, c in WIDTHS.items()} | {
        f"{k}/stretch": (c, c) for k, c in WIDTHS.items()
    }
    return {name: rng.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}


def test_means_are_shifted_and_covariances_stretched():
    moments, change = some_moments(), some_change()
    found = changed_moments(moments, change)
    for layer, (mean, covariance) in moments.items():
        unit = np.sqrt(np.trace(covariance[0]) / WIDTHS[layer])
        np.testing.assert_allclose(
            to_host(found[layer][0]), mean + unit * change[f"{layer}/shift"], rtol=1e-5, atol=1e-6
        )
        half = change[f"{layer}/stretch"]
        stretch = np.eye(WIDTHS[layer]) + (half + half.T) / 2
        wanted = stretch @ covariance[0] @ stretch
        np.testing.assert_allclose(to_host(found[layer][1])[0], wanted, rtol=1e-4, atol=1e-5)


def test_a_fit_is_read_as_it_was_written(tmp_path):
    moments, change = some_moments(), some_change()
    write_fits(tmp_path / "fits.npz", {"one": some_change(2), "two": change})
    wanted = changed_moments(moments, change)
    found = fitted_moments(lambda: moments, tmp_path / "fits.npz", "two")
    for layer in STATISTICS_LAYERS:
        for one, other in zip(found[layer], wanted[layer], strict=True):
            np.testing.assert_allclose(to_host(one), to_host(other), rtol=2e-3, atol=2e-3)  # float16
    assert fitted_moments(lambda: moments, tmp_path / "fits.npz", "three") is moments


def test_what_is_damaged_or_missing_is_said(tmp_path):
    path = tmp_path / "fits.npz"
    write_fits(path, {"one": some_change()})
    whole = path.read_bytes()
    for data in (None, b"", b"no archive", whole[: len(whole) // 2]):
        path.unlink() if data is None else path.write_bytes(data)
        with pytest.raises(WeightsError, match=r"fits\.npz is not the recorded file; install impasto again"):
            fitted_moments(some_moments, path, "one")


def test_a_network_has_the_fits_that_were_made_for_it(tmp_path):
    for name in ("manifest.json", "onepass.npz", f"{FITS}.npz"):
        shutil.copy(FOLDER / name, tmp_path)
    network = load_onepass_network(folder=tmp_path)
    assert network.fits == tmp_path / f"{FITS}.npz"
    assert recorded_fits(tmp_path, "another network's sha256") is None
    (tmp_path / f"{FITS}.npz").write_bytes(b"something else")
    with pytest.raises(WeightsError, match=r"fitted-moments\.npz is not the recorded file"):
        load_onepass_network(folder=tmp_path)
    manifest = read_manifest(tmp_path)
    del manifest[FITS]
    write_manifest(tmp_path, manifest)
    assert load_onepass_network(folder=tmp_path).fits is None


def test_the_built_in_styles_are_fitted_to_the_embedded_network():
    manifest = json.loads((FOLDER / "manifest.json").read_text())
    assert manifest[FITS]["recipe"]["network_sha256"] == manifest[ONEPASS]["sha256"]
    with np.load(FOLDER / f"{FITS}.npz") as file:
        fitted = {name.split("/")[0] for name in file.files}
        assert fitted == set(built_in_cards()) - set(manifest[FITS]["figures"]["left_out"])
        assert len(fitted) >= 25
        assert all(np.isfinite(file[name]).all() for name in file.files)
    assert (FOLDER / f"{FITS}.npz").stat().st_size < 1_200_000


def test_only_a_built_in_picture_as_a_whole_is_fitted(tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path))
    network, pixels = load_onepass_network(), gallery.style_pixels("swirls", 64)
    workshop = Workshop()

    def means(network=network, **style):
        image = StyleImage(pixels=pixels, **style)
        return to_host(known_statistics(network, image, 1.0, workshop)["relu3_1"][0])

    plain = means()
    unfitted = replace(network, fits=None)
    np.testing.assert_array_equal(plain, means(unfitted, built_in="swirls"))
    assert np.abs(means(built_in="swirls") - plain).max() > 1e-3
    assert np.abs(means(built_in="mosaic") - means(built_in="swirls")).max() > 1e-3
    np.testing.assert_array_equal(plain, means(built_in="swirls", mask=np.ones((64, 64), np.float32)))
    np.testing.assert_array_equal(plain, means(built_in="no-such-style"))


def test_the_same_pixels_without_the_name_have_tones_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path))
    photo, pixels = astronaut()[:300, :300] / np.float32(255), gallery.style_pixels("swirls", 300)
    shared_workshop = Workshop()

    def painted(style, workshop):
        return stylize(photo, style, method="onepass", workshop=workshop).pixels

    first = painted("swirls", shared_workshop)
    np.testing.assert_array_equal(painted(pixels, shared_workshop), painted(pixels, Workshop()))
    assert np.abs(first - painted(pixels, shared_workshop)).max() > 0.02


@pytest.mark.slow
@pytest.mark.parametrize("style", ["mosaic", "swirls"])
def test_a_fitted_style_comes_nearer(shared, tmp_path, style):
    """Judged by VGG-19 that pools by maxima, on a photo that nothing was fitted on."""
    judge = script(shared / "tools" / "judge.py")
    photo = shared / "images" / "content" / "golden_gate.jpg"
    painting = gallery.style_path(style)
    sources = {"fitted": style, "as it is": gallery.style_pixels(style, 320)}
    for name, source in sources.items():
        stylize(photo, source, max_size=320, method="onepass").save(tmp_path / f"{name}.png")
    fitted, plain = judge.judge(photo, painting, [tmp_path / f"{name}.png" for name in sources], 320)
    assert fitted["style"] < 0.95 * plain["style"]
    assert fitted["content"] < 1.1 * plain["content"]
    assert fitted["palette"] < plain["palette"]
