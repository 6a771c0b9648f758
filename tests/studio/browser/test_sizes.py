"""Windows of every size: the picture is there, nothing is covered, cut or beyond its border."""

from __future__ import annotations

import pytest

from browser.hands import REGIONS, SETTLED, paint, until
from browser.test_finer import finer

pytestmark = pytest.mark.browser

CUT = """[...document.querySelectorAll("select")].filter((select) => {
  const style = getComputedStyle(select);
  const pen = new OffscreenCanvas(1, 1).getContext("2d");
  pen.font = style.font;
  const room = select.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  return select.checkVisibility() && pen.measureText(select.selectedOptions[0].text).width > room + 1;
}).map((select) => select.id)"""
BEYOND = """(selector) => [...document.querySelectorAll(selector)].filter((each) => {
  const [inner, outer] = [each, each.parentElement].map((one) => one.getBoundingClientRect());
  return each.scrollWidth > each.clientWidth || inner.right > outer.right || inner.left < outer.left;
}).map((each) => each.textContent)"""


def resize(page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.wait_for_timeout(150)
    page.evaluate("scrollTo(0, 0)")


def box(page, selector: str) -> dict[str, float]:
    """Return where an element is; the right and bottom edges, too."""
    found = page.locator(selector).bounding_box()
    return {**found, "right": found["x"] + found["width"], "bottom": found["y"] + found["height"]}


@pytest.mark.parametrize("size", [(640, 360), (720, 450), (568, 320), (320, 256)])
def test_a_low_window_shows_the_picture_beside_its_tools(opened, photo, size):
    page = opened()
    paint(page, photo)
    resize(page, size)
    for tab in ("styles", "adjust", "finer", "results"):
        page.click(f'#tabs [data-tab="{tab}"]')
        page.evaluate("scrollTo(0, 0)")
        board, tools = box(page, "#board"), box(page, "#tools")
        assert board["height"] >= 130 and board["bottom"] <= tools["y"], tab
        assert board["y"] >= 0 and board["right"] <= size[0], tab
    page.click('#tabs [data-tab="styles"]')
    page.click('[data-style="mosaic"]')
    until(page, SETTLED)


@pytest.mark.parametrize("size", [(640, 360), (844, 390)])
def test_a_low_window_invites_with_all_that_there_is_to_choose(opened, size):
    page = opened(phone=size == (844, 390))
    resize(page, size)
    for selector in ("#choose", ".sample >> nth=-1", ".private"):
        place = box(page, selector)
        assert place["y"] >= 52 and place["bottom"] <= size[1], selector


@pytest.mark.parametrize("size", [(844, 390), (640, 360), (1024, 700), (390, 844), (320, 568)])
def test_the_mask_tools_can_be_used_and_leave_the_picture_free(opened, photo, size):
    page = opened(phone=True)
    paint(page, photo)
    resize(page, size)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("b")
    page.wait_for_selector("#mask-tools")
    page.wait_for_timeout(150)
    board, tools = box(page, "#board"), box(page, "#mask-tools")
    assert board["bottom"] <= tools["y"] or board["right"] <= tools["x"]
    assert board["height"] >= 120
    for selector in ("#brush-size", "#feather"):
        assert box(page, selector)["width"] >= 90
    for each in ("#mask-done", *(f'#mask-tools [data-mode="{mode}"]' for mode in ("brush", "remove"))):
        place = box(page, each)
        assert tools["x"] <= place["x"] and place["right"] <= tools["right"] and place["bottom"] <= size[1]


def test_slots_and_pairs_of_buttons_stay_within_their_borders(opened, photo):
    page = opened()
    paint(page, photo)
    finer(page)
    page.click("#blend-toggle")
    page.click('#gallery [data-style="mosaic"]')
    for size in ((1280, 720), (1024, 700)):
        resize(page, size)
        assert page.evaluate(BEYOND, ".slot span, .pair > button") == []
    page.click("#find-subject")
    until(page, f"{REGIONS}.length == 1")
    page.click("#mask-done")
    assert page.locator(".slot").count() == 3
    for size in ((1280, 720), (1024, 700), (640, 360), (390, 844)):
        resize(page, size)
        assert page.evaluate(BEYOND, ".slot span, .pair > button") == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_choice_is_cut(opened, photo, language):
    page = opened(language)
    paint(page, photo)
    finer(page)
    page.click("#finer summary")
    for size in ((1280, 720), (1024, 700), (390, 844)):
        resize(page, size)
        if size == (390, 844):
            page.click('#tabs [data-tab="finer"]')
        for colors in ("style", "content" if size == (1024, 700) else "histogram"):
            page.select_option("#set-colors", colors, force=True)
            assert page.evaluate(CUT) == [], (size, colors)
        page.click("#download")
        page.wait_for_selector("#download-go")
        assert page.evaluate(CUT) == []
        page.keyboard.press("Escape")


def test_a_value_that_stands_for_nothing_typed_is_as_legible_as_other_text(opened, photo):
    page = opened(dark=True)
    finer(page)
    page.click("#finer summary")
    shown = page.eval_on_selector(
        "#set-style_weight",
        """(figure) => ["::placeholder", null].map((part) => getComputedStyle(figure, part)).map(
             ({ color, opacity }) => [color, opacity])""",
    )
    soft = page.eval_on_selector(".fine", "(line) => getComputedStyle(line).color")
    assert shown[0] == [soft, "1"]
