"""Finer: refining and stopping, blends, parts, light and grain, own styles, the strip, recipes."""

from __future__ import annotations

import pytest

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
from impasto.recipes import load_recipe

pytestmark = pytest.mark.browser


def finer(page) -> None:
    """Open what is behind one click."""
    page.click("#finer-toggle")
    page.wait_for_selector("#finer:not([hidden])")


def download(page, folder, form: str = "png"):
    """Download the picture; return its path."""
    page.click("#download")
    page.check(f'input[name="format"][value="{form}"]')
    with page.expect_download() as started:
        page.click("#download-go")
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path


def stroke(page, places, amid=lambda: None) -> None:
    """Draw with the mouse, once there is something to draw with; places are shares of the picture."""
    page.wait_for_selector("#mask-tools")
    box = page.locator("#board").bounding_box()
    for index, (x, y) in enumerate(places):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        if index == 0:
            page.mouse.down()
            amid()
    page.mouse.up()


def paint_part(page, places, brush: int | None = None, feather: int | None = None) -> None:
    """Paint a part of the picture, and wait until it is one."""
    page.click("#paint-part")
    if brush is not None:
        slide(page, "#brush-size", brush)
    if feather is not None:
        slide(page, "#feather", feather, settle=False)
    stroke(page, places)
    until(page, f"{REGIONS}.length == 1")


def test_refining_is_seen_stops_and_keeps_what_is_there(opened, photo):
    page = opened()
    paint(page, photo)
    once = pixels(page)
    finer(page)
    page.select_option("#rounds", "160")
    page.click("#refine-begin")
    page.wait_for_selector("#refine-figures:text-matches('[2-9] of')")
    assert page.locator("#refine-losses polyline").count() == 2
    page.click("#refine-stop")
    page.wait_for_selector("#refine-begin")
    painted(page)
    assert work(page)["refined"]
    assert difference(pixels(page), once) > 0.5
    assert page.locator(".result .mark").count() == 1
    page.keyboard.press("Control+z")
    until(page, SETTLED)
    assert difference(pixels(page), once) == 0


def test_two_styles_are_blended_by_a_slider(opened, photo, tmp_path):
    page = opened()
    paint(page, photo)
    one = pixels(page)
    finer(page)
    page.click("#blend-toggle")
    page.click('[data-style="mosaic"]')
    painted(page)
    half = pixels(page)
    slide(page, "#blend-share", 90)
    until(page, SETTLED)
    most = pixels(page)
    assert difference(one, half) > 0.5 and difference(half, most) > 0.5
    shares = {style["id"]: style["weight"] for style in work(page)["look"]["styles"]}
    assert shares == {"hokkai-wave": 0.1, "mosaic": 0.9}
    recipe = load_recipe(download(page, tmp_path))
    assert [style["name"] for style in recipe["styles"]] == ["hokkai-wave", "mosaic"]
    page.click("#blend-toggle")
    until(page, SETTLED)
    assert difference(pixels(page), one) == 0


