"""Files: written whole or not at all, and known beforehand to be writable."""

from __future__ import annotations

import os
import resource

import numpy as np
import pytest

import impasto
from impasto.errors import ImpastoError, OutputError
from impasto.files import check_place, write_whole


def put(path, data=b"new", **options):
    write_whole(path, lambda file: file.write(data), **options)


def test_a_file_is_replaced_or_kept(tmp_path):
    path = tmp_path / "folder" / "a.npz"
    put(path, b"old")
    with pytest.raises(OutputError, match=r"a.npz already exists; add overwrite=True or choose another name"):
        put(path, overwrite=False)
    assert path.read_bytes() == b"old"
    put(path)
    assert path.read_bytes() == b"new" and [p.name for p in path.parent.iterdir()] == ["a.npz"]


def test_a_link_keeps_pointing_to_its_file(tmp_path):
    put(tmp_path / "a", b"old")
    (tmp_path / "link").symlink_to("a")
    put(tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "a").read_bytes() == b"new"


def test_a_full_disk_leaves_the_old_file(tmp_path):
    put(tmp_path / "a", b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(OutputError, match="a cannot be written: File too large; choose another place"):
            put(tmp_path / "a", bytes(20_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (tmp_path / "a").read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_the_longest_name_that_a_file_can_have_is_written(tmp_path):
    longest = tmp_path / ("a" * os.pathconf(tmp_path, "PC_NAME_MAX"))
    check_place(longest)
    put(longest)
    assert longest.read_bytes() == b"new"
    with pytest.raises(OutputError, match="cannot be written: File name too long; choose another name"):
        check_place(longest.with_name(longest.name + "a"))


def test_a_name_that_is_not_utf8_is_written(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.npz")
    check_place(path)
    put(path)
    assert [os.fsencode(entry.name) for entry in tmp_path.iterdir()] == [b"caf\xe9.npz"]


def test_checking_makes_nothing(tmp_path):
    check_place(tmp_path / "a")
    for wrong, message in (("b/a", "b does not exist; make it first"), ("", "is a folder; add a file name")):
        with pytest.raises(OutputError, match=message):
            check_place(tmp_path / wrong)
    assert not list(tmp_path.iterdir())


NO_NAMES = {
    "too long": "a" * 300,
    "a path too long": "a/" * 3000,
    "of nobody": "~nobody-of-that-name/a",
    "null": "a\0b",
}
PIXELS = np.zeros((32, 32, 3), np.float32)


@pytest.mark.parametrize("name", NO_NAMES.values(), ids=NO_NAMES)
@pytest.mark.parametrize(
    "call",
    [
        lambda name: impasto.read_picture(name),
        lambda name: impasto.load_recipe(name),
        lambda name: impasto.stylize(name, "mosaic"),
        lambda name: impasto.stylize(PIXELS, name),
        lambda name: impasto.stylize(PIXELS, "mosaic", network=name),
        lambda name: impasto.stylize(PIXELS, "mosaic", regions=[f"{name}={name}"]),
    ],
    ids=["picture", "recipe", "photo", "style", "network", "region"],
)
def test_a_name_that_no_file_can_have_is_told_of_in_one_sentence(call, name):
    with pytest.raises(ImpastoError):
        call(name)
