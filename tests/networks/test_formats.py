"""Readers of weights files. The networks are VGG-shaped but thin, unless a format fixes the widths.

None of them is VGG-19: the numbers are random, so that a reader that confuses two axes, layers or
channels is seen at once.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file
from scipy.io import savemat

from impasto.errors import WeightsError
from impasto.files import digest
from impasto.layers import CONVOLUTION_NAMES
from impasto.networks.formats import CAFFE_MEAN, Arrays, read_weights
from torch_fixtures import Tensor, write_torch_file

MEAN = np.array([120.0, 110.0, 100.0], np.float32)


def thin_layers(count: int = 16, seed: int = 0) -> Arrays:
    """Return random convolutions of 4 channels a layer, names as in the common form."""
    rng = np.random.default_rng(seed)
    weights: Arrays = {}
    for place, name in enumerate(CONVOLUTION_NAMES[:count]):
        inputs = 3 if place == 0 else 4
        weights[f"{name}/kernel"] = rng.normal(size=(3, 3, inputs, 4)).astype(np.float32)
        weights[f"{name}/bias"] = rng.normal(size=4).astype(np.float32)
    return weights


def write_mat(path: Path, layers: Arrays, fields: tuple[str, ...], *, new: bool, top: bool) -> Path:
    """Write MatConvNet's file with the struct fields in the given order; ``top`` adds layer fc6."""
    named = [(name, layers[f"{name}/kernel"], layers[f"{name}/bias"]) for name in CONVOLUTION_NAMES]
    if top:
        named.append(("fc6", np.ones((7, 7, 4, 5), np.float32), np.ones(5, np.float32)))
    cells = []
    for name, kernel, bias in named:
        pair = np.empty((1, 2), object)
        pair[0, 0], pair[0, 1] = kernel, bias.reshape((-1, 1) if new else (1, -1))
        words = {"name": name, "type": "conv", "weights": pair, "pad": np.ones(4), "stride": 1}
        words |= {"filters": kernel, "biases": bias}
        cells += [{field: words[field] for field in fields}]
        cells += [{"type": "relu", "name": name.replace("conv", "relu")}]
    row = np.empty((1, len(cells)), object)
    row[0, :] = cells
    image = MEAN.reshape(1, 1, 3) if new else np.broadcast_to(MEAN, (224, 224, 3))
    normalization = {"imageSize": [224, 224, 3], "averageImage": image}
    rest = {"meta": {"normalization": normalization}} if new else {"normalization": normalization}
    with path.open("wb") as file:
        savemat(file, {"layers": row, **rest})
    return path


def assert_layers_equal(found: Arrays, layers: Arrays) -> None:
    for name, array in layers.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_reading_formats_loads_no_keras() -> None:
    code = "import sys, impasto.networks.formats, impasto.networks.catalogue; print('keras' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("fields", "new", "top"),
    [
        (("weights", "name", "type"), False, False),
        (("weights", "pad", "stride", "name", "type"), False, True),
        (("name", "type", "weights", "pad"), True, True),
        (("type", "weights", "name"), True, False),
        (("biases", "name", "filters", "type"), False, True),
    ],
)
def test_mat_is_read_by_field_name(tmp_path: Path, fields: tuple[str, ...], new: bool, top: bool) -> None:
    layers = thin_layers()
    file = read_weights(write_mat(tmp_path / "x.mat", layers, fields, new=new, top=top))
    assert (file.format, file.family, file.layers) == ("mat", "caffe", CONVOLUTION_NAMES)
    assert_layers_equal(dict(file.weights), layers)
    np.testing.assert_allclose(file.weights["preprocess/bias"], -MEAN)
    np.testing.assert_array_equal(file.weights["preprocess/kernel"][0, 0], np.diag([255.0] * 3))


def test_mat_of_something_else_is_refused(tmp_path: Path) -> None:
    savemat(tmp_path / "x.mat", {"a": np.ones(3)})
    with pytest.raises(WeightsError, match="without MatConvNet's variable 'layers'"):
        read_weights(tmp_path / "x.mat")


