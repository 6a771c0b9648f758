"""Two thousand damaged files: each is read or refused in a sentence, in bounded memory and time.

They are read in another process, so that a crash of a decoder is a failure and not the end of the tests.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

FILES = 2000
MOST_MEMORY = 2**30
MOST_SECONDS = 20.0
SIZES = (0, 1, 15, 16, 255, 4096, 13_000, 20_000, 65_535, 2**24, 2**31 - 1, 2**32 - 1)


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return the file with bits flipped, bytes lost, repeated or replaced, or sizes lied about."""
    file = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5))):
        place = chance.randrange(len(file))
        if chance.random() < 0.5:  # where the formats keep their sizes and tables
            place = min(place, chance.randrange(1, 200))
        kind = chance.choice(("flip", "flip", "cut", "lose", "repeat", "noise", "size", "size"))
        if kind == "flip":
            file[place] ^= 1 << chance.randrange(8)
        elif kind == "cut":
            del file[max(8, chance.randrange(len(file))) :]
        elif kind == "lose":
            del file[place : place + chance.randrange(1, 40)]
        elif kind == "repeat":
            file[place:place] = file[place : place + chance.randrange(1, 4000)]
        elif kind == "noise":
            file[place : place + 8] = chance.randbytes(8)
        else:
            width = chance.choice((2, 4))
            number = chance.choice(SIZES) % 256**width
            file[place : place + width] = number.to_bytes(width, chance.choice(("big", "little")))
        if len(file) < 20:
            break
    return bytes(file)


def with_good_checksums(data: bytes) -> bytes:
    """Return a PNG whose chunks have right checksums, so that its decoder sees the damage."""
    file, place = bytearray(data), 8
    while place + 12 <= len(file):
        length = int.from_bytes(file[place : place + 4], "big")
        end = place + 8 + length
        if end + 4 > len(file):
            break
        file[end : end + 4] = zlib.crc32(file[place + 4 : end]).to_bytes(4, "big")
        place = end + 4
    return bytes(file)


def most_memory() -> int:
    """Return the most bytes that this program has held; `ru_maxrss` would be the parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def read_all(first: int, last: int, log: Path) -> dict[str, object]:
    """Read the damaged files of these numbers; return counts, the slowest, and what went wrong."""
    from impasto.errors import ImageError
    from impasto.pictures.reading import decode_bytes, read_picture
    from picture_fixtures import samples

    names = sorted(samples().items())
    for name, data in names:
        decode_bytes(data, name, 512)
    found: dict[str, object] = {"read": 0, "refused": 0, "wrong": [], "slowest": 0.0}
    before = most_memory()
    path = log.with_name("damaged")
    for number in range(first, last):
        chance = random.Random(number)
        name, data = names[number % len(names)]
        data = damaged(data, chance)
        data = with_good_checksums(data) if name.endswith("png") and chance.random() < 0.7 else data
        path.write_bytes(data)
        log.write_text(f"{number} {name}")
        start = time.perf_counter()
        try:
            if number % 2:
                read_picture(path, max_size=chance.choice((None, 64)))
            else:
                decode_bytes(data, name, 64)
            found["read"] += 1
        except ImageError as error:
            found["refused"] += 1
            if "\n" in str(error) or len(str(error)) > 300:
                found["wrong"].append(f"{number} {name}: no sentence: {error}")
        except BaseException as error:
            found["wrong"].append(f"{number} {name}: {error!r}")
        found["slowest"] = max(found["slowest"], time.perf_counter() - start)
    found["memory"] = most_memory() - before
    return found


@pytest.mark.slow
def test_damaged_files_are_read_or_refused(tmp_path):
    log = tmp_path / "log"
    command = [sys.executable, "-W", "error", __file__, "0", str(FILES), str(log)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, f"crashed on {log.read_text()}: {done.stderr[-2000:]}"
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert found["read"] > 100 and found["refused"] > 500
    assert found["memory"] < MOST_MEMORY and found["slowest"] < MOST_SECONDS


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    json.dump(read_all(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])), sys.stdout)
