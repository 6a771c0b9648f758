"""Nothing is lost: by a new start, a second page, a slow connection, haste, or many things."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest
from PIL import Image

from browser.conftest import _address
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
from browser.test_again import PICTURES, add_style
from browser.test_finer import finer, stroke

pytestmark = pytest.mark.browser
STATE = "fetch('/api/state').then((answer) => answer.json())"
REFINING = r"/Refining · \d+ of \d+/.test(document.querySelector('#busy .said')?.textContent)"


def delayed(page, address: str, seconds: float) -> None:
    """Have the answers to an address come late."""

    def late(route):
        answer = route.fetch()
        page.wait_for_timeout(1000 * seconds)
        route.fulfill(response=answer)

    page.route(address, late)


@contextmanager
def studio_at(port: int, home):
    """A studio that is killed at the end, as by a crash."""
    log = home / "log.txt"
    line = [sys.executable, "-m", "impasto.cli", "studio", "--no-open", "--port", str(port), "--lang", "en"]
    with log.open("w") as file:
        server = subprocess.Popen(line, stdout=file, stderr=subprocess.STDOUT)
    try:
        yield _address(log, server)
    finally:
        server.kill()
        server.wait(30)


@pytest.mark.parametrize("source", ["file", "sample"])
def test_a_new_start_of_the_studio_costs_nothing(browser, photo, tmp_path, source):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    page = browser.new_context(locale="en-US").new_page()
    page.set_default_timeout(120_000)
    with studio_at(port, tmp_path) as address:
        page.goto(address)
        if source == "file":
            choose(page, photo)
        else:
            page.click(".sample >> nth=0")
            until(page, "JSON.parse(localStorage['impasto.work'] ?? '{}').photo != null")
        page.click('[data-style="hokkai-wave"]')
        painted(page)
        until(page, "document.querySelectorAll('#gallery img[src^=data]').length > 30")
        before = pixels(page)
        name = work(page)["photo"]["name"]
    with studio_at(port, tmp_path):  # the page notices by itself
        until(page, "document.documentElement.dataset.ready")
        page.wait_for_selector(".result", state="attached")
        painted(page)
        assert work(page)["photo"]["name"] == name
        assert difference(pixels(page), before) < 0.5
    page.context.close()


def test_two_pages_of_a_browser_leave_each_other_alone(opened, photo, studio):
    one = opened()
    choose(one, photo)
    other = one.context.new_page()
    other.goto(studio)
    other.wait_for_selector("html[data-ready]")
    other.click('[data-style="mosaic"]')
    one.click('[data-style="hokkai-wave"]')
    for page in (one, other):
        painted(page)
        until(page, "document.querySelectorAll('#gallery img[src^=data]').length > 30")
    one.keyboard.press("r")
    until(one, REFINING)
    other.keyboard.press("r")
    until(one, "/(1\\d|2\\d|3\\d) of 40/.test(document.querySelector('#busy .said')?.textContent)")
    one.keyboard.press("r")
    for page in (one, other):
        page.wait_for_selector(".result .mark")
    one.reload()
    one.wait_for_selector("html[data-ready]")
    assert one.evaluate("JSON.parse(sessionStorage['impasto.work']).look.styles[0].id") == "hokkai-wave"


@pytest.mark.parametrize("leave", ["reload", "style"])
def test_a_refinement_that_is_left_is_in_the_strip(opened, photo, leave):
    page = opened()
    paint(page, photo)
    finer(page)
    page.select_option("#rounds", "160")
    page.click("#refine-begin")
    until(page, REFINING)
    if leave == "style":
        page.click('[data-style="mosaic"]')
        painted(page)
        assert work(page)["refined"] is None
    else:
        page.reload()
        page.wait_for_selector("html[data-ready]")
        until(
            page,
            f"{STATE}.then(({{ results }}) => results.length > 1)",
        )
        page.reload()
    page.wait_for_selector(".result .mark")
    page.click(".result:has(.mark)")
    until(page, "JSON.parse(localStorage['impasto.work']).refined != null")
    until(page, SETTLED)


def test_a_slider_leaves_the_server_what_the_strip_has(opened, photo):
    page = opened()
    paint(page, photo)
    for strength in (20, 30, 40, 60, 70, 80):
        slide(page, "#set-strength", strength)
        painted(page)
    assert page.locator(".result").count() == 1
    until(
        page, f"{STATE}.then(({{ results }}) => results.length <= 2)"
    )  # one may have come too late to be seen
    page.keyboard.press("Control+z")  # whose picture the server has no longer
    until(page, SETTLED)
    assert work(page)["look"]["settings"]["strength"] == 70


def test_a_style_of_a_name_that_another_had_is_painted_anew(opened, photo, tmp_path):
    page, seen = opened(), []
    choose(page, photo)
    for picture in ("aurora-lake", "mosaic"):
        style = tmp_path / f"{picture}.webp"
        style.write_bytes((PICTURES / style.name).read_bytes())
        add_style(page, style, "mine", keep=True)
        seen.append(pixels(page))
        page.hover('[data-style="mine"]')
        page.click(".own .remove")
        page.click("#removal-go")
        page.wait_for_selector('[data-style="mine"]', state="detached")
    assert difference(*seen) > 10


def test_a_camera_that_is_let_go_before_it_comes_stays_off(opened):
    page = opened()
    page.evaluate(
        """() => {
          const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          window.streams = [];
          navigator.mediaDevices.getUserMedia = async (wish) => {
            await new Promise((resolve) => setTimeout(resolve, 500));
            window.streams.push(await real(wish));
            return window.streams.at(-1);
          };
        }"""
    )
    page.dblclick("#camera")
    until(page, "window.streams.length == 1")
    until(page, "window.streams[0].getTracks()[0].readyState == 'ended'")
    assert page.get_attribute("#camera", "aria-pressed") != "true" and page.is_visible("#welcome")
    page.click("#camera")
    until(page, "document.body.matches('.camera')")
    page.click("#camera")
    until(page, "window.streams.every((stream) => stream.getTracks()[0].readyState == 'ended')")


def begin_drawing(page, photo) -> None:
    paint(page, photo)
    finer(page)
    page.click("#paint-part")
    page.wait_for_selector("#mask-done")
    delayed(page, "**/masks?*", 0.7)


def test_undo_takes_back_a_stroke_that_is_on_its_way(opened, photo):
    page = opened()
    begin_drawing(page, photo)
    stroke(page, [(0.2, 0.2), (0.5, 0.5)])
    page.keyboard.press("Control+z")
    page.wait_for_timeout(1500)
    assert work(page)["look"]["regions"] == [] and work(page)["look"]["styles"][0]["id"] == "hokkai-wave"
    assert not page.is_disabled("#redo")


def test_clear_takes_away_a_stroke_that_is_on_its_way(opened, photo):
    page = opened()
    begin_drawing(page, photo)
    stroke(page, [(0.2, 0.2), (0.5, 0.5)])
    page.click("#mask-tools [aria-label=Clear]")
    page.wait_for_timeout(1500)
    assert work(page)["look"]["regions"] == []


def test_a_stroke_on_its_way_is_not_another_photos(opened, photo, tmp_path):
    page = opened()
    begin_drawing(page, photo)
    stroke(page, [(0.2, 0.2), (0.5, 0.5)])
    other = tmp_path / "other.png"
    Image.open(photo).rotate(180).save(other)
    give(page, other)
    until(page, "JSON.parse(localStorage['impasto.work']).photo.name == 'other.png'")
    page.wait_for_timeout(1500)
    assert work(page)["look"]["regions"] == []


def test_hasty_taps_all_count(opened, photo):
    page = opened()
    paint(page, photo)
    finer(page)
    page.click("#find-subject")
    until(page, f"{REGIONS}.length == 1")
    page.click('[data-mode="add"]')
    delayed(page, "**/subject", 0.5)
    asked = []
    page.on("request", lambda request: asked.append(request) if request.url.endswith("/subject") else None)
    box = page.locator("#board").bounding_box()
    for x in (0.2, 0.5, 0.8):
        page.mouse.click(box["x"] + x * box["width"], box["y"] + 0.5 * box["height"])
    page.wait_for_timeout(2500)
    drawing = f"/api/masks/{work(page)['look']['regions'][0]['mask']}/drawing"
    taps = page.evaluate("(address) => fetch(address).then((answer) => answer.json())", drawing)
    assert [round(x, 1) for x, _ in taps["add"]] == [0.2, 0.5, 0.8]
    assert len(asked) < 4


def test_of_two_photos_the_later_one_hangs(opened, photo, tmp_path):
    page = opened()
    choose(page, photo)
    slow, quick = tmp_path / "slow.png", tmp_path / "quick.png"
    for path, angle in ((slow, 90), (quick, 180)):
        Image.open(photo).rotate(angle).save(path)
    held = []
    page.route("**/api/photos", lambda route: route.continue_() if held else held.append(route))
    for path in (slow, quick):
        give(page, path)
    until(page, "JSON.parse(localStorage['impasto.work']).photo.name == 'quick.png'")
    page.wait_for_timeout(500)
    assert work(page)["photo"]["name"] == "quick.png" and "Reading" not in page.inner_text("#busy")


def test_the_welcome_is_not_busy(opened, photo):
    page = opened()
    page.click('[data-style="hokkai-wave"]')
    delayed(page, "**/api/pastiches", 1)
    give(page, photo, "#choose")
    until(page, "document.body.matches('.painting')")
    page.keyboard.press("Control+z")
    until(page, "document.body.matches('.empty')")
    page.wait_for_timeout(1500)
    assert page.evaluate("!document.body.matches('.painting')")


def test_thumbnails_that_broke_off_go_on(opened, photo):
    page = opened()
    gif = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
    broken = f'event: thumbnail\ndata: {{"style": "mosaic", "picture": "{gif}"}}\n\n'
    headers = {"content-type": "text/event-stream"}
    page.route("**/thumbnails", lambda route: route.fulfill(headers=headers, body=broken), times=1)
    choose(page, photo)
    page.wait_for_selector(".notice.trouble")
    page.click(".notice.trouble button")
    until(page, "document.querySelectorAll('#gallery img[src^=data]').length > 30")


def test_undo_sends_a_photo_again_that_the_server_has_lost(opened, photo, tmp_path):
    page = opened()
    paint(page, photo)
    before, name = pixels(page), work(page)["photo"]["name"]
    first = work(page)["photo"]["photo"]
    other = tmp_path / "other.png"
    Image.open(photo).rotate(180).save(other)
    choose(page, other)
    until(page, "JSON.parse(localStorage['impasto.work']).photo.name == 'other.png'")
    painted(page)
    turned = pixels(page)
    page.evaluate(
        """(photo) => fetch(`/api/photos/${photo}`, {
          method: "DELETE",
          headers: { "X-Impasto-Token": document.querySelector('meta[name="impasto-token"]').content },
        })""",
        first,
    )
    page.evaluate("import('/page/painting.js').then(({ screen }) => void (screen.side = 448))")
    page.keyboard.press("Control+z")
    until(page, f"JSON.parse(localStorage['impasto.work']).photo.photo != '{first}'")
    until(page, f"JSON.parse(localStorage['impasto.work']).photo.name == {name!r}")
    painted(page)
    assert difference(pixels(page), before) < 0.5 * difference(pixels(page), turned)
    opened.troubles.clear()  # the browser tells of the photo that was not there


def drop(page, *names: str) -> None:
    page.evaluate(
        """async (names) => {
          const dataTransfer = new DataTransfer();
          const picture = await (await fetch("/api/samples/cat/picture?side=64")).blob();
          for (const name of names) {
            const [bytes, type] = name.endsWith("png") ? [picture, "image/png"] : ["%PDF", "application/pdf"];
            dataTransfer.items.add(new File([bytes], name, { type }));
          }
          const event = new DragEvent("drop", { dataTransfer, bubbles: true });
          document.querySelector("#stage").dispatchEvent(event);
        }""",
        names,
    )


def test_of_several_files_the_picture_is_taken_and_that_is_said(opened):
    page = opened()
    drop(page, "paper.pdf", "cat.png")
    until(page, "JSON.parse(localStorage['impasto.work'] ?? '{}').photo?.name == 'cat.png'")
    assert "cat.png is taken" in page.inner_text("#notices")


def test_an_empty_file_is_refused_at_once(opened, tmp_path):
    page = opened()
    (tmp_path / "nothing.jpg").write_bytes(b"")
    give(page, tmp_path / "nothing.jpg", "#choose")
    page.wait_for_selector(".notice.trouble")
    assert "nothing.jpg is empty." in page.inner_text("#notices")


def test_a_blend_that_is_nowhere_painted_says_so(opened, photo):
    page = opened()
    paint(page, photo)
    finer(page)
    page.click("#blend-toggle")
    page.click('#gallery [data-style="mosaic"]')
    page.wait_for_selector("#blend-share:not([disabled])")
    page.click("#find-subject")
    until(page, f"{REGIONS}.length == 1")
    assert page.is_disabled("#blend-share") and "the photo itself" in page.inner_text("#blend-box")
    page.click("#mask-done")
    page.click('#slots [data-slot="main"]')
    page.click('#gallery [data-style="hokkai-wave"]')
    page.wait_for_selector("#blend-share:not([disabled])")


def test_what_was_refused_is_not_tried_again(opened, tmp_path):
    page = opened()
    (tmp_path / "paper.jpg").write_bytes(b"%PDF-1.4 no picture")
    give(page, tmp_path / "paper.jpg", "#choose")
    page.wait_for_selector(".notice.trouble")
    assert page.locator(".notice.trouble button").count() == 1  # the one that dismisses it
    opened.troubles.clear()  # the browser tells of the refusal
