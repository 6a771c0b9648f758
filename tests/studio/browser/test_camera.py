"""The camera, chromium's synthetic one: painted live, in the command's style, taken as a photo, let go."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("cv2")

from browser.conftest import serving
from browser.hands import SETTLED, choose, difference, painted, pixels, until, work

pytestmark = pytest.mark.browser
ASKED = "performance.getEntriesByType('resource').filter(({ name }) => /api.camera/.test(name)).length > "
PACE = "/[\\d.]+ pictures a second/.test(document.querySelector('#camera-pace')?.textContent)"


def test_what_the_camera_sees_is_painted_live(opened):
    page = opened()
    asked = []
    page.on("request", lambda request: asked.append(request) if "/api/camera" in request.url else None)
    page.click("#camera")
    until(page, PACE)
    assert page.is_hidden("#welcome") and not asked  # without a style the camera itself is seen
    plain = pixels(page)
    page.click('[data-style="mosaic"]')
    until(page, ASKED + "8")
    until(page, PACE)
    assert difference(pixels(page), plain) > 8
    assert page.evaluate("[(c = document.querySelector('#picture')).width, c.height]") == [320, 180]
    before = pixels(page)
    page.wait_for_timeout(1000)
    assert difference(pixels(page), before) > 0.1  # it goes on: the synthetic camera has a clock
    page.select_option("#camera-side", "256")
    until(page, "document.querySelector('#picture').width == 256")
    page.click("#camera-end")
    assert page.is_visible("#welcome") and page.is_hidden("#camera-bar")
    page.wait_for_timeout(300)
    count = len(asked)
    page.wait_for_timeout(500)
    assert len(asked) == count


def test_no_frame_waits(opened):
    page = opened()
    waiting, most = set(), []

    def begin(request):
        if "/api/camera" in request.url:
            waiting.add(request)
            most.append(len(waiting))

    page.on("request", begin)
    page.on("requestfinished", lambda request: waiting.discard(request))
    page.on("requestfailed", lambda request: waiting.discard(request))
    page.click('[data-style="aurora-lake"]')
    page.click("#camera")
    until(page, PACE)
    page.wait_for_timeout(1500)
    assert len(most) > 3 and max(most) == 1


def test_a_picture_is_taken_as_a_photo(opened, photo):
    page = opened("zh")
    choose(page, photo)
    page.click('[data-style="hokkai-wave"]')
    painted(page)
    page.keyboard.press("w")
    until(page, "/每秒 [\\d.]+ 幅/.test(document.querySelector('#camera-pace')?.textContent)")
    page.click("#camera-take")
    until(page, "JSON.parse(localStorage['impasto.work']).photo.name == 'camera.png'")
    assert (work(page)["photo"]["width"], work(page)["photo"]["height"]) == (1280, 720)
    assert page.is_hidden("#camera-bar")
    painted(page)
    page.click("#camera")
    page.wait_for_selector("#camera-end")
    choose(page, photo)  # another photo lets the camera go
    page.wait_for_selector("#camera-bar", state="hidden")
    until(page, SETTLED)


def test_the_command_opens_the_camera_in_its_style(browser, tmp_path):
    painting = tmp_path / "my painting.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)).save(painting)
    for style, id in (("mosaic", "mosaic"), (str(painting), r"own-.+")):
        with serving(tmp_path, "webcam", style) as address:
            assert address.endswith("/?camera")
            context = browser.new_context()
            page = context.new_page()
            page.goto(address)
            until(page, PACE)
            assert re.fullmatch(id, work(page)["look"]["styles"][0]["id"])
            until(page, ASKED + "2")
            context.close()
