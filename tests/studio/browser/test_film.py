"""A video: its still with the slider, the film on its way, stopped, watched, kept; dropped again."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")

from browser.hands import choose, difference, painted, pixels, slide, until, work
from clips import film, moving, seconds

pytestmark = pytest.mark.browser


@pytest.fixture
def clip(tmp_path):
    """Two seconds of 96 x 64 px, with sound."""
    return film(tmp_path / "my clip.mp4", moving(14, 64, 96) * 4, sound=("aac",), gop=10)


def begin(page, side=None):
    page.click("#film-paint")
    if side:
        page.select_option("#film-side", side)
    page.click("#film-go")


def test_a_video_is_painted_and_watched(opened, clip, tmp_path):
    page = opened()
    choose(page, clip)
    page.wait_for_selector("#film-time")
    assert page.is_disabled("#film-paint")
    assert page.inner_text("#film-clock") == "0:01.1 / 0:02.2"
    before, first = pixels(page), work(page)["photo"]
    slide(page, "#film-time", 0.1)
    until(page, "JSON.parse(localStorage['impasto.work']).photo.video.second == 0.1")
    until(page, "!document.body.matches('.inexact, .painting')")
    assert difference(pixels(page), before) > 1
    assert work(page)["photo"]["photo"] != first["photo"]
    page.click('[data-style="hokkai-wave"]')
    painted(page)
    begin(page)
    page.wait_for_selector("#film-progress")
    until(page, "/Frame \\d+ of 56 · .* a second/.test(document.querySelector('#film-figures')?.textContent)")
    assert page.is_visible("#film-frame")
    page.wait_for_selector("#film-watch:not([hidden])")
    page.click("#film-watch")
    until(page, "document.querySelector('#film-seen').currentTime > 0.2")
    size = page.evaluate("[(v = document.querySelector('#film-seen')).videoWidth, v.videoHeight, v.duration]")
    assert size[:2] == [96, 64] and size[2] == pytest.approx(2.24, abs=0.1)
    with page.expect_download() as download:
        page.click("#film-save")
    assert download.value.suggested_filename == "my clip-hokkai-wave.mp4"
    download.value.save_as(tmp_path / "made.mp4")
    assert seconds(tmp_path / "made.mp4") == seconds(clip)
    page.keyboard.press("Escape")
    page.reload()
    page.wait_for_selector("#film-watch:not([hidden])")
    assert work(page)["photo"]["video"]["second"] == 0.1
    page.click('[data-style="mosaic"]')
    painted(page)
    choose(page, tmp_path / "made.mp4")  # a film brings its look back
    until(page, "JSON.parse(localStorage['impasto.work']).look.styles[0].id == 'hokkai-wave'")


def test_a_stopped_film_keeps_what_is_painted(opened, tmp_path):
    page = opened("zh")
    choose(page, film(tmp_path / "long.mp4", moving(28, 64, 96) * 20))
    page.click('[data-style="mosaic"]')
    painted(page)
    begin(page)
    until(page, "/第 \\d+\\/560 帧/.test(document.querySelector('#film-figures')?.textContent)")
    page.click("#film-stop")
    notice = page.wait_for_selector(".notice:has-text('已停止')").inner_text()
    frames = int(re.search(r"前 (\d+) 帧", notice)[1])
    assert 1 <= frames < 560
    page.click(".notice:has-text('已停止') button")
    until(page, "document.querySelector('#film-seen').readyState >= 2")


def test_a_photo_has_no_bar(opened, photo, clip):
    page = opened(phone=True)
    choose(page, photo)
    assert page.is_hidden("#film")
    choose(page, clip)
    page.wait_for_selector("#film-paint:visible")
    box, stage = (page.locator(name).bounding_box() for name in ("#film", "#stage"))
    assert box["x"] >= stage["x"] and box["x"] + box["width"] <= stage["x"] + stage["width"]