def test_a_part_is_painted_and_each_side_has_its_own_style_or_none(opened, photo):
    page = opened()
    choose(page, photo)
    bare = pixels(page)
    page.click('[data-style="hokkai-wave"]')
    painted(page)
    finer(page)
    paint_part(page, [(0.05, 0.2), (0.3, 0.2), (0.05, 0.6), (0.3, 0.6)], brush=160, feather=0)
    until(page, SETTLED)
    seen = pixels(page)
    right = [index for index in range(len(bare)) if index // 3 % 32 > 24]
    left = [index for index in range(len(bare)) if index // 3 % 32 in (3, 4) and 7 < index // 96 < 18]
    assert max(abs(seen[index] - bare[index]) for index in right) <= 10
    assert sum(abs(seen[index] - bare[index]) for index in left) / len(left) > 8
    page.click("#mask-done")
    page.click('#slots [data-slot="main"]')
    page.click('[data-style="mosaic"]')
    until(page, SETTLED)
    both = pixels(page)
    assert sum(abs(both[index] - bare[index]) for index in right) / len(right) > 5
    page.click('#slots [data-slot="inside"]')
    page.click('[data-style="photo"]')
    until(page, SETTLED)
    kept = pixels(page)
    assert sum(abs(kept[index] - bare[index]) for index in left) / len(left) < 4
    first = work(page)["look"]["regions"][0]["mask"]
    page.click("#edit-part")
    page.click('[data-mode="eraser"]')
    stroke(page, [(0.05, 0.2), (0.3, 0.2)])
    until(page, f"{REGIONS}[0].mask != '{first}'")
    page.keyboard.press("Control+z")
    assert work(page)["look"]["regions"][0]["mask"] == first
    page.click("#mask-done")
    page.click("#remove-part")
    assert work(page)["look"]["regions"] == []


def overlay(page) -> list[int]:
    """Return what is drawn over the picture, of 64 x 64 places."""
    return page.evaluate(
        """() => {
          const small = new OffscreenCanvas(64, 64).getContext("2d");
          small.drawImage(document.querySelector("#overlay"), 0, 0, 64, 64);
          return [...small.getImageData(0, 0, 64, 64).data];
        }"""
    )


def test_what_is_being_drawn_stays_whatever_else_comes_to_an_end(opened, photo):
    page = opened()
    paint(page, photo)
    finer(page)
    page.click("#paint-part")
    ended = "import('/page/work.js').then((module) => module.change({}))"
    stroke(page, [(0.2, 0.2), (0.5, 0.2)], amid=lambda: page.evaluate(ended))
    until(page, f"{REGIONS}.length == 1")
    inked = overlay(page)[3::4]
    assert inked[64 * 13 + 13] > 0 and inked[64 * 13 + 31] > 0, "from its beginning to its end"


def test_nothing_is_drawn_before_what_was_drawn_is_there(opened, photo):
    page = opened()
    paint(page, photo)
    finer(page)
    paint_part(page, [(0.2, 0.2), (0.5, 0.5)], brush=160)
    seen = overlay(page)
    page.reload()
    until(page, SETTLED)
    held = []
    page.route("**/api/masks/*/ink", lambda route: held.append(route))
    page.click("#edit-part")
    page.wait_for_selector("#board")
    box = page.locator("#board").bounding_box()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.up()
    page.wait_for_timeout(300)
    assert len(held) == 1 and not page.is_visible("#mask-tools")
    held[0].continue_()
    page.wait_for_selector("#mask-tools")
    assert overlay(page) == seen and work(page)["look"]["regions"] != []


def test_a_painted_part_comes_back_after_a_reload_as_it_was_painted(opened, photo):
    page = opened()
    paint(page, photo)
    finer(page)
    paint_part(page, [(0.2, 0.2), (0.5, 0.5)], brush=60, feather=60)
    until(page, SETTLED)
    seen, mask = overlay(page), work(page)["look"]["regions"][0]["mask"]
    page.reload()
    until(page, SETTLED)
    page.click("#edit-part")
    until(page, "document.querySelector('#feather')?.value == '60'")
    assert overlay(page) == seen
    slide(page, "#feather", 60)
    until(page, f"JSON.parse(localStorage['impasto.work']).look.regions[0].mask != '{mask}'")
    again = work(page)["look"]["regions"][0]["mask"]
    same = """async (masks) => {
      const bytes = await Promise.all(masks.map(async (id) => (await fetch(`/api/masks/${id}`)).text()));
      return bytes[0] == bytes[1];
    }"""
    assert page.evaluate(same, [mask, again])


def test_the_subject_is_found_and_corrected_by_taps(opened, photo):
    page = opened()
    paint(page, photo)
    finer(page)
    page.click("#find-subject")
    until(page, f"{REGIONS}.length == 1")
    first = work(page)["look"]["regions"][0]["mask"]
    page.click('[data-mode="remove"]')
    box = page.locator("#board").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    until(page, f"{REGIONS}[0].mask != '{first}'")
    page.keyboard.press("Escape")
    assert not page.is_visible("#mask-tools")


@pytest.mark.parametrize(
    ("name", "value", "within"),
    [("exposure", 0.8, 1.5), ("contrast", 60, 1.5), ("saturation", -70, 1.5), ("film_grain", 80, 3)],
)
def test_light_and_grain_are_seen_at_once_as_the_server_makes_them(opened, photo, name, value, within):
    page = opened()
    paint(page, photo)
    plain = pixels(page)
    finer(page)
    slide(page, f"#set-{name}", value, settle=False)
    preview = pixels(page)
    slide(page, f"#set-{name}", value)
    until(page, SETTLED)
    exact = pixels(page)
    assert difference(plain, exact) > (0.1 if name == "film_grain" else 5)
    assert difference(preview, exact) < within


def test_a_style_of_ones_own_comes_and_goes(opened, photo):
    page = opened()
    choose(page, photo)
    give(page, PAGE.parents[1] / "gallery/pictures/swirls.webp", "#add-style")
    page.fill("#style-name", "evening")
    page.click("#style-add")
    painted(page)
    own = work(page)["look"]["styles"][0]["id"]
    tile = page.locator(f'[data-style="{own}"]')
    assert "evening" in tile.inner_text() and tile.get_attribute("aria-checked") == "true"
    page.hover(f'[data-style="{own}"]')
    page.click(".own .remove")
    page.wait_for_selector(f'[data-style="{own}"]', state="detached")


def test_an_own_style_that_goes_leaves_a_blend_and_a_part(opened, photo):
    page = opened()
    paint(page, photo)
    finer(page)
    for use in ("blend", "part"):
        if use == "blend":
            page.click("#blend-toggle")
        else:
            paint_part(page, [(0.3, 0.3), (0.5, 0.5)])
            page.click("#mask-done")
        page.set_input_files("#style-file", PAGE.parents[1] / "gallery/pictures/swirls.webp")
        page.click("#style-add")
        page.wait_for_selector(".own [aria-checked=true]")
        until(page, SETTLED)
        look = work(page)["look"]
        assert any(str(style["id"]).startswith("own-") for style in [*look["styles"], *regions_of(look)])
        page.hover(".own .tile")
        page.click(".own .remove")
        page.wait_for_selector(".own", state="detached")
        until(page, SETTLED)
        look = work(page)["look"]
        assert look["styles"] == [{"id": "hokkai-wave", "weight": 1, "part": "all"}]
    assert [region["id"] for region in regions_of(look)] == [None]
    assert page.locator(".notice.trouble").all_inner_texts() == []
    assert page.is_disabled("#download") and page.is_disabled("#refine-begin"), "all of it is the photo"


def regions_of(look):
    return [{"id": region["style"]} for region in look["regions"]]


def test_a_result_is_brought_back_and_a_dropped_picture_brings_its_recipe(opened, photo, tmp_path):
    page = opened()
    paint(page, photo)
    slide(page, "#set-strength", 80)
    painted(page)
    wave = pixels(page)
    page.click('[data-style="mosaic"]')
    until(page, SETTLED)
    page.click(".result >> nth=1")
    until(page, SETTLED)
    assert difference(pixels(page), wave) == 0
    path = download(page, tmp_path)
    other = opened()
    choose(other, path)
    look = work(other)["look"]
    assert look["styles"][0]["id"] == "hokkai-wave" and look["settings"]["strength"] == 80
    first = work(page)["photo"]["photo"]
    page.click('[data-style="mosaic"]')
    until(page, SETTLED)
    give(page, path)
    until(page, "JSON.parse(localStorage['impasto.work']).look.styles[0].id == 'hokkai-wave'")
    assert work(page)["photo"]["photo"] == first, "the recipe is for the photo that hangs already"
