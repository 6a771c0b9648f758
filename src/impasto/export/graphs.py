"""The graphs that are exported: what each takes, what the engine makes of it, and how it is compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto import __version__
from impasto.engine.gradients import to_host
from impasto.errors import EngineError
from impasto.export import onnx_networks
from impasto.export.keras_models import PortableEncoder, PortablePainter, rows_of
from impasto.onepass.network import OnePassNetwork
from impasto.onepass.painter import WEAKEST
from impasto.onepass.transfer import STATISTICS_LAYERS, Maps, Moments, amount_at, moments_of, transfer_maps

Arrays = dict[str, NDArray[np.float32]]
Run = Callable[[Arrays], Arrays]
Shape = tuple[int | None, int | None]
Inputs = Mapping[str, tuple[int | None, ...]]

LARGEST_DIFFERENCE = 2 / 255
CHECKED_SHAPES = ((176, 200), (187, 181))
CHECKED_STRENGTHS = (0.5, 1.0)


@dataclass(frozen=True, kw_only=True)
class ExportedGraph:
    """What is to be exported, as ONNX needs it.

    Attributes:
        onnx: makes the ONNX model.
        engine: computes the outputs by name from the inputs.
        inputs: shapes by name, None where any size will do.
        examples: inputs on which it is compared with the engine.
        words: stored with it.
    """

    onnx: Callable[[], Any]
    engine: Run
    inputs: Inputs
    examples: tuple[Arrays, ...]
    words: Mapping[str, str]

    def record(self, run: Run, checked_with: str) -> tuple[float, dict[str, str]]:
        """Compare what was exported with the engine; return the difference and what to store.

        Raises:
            EngineError: they differ by more than 2 / 255.
        """
        difference = 0.0
        for example in self.examples:
            outputs = run(example)
            for name, wanted in self.engine(example).items():
                scale = max(1.0, float(np.abs(wanted).max()))
                apart = float(np.abs(outputs[name] - wanted).max()) / scale
                difference = apart if not apart <= difference else difference  # NaN stays
        if not difference <= LARGEST_DIFFERENCE:
            raise EngineError(
                "the exported graph, run by {checked_with}, differs from the engine by "
                "{difference:.1f} / 255, where 2 / 255 is allowed; nothing is written",
                checked_with=checked_with,
                difference=255 * difference,
            )
        return difference, {k: v for k, v in self.words.items() if v} | {
            "impasto": __version__,
            "keras": keras.__version__,
            "engine": keras.backend.backend(),
            "checked_with": checked_with,
            "largest_difference": f"{difference:.2g}",
            "pictures": "float32 (batch, height, width, 3), sRGB in [0, 1]; strength in [0, 1]",
        }


@dataclass(frozen=True, kw_only=True)
class PortableGraph(ExportedGraph):
    """The same as Keras' exporters need it, too.

    Attributes:
        model: makes the Keras model, without eigenvalues if true is given.
    """

    model: Callable[[bool], keras.Model]

    def signature(self) -> list[dict[str, Any]]:
        """Return the inputs as Keras' exporters take them."""
        return [
            {
                name: keras.InputSpec(shape=shape, dtype="float32", name=name)
                for name, shape in self.inputs.items()
            }
        ]


def encoder(network: OnePassNetwork, words: Mapping[str, str]) -> PortableGraph:
    """Return what looks at a picture: ``style`` in, moments by layer out."""
    inputs = {"style": (1, None, None, 3)}
    return PortableGraph(
        onnx=lambda: onnx_networks.encoder_graph(network),
        model=lambda iterative: PortableEncoder(network),
        engine=lambda example: rows_of_batch(network, example["style"]),
        inputs=inputs,
        examples=_examples(inputs),
        words=words,
    )


def whole(
    network: OnePassNetwork, shape: Shape, words: Mapping[str, str], statistics: Moments | None
) -> PortableGraph:
    """Return what paints a photo at a strength, in one style or, but for ONNX, in that of given moments."""
    inputs = _photo_inputs(shape)
    if statistics is None:
        inputs |= _row_inputs(network)
    rows = None if statistics is None else rows_of(statistics)

    def engine(example: Arrays) -> Arrays:
        style = statistics or _moments_in(example)
        features = network.encode(ops.convert_to_tensor(example["photo"]))
        return _painted(network, example, transfer_maps(moments_of(features), style))

    return PortableGraph(
        onnx=lambda: onnx_networks.whole_graph(network, rows or {}),
        model=lambda iterative: PortablePainter(network, rows, iterative),
        engine=engine,
        inputs=inputs,
        examples=tuple(
            example if rows else example | _rows_of_noise(network, seed)
            for seed, example in enumerate(_examples(inputs))
        ),
        words=words,
    )


