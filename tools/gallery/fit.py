"""Fit the built-in styles' moments to the one-pass network; needs the project's environment and VGG-19.

    PYTHONPATH=src python -m tools.gallery.fit PHOTOS [PHOTOS ...] [--only ID ...] [--steps 60] [--begin FOLDER]
    PYTHONPATH=src python -m tools.gallery.fit --choose PHOTO [PHOTO ...]
    PYTHONPATH=src python -m tools.gallery.fit --write

The first fits the styles that have no fit in build/fits yet (35 styles take half an hour on two cores; two at
once, with different --only, are a little quicker), or goes on with fits to an earlier network, by half the steps.
The second chooses how much of each fit is kept, by the development files' judge on some photos (5 minutes); the
third writes what is kept beside the network, with its recipe. PHOTOS are pictures, folders or zip archives.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "fits"
SIDE = 512
LEFT_OUT = ("riso-valley",)
"""Styles that keep their moments: fitted, it collapsed on a photo of a tower at night."""
SHARES = (0.0, 0.2, 0.4)
"""Of the change that was found, of which one is kept, a style's own: more takes more of the photo, at first of
faces. With six tenths a portrait in engraving, woodcut or mosaic is lines and stones and hardly a face."""
CONTENT_WEIGHT = 0.6
"""Of the growth of the content distance, beside that of the style distance, when a share is chosen."""


def fit(photos: list[Path], only: list[str], steps: int, earlier: Path | None) -> None:
    """Fit the styles that have no fit yet."""
    from impasto import gallery
    from impasto.engine import runtime
    from impasto.gallery.built_in import built_in_cards

    runtime.start_program()
    from impasto.files import write_whole
    from impasto.networks.catalogue import load_network
    from impasto.onepass.painter import load_onepass_network
    from impasto.training.crops import Crops
    from impasto.training.moment_fit import fit_moments

    dtype = runtime.resolve_precision("auto")
    networks = load_onepass_network(dtype), load_network("vgg19", padding="reflect", dtype=dtype)
    crops = Crops(photos)
    BUILD.mkdir(parents=True, exist_ok=True)
    for id in only or list(built_in_cards()):
        path = BUILD / f"{id}.npz"
        if path.exists():
            continue
        start, before, begin = time.perf_counter(), 0, None
        if earlier is not None and (earlier / path.name).exists():
            with np.load(earlier / path.name) as file:
                before, begin = int(file["steps"]), {k: file[k] for k in file.files if k.startswith("relu")}
        change = fit_moments(networks, gallery.style_pixels(id, SIDE), crops, steps, begin)
        words = {"steps": before + steps, "pictures": len(crops.train), "network": networks[0].sha256}
        write_whole(path, lambda file, arrays={**change, **words}: np.savez(file, **arrays))
        print(f"{id}: {steps} steps, {time.perf_counter() - start:.0f} s", flush=True)


def choose(photos: list[Path]) -> None:
    """Choose each style's share: where style and content distance, relative to those without a fit, are least."""
    from impasto.engine import runtime

    runtime.start_program()
    from benchmarks.fitted import judged_styles

    from impasto.files import write_whole
    from impasto.gallery.built_in import built_in_cards
    from impasto.onepass.fitted_moments import write_fits

    found = {id: [] for id in built_in_cards()}
    for share in SHARES:
        path = BUILD / "share" / f"{share:g}.npz"
        write_fits(path, {id: changes(id, share) for id in found})
        for id, results in judged_styles(photos, path.parent, f"{share:g}", fits=path).items():
            usable = not share or not any(one["collapsed"] for one in results)
            rows = [(one["style"], one["content"]) if usable else (np.inf, np.inf) for one in results]
            found[id].append(np.mean(rows, axis=0))
    shares = {}
    for id, rows in found.items():
        style, content = (np.array(rows) / rows[0]).T
        shares[id] = SHARES[int(np.argmin(style + CONTENT_WEIGHT * content))]
        print(f"{id}: {shares[id]:g}", [tuple(np.round(row, 3)) for row in rows], flush=True)
    words = json.dumps({"photos": [photo.name for photo in photos], "shares": shares}).encode()
    write_whole(BUILD / "shares.json", lambda file: file.write(words))


def changes(id: str, share: float) -> dict[str, np.ndarray]:
    """Return a share of a style's fit, as `write_fits` takes it."""
    with np.load(BUILD / f"{id}.npz") as file:
        return {name: np.float32(share) * file[name] for name in file.files if name.startswith("relu")}


def write() -> None:
    """Write what is kept of the fits, and their entry in the manifest."""
    from dataclasses import asdict

    from impasto.networks.catalogue import (
        ManifestEntry,
        list_networks,
        read_manifest,
        write_manifest,
    )
    from impasto.onepass.fitted_moments import FITS, write_fits
    from impasto.onepass.painter import FOLDER, ONEPASS
    from impasto.training import moment_fit

    fits, steps, pictures = {}, {}, set()
    manifest = read_manifest(FOLDER)
    chosen = json.loads((BUILD / "shares.json").read_text())
    shares = {id: share for id, share in sorted(chosen["shares"].items()) if share and id not in LEFT_OUT}
    for id, share in shares.items():
        with np.load(BUILD / f"{id}.npz") as file:
            if str(file["network"]) != manifest[ONEPASS].sha256:
                sys.exit(f"{id} was fitted to another network: delete {BUILD / id}.npz and fit it again")
            steps[id] = int(file["steps"])
            pictures.add(int(file["pictures"]))
        fits[id] = changes(id, share)
    sha256 = write_fits(FOLDER / f"{FITS}.npz", fits)
    judge = next(card for card in list_networks() if card.name == "vgg19")
    recipe = {
        "network_sha256": manifest[ONEPASS].sha256,
        "judge": judge.name,
        "judge_sha256": judge.sha256,
        "steps": steps,
        "photos": max(pictures),
        "crop": moment_fit.CROP,
        "batch": moment_fit.BATCH,
        "rescales": moment_fit.RESCALES,
        "learning_rate": moment_fit.RATE,
        "style_weight": moment_fit.STYLE_WEIGHT,
        "style_size": SIDE,
        "shares": shares,
        "content_weight": CONTENT_WEIGHT,
        "chosen_on": chosen["photos"],
        "command": "python -m tools.gallery.fit train-content.zip, then --choose, then --write",
    }
    entry = ManifestEntry(
        file=f"{FITS}.npz",
        sha256=sha256,
        licence="Apache-2.0",
        source="fitted by impasto to its own style pictures; see NOTICE for the photos and the judge",
        recipe=recipe,
        figures={
            "styles": len(fits),
            "left_out": sorted(set(chosen["shares"]) - set(shares)),
        },
    )
    write_manifest(FOLDER, {**manifest, FITS: entry})
    print(asdict(entry))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("photos", nargs="*", type=Path)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--begin", type=Path, help="folder of fits to an earlier network, to go on with")
    doing = parser.add_mutually_exclusive_group()
    doing.add_argument("--choose", action="store_true")
    doing.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    if asked.choose:
        choose(asked.photos)
    elif asked.write:
        write()
    else:
        fit(asked.photos, asked.only, asked.steps, asked.begin)


if __name__ == "__main__":
    main()