def thin_keras_model(layers: Arrays, *, top: bool):
    """Return a model built as keras.applications builds VGG19: same names, kinds and order."""
    import keras

    x = inputs = keras.Input((32, 32, 3))
    for name in CONVOLUTION_NAMES:
        label = f"block{name[4]}_conv{name[6]}"
        x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name=label)(x)
        if CONVOLUTION_NAMES[(CONVOLUTION_NAMES.index(name) + 1) % 16][4] != name[4]:
            x = keras.layers.MaxPooling2D(2, 2, name=f"block{name[4]}_pool")(x)
    if top:
        x = keras.layers.Dense(6, name="fc1")(keras.layers.Flatten(name="flatten")(x))
    model = keras.Model(inputs, x, name="vgg19")
    for name in CONVOLUTION_NAMES:
        kernel, bias = layers[f"{name}/kernel"], layers[f"{name}/bias"]
        order = -1 if name == "conv1_1" else 1  # Keras' file is for BGR
        conv = model.get_layer(f"block{name[4]}_conv{name[6]}")
        conv.set_weights([kernel[:, :, ::order], bias])
    return model


@pytest.mark.parametrize("top", [False, True])
@pytest.mark.parametrize("suffix", ["weights.h5", "h5"])
def test_keras_files_are_read(tmp_path: Path, suffix: str, top: bool) -> None:
    layers = thin_layers(seed=1)
    model, path = thin_keras_model(layers, top=top), tmp_path / f"x.{suffix}"
    model.save_weights(path) if suffix == "weights.h5" else model.save(path)
    file = read_weights(path)
    assert (file.format, file.family, file.layers) == ("hdf5", "caffe", CONVOLUTION_NAMES)
    assert_layers_equal(dict(file.weights), layers)
    np.testing.assert_allclose(file.weights["preprocess/bias"], -np.float32(CAFFE_MEAN))


def test_the_published_keras_layout_is_read(tmp_path: Path) -> None:
    """Groups by layer at the top, datasets block1_conv1_W_1:0, as in Keras' file of 2016."""
    layers, path = thin_layers(seed=2), tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        for name in CONVOLUTION_NAMES:
            label = f"block{name[4]}_conv{name[6]}"
            order = -1 if name == "conv1_1" else 1
            file[f"{label}/{label}_W_1:0"] = layers[f"{name}/kernel"][:, :, ::order]
            file[f"{label}/{label}_b_1:0"] = layers[f"{name}/bias"]
        file.create_group("block1_pool")
    assert_layers_equal(dict(read_weights(path).weights), layers)


def test_a_true_size_keras_vgg19_is_read(tmp_path: Path) -> None:
    import keras

    keras.utils.set_random_seed(3)
    model = keras.applications.VGG19(weights=None, include_top=False)
    path = tmp_path / "x.weights.h5"
    model.save_weights(path)
    file = read_weights(path)
    assert file.vgg19_shaped
    assert file.parameters == model.count_params() == 20_024_384
    for name in ("conv1_2", "conv3_3", "conv5_4"):
        conv = model.get_layer(f"block{name[4]}_conv{name[6]}")
        np.testing.assert_array_equal(file.weights[f"{name}/kernel"], conv.get_weights()[0])


def state_dict(layers: Arrays, pattern: str, *, numbered: bool) -> Arrays:
    """Return PyTorch's names and axes: OIHW; ``pattern`` takes the number or the name."""
    found = {}
    for place, name in enumerate(layer[:-7] for layer in layers if layer.endswith("/kernel")):
        label = pattern.format(3 * place + 7 if numbered else name)
        kernel = layers[f"{name}/kernel"].transpose(3, 2, 0, 1)
        found[f"{label}.weight"] = np.ascontiguousarray(kernel)
        found[f"{label}.bias"] = layers[f"{name}/bias"]
    return found


@pytest.mark.parametrize(("pattern", "numbered"), [("features.{}", True), ("{}", True), ("vgg.{}", False)])
def test_state_dicts_are_read(tmp_path: Path, pattern: str, numbered: bool) -> None:
    layers = thin_layers(seed=4)
    state = state_dict(layers, pattern, numbered=numbered)
    state |= {
        "classifier.0.weight": np.ones((5, 4), np.float32),
        "pre.fc1.weight": np.ones((1,) * 4),
    }
    save_file(state, tmp_path / "x.safetensors")
    file = read_weights(tmp_path / "x.safetensors")
    assert (file.format, file.family, file.layers) == ("safetensors", "torchvision", CONVOLUTION_NAMES)
    assert_layers_equal(dict(file.weights), layers)
    white = file.weights["preprocess/kernel"][0, 0].sum(axis=0) + file.weights["preprocess/bias"]
    np.testing.assert_allclose(white, [0.515 / 0.229, 0.544 / 0.224, 0.594 / 0.225], rtol=1e-5)


