"""Exported styles compute what the engine computes, at any size, and say what they are."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import modulating, picture, tensor, tiny_weights
from impasto.engine.gradients import to_host
from impasto.errors import EngineError, OutputError, SettingError
from impasto.export.formats import LARGEST_DIFFERENCE, export_format, export_paths, export_style
from impasto.export.keras_models import PortableEncoder, PortablePainter, rows_of
from impasto.networks.feature_network import FeatureNetwork
from impasto.onepass.network import PasticheNetwork, encoder_widths, new_pastiche_network
from impasto.onepass.transfer import amount_at, moments_of, transfer_maps

WIDTHS = (4, 4, 6, 6, 6)
SIZES = ((32, 32), (47, 65), (40, 96))
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "run_exported.py"


@pytest.fixture(scope="module")
def encoder():
    weights = {k: tensor(v) for k, v in tiny_weights(widths=WIDTHS).items()}
    return FeatureNetwork(name="encoder", weights=weights, sha256="ab" * 32)


@pytest.fixture(scope="module")
def network(encoder):
    arrays = modulating(new_pastiche_network(5, encoder_widths(encoder)))
    weights = {k: tensor(v) for k, v in arrays.items()}
    return PasticheNetwork(name="onepass", encoder=encoder, weights=weights, sha256="cd" * 32)


@pytest.fixture(scope="module")
def code(network):
    """The moments of a painting with few colors."""
    return moments_of(network.encode(tensor(0.2 + 0.7 * photo_of((64, 80), 9) ** [1, 2, 3])))


def photo_of(size, seed=1):
    """A photo in which every row and column differs, so that a wrong crop or order is seen."""
    height, width = size
    ramp = np.linspace(0, 1, height)[:, None, None] * np.linspace(0.2, 1, width)[None, :, None]
    return (0.5 * picture(height, width, seed) + 0.5 * ramp)[None].astype(np.float32)


def strength_of(value):
    return np.array([value], np.float32)


def painted(network, photo, code, strength):
    """What the engine paints, in [0, 1]; below strength 0.1 the photo shines through."""
    features = network.encode(tensor(photo))
    maps = transfer_maps(moments_of(features), code)
    found = to_host(network.paint(features, maps, amount_at(tensor([strength]))))
    return np.clip(photo + min(1.0, strength / 0.1) * (found - photo), 0, 1)


@pytest.mark.parametrize("size", SIZES)
def test_the_portable_network_is_the_network(network, code, size):
    photo = photo_of(size)
    x = {"photo": tensor(photo), "strength": tensor([0.6])}
    wanted = painted(network, photo, code, 0.6)
    found = to_host(PortablePainter(network, rows_of(code))(x)["pastiche"])
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert np.abs(found - photo).mean() > 0.02
    seen = PortableEncoder(network)({"style": tensor(photo_of(size, 7))})
    other = moments_of(network.encode(tensor(photo_of(size, 7))))
    for layer, rows in rows_of(other).items():
        np.testing.assert_allclose(to_host(seen[layer])[0], rows, atol=1e-5)
    found = to_host(PortablePainter(network)({**x, **seen})["pastiche"])
    np.testing.assert_allclose(found, painted(network, photo, other, 0.6), atol=1e-3)


def test_maps_without_eigenvalues(network, code):
    """Also for grays, photos of one color and photos with fewer positions than channels."""
    painter = PortablePainter(network, rows_of(code), iterative=True)
    gray = np.repeat(photo_of((64, 64))[..., :1], 3, axis=3)
    for photo in (photo_of((160, 128)), gray, 0.4 + 0.01 * gray, 0.3 + 0 * gray, photo_of((32, 32))):
        found = to_host(painter({"photo": tensor(photo), "strength": tensor([0.5])})["pastiche"])
        np.testing.assert_allclose(found, painted(network, photo, code, 0.5), atol=2 / 255)


def test_the_ending_is_the_format():
    for name, form in (("a.onnx", ".onnx"), ("a.TFLITE", ".tflite"), ("folder", "saved_model")):
        assert export_format(Path(name)) == form
    with pytest.raises(SettingError, match=r"not 'a\.onxx'; did you mean '\.onnx'\?"):
        export_format(Path("a.onxx"))


def test_the_any_style_network_becomes_two_files():
    assert export_paths(Path("out/a.onnx"), False) == (Path("out/a.onnx"),)
    names = [str(path) for path in export_paths(Path("out/a.onnx"), True)]
    assert names == ["out/a-encoder.onnx", "out/a-painter.onnx"]


def test_what_cannot_be_exported(network, code, tmp_path):
    with pytest.raises(SettingError, match="at least 32 px, not 64 x 16"):
        export_style(network, tmp_path / "a.onnx", statistics=code, size=(16, 64))
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError, match="already exists"):
        export_style(network, tmp_path / "taken", statistics=code)
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    other = replace(network, encoder=replace(network.encoder, padding="zero"))
    with pytest.raises(SettingError, match="padding reflect and pool_rounding floor, not zero and floor"):
        export_style(other, tmp_path / "a.onnx", statistics=code)


def test_without_onnx_the_extra_is_named(network, code, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(EngineError, match="pip install onnx onnxruntime"):
        export_style(network, tmp_path / "a.onnx", statistics=code)


def test_onnx_paints_as_the_engine(network, code, tmp_path):
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    (export,) = export_style(network, tmp_path / "waves.onnx", statistics=code, words={"licence": "CC0-1.0"})
    assert export.difference < 1e-3
    session = runtime.InferenceSession(tmp_path / "waves.onnx", providers=["CPUExecutionProvider"])
    for index, size in enumerate(SIZES):
        for strength in (0.0, 0.05, 0.5, 1.0):
            photo = photo_of(size, index)
            (found,) = session.run(None, {"photo": photo, "strength": strength_of(strength)})
            np.testing.assert_allclose(found, painted(network, photo, code, strength), atol=1e-3)
    two = np.concatenate([photo_of((40, 40), 1), photo_of((40, 40), 2)])
    (found,) = session.run(None, {"photo": two, "strength": np.array([0.2, 0.9], np.float32)})
    np.testing.assert_allclose(found[1:], painted(network, two[1:], code, 0.9), atol=1e-3)
    record = {p.key: p.value for p in onnx.load(tmp_path / "waves.onnx").metadata_props}
    assert record == dict(export.record)
    assert (record["name"], record["licence"], record["sha256"]) == ("onepass", "CC0-1.0", network.sha256)
    assert float(record["largest_difference"]) < 1e-3 and "onnxruntime" in record["checked_with"]


def test_onnx_of_the_any_style_network(network, tmp_path):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    exports = export_style(network, tmp_path / "any.onnx")
    assert max(export.difference for export in exports) < 2e-3
    looker, painter = (
        runtime.InferenceSession(export.path, providers=["CPUExecutionProvider"]) for export in exports
    )
    names = [output.name for output in looker.get_outputs()]
    for size in SIZES:
        style, photo = photo_of(size, 7), photo_of((56, 33), 8)
        rows = dict(zip(names, looker.run(names, {"style": style}), strict=True))
        wanted = moments_of(network.encode(tensor(style)))
        for layer, values in rows_of(wanted).items():
            np.testing.assert_allclose(rows[layer][0], values, atol=1e-5)
        (found,) = painter.run(None, {"photo": photo, "strength": strength_of(0.7), **rows})
        np.testing.assert_allclose(found, painted(network, photo, wanted, 0.7), atol=2e-3)


def test_onnx_of_a_fixed_size(network, code, tmp_path):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    export_style(network, tmp_path / "fixed.onnx", statistics=code, size=(40, 52))
    session = runtime.InferenceSession(tmp_path / "fixed.onnx", providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape[1:] == [40, 52, 3]
    (found,) = session.run(None, {"photo": photo_of((40, 52)), "strength": strength_of(0.5)})
    np.testing.assert_allclose(found, painted(network, photo_of((40, 52)), code, 0.5), atol=1e-3)
    with pytest.raises(Exception, match="INVALID_ARGUMENT"):
        session.run(None, {"photo": photo_of((48, 52)), "strength": strength_of(0.5)})


@pytest.mark.parametrize("wrong", [0.2, float("nan")])
def test_a_graph_that_computes_something_else_is_not_written(network, code, tmp_path, monkeypatch, wrong):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(
        "impasto.export.onnx_graph.AMOUNT", wrong
    )  # as a graph written for another version has
    with pytest.raises(EngineError, match=r"differs from the engine by .* / 255, where 2 / 255"):
        export_style(network, tmp_path / "wrong.onnx", statistics=code)
    assert not (tmp_path / "wrong.onnx").exists()


def test_the_example_runs_without_impasto(network, code, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    assert "impasto" not in EXAMPLE.read_text().split('"""')[2]
    export_style(network, tmp_path / "waves.onnx", statistics=code)
    Image.fromarray((picture(50, 71) * 255).astype(np.uint8)).save(tmp_path / "photo.png")
    command = [sys.executable, EXAMPLE, "waves.onnx", "photo.png", "pastiche.png", "80"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    photo = np.asarray(Image.open(tmp_path / "photo.png"), np.float32)[None] / 255
    shown = np.asarray(Image.open(tmp_path / "pastiche.png"), np.float32) / 255
    assert np.abs(shown - painted(network, photo, code, 0.8)[0]).max() < 1.5 / 255


@pytest.mark.slow
@pytest.mark.parametrize("size", [None, (160, 128)])
def test_litert_paints_as_the_engine(network, code, tmp_path, size):
    from tensorflow import lite

    (export,) = export_style(network, tmp_path / "waves.tflite", statistics=code, size=size)
    assert export.difference < LARGEST_DIFFERENCE
    interpreter = lite.Interpreter(model_path=str(tmp_path / "waves.tflite"))
    assert not any(op["op_name"].startswith("Flex") for op in interpreter._get_ops_details())
    run = interpreter.get_signature_runner()
    for shape in [size] if size else SIZES:
        found = run(photo=photo_of(shape), strength=strength_of(0.4))["pastiche"]
        np.testing.assert_allclose(found, painted(network, photo_of(shape), code, 0.4), atol=2 / 255)
    with zipfile.ZipFile(tmp_path / "waves.tflite") as archive:
        assert json.loads(archive.read("impasto.json")) == dict(export.record)


@pytest.mark.slow
def test_a_saved_model_paints_as_the_engine(network, code, tmp_path):
    import tensorflow as tf

    (export,) = export_style(network, tmp_path / "waves", statistics=code)
    loaded = tf.saved_model.load(str(tmp_path / "waves"))
    for size in SIZES:
        found = loaded.serve({"photo": photo_of(size), "strength": strength_of(0.4)})["pastiche"].numpy()
        np.testing.assert_allclose(found, painted(network, photo_of(size), code, 0.4), atol=1e-3)
    extra = tmp_path / "waves" / "assets.extra" / "impasto.json"
    assert json.loads(extra.read_text()) == dict(export.record)
    exports = export_style(network, tmp_path / "any")
    assert all(export.path.is_dir() for export in exports)
    loaded = tf.saved_model.load(str(exports[0].path))
    seen = loaded.serve({"style": photo_of((50, 44))})
    for layer, rows in rows_of(moments_of(network.encode(tensor(photo_of((50, 44)))))).items():
        np.testing.assert_allclose(seen[layer].numpy()[0], rows, atol=1e-5)
