"""Finding, listing, loading, importing and fetching weights, each in a folder of its own.

Where a VGG-19 is needed, its layers to conv5_1 are the true ones (from ``shared/weights``) and the rest is
random; what must not pass is the stand-in that ``shared/tools`` makes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import h5py
import numpy as np
import pytest

from conftest import SHARED, needs, script
from impasto.errors import OutputError, SettingError, WeightsError
from impasto.files import digest, impasto_home
from impasto.layers import CONVOLUTION_NAMES, WIDTHS
from impasto.networks.catalogue import (
    EMBEDDED,
    ManifestEntry,
    list_networks,
    load_network,
    read_listed,
    read_manifest,
    write_manifest,
    write_weights,
)
from impasto.networks.fetching import KerasFile, fetch_vgg19
from impasto.networks.formats import Arrays, caffe_preprocess, read_weights
from impasto.networks.importing import check_weights, import_weights

EIGHT_BIT = SHARED / "weights" / "vgg19-8bit-to-relu5_1.npz"
COMPRESSED = SHARED / "weights" / "vgg19-compressed-16x.npz"
STANDIN = SHARED / "tools" / "make_vgg19_standin.py"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder and an empty Keras cache for each test."""
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def standin() -> ModuleType:
    return script(needs(STANDIN))