def test_a_leading_1x1_convolution_is_the_preprocessing(tmp_path: Path) -> None:
    """AdaIN's normalized VGG: its first convolution makes BGR of RGB; the reader undoes both."""
    layers = thin_layers(seed=5)
    bgr = layers | {"conv1_1/kernel": layers["conv1_1/kernel"][:, :, ::-1]}
    state = state_dict(bgr, "{}", numbered=True)
    turn = np.array([[0, 0, 255], [0, 255, 0], [255, 0, 0]], np.float32)  # rows: B, G, R
    state |= {"0.weight": turn[:, :, None, None], "0.bias": -MEAN[::-1].copy()}
    save_file(state, tmp_path / "x.safetensors")
    file = read_weights(tmp_path / "x.safetensors")
    assert_layers_equal(dict(file.weights), layers)
    np.testing.assert_array_equal(file.weights["preprocess/kernel"][0, 0], np.diag([255.0] * 3))
    np.testing.assert_array_equal(file.weights["preprocess/bias"], -MEAN)


@pytest.mark.parametrize("layout", ["old", "new"])
def test_a_pytorch_file_is_read_without_pytorch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    layers = thin_layers(seed=6)
    state = {
        name: Tensor(str(key), np.ascontiguousarray(array))
        for key, (name, array) in enumerate(state_dict(layers, "features.{}", numbered=True).items())
    }
    path = write_torch_file(tmp_path / "x.pth", state, layout, monkeypatch)
    assert_layers_equal(dict(read_weights(path).weights), layers)


def test_batch_normalized_vgg_is_refused(tmp_path: Path) -> None:
    state = state_dict(thin_layers(), "features.{}", numbered=True)
    save_file(state | {"features.1.running_mean": np.ones(4)}, tmp_path / "x.safetensors")
    with pytest.raises(WeightsError, match="batch normalization"):
        read_weights(tmp_path / "x.safetensors")


@pytest.mark.parametrize("pattern", ["conv{}_{}", "block{}_conv{}"])
def test_npz_is_read_with_either_names(tmp_path: Path, pattern: str) -> None:
    layers = thin_layers(seed=7)
    renamed = {pattern.format(name[4], name[6]) + name[7:]: a for name, a in layers.items()}
    np.savez(tmp_path / "x.npz", mean_rgb=MEAN, **renamed)
    file = read_weights(tmp_path / "x.npz")
    assert (file.format, file.family, file.notes) == ("npz", "caffe", ())
    assert_layers_equal(dict(file.weights), layers)
    np.testing.assert_array_equal(file.weights["preprocess/bias"], -MEAN)


def test_npz_keeps_heads_and_words(tmp_path: Path) -> None:
    layers = thin_layers(5)
    heads = {"expand1_1/kernel": np.ones((1, 1, 4, 8), np.float16), "expand1_1/bias": np.ones(8)}
    mixing = {"preprocess/kernel": np.ones((1, 1, 3, 3)), "preprocess/bias": np.zeros(3)}
    words = np.frombuffer(json.dumps({"padding": "reflect"}).encode(), np.uint8)
    np.savez(tmp_path / "x.npz", meta=words, **layers, **heads, **mixing)
    file = read_weights(tmp_path / "x.npz")
    assert (file.family, file.meta, file.layers) == (
        "distilled",
        {"padding": "reflect"},
        CONVOLUTION_NAMES[:5],
    )
    assert file.weights["expand1_1/kernel"].dtype == np.float32
    assert file.parameters == sum(a.size for a in (layers | heads).values())


def test_a_missing_mean_pixel_is_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", **thin_layers())
    file = read_weights(tmp_path / "x.npz")
    assert file.notes == ("the file names no mean pixel; ImageNet's was taken",)


