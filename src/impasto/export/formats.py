"""Styles for other programs: ONNX, LiteRT (.tflite) and TensorFlow's SavedModel.

A style of one's own becomes one graph: photo and strength in, pastiche out. The any-style network
becomes two, ``NAME-encoder`` (style in, its moments out) and ``NAME-painter`` (these, photo and strength
in, pastiche out), so that a style is looked at once, and styles are blended by the means of what the
encoder gives. In ONNX it becomes three: between them ``NAME-maps`` takes the moments of photo and style
to maps, so that the painter is plain enough for a browser's GPU.

Strengths are in [0, 1] (the settings' 0..100 divided by 100); pictures are float32 (batch, height, width,
3), sRGB in [0, 1], of any size from 32 px up unless a size is fixed. LiteRT and SavedModel take one
picture at a time; LiteRT is exact to 2 / 255 from about 200 px up (see `keras_models`).

ONNX is written by `onnx_networks`, the other two by Keras' own exporters (`keras.Model.export`), which
were seen to work with Keras 3.15.1 and TensorFlow 2.21; ONNX with onnx 1.23 and onnxruntime 1.32. Every
graph is run on two pictures before its file takes its place, and compared with the engine.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
from keras import ops

from impasto.engine import runtime
from impasto.engine.gradients import to_host
from impasto.errors import Argument, EngineError, OutputError, SettingError, did_you_mean
from impasto.export import graphs
from impasto.export.graphs import Arrays, ExportedGraph, Inputs, PortableGraph
from impasto.export.onnx_graph import import_onnx
from impasto.export.onnx_networks import PICTURE
from impasto.files import write_whole
from impasto.layers import ONEPASS_MINIMUM_SIDE
from impasto.networks.feature_network import Tensor
from impasto.onepass.network import OnePassNetwork
from impasto.onepass.transfer import Moments

FORMATS = (".onnx", ".tflite", "saved_model")
RECORD = "impasto.json"


@dataclass(frozen=True, kw_only=True)
class Export:
    """A file or folder that was written.

    Attributes:
        path: where it is.
        difference: the largest difference from the engine, in units of the picture's range (for an
            encoder, of the largest value).
        record: what is stored with it: versions, licence, sha256 and the check.
    """

    path: Path
    difference: float
    record: Mapping[str, str]


def export_style(
    network: OnePassNetwork,
    path: str | Path,
    *,
    statistics: Moments | None = None,
    words: Mapping[str, str] | None = None,
    size: tuple[int, int] | None = None,
) -> list[Export]:
    """Write a style, or the any-style network, for other programs.

    Args:
        network: of a style of one's own (`StyleFile.network`), or of any style.
        path: ends in .onnx or .tflite, or is the name of a folder, which becomes a SavedModel. The
            graphs of the any-style network get -encoder, -maps (ONNX) and -painter into their names.
        statistics: the style of one's own (`StyleFile.statistics`); None for any style.
        words: more to be stored with it, such as the licence.
        size: (height, width) of the photos in pixels, fixed; by default any size will do.

    Returns:
        What was written, with the largest difference from the engine.

    Raises:
        SettingError: the format is unknown, the size too small or the feature network not the usual one.
        EngineError: the engine is not TensorFlow (needed but for ONNX), a package is missing, or what
            was written computes something else than the engine.
        OutputError: a file cannot be written.
    """
    path, shape = Path(path), size or (None, None)
    form = export_format(path)
    _check_size(size)
    write: Callable[[Any, Path], Export] = {
        ".onnx": _write_onnx,
        ".tflite": _write_litert,
        "saved_model": _write_saved_model,
    }[form]
    if form != ".onnx" and runtime.start_engine() != "tensorflow":
        raise EngineError("exporting to {form} needs the engine tensorflow; unset KERAS_BACKEND", form=form)
    network = _in_float32(network)
    known = {"name": network.name, "sha256": network.sha256, "encoder_sha256": network.encoder.sha256}
    known |= words or {}
    if statistics is not None:
        return [write(graphs.whole(network, shape, known, statistics), path)]
    parts = _any_style_parts(network, form, shape, known)
    return [write(part, one) for part, one in zip(parts, export_paths(path, any_style=True), strict=True)]


def _any_style_parts(
    network: OnePassNetwork, form: str, shape: graphs.Shape, words: Mapping[str, str]
) -> list[ExportedGraph]:
    """Return the any-style network's graphs in the order of `export_paths`."""
    encoder = graphs.encoder(network, words)
    if form != ".onnx":
        return [encoder, graphs.whole(network, shape, words, None)]
    return [encoder, graphs.maps(network, words), graphs.painter(network, shape, words)]


def export_paths(path: Path, any_style: bool) -> tuple[Path, ...]:
    """Return what `export_style` writes: one path, or two for the any-style network, for ONNX three."""
    if not any_style:
        return (path,)
    parts = ("encoder", "maps", "painter") if export_format(path) == ".onnx" else ("encoder", "painter")
    return tuple(path.with_name(f"{path.stem}-{part}{path.suffix}") for part in parts)