@pytest.fixture(scope="module")
def standin_npz(standin: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-in as its own tool writes it."""
    arrays = {}
    for name, (kernel, bias) in standin.standin().items():
        label = f"block{name[4]}_conv{name[6]}"
        arrays |= {f"{label}/kernel": kernel, f"{label}/bias": bias}
    path = tmp_path_factory.mktemp("standin") / "standin.npz"
    np.savez(path, mean_rgb=standin.MEAN_RGB, **arrays)
    return path


@pytest.fixture(scope="module")
def vgg19_h5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirteen true layers, of more than 256 numbers each, and three random ones, laid out as by Keras."""
    true, rng = read_weights(needs(EIGHT_BIT)).weights, np.random.default_rng(0)
    path = tmp_path_factory.mktemp("keras") / "vgg19_notop.h5"
    with h5py.File(path, "w") as file:
        for inputs, name, width in zip((3, *WIDTHS), CONVOLUTION_NAMES, WIDTHS, strict=False):
            label = f"block{name[4]}_conv{name[6]}"
            kernel = rng.standard_normal((3, 3, inputs, width), np.float32)
            kernel = true.get(f"{name}/kernel", kernel * np.float32(np.sqrt(2 / (9 * inputs))))
            # The shared file is for BGR, as Keras' is.
            file[f"{label}/{label}_W_1:0"] = kernel * rng.uniform(0.9999, 1.0001, kernel.shape).astype("f4")
            file[f"{label}/{label}_b_1:0"] = true.get(f"{name}/bias", np.zeros(width, np.float32))
    return path


def small_network(seed: int = 0, width: int = 48) -> Arrays:
    """Return random weights of about 0.3 million parameters, up to conv5_1."""
    rng, weights = np.random.default_rng(seed), caffe_preprocess()
    for place, name in enumerate(CONVOLUTION_NAMES[:13]):
        shape = (3, 3, width if place else 3, width)
        weights[f"{name}/kernel"] = rng.normal(0, 0.1, shape).astype(np.float32)
        weights[f"{name}/bias"] = rng.normal(0, 0.1, width).astype(np.float32)
    return weights


def entry(file: str, sha256: str) -> ManifestEntry:
    return ManifestEntry(
        file=file,
        sha256=sha256,
        licence="Apache-2.0",
        source="random",
        recipe={"seed": 0},
        figures={"parameters": 1},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder like the package's data: a network in float16 and its manifest."""
    path = tmp_path / "data" / "small.npz"
    sha256 = write_weights(path, small_network(), {"padding": "reflect"}, "float16")
    write_manifest(path.parent, {"small": entry("small.npz", sha256)})
    return path.parent


def test_the_data_folder_is_where_it_is_asked_for(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert impasto_home() == home
    monkeypatch.delenv("IMPASTO_HOME")
    assert impasto_home().name == "impasto"
    if os.name == "posix" and os.uname().sysname == "Linux":
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        assert impasto_home() == tmp_path / "impasto"
        monkeypatch.delenv("XDG_DATA_HOME")
        assert impasto_home() == Path.home() / ".local/share/impasto"


def test_a_listed_network_is_compared_with_its_sha256(folder: Path) -> None:
    file = read_listed(folder, "small")
    assert file.sha256 == read_manifest(folder)["small"].sha256
    for name, array in small_network().items():
        kept = array.astype(np.float16) if name.startswith("conv") and array.ndim == 4 else array
        np.testing.assert_array_equal(file.weights[name], kept.astype(np.float32), err_msg=name)
    path = folder / "small.npz"
    raw = bytearray(path.read_bytes())
    raw[5000] ^= 1
    path.write_bytes(raw)
    with pytest.raises(WeightsError, match=r"small\.npz is damaged: its sha256 should begin with"):
        read_listed(folder, "small")
    path.unlink()
    with pytest.raises(WeightsError, match="there is no weights file at"):
        read_listed(folder, "small")
    with pytest.raises(WeightsError, match=r"no network 'smal'; did you mean 'small'\?"):
        read_listed(folder, "smal")


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    sums = {write_weights(tmp_path / f"{n}.npz", small_network(), {"a": "b"}) for n in "xy"}
    assert sums == {digest(tmp_path / "x.npz")}
    assert sorted(path.name for path in tmp_path.glob("*")) == ["x.npz", "y.npz"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file/x\.npz cannot be written: "):
        write_weights(tmp_path / "file" / "x.npz", small_network(), {})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sha256": "12"}, "sha256 must be 64 hexadecimal digits, not '12'"),
        ({"file": "../small.npz"}, "file must be a bare file name"),
        ({"licence": 3}, "licence must be text, not 3"),
        ({"figures": [1]}, r"figures must be a table, not \[1\]"),
        ({"license": "MIT"}, r"not 'license'; did you mean 'licence'\?"),
        ({"recipe": None, "source": ...}, "missing 1 required .* 'source'"),
    ],
)
def test_a_wrong_manifest_is_refused(folder: Path, change: dict[str, object], sentence: str) -> None:
    path = folder / "manifest.json"
    listed = json.loads(path.read_text(encoding="utf-8"))
    listed["small"] = {k: v for k, v in (listed["small"] | change).items() if v is not ...}
    path.write_text(json.dumps(listed), encoding="utf-8")
    with pytest.raises(WeightsError, match=rf"is not a manifest of networks: .*{sentence}"):
        read_manifest(folder)


def test_a_manifest_of_noise_is_refused(folder: Path) -> None:
    for noise in ("{", "[]", '{"small": 3}'):
        (folder / "manifest.json").write_text(noise)
        with pytest.raises(WeightsError, match="is not a manifest of networks"):
            read_manifest(folder)


def test_the_embedded_network_loads_quickly() -> None:
    if "compact" not in read_manifest(EMBEDDED):
        with pytest.raises(WeightsError, match=r"embedded network is not in .* install impasto"):
            load_network("compact")
        return
    seconds = []
    for _ in range(5):
        start = time.process_time()
        network = load_network("compact")
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.05
    assert network.name == "compact"
    assert network.sha256 == read_manifest(EMBEDDED)["compact"].sha256


def test_a_damaged_copy_of_the_package_data_is_refused(tmp_path: Path) -> None:
    if "compact" not in read_manifest(EMBEDDED):
        pytest.skip("the package has no embedded network yet")
    copy = shutil.copytree(EMBEDDED, tmp_path / "copy")
    path = copy / read_manifest(copy)["compact"].file
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsError, match="is damaged: its sha256"):
        read_listed(copy, "compact")


def test_without_vgg19_the_ways_to_it_are_told() -> None:
    with pytest.raises(WeightsError, match=r"weights fetch vgg19.*weights import FILE"):
        load_network("vgg19")
    card = {card.name: card for card in list_networks()}["vgg19"]
    assert (card.status, card.path) == ("absent", None)


def test_unknown_names_are_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"compact, vgg19, vgg19-n.* 'vgg91'; did you mean 'vgg19'"):
        load_network("vgg91")
    with pytest.raises(WeightsError, match=r"absent\.npz"):
        load_network(tmp_path / "absent.npz")


@pytest.mark.parametrize("layout", ["npz", "old", "new"])
def test_the_standin_is_refused_then_forced(
    standin: ModuleType, standin_npz: Path, tmp_path: Path, home: Path, layout: str
) -> None:
    path = standin_npz
    if layout != "npz":
        path = tmp_path / "imagenet-vgg-verydeep-19.mat"
        standin.save_mat(str(path), standin.standin(), layout == "new")
    with pytest.raises(WeightsError, match=r"is not VGG-19: its first layer agrees .*--force"):
        import_weights(path)
    assert not home.exists()
    report = import_weights(path, force=True)
    assert report.name == "vgg19-unverified"
    assert report.path == home / "weights" / "vgg19-unverified.npz"
    assert sorted(p.name for p in report.path.parent.iterdir()) == [
        "manifest.json",
        "vgg19-unverified.npz",
    ]
    card = {card.name: card for card in list_networks()}["vgg19-unverified"]
    assert (card.status, card.licence, card.parameters) == ("verified", "unknown", 20_024_384)
    network = load_network("vgg19-unverified")
    assert (network.name, network.sha256) == ("vgg19-unverified", report.sha256)
    kernel = standin.standin()["conv1_1"][0]
    # The tool's .mat exchanges rows and columns; without a fingerprint nobody can know.
    kernel = kernel if layout == "npz" else kernel.swapaxes(0, 1)
    np.testing.assert_array_equal(np.asarray(network.weights["conv1_1/kernel"]), kernel)


