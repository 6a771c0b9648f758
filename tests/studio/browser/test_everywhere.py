"""For everybody: by keyboard, by touch, in both languages, dark and light, with assistive tools."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from browser.hands import PAGE, REGIONS, SETTLED, choose, difference, paint, painted, pixels, until, work
from impasto.studio.controls import control_records

pytestmark = pytest.mark.browser
AXE = Path(__file__).parent / "node_modules/axe-core/axe.min.js"


def faults(page) -> list[str]:
    """Return what axe-core finds wrong."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    return [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_axe_finds_nothing_and_nothing_sticks_out(opened, photo, language, phone, dark):
    if not AXE.is_file():
        pytest.skip("the check for accessibility needs axe-core: make page-tools (npm)")
    page = opened(language, dark, phone)
    assert page.get_attribute("html", "lang") == {"en": "en", "zh": "zh-Hans"}[language]
    assert faults(page) == []
    paint(page, photo)
    states = {
        "painted": lambda: None,
        "compared": lambda: page.click("#compare"),
        "finer": lambda: page.click('#tabs [data-tab="finer"]' if phone else "#finer-toggle"),
        "blended": lambda: page.click("#blend-toggle"),
        "masked": lambda: page.click("#paint-part"),
        "done": lambda: page.click("#mask-done"),
        "download": lambda: page.click("#download"),
    }
    for name, act in states.items():
        act()
        page.wait_for_timeout(250)
        assert faults(page) == [], name
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is {wide} pixels too wide"


def test_everything_by_keyboard(opened):
    page = opened()
    page.focus(".sample")
    page.keyboard.press("Enter")
    until(page, SETTLED)
    page.focus('#gallery [tabindex="0"]')
    page.keyboard.press("ArrowDown")
    painted(page)
    first = work(page)["look"]["styles"][0]["id"]
    page.keyboard.press("ArrowDown")
    until(page, f"JSON.parse(localStorage['impasto.work']).look.styles[0].id != '{first}'")
    page.focus("#set-strength")
    page.keyboard.press("ArrowRight")
    until(page, "JSON.parse(localStorage['impasto.work']).look.settings.strength == 51")
    page.keyboard.press("c")
    assert page.is_visible("#split")
    page.keyboard.press("?")
    page.wait_for_selector("#dialog dt")
    assert page.locator("#dialog dt").count() > 8
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.wait_for_selector("#mask-tools")
    page.keyboard.press("Escape")
    assert not page.is_visible("#mask-tools")
    page.keyboard.press("d")
    page.wait_for_selector("#download-go")
    page.keyboard.press("Escape")
    outline = page.evaluate(
        "(() => { const e = document.querySelector('#compare'); e.focus(); "
        "return e.matches(':focus-visible') && getComputedStyle(e).outlineStyle; })()"
    )
    assert outline == "solid"


def touch(session, kind: str, *places: tuple[float, float]) -> None:
    points = [{"x": x, "y": y, "id": index} for index, (x, y) in enumerate(places)]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


@pytest.mark.parametrize("language", ["en", "zh"])
def test_by_touch_on_a_phone(opened, photo, language):
    page = opened(language, dark=language == "zh", phone=True)
    assert page.is_visible("#take"), "a phone can take a photo"
    choose(page, photo)
    page.tap('[data-style="aurora-lake"]')
    painted(page)
    page.tap('#tabs [data-tab="finer"]')
    page.tap("#paint-part")
    page.wait_for_selector("#mask-tools")
    box = page.locator("#board").bounding_box()
    session = page.context.new_cdp_session(page)
    x, y = box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.5
    touch(session, "touchStart", (x, y))
    for step in range(1, 8):
        touch(session, "touchMove", (x + 12 * step, y))
    touch(session, "touchEnd")
    until(page, f"{REGIONS}.length == 1")
    mask = work(page)["look"]["regions"][0]["mask"]
    touch(session, "touchStart", (x, y), (x + 40, y))
    for step in range(1, 8):
        touch(session, "touchMove", (x - 5 * step, y), (x + 40 + 5 * step, y))
    touch(session, "touchEnd")
    assert page.locator("#board").bounding_box()["width"] > box["width"] * 1.3, "two fingers zoom"
    assert work(page)["look"]["regions"][0]["mask"] == mask, "two fingers do not paint"
    page.tap("#mask-done")
    for tab, shown in (("styles", "#gallery"), ("adjust", "#set-strength"), ("results", "#strip")):
        page.tap(f'#tabs [data-tab="{tab}"]')
        assert page.is_visible(shown)
    seen = pixels(page)
    page.tap("#undo")
    until(page, SETTLED)
    assert difference(pixels(page), seen) > 0.2