def maps(network: OnePassNetwork, words: Mapping[str, str]) -> ExportedGraph:
    """Return what finds the maps from a photo's moments to a style's; for ONNX."""
    rows = _row_inputs(network)
    inputs = {f"{of}_{layer}": shape for of in ("photo", "style") for layer, shape in rows.items()}

    def example(seed: int) -> Arrays:
        pair = {"photo": _rows_of_noise(network, seed), "style": _rows_of_noise(network, seed + 1)}
        return {f"{of}_{layer}": value for of, by_layer in pair.items() for layer, value in by_layer.items()}

    return ExportedGraph(
        onnx=lambda: onnx_networks.maps_graph(network),
        engine=lambda e: _map_rows(transfer_maps(_moments_in(e, "photo_"), _moments_in(e, "style_"))),
        inputs=inputs,
        examples=(example(0), example(2)),
        words=words,
    )


def painter(network: OnePassNetwork, shape: Shape, words: Mapping[str, str]) -> ExportedGraph:
    """Return what paints a photo at a strength by given maps; for ONNX."""
    length = 2 * sum(width for _, _, width in _row_inputs(network).values())
    inputs = _photo_inputs(shape) | _row_inputs(network) | {"statistics": (1, 2, length)}

    def engine(example: Arrays) -> Arrays:
        maps = {k: (example[k][:, :-1], example[k][:, -1]) for k in STATISTICS_LAYERS}
        pair = example["statistics"][:, 0], example["statistics"][:, 1]
        return _painted(network, example, {**maps, "statistics": pair})

    def with_maps(example: Arrays, seed: int) -> Arrays:
        photo = moments_of(network.encode(ops.convert_to_tensor(example["photo"])))
        return example | _map_rows(transfer_maps(photo, _moments_in(_rows_of_noise(network, seed))))

    return ExportedGraph(
        onnx=lambda: onnx_networks.painter_graph(network),
        engine=engine,
        inputs=inputs,
        examples=tuple(with_maps(example, seed) for seed, example in enumerate(_examples(inputs))),
        words=words,
    )


def rows_of_batch(network: OnePassNetwork, style: NDArray[np.float32]) -> Arrays:
    """Return a style's moments by layer, as graphs take them, float32 (1, c + 1, c).

    Args:
        network: of any style.
        style: float32 (1, height, width, 3), sRGB in [0, 1].
    """
    statistics = moments_of(network.encode(ops.convert_to_tensor(style)))
    return {layer: rows[None] for layer, rows in rows_of(statistics).items()}


def _photo_inputs(shape: Shape) -> dict[str, tuple[int | None, ...]]:
    return {"photo": (1, *shape, 3), "strength": (1,)}


def _row_inputs(network: OnePassNetwork) -> dict[str, tuple[int, int, int]]:
    widths = {k: int(network.weights[f"scale/{k}"].shape[0]) for k in STATISTICS_LAYERS}
    return {layer: (1, width + 1, width) for layer, width in widths.items()}


def _moments_in(example: Arrays, prefix: str = "") -> Moments:
    rows = {layer: example[prefix + layer] for layer in STATISTICS_LAYERS}
    return {layer: (value[:, -1], value[:, :-1]) for layer, value in rows.items()}


def _map_rows(maps: Maps) -> Arrays:
    """Return maps as graphs take them: by layer (1, c + 1, c), the offset last; ``statistics`` (1, 2, n)."""
    rows = {
        layer: np.concatenate([to_host(maps[layer][0]), to_host(maps[layer][1])[:, None]], axis=1)
        for layer in STATISTICS_LAYERS
    }
    return rows | {"statistics": np.stack([to_host(one) for one in maps["statistics"]], axis=1)}


def _painted(network: OnePassNetwork, example: Arrays, maps: Maps) -> Arrays:
    photo, strength = example["photo"], example["strength"]
    features = network.encode(ops.convert_to_tensor(photo))
    painted = to_host(network.paint(features, maps, ops.convert_to_tensor(amount_at(strength))))
    opacity = np.minimum(1, strength / WEAKEST)[:, None, None, None]
    return {"pastiche": np.clip(photo + opacity * (painted - photo), 0, 1)}


def _examples(inputs: Inputs) -> tuple[Arrays, ...]:
    """Return pictures and strengths on which an export is checked: coarse noise of two sizes, or of one."""
    rng, examples = np.random.default_rng(0), []
    for shape, strength in zip(CHECKED_SHAPES, CHECKED_STRENGTHS, strict=True):
        example: Arrays = {}
        for name in inputs.keys() & {"photo", "style"}:
            example[name] = _noise(rng, (inputs[name][1] or shape[0], inputs[name][2] or shape[1]))
        if "strength" in inputs:
            example["strength"] = np.full(1, strength, np.float32)
        examples.append(example)
    return tuple(examples)


def _rows_of_noise(network: OnePassNetwork, seed: int) -> Arrays:
    return rows_of_batch(network, _noise(np.random.default_rng(100 + seed), CHECKED_SHAPES[seed % 2]))


def _noise(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    coarse = rng.uniform(0, 1, (shape[0] // 4 + 1, shape[1] // 4 + 1, 3))
    return np.kron(coarse, np.ones((4, 4, 1)))[None, : shape[0], : shape[1]].astype(np.float32)
