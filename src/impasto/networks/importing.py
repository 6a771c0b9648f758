"""Importing weights: a VGG-19 file of any kind is checked, put right and kept in the user's data folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from impasto.errors import Message, OutputError, WeightsError, joined
from impasto.files import impasto_home
from impasto.networks.catalogue import (
    NORMALIZED,
    OXFORD,
    POOLING,
    ManifestEntry,
    installed_bits,
    kept_as,
    read_manifest,
    write_manifest,
    write_weights,
)
from impasto.networks.formats import WeightFile, read_weights
from impasto.networks.indexed_kernels import with_indices
from impasto.networks.vgg19_check import CheckReport, check


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """What an import wrote: the network's name, its new file, sha256 and bits, and what was put right."""

    name: str
    path: Path
    sha256: str
    bits: int
    notes: tuple[str, ...]

    @property
    def kept_as(self) -> str:
        """How its kernels are stored, in words: ``exact`` or ``8 bit``."""
        return kept_as(self.bits)


def check_weights(path: str | Path) -> CheckReport:
    """Test whether a weights file is VGG-19, without importing it.

    Raises:
        WeightsError: the file is missing, damaged or not as wide as VGG-19.
    """
    return check(read_weights(path))[1]


def import_weights(path: str | Path, *, force: bool = False, replace_exact: bool = False) -> ImportReport:
    """Convert a VGG-19 weights file and keep it in the user's data folder.

    Weights of at most 256 different numbers a layer are kept in 8 bit, without loss; others as float32. What
    the file is called leaves no trace in what is kept: the same weights always have the same sha256.

    Args:
        path: a file of any kind that `read_weights` understands.
        force: import a network of VGG-19's shape that fails the self-test, as ``vgg19-unverified``.
        replace_exact: let weights in 8 bit take the place of exact ones.

    Returns:
        The network's name, where it lies now, and what was put right or replaced.

    Raises:
        WeightsError: the file is missing, damaged or not VGG-19, or would replace a better one.
        OutputError: the data folder cannot be written; what was installed before is as it was.
    """
    file, report = check(read_weights(path))
    if report.problems and not force:
        raise WeightsError(
            "{path} is not VGG-19: {reasons}; add --force to import it as vgg19-unverified",
            path=path,
            reasons=joined(report.problems),
        )
    name = NORMALIZED if report.is_vgg19 and file.family == "normalised" else report.name
    weights = with_indices(file.weights)
    bits = 8 if all(f"{layer}/q" in weights for layer in file.layers) else 32
    folder = impasto_home() / "weights"
    manifest = read_manifest(folder)
    notes = report.notes + report.problems + _replacing(name, bits, replace_exact)
    before = manifest[name].file if name in manifest else ""
    # Beside the old file, which goes when the manifest tells of the new one: nothing is half replaced.
    target = folder / (f"{name}.npz" if before != f"{name}.npz" else f"{name}-2.npz")
    entry = ManifestEntry(
        file=target.name,
        sha256=write_weights(target, weights, _words(name, file)),
        licence=OXFORD if report.is_vgg19 else "unknown",
        source=file.path.name,
        recipe={"source_sha256": file.sha256, "bits": bits, "notes": list(report.notes)},
        figures={"likeness": round(report.likeness, 6)},
    )
    try:
        write_manifest(folder, {**manifest, name: entry})
    except OutputError:
        target.unlink(missing_ok=True)
        raise
    if before:
        (folder / before).unlink(missing_ok=True)
    return ImportReport(name=name, path=target, sha256=entry.sha256, bits=bits, notes=notes)


def _words(name: str, file: WeightFile) -> dict[str, str]:
    return {
        "name": name,
        "family": file.family,
        "pooling": file.meta.get("pooling", POOLING),
        "padding": file.meta.get("padding", "zero"),
    }


def _replacing(name: str, bits: int, replace_exact: bool) -> tuple[str, ...]:
    """Return a note on what an import replaces.

    Raises:
        WeightsError: weights in 8 bit would replace exact ones unasked.
    """
    before = installed_bits(name)
    if before == 32 and bits < 32 and not replace_exact:
        raise WeightsError(
            "the exact {name} is installed, and this file has it in 8 bit only; add --replace to take it",
            name=name,
        )
    if not before or before == bits:
        return ()
    return (
        Message(
            "it is {now} and replaces the one that was {before}", now=kept_as(bits), before=kept_as(before)
        ),
    )