def test_a_photo_is_taken_and_its_subject_corrected_by_a_finger(opened, photo):
    page = opened("zh", dark=True, phone=True)
    page.set_input_files("#camera-file", photo)
    until(page, SETTLED)
    page.tap('[data-style="aurora-lake"]')
    painted(page)
    page.tap('#tabs [data-tab="finer"]')
    page.tap("#find-subject")
    mask = "JSON.parse(localStorage['impasto.work']).look.regions[0]?.mask"
    until(page, mask)
    for mode, (x, y) in (("add", (0.08, 0.12)), ("remove", (0.5, 0.5))):
        before = page.evaluate(mask)
        page.tap(f'[data-mode="{mode}"]')
        box = page.locator("#board").bounding_box()
        page.touchscreen.tap(box["x"] + x * box["width"], box["y"] + y * box["height"])
        until(page, f"{mask} != '{before}'")
    drawing = page.evaluate(f"fetch(`/api/masks/${{{mask}}}/drawing`).then((answer) => answer.json())")
    assert [len(drawing["add"]), len(drawing["remove"])] == [1, 1]
    assert abs(drawing["add"][0][0] - 0.08) < 0.01 and abs(drawing["remove"][0][1] - 0.5) < 0.01


def test_the_language_is_switched_and_remembered(opened):
    page = opened("zh")
    assert page.inner_text("#choose span") == "选择照片"
    page.click("#language")
    assert page.inner_text("#choose span") == "Choose a photo"
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.get_attribute("html", "lang") == "en"


def test_motion_is_reduced_where_it_is_not_wanted(opened):
    page = opened(reduced_motion="reduce")
    took = page.evaluate("getComputedStyle(document.querySelector('#choose')).transitionDuration")
    assert took in ("0s", "")


def all_words() -> str:
    return "".join((PAGE / name).read_text("utf-8") for name in ("words.js", "words_later.js"))


def test_chinese_is_written_with_its_own_punctuation():
    words = all_words()
    pairs = re.findall(r'\["((?:[^"\\]|\\.)*)", "((?:[^"\\]|\\.)*)"\]', words)
    assert len(pairs) > 150
    for english, chinese in pairs:
        assert not re.search(r"[一-鿿][,.;:!?]|[,;:!?][一-鿿]|\.\.\.", chinese), chinese
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", chinese))
        assert english.endswith((".", "?")) == chinese.endswith(("。", "？")), (english, chinese)


def test_letters_in_a_list_of_choices_are_no_shortcuts(opened, photo):
    page = opened()
    paint(page, photo)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.select_option("#set-colors", "content")
    until(page, SETTLED)
    page.focus("#set-colors")
    for key in ("r", "d", "c", "b"):
        page.keyboard.press(key)
    page.wait_for_timeout(500)
    assert not any("refinements" in url for url in asked)
    assert not page.is_visible("#dialog") and not page.is_visible("#mask-tools, #split")
    page.keyboard.press("Control+z")
    assert "colors" not in work(page)["look"]["settings"], "undo is no letter"


