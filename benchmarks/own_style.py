"""A style of one's own: trained for some minutes on a folder of photos, judged on photos it never saw.

The judge is VGG-19, as in `benchmarks pairs`. The same photos are painted by the any-style network and by the
optimizations: how near does a pass of one's own come?
"""

from __future__ import annotations

import shutil
import statistics
import time
import zipfile
from pathlib import Path
from typing import Any

from benchmarks.shared_files import BUILD, pairs, require_shared, run, shared_tool
from impasto import stylize

PAINTING, PHOTOS, MINUTES, HELD_OUT, SIDE = "van-gogh_starry-night.jpg", 120, 40, 6, 512


def photos_in(folder: Path) -> Path:
    """Fill a folder with training photos, as a user would have one."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with zipfile.ZipFile(require_shared() / "images" / "train-content.zip") as archive:
        names = [name for name in sorted(archive.namelist()) if not name.endswith("/")]
        for name in names[:: len(names) // PHOTOS][:PHOTOS]:
            (folder / Path(name).name).write_bytes(archive.read(name))
    return folder


def judged(judge: Any, painting: Path, style: Path, **settings: Any) -> dict[str, float]:
    """Return the means over photos that no training saw."""
    found, seconds = [], []
    for photo in [content for content, _ in pairs()][:HELD_OUT]:
        began = time.perf_counter()
        result = stylize(photo, style, max_size=SIDE, **settings)
        seconds.append(time.perf_counter() - began)
        words = "-".join(settings.values()) or "optimize"
        path = BUILD / "own" / f"{photo.stem}_{style.suffix[1:]}_{words}.png"
        result.save(path, overwrite=True)
        found.append(next(iter(judge.judge(photo, painting, [path], SIDE))))
    mean = {key: round(statistics.mean(one[key] for one in found), 4) for key in ("style", "content")}
    return mean | {"median_seconds": round(statistics.median(seconds), 2)}


def measure(minutes: float = MINUTES) -> dict[str, object]:
    """Train and judge."""
    painting, own = require_shared() / "images" / "style" / PAINTING, BUILD / "own" / "my.style"
    photos = photos_in(BUILD / "own" / "photos")
    for old in own.parent.glob("my.*"):
        old.unlink()
    began = time.perf_counter()
    run("-m", "impasto.cli", "train", painting, photos, "-o", own, "--minutes", minutes)
    trained = (time.perf_counter() - began) / 60
    judge = shared_tool("judge")
    found = {
        "vgg19": judged(judge, painting, painting, network="vgg19"),
        "optimize": judged(judge, painting, painting),
        "any_style": judged(judge, painting, painting, method="onepass"),
        "own_style": judged(judge, painting, own, method="onepass"),
    }
    return {
        "painting": PAINTING,
        "photos": PHOTOS,
        "minutes": round(trained, 1),
        "held_out": HELD_OUT,
        **found,
        **{
            f"style_over_{other}": round(found["own_style"]["style"] / found[other]["style"], 2)
            for other in ("vgg19", "any_style")
        },
    }
