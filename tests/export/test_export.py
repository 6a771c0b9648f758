"""Exported styles compute what the engine computes, at any size, and say what they are."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from conftest import modulating, picture, tensor, tiny_weights
from impasto import gallery, stylize
from impasto.engine.gradients import to_host
from impasto.errors import EngineError, OutputError, SettingError
from impasto.export.formats import _LiteRunner, export_format, export_paths, export_style
from impasto.export.graphs import LARGEST_DIFFERENCE
from impasto.export.keras_models import PortableEncoder, PortablePainter, rows_of
from impasto.networks.feature_network import FeatureNetwork
from impasto.onepass.network import OnePassNetwork, encoder_widths, new_onepass_network
from impasto.onepass.painter import load_onepass_network
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
    arrays = modulating(new_onepass_network(5, encoder_widths(encoder)))
    weights = {k: tensor(v) for k, v in arrays.items()}
    return OnePassNetwork(name="onepass", encoder=encoder, weights=weights, sha256="cd" * 32)


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


def test_the_any_style_network_becomes_several_files():
    assert export_paths(Path("out/a.onnx"), False) == (Path("out/a.onnx"),)
    names = [str(path) for path in export_paths(Path("out/a.tflite"), True)]
    assert names == ["out/a-encoder.tflite", "out/a-painter.tflite"]
    names = [str(path) for path in export_paths(Path("out/a.onnx"), True)]
    assert names == ["out/a-encoder.onnx", "out/a-maps.onnx", "out/a-painter.onnx"]


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


class Exported:
    """The three graphs of the any-style network, run by onnxruntime."""

    def __init__(self, network, folder):
        runtime = pytest.importorskip("onnxruntime")
        self.exports = export_style(network, folder / "any.onnx")
        self.sessions = [
            runtime.InferenceSession(export.path, providers=["CPUExecutionProvider"])
            for export in self.exports
        ]

    def run(self, index, **inputs):
        session = self.sessions[index]
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, inputs), strict=True))

    def maps(self, photo, style):
        pair = {"photo": self.run(0, style=photo), "style": self.run(0, style=style)}
        return self.run(1, **{f"{of}_{k}": v for of, found in pair.items() for k, v in found.items()})

    def paint(self, photo, style, strength):
        found = self.maps(photo, style)
        return self.run(2, photo=photo, strength=strength_of(strength), **found)["pastiche"]


def test_onnx_of_the_any_style_network(network, tmp_path):
    pytest.importorskip("onnx")
    exported = Exported(network, tmp_path)
    assert max(export.difference for export in exported.exports) < 2e-3
    for size in SIZES:
        style, photo = photo_of(size, 7), photo_of((56, 33), 8)
        wanted = moments_of(network.encode(tensor(style)))
        rows = exported.run(0, style=style)
        for layer, values in rows_of(wanted).items():
            np.testing.assert_allclose(rows[layer][0], values, atol=1e-5)
        maps = transfer_maps(moments_of(network.encode(tensor(photo))), wanted)
        found = exported.maps(photo, style)
        for layer, (matrix, offset) in ((k, maps[k]) for k in rows):
            np.testing.assert_allclose(found[layer][0, :-1], to_host(matrix)[0], atol=2e-3)
            np.testing.assert_allclose(found[layer][0, -1], to_host(offset)[0], atol=2e-3)
        seen = [to_host(one)[0] for one in maps["statistics"]]
        np.testing.assert_allclose(found["statistics"][0], seen, atol=1e-5)
        pastiche = exported.paint(photo, style, 0.7)
        np.testing.assert_allclose(pastiche, painted(network, photo, wanted, 0.7), atol=2e-3)


def test_onnx_of_two_photos_at_once(network, tmp_path):
    pytest.importorskip("onnx")
    exported = Exported(network, tmp_path)
    photos, styles = (np.concatenate([photo_of((40, 48), n) for n in pair]) for pair in ((1, 2), (7, 8)))
    found = exported.run(2, photo=photos, strength=np.float32([0.3, 0.8]), **exported.maps(photos, styles))[
        "pastiche"
    ]
    for index, strength in enumerate((0.3, 0.8)):
        wanted = painted(
            network, photos[[index]], moments_of(network.encode(tensor(styles[[index]]))), strength
        )
        np.testing.assert_allclose(found[[index]], wanted, atol=2e-3)


def test_onnx_of_the_embedded_network_fits_a_browser(tmp_path):
    """Few nodes, float32 alone, nothing that loops, no attribute that a WebGPU engine misses; 6 MB."""
    onnx = pytest.importorskip("onnx")
    network = load_onepass_network("float32")
    exported = Exported(network, tmp_path)
    encoder, maps, painter = (onnx.load(export.path) for export in exported.exports)
    assert sum(exported.exports[index].path.stat().st_size for index in (0, 2)) < 6e6
    for model, most in ((encoder, 120), (maps, 400), (painter, 350)):
        assert len(model.graph.node) < most
    kinds = onnx.TensorProto
    for graph in (encoder.graph, painter.graph):
        assert not {node.op_type for node in graph.node} & {"Loop", "If", "Scan"}
        small = {one.name for one in graph.initializer if one.data_type == kinds.FLOAT16}
        for node in graph.node:
            assert (node.op_type == "Cast") == bool(small & set(node.input))  # no number made of a Shape
            assert len(node.output) == 1  # a shader has few buffers
            if node.op_type == "Conv":
                words = {"kernel_shape", "strides", "dilations", "pads", "group"}
                assert {attribute.name for attribute in node.attribute} == words
        others = {one.data_type for one in graph.initializer if one.name not in small}
        inferred = onnx.shape_inference.infer_shapes(onnx.helper.make_model(graph), strict_mode=True).graph
        values = [*inferred.input, *inferred.output, *inferred.value_info]
        assert {value.type.tensor_type.elem_type for value in values} | others == {kinds.FLOAT, kinds.INT64}
    photo, style = picture(96, 120, 1), gallery.style_pixels("swirls", 120)  # as large as the photo
    wanted = stylize(photo, style, method="onepass", precision="float32", strength=60).pixels
    found = exported.paint(photo[None], style[None].astype(np.float32), 0.6)[0]
    assert np.abs(found - wanted).max() < 0.5 / 255
    assert np.abs(found - photo).mean() > 0.03


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
        "impasto.export.onnx_networks.AMOUNT", wrong
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


def test_who_exports_is_not_told_what_tensorflow_will_change():
    signature = {"serving_default": None}

    def interpreter(model_content):
        warnings.warn("tf.lite.Interpreter is deprecated", UserWarning, stacklevel=2)
        return SimpleNamespace(
            get_signature_list=lambda: signature, get_signature_runner=lambda name: (name, model_content)
        )

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runner = _LiteRunner(SimpleNamespace(Interpreter=interpreter), b"model")
    assert runner._run == ("serving_default", b"model")