def test_shift_and_arrows_move_the_zoomed_picture(opened, photo):
    page = opened()
    paint(page, photo)
    style = work(page)["look"]["styles"]
    page.keyboard.press("Shift+ArrowRight")
    until(page, f"JSON.parse(localStorage['impasto.work']).look.styles[0].id != '{style[0]['id']}'")
    painted(page)
    style = work(page)["look"]["styles"]
    for key in "++":
        page.keyboard.press(key)
    before = page.locator("#board").bounding_box()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    page.wait_for_timeout(300)
    after = page.locator("#board").bounding_box()
    assert after["x"] < before["x"] - 40 and after["y"] > before["y"] + 40
    for _ in range(40):
        page.keyboard.press("Shift+ArrowLeft")
    wall = page.locator("#wall").bounding_box()
    assert page.locator("#board").bounding_box()["x"] < wall["x"] + 120, "it stays in sight"
    assert work(page)["look"]["styles"] == style
    page.keyboard.press("?")
    assert "Shift" in page.inner_text("#dialog dl")


def test_only_a_click_that_begins_and_ends_beside_a_dialog_closes_it(opened, photo):
    page = opened()
    choose(page, photo)
    page.set_input_files("#style-file", photo)
    page.wait_for_selector("#style-name")
    box, name = page.locator("#dialog").bounding_box(), page.locator("#style-name").bounding_box()
    page.mouse.click(box["x"] + 8, box["y"] + box["height"] / 2)
    assert page.is_visible("#style-name"), "its inner margin is no backdrop"
    for begin, end in ((name["x"] + 60, box["x"] - 100), (box["x"] - 100, name["x"] + 60)):
        page.mouse.move(begin, name["y"] + 10)
        page.mouse.down()
        page.mouse.move(end, name["y"] + 10, steps=4)
        page.mouse.up()
        assert page.is_visible("#style-name")
    page.focus("#style-keep")
    page.keyboard.press(" ")
    assert page.is_visible("#style-name") and page.is_checked("#style-keep")
    page.mouse.click(box["x"] - 100, box["y"])
    assert not page.is_visible("#dialog")


def test_a_style_that_the_browser_cannot_show_leaves_no_hole(opened):
    page = opened()
    page.set_input_files("#style-file", {"name": "x.heic", "mimeType": "image/heic", "buffer": b"heic"})
    page.wait_for_selector("#style-name")
    page.wait_for_selector("#dialog .preview[hidden]", state="attached")


def test_every_label_follows_the_language(opened, photo):
    page = opened("en")
    paint(page, photo)
    page.click("#finer-toggle")
    page.wait_for_selector("#blend-toggle")
    page.click("#language")
    page.wait_for_timeout(200)
    words = page.evaluate(
        """[...document.querySelectorAll("body *:not(#language, .notice *)")].filter((each) =>
             each.checkVisibility()).flatMap((each) => [each.ariaLabel, each.title, each.placeholder,
             each.children.length ? null : each.textContent])"""
    )
    english = {
        each for each in words if each and re.search("[A-Za-z]{3}", each) and not re.search("[一-鿿]", each)
    }
    assert english == {"Impasto"}


def test_every_choice_of_a_control_has_words():
    words = all_words()
    elsewhere = {"background", "subject"}  # the gallery and the parts have their own
    nameless = [
        f"{control['name']}.{choice}"
        for control in control_records()
        for choice in control["choices"]
        if control["name"] not in elsewhere and f'"value.{control["name"]}.{choice}": [' not in words
    ]
    assert nameless == []


def test_the_page_says_truly_where_the_photo_goes(browser, opened, studio):
    assert opened().inner_text(".private") == "Nothing leaves this computer."
    elsewhere = "http://studio.example/"

    def ours(route):
        return route.fetch(url=studio + route.request.url.removeprefix(elsewhere), headers={})

    context = browser.new_context(locale="en-US")
    page = context.new_page()
    page.route(f"{elsewhere}**", lambda route: route.fulfill(response=ours(route)))
    page.goto(elsewhere)
    until(page, "document.querySelector('.private').textContent != ''")
    assert "goes to the computer that runs this studio" in page.text_content(".private")
    page.unroute_all(behavior="wait")
    context.close()