def test_the_standin_loads_by_path_under_its_true_name(standin_npz: Path) -> None:
    network = load_network(standin_npz, pooling="max", padding="reflect", dtype="bfloat16")
    assert (network.name, network.pooling) == ("vgg19-unverified", "max")
    assert (network.padding, network.dtype) == ("reflect", "bfloat16")
    assert network.sha256 == digest(standin_npz)
    assert check_weights(standin_npz).problems
    with pytest.raises(SettingError, match="pooling must be one of"):
        load_network(standin_npz, pooling="mean")


def test_a_network_of_another_shape_loads_by_path() -> None:
    network = load_network(needs(COMPRESSED))
    assert (network.name, network.padding) == ("vgg19-compressed-16x", "reflect")
    assert "expand5_1/kernel" in network.weights
    with pytest.raises(WeightsError, match="conv1_1 has 16 channels, not 64"):
        import_weights(COMPRESSED, force=True)


def test_vgg19_is_imported_listed_loaded_and_guarded(vgg19_h5: Path) -> None:
    report = import_weights(vgg19_h5)
    assert report.name == "vgg19"
    card = {card.name: card for card in list_networks()}["vgg19"]
    assert (card.status, card.sha256, card.path) == ("verified", report.sha256, report.path)
    assert "CC BY 4.0" in card.licence

    network, direct = load_network("vgg19"), load_network(str(vgg19_h5))
    assert network.name == direct.name == "vgg19"
    assert (network.pooling, network.padding) == ("average", "zero")
    image = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    layers = ("relu1_1", "relu3_1")
    one, other = network.features(image, layers), direct.features(image, layers)
    for layer in layers:
        np.testing.assert_allclose(np.asarray(one[layer]), np.asarray(other[layer]), rtol=1e-5)
    assert np.asarray(one["relu1_1"]).mean() > 0.1

    assert read_weights(report.path).meta["family"] == "caffe"
    entry = read_manifest(report.path.parent)["vgg19"]
    assert entry.recipe["source_sha256"] == digest(vgg19_h5)
    assert (entry.source, entry.recipe["bits"]) == ("vgg19_notop.h5", 32)

    with report.path.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"?")
    assert {card.name: card.status for card in list_networks()}["vgg19"] == "damaged"
    with pytest.raises(WeightsError, match="is damaged"):
        load_network("vgg19")
    report.path.unlink()
    assert {card.name: card.status for card in list_networks()}["vgg19"] == "absent"


@pytest.fixture
def server(vgg19_h5: Path) -> Iterator[str]:
    """A real web server on this machine, with the file that Keras would publish."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(vgg19_h5.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_fetching_downloads_checks_and_imports(
    server: str, vgg19_h5: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    md5, told = hashlib.md5(vgg19_h5.read_bytes()).hexdigest(), []
    served = KerasFile(url=f"{server}/{vgg19_h5.name}", md5=md5)
    report = fetch_vgg19(progress=lambda *words: told.append(words), keras_file=served)
    assert (report.name, report.kept_as, len(told)) == ("vgg19", "exact", 2)
    assert capsys.readouterr().out == ""
    assert load_network("vgg19").sha256 == report.sha256
    # What lies in Keras' cache needs no network: nobody listens at this port.
    cached = KerasFile(url=f"http://127.0.0.1:9/{vgg19_h5.name}", md5=md5)
    assert fetch_vgg19(keras_file=cached).sha256 == report.sha256
    with pytest.raises(WeightsError, match=r"could not be downloaded .*does not match"):
        fetch_vgg19("keras", keras_file=KerasFile(url=served.url, md5="0" * 32))


def test_the_address_is_keras_own() -> None:
    from keras.src.applications import vgg19

    assert KerasFile().url == vgg19.WEIGHTS_PATH_NO_TOP
    assert KerasFile().md5 in Path(vgg19.__file__).read_text(encoding="utf-8")