@pytest.fixture
def every_kind(tmp_path: Path) -> dict[str, Path]:
    """One small good file of each kind."""
    layers = thin_layers()
    paths = {kind: tmp_path / f"good.{kind}" for kind in ("mat", "h5", "npz", "safetensors")}
    write_mat(paths["mat"], layers, ("name", "type", "weights"), new=True, top=False)
    thin_keras_model(layers, top=False).save(paths["h5"])
    np.savez(paths["npz"], mean_rgb=MEAN, **layers)
    save_file(state_dict(layers, "features.{}", numbered=True), paths["safetensors"])
    return paths


def test_a_renamed_file_is_known_by_its_content(every_kind: dict[str, Path]) -> None:
    kinds = {}
    for kind, path in every_kind.items():
        renamed = shutil.copy(path, path.with_name(f"{kind}.download"))
        kinds[kind] = read_weights(renamed).format
    assert kinds == {"mat": "mat", "h5": "hdf5", "npz": "npz", "safetensors": "safetensors"}


@pytest.mark.parametrize("part", [0.97, 0.5, 0.02])
def test_truncated_files_are_refused_in_a_sentence(every_kind: dict[str, Path], part: float) -> None:
    for path in every_kind.values():
        whole = path.read_bytes()
        path.write_bytes(whole[: int(part * len(whole))])
        with pytest.raises(WeightsError, match=r"truncated|damaged") as caught:
            read_weights(path)
        assert str(path) in str(caught.value)


def test_a_file_of_noise_a_missing_one_and_a_folder(tmp_path: Path) -> None:
    (tmp_path / "x.mat").write_text("<html>404 not found</html>")
    with pytest.raises(WeightsError, match=r"none of the weights files that are understood: a Mat"):
        read_weights(tmp_path / "x.mat")
    (tmp_path / "empty").touch()
    with pytest.raises(WeightsError, match="none of the weights files"):
        read_weights(tmp_path / "empty")
    with pytest.raises(WeightsError, match="there is no weights file at"):
        read_weights(tmp_path / "absent.mat")
    with pytest.raises(WeightsError, match="cannot be opened"):
        read_weights(tmp_path)


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", **{"conv1_1/kernel": np.array([{"a": 1}], object)})
    with pytest.raises(WeightsError, match="pickled Python objects, which are never loaded"):
        read_weights(tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"conv3_2/bias": np.full(4, np.nan)}, "conv3_2/bias has numbers that are not finite"),
        ({"conv1_2/kernel": np.ones((3, 3, 5, 4))}, r"conv1_2/kernel must have shape \(3, 3, 4"),
        ({"conv1_2/kernel": np.ones((5, 5, 4, 4))}, r"conv1_2/kernel must .* not \(5, 5, 4, 4\)"),
        ({"conv5_4/bias": np.ones(3)}, r"conv5_4/bias must have shape \(4\), not \(3,\)"),
        ({"conv2_1/kernel": None}, "it has no convolution conv2_1"),
        ({"conv2_1/bias": None}, r"conv2_1/bias must have shape \(4\), not \(\)"),
        ({"preprocess/kernel": np.ones((3, 3))}, r"preprocess/kernel must have shape \(1, 1, 3, 3"),
    ],
)
def test_wrong_numbers_and_shapes_are_refused(
    tmp_path: Path, change: dict[str, np.ndarray | None], sentence: str
) -> None:
    changed = thin_layers() | change
    kept = {name: array for name, array in changed.items() if array is not None}
    np.savez(tmp_path / "x.npz", **kept)
    with pytest.raises(WeightsError, match=sentence):
        read_weights(tmp_path / "x.npz")


def test_too_many_convolutions_are_refused(tmp_path: Path) -> None:
    state = state_dict(thin_layers(), "features.{}", numbered=True)
    state["features.99.weight"], state["features.99.bias"] = np.ones((4, 4, 3, 3)), np.ones(4)
    save_file(state, tmp_path / "x.safetensors")
    with pytest.raises(WeightsError, match="more than VGG-19's 16 convolutions"):
        read_weights(tmp_path / "x.safetensors")


def test_another_sha256_is_refused_before_reading(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, **thin_layers())
    good = digest(path)
    assert read_weights(path, good).sha256 == good
    path.write_bytes(path.read_bytes().replace(b"conv5_4", b"conv5_5"))
    with pytest.raises(WeightsError, match=f"sha256 should begin with {good[:12]}, not "):
        read_weights(path, good)
