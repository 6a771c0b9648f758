"""Again: everything undone and done again, and a download that the command repeats to the same pixels."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from browser.hands import (
    PAGE,
    REGIONS,
    SETTLED,
    choose,
    difference,
    give,
    paint,
    painted,
    pixels,
    slide,
    until,
    work,
)
from browser.test_finer import download, finer, paint_part

pytestmark = pytest.mark.browser

PICTURES = PAGE.parents[1] / "gallery/pictures"


def stylized(folder, photo, recipe) -> np.ndarray:
    """Return the pixels that the command makes of a photo by the recipe of a downloaded file."""
    path = folder / "again.png"
    command = [sys.executable, "-m", "impasto.cli", "stylize", photo, "--recipe", recipe, "-o", path]
    ended = subprocess.run([*map(str, command), "--lang", "en"], capture_output=True, text=True, cwd=folder)
    assert ended.returncode == 0, ended.stderr
    return np.asarray(Image.open(path))


def paint_a_part(page) -> None:
    paint_part(page, [(0.2, 0.3), (0.5, 0.5), (0.3, 0.8)], brush=160, feather=30)
    page.click("#mask-done")


def find_and_correct_the_subject(page) -> None:
    page.click("#find-subject")
    until(page, f"{REGIONS}.length == 1")
    before = work(page)["look"]["regions"][0]["mask"]
    page.click('[data-mode="add"]')
    box = page.locator("#board").bounding_box()
    page.mouse.click(box["x"] + 0.06 * box["width"], box["y"] + 0.1 * box["height"])
    until(page, f"{REGIONS}[0].mask != '{before}'")
    page.click("#mask-done")


def blend(page, style: str, share: int) -> None:
    page.click("#blend-toggle")
    page.click(f'#gallery [data-style="{style}"]')
    slide(page, "#blend-share", share)


def inside(page, style: str) -> None:
    page.click('#slots [data-slot="inside"]')
    page.click(f'#gallery [data-style="{style}"]')


def test_every_kind_of_change_is_undone_and_done_again(opened, photo):
    page = opened()
    choose(page, photo)
    finer(page)
    changes = [
        lambda: page.click('[data-style="hokkai-wave"]'),
        lambda: slide(page, "#set-strength", 80),
        lambda: page.select_option("#set-colors", "content"),
        lambda: slide(page, "#set-stroke_size", 1.5),
        lambda: slide(page, "#set-exposure", 0.7),
        lambda: slide(page, "#set-contrast", -30),
        lambda: slide(page, "#set-saturation", -50),
        lambda: slide(page, "#set-film_grain", 60),
        lambda: page.click('[data-setting="exposure"] .reset'),
        lambda: (page.click("#blend-toggle"), page.click('#gallery [data-style="mosaic"]')),
        lambda: slide(page, "#blend-share", 90),
        lambda: paint_a_part(page),
        lambda: inside(page, "charcoal-dancers"),
        lambda: page.click("#remove-part"),
    ]
    seen = [(work(page)["look"], pixels(page))]
    for change in changes:
        change()
        until(page, f"JSON.stringify(JSON.parse(localStorage['impasto.work']).look) != {text(seen[-1][0])}")
        until(page, SETTLED)
        seen.append((work(page)["look"], pixels(page)))
    assert page.is_disabled("#redo")
    for key, states in (("Control+z", seen[-2::-1]), ("Control+Shift+z", seen[1:])):
        for look, picture in states:
            page.keyboard.press(key)
            until(page, f"JSON.stringify(JSON.parse(localStorage['impasto.work']).look) == {text(look)}")
            until(page, SETTLED)
            assert difference(pixels(page), picture) == 0, look
        if key == "Control+z":
            assert work(page)["look"]["styles"] == [] and not page.is_disabled("#redo")


def text(look) -> str:
    """Return a look as the page writes it, as a text of JavaScript."""
    return json.dumps(json.dumps(look, ensure_ascii=False, separators=(",", ":")))


def test_the_command_repeats_a_picture_with_all_that_the_studio_can_do(opened, photo, tmp_path):
    page = opened()
    paint(page, photo)
    finer(page)
    blend(page, "mosaic", 35)
    paint_a_part(page)
    inside(page, "charcoal-dancers")
    page.click('#slots [data-slot="main"]')
    page.click('#gallery [data-style="hokkai-wave"]')
    for name, value in (("strength", 72), ("stroke_size", 1.3), ("exposure", 0.4), ("contrast", 20)):
        slide(page, f"#set-{name}", value)
    for name, value in (("saturation", -25), ("film_grain", 40)):
        slide(page, f"#set-{name}", value)
    page.select_option("#set-colors", "luminance")
    until(page, SETTLED)
    path = download(page, tmp_path)
    made = np.asarray(Image.open(path))
    assert made.shape == (480, 720, 3)
    assert np.array_equal(stylized(tmp_path, photo, path), made)


def test_the_command_repeats_a_subject_that_stays_a_photo(opened, photo, tmp_path):
    page = opened()
    paint(page, photo)
    finer(page)
    find_and_correct_the_subject(page)
    inside(page, "photo")
    page.click('#slots [data-slot="main"]')
    page.click('#gallery [data-style="mosaic"]')
    until(page, SETTLED)
    path = download(page, tmp_path)
    assert np.array_equal(stylized(tmp_path, photo, path), np.asarray(Image.open(path)))


def test_the_command_repeats_a_refined_picture(opened, tmp_path):
    small = tmp_path / "small.png"
    Image.open(PICTURES / "hokkai-wave.webp").convert("RGB").resize((144, 96)).save(small)
    page = opened()
    paint(page, small, "mosaic")
    finer(page)
    page.select_option("#rounds", "20")
    page.click("#refine-begin")
    page.wait_for_selector(".result .mark")
    assert "20 rounds" in page.inner_text("#notices")
    slide(page, "#set-exposure", 0.5)
    until(page, SETTLED)
    path = download(page, tmp_path)
    assert np.array_equal(stylized(tmp_path, small, path), np.asarray(Image.open(path)))


def test_an_own_style_is_kept_in_the_gallery_and_the_command_finds_it_beside_the_download(
    opened, photo, tmp_path
):
    page = opened()
    choose(page, photo)
    style = tmp_path / "evening sky, 晚霞.webp"
    style.write_bytes((PICTURES / "aurora-lake.webp").read_bytes())
    add_style(page, style, "evening", keep=False)
    path = download(page, tmp_path)
    assert np.array_equal(stylized(tmp_path, photo, path), np.asarray(Image.open(path)))
    add_style(page, style, "kept-evening", keep=True)
    other = opened()
    assert other.locator('[data-style="kept-evening"]').count() == 1, "another browser has it, too"
    assert other.locator('[data-style^="own-"]').count() == 0
    page.close()  # which may still be painting in it
    held = []
    other.route("**/kept-evening/picture*", lambda route: held.append(route))
    other.reload()
    other.hover('[data-style="kept-evening"]')
    while not held:
        other.wait_for_timeout(50)
    other.click(".own .remove")
    assert "for good" in other.inner_text("#dialog")
    other.click("#removal-go")
    other.wait_for_selector('[data-style="kept-evening"]', state="detached")
    held[0].continue_()
    other.wait_for_timeout(300)  # a picture that is asked for in vain is told of in the console


def add_style(page, file, name: str, *, keep: bool) -> None:
    give(page, file, "#add-style")
    page.fill("#style-name", name)
    page.set_checked("#style-keep", keep)
    page.click("#style-add")
    until(page, f"document.querySelector('[aria-checked=true] .name')?.textContent == '{name}'")
    painted(page)