def _check_size(size: tuple[int, int] | None) -> None:
    if size and min(size) < ONEPASS_MINIMUM_SIDE:
        raise SettingError(
            "{name} must have sides of at least {least} px, not {width} x {height}",
            name=Argument("size"),
            least=ONEPASS_MINIMUM_SIDE,
            width=size[1],
            height=size[0],
        )


def export_format(path: Path) -> str:
    """Return a path's format, out of `FORMATS`.

    Raises:
        SettingError: its ending is unknown.
    """
    suffix = path.suffix.lower()
    if suffix in (".onnx", ".tflite"):
        return suffix
    if suffix:
        raise SettingError(
            "an export must end in .onnx or .tflite, or be a folder's name without an ending for "
            "a SavedModel, not {name!r}{hint}",
            name=path.name,
            hint=did_you_mean(suffix, FORMATS),
        )
    return "saved_model"


def _write_onnx(graph: ExportedGraph, path: Path) -> Export:
    import_onnx()
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineError("exporting to ONNX needs onnxruntime: pip install onnxruntime") from error
    model = graph.onnx()
    _fix_sizes(model, graph.inputs)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    difference, record = graph.record(
        lambda example: dict(zip(names, session.run(None, example), strict=True)),
        f"onnxruntime {onnxruntime.__version__}",
    )
    for key, value in record.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    write_whole(path, lambda file: file.write(model.SerializeToString()))
    return Export(path=path, difference=difference, record=record)


def _write_litert(graph: PortableGraph, path: Path) -> Export:
    from tensorflow import lite

    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "graph.tflite"
        _export(graph, saved, "litert")
        content = saved.read_bytes()
    runner = _LiteRunner(lite, content)
    version = importlib.metadata.version(_tensorflow_package())
    difference, record = graph.record(runner, f"TensorFlow {version}'s LiteRT interpreter")
    # As LiteRT's own metadata has it, files that belong to a model are a zip archive at its end.
    whole = io.BytesIO()
    whole.write(content)
    with zipfile.ZipFile(whole, "a") as archive:
        archive.writestr(RECORD, json.dumps(record, indent=1))
    write_whole(path, lambda file: file.write(whole.getvalue()))
    return Export(path=path, difference=difference, record=record)


def _write_saved_model(graph: PortableGraph, path: Path) -> Export:
    if os.path.exists(path):
        raise OutputError("{path} already exists; choose another name for the SavedModel's folder", path=path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            saved = Path(folder) / "saved_model"
            _export(graph, saved, "tf_saved_model")
            layer = keras.layers.TFSMLayer(str(saved), call_endpoint="serve")
            version = importlib.metadata.version(_tensorflow_package())
            difference, record = graph.record(
                lambda example: _on_host(layer({k: ops.convert_to_tensor(v) for k, v in example.items()})),
                f"TensorFlow {version}",
            )
            extra = saved / "assets.extra"
            extra.mkdir()
            (extra / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
            saved.rename(path)
    except OSError as error:
        raise OutputError(
            "{path} cannot be written: {reason}", path=path, reason=error.strerror or error
        ) from error
    return Export(path=path, difference=difference, record=record)


class _LiteRunner:
    """Runs a LiteRT model on pictures of any size that it takes."""

    def __init__(self, lite: Any, content: bytes) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that LiteRT will be a package of its own
            self._interpreter = lite.Interpreter(model_content=content)
        signature = next(iter(self._interpreter.get_signature_list()))
        self._run = self._interpreter.get_signature_runner(signature)

    def __call__(self, example: Arrays) -> Arrays:
        return dict(self._run(**example))


def _export(graph: PortableGraph, path: Path, form: str) -> None:
    try:
        graph.model(form == "litert").export(
            str(path), format=form, input_signature=graph.signature(), verbose=False
        )
    except ValueError as error:
        if "format" not in str(error):
            raise
        raise EngineError(
            "Keras {version} cannot export to {form}; install a newer one",
            version=keras.__version__,
            form=form,
        ) from error


def _fix_sizes(model: Any, inputs: Inputs) -> None:
    """Write fixed heights and widths into an ONNX model's inputs and output."""
    sizes = dict(zip(PICTURE, inputs.get("photo", ()), strict=False))
    for value in (*model.graph.input, *model.graph.output):
        for axis in value.type.tensor_type.shape.dim:
            if axis.dim_param in ("height", "width") and sizes.get(axis.dim_param):
                axis.dim_value = sizes[axis.dim_param]


def _on_host(outputs: Mapping[str, Tensor]) -> Arrays:
    return {name: to_host(value) for name, value in outputs.items()}


def _in_float32(network: OnePassNetwork) -> OnePassNetwork:
    weights, encoder_weights = (
        {name: ops.cast(value, "float32") for name, value in weights.items()}
        for weights in (network.weights, network.encoder.weights)
    )
    encoder = replace(network.encoder, weights=encoder_weights, dtype="float32")
    return replace(network, encoder=encoder, weights=weights)


def _tensorflow_package() -> str:
    """Return the name under which TensorFlow is installed."""
    names = importlib.metadata.packages_distributions().get("tensorflow", ["tensorflow"])
    return names[0]
