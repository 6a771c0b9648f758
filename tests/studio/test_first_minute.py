"""The first minute: a photo comes in, every style is seen on it, one is painted, and a file goes out."""

from __future__ import annotations

import base64
import io
import json
import time

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

import impasto
from impasto import gallery
from impasto.pictures.writing import read_recipe
from impasto.studio.painting import SEEN_FIRST, Desk, thumbnails
from impasto.studio.server import make_app
from studio_fixtures import ADDRESS, Browser, browser, client, png_bytes

LOOK = {"styles": [{"id": "hokkai-wave"}], "settings": {"strength": 60}}


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_the_page_begins_with_a_session(browser):
    page = browser.get("/")
    assert page.status_code == 200 and f'content="{browser.token}"' in page.text
    assert "HttpOnly" in page.headers["set-cookie"] and "SameSite=lax" in page.headers["set-cookie"]
    assert "default-src 'self'" in page.headers["content-security-policy"]


def test_the_state_has_styles_samples_and_controls(browser):
    state = browser.get("/api/state").json()
    assert [style["id"] for style in state["styles"]] == list(gallery.style_names())
    assert {"names", "lines", "own", "kept", "sha256"} <= set(state["styles"][0])
    names = {control["name"] for control in state["controls"]}
    assert {"strength", "colors", "stroke_size"} <= names
    assert not names & {"initial", "network", "max_size"}
    strength = next(control for control in state["controls"] if control["name"] == "strength")
    assert (strength["least"], strength["most"], strength["default"]) == (0, 100, 50)
    assert strength["labels"]["zh"] == "强度"
    assert state["formats"] == ["png", "jpeg", "webp", "avif"]


def test_every_sample_is_a_picture_of_the_size_that_is_told(browser):
    for sample in browser.get("/api/state").json()["samples"]:
        answer = browser.get(f"/api/samples/{sample['id']}/picture?side=1024")
        assert opened(answer.content).size == (sample["width"], sample["height"])


def test_a_sample_becomes_a_photo(browser):
    photo = browser.post("/api/photos?sample=cat").json()
    assert (photo["width"], photo["height"], photo["look"]) == (451, 300, None)
    small = opened(browser.get(f"/api/photos/{photo['photo']}/picture?side=100").content)
    assert small.size == (100, 67)


def kept(app, shelf):
    """Return by what things lie on a shelf of the workshop."""
    return {key for where, key in app.state.studio.workshop._entries if where == shelf}


def test_the_first_photo_of_all_compiles_nothing():
    """The engine is ready when it has painted, whatever shape comes."""
    with TestClient(make_app(), base_url=ADDRESS) as http:
        browser = Browser(http)
        photo = browser.photo(png_bytes(71, 97, 5))["photo"]
        until = time.monotonic() + 60
        while http.get("/health").json()["engine"] != "ready" and time.monotonic() < until:
            time.sleep(0.01)
        ready = kept(http.app, "functions")
        browser.events(f"/api/photos/{photo}/thumbnails", {"side": 48, "styles": ["hokkai-wave"]})
        browser.events("/api/pastiches", {"photo": photo, "look": LOOK, "side": 80})
        assert kept(http.app, "functions") == ready


def test_a_photo_is_made_ready_for_a_click_as_soon_as_the_first_thumbnails_are_seen(browser):
    """And not before: its features in the size of the picture are there then."""
    app = browser.http.app
    photo = browser.photo(png_bytes(70, 93, 5))["photo"]
    session = app.state.studio.sessions.find(browser.cookie)
    desk = Desk(session=session, photo=session.photos.find(photo), workshop=app.state.studio.workshop)
    styles = [(name, name) for name in gallery.style_names()[: SEEN_FIRST + 2]]
    coming = thumbnails(desk, styles, 48, 50, ahead=80)

    def shapes():
        return {shape for _, shape, _ in kept(app, "encodings")}

    for _ in range(SEEN_FIRST):
        next(coming)
    assert (36, 48) in shapes() and (60, 80) not in shapes()
    next(coming)
    assert (60, 80) in shapes()
    assert [name for name, _ in coming] == ["thumbnail"]


@pytest.mark.parametrize("count", [1, 2])
def test_few_thumbnails_make_ready_for_a_click_too(browser, count):
    photo = browser.photo(png_bytes(70 + count, 97, 5))["photo"]
    wish = {"side": 48, "styles": ["hokkai-wave", "aurora-lake"][:count], "ahead": 80}
    before = kept(browser.http.app, "encodings")
    browser.events(f"/api/photos/{photo}/thumbnails", wish)
    assert {max(shape) for _, shape, _ in kept(browser.http.app, "encodings") - before} == {48, 80}


def test_thumbnails_are_the_photo_in_each_style(browser):
    photo = browser.photo()
    events = browser.events(
        f"/api/photos/{photo['photo']}/thumbnails", {"side": 64, "styles": ["hokkai-wave", "aurora-lake"]}
    )
    shown = [values for name, values in events if name == "thumbnail"]
    assert [one["style"] for one in shown] == ["hokkai-wave", "aurora-lake"]
    pictures = [opened(base64.b64decode(one["picture"].partition(",")[2])) for one in shown]
    assert [one.size for one in pictures] == [(64, 48)] * 2
    assert np.abs(np.asarray(pictures[0], int) - np.asarray(pictures[1], int)).mean() > 3
    assert events[0][0] == "run" and events[-1] == ("done", {})


def test_thumbnails_of_a_panorama_are_not_too_low_to_be_painted(browser):
    photo = browser.photo(png_bytes(40, 400))
    wish = {"side": 192, "styles": ["hokkai-wave"], "ahead": 400}
    events = browser.events(f"/api/photos/{photo['photo']}/thumbnails", wish)
    assert [name for name, _ in events] == ["run", "thumbnail", "done"]
    shown = opened(base64.b64decode(events[1][1]["picture"].partition(",")[2]))
    assert shown.size == (320, 32)


def test_a_pastiche_is_the_one_that_the_library_makes(browser, tmp_path):
    data = png_bytes(48, 64, 5)
    photo = browser.photo(data)
    wish = {"photo": photo["photo"], "look": LOOK}
    (result,) = [values for name, values in browser.events("/api/pastiches", wish) if name == "result"]
    shown = np.asarray(opened(browser.get(result["url"]).content))
    path = tmp_path / "photo.png"
    path.write_bytes(data)
    expected = impasto.stylize(path, "hokkai-wave", method="onepass", strength=60)
    assert np.array_equal(shown, np.asarray(expected.image))
    assert browser.get("/api/state").json()["results"] == [result]
    assert opened(browser.get(result["thumbnail"]).content).size == (64, 48)
    events = browser.events("/api/pastiches", {**wish, "strengths": [60, 20]})
    frames = [values for name, values in events if name == "frame"]
    assert [frame["strength"] for frame in frames] == [60, 20] and "result" not in dict(events)
    same, weaker = (np.asarray(opened(browser.get(frame["url"]).content)) for frame in frames)
    assert np.array_equal(same, shown)
    assert weaker.shape == shown.shape and not np.array_equal(weaker, shown)
    photo = opened(browser.get(f"/api/photos/{photo['photo']}/picture?side=512").content)
    assert photo.size == (frames[0]["width"], frames[0]["height"])


@pytest.mark.parametrize("form", ["png", "jpeg", "webp", "avif"])
def test_a_file_has_the_picture_and_its_recipe(browser, tmp_path, form):
    photo = browser.photo(png_bytes(48, 64, 6), "a day.png")
    events = browser.events("/api/pastiches", {"photo": photo["photo"], "look": LOOK})
    (result,) = [values for name, values in events if name == "result"]
    wish = {"photo": photo["photo"], "look": LOOK, "result": result["result"], "format": form}
    ((_, file),) = [event for event in browser.events("/api/exports", wish) if event[0] == "file"]
    answer = browser.get(file["url"])
    assert "attachment" in answer.headers["content-disposition"]
    assert len(answer.content) == file["bytes"] and opened(answer.content).size == (64, 48)
    path = tmp_path / file["name"]
    path.write_bytes(answer.content)
    recipe = json.loads(read_recipe(path))
    assert recipe["settings"]["strength"] == 60 and recipe["styles"][0]["name"] == "hokkai-wave"
    assert recipe["content"]["name"] == "a day.png"
    if form == "png":
        shown = np.asarray(opened(browser.get(result["url"]).content))
        assert np.array_equal(np.asarray(Image.open(path)), shown)


def test_a_picture_of_impasto_brings_its_look(browser, tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(png_bytes(48, 64, 7))
    impasto.stylize(path, "aurora-lake", method="onepass", strength=33).save(tmp_path / "made.png")
    photo = browser.photo((tmp_path / "made.png").read_bytes(), "made.png")
    assert photo["look"]["styles"] == [{"id": "aurora-lake", "weight": 1.0, "part": "all"}]
    assert photo["look"]["settings"] == {"strength": 33}
    assert photo["recipe"]["content"]["name"] == "photo.png"


def test_what_is_noted_is_in_the_pages_language(browser):
    file = io.BytesIO()
    pages = [Image.new("RGB", (64, 48), color) for color in ("red", "blue")]
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])

    def note(**headers):
        answer = browser.post("/api/photos", file.getvalue(), headers={"X-Filename": "two.tif"} | headers)
        return answer.json()["notes"][0]

    assert note() == "two.tif has 2 frames or pages; the first is used"
    assert "two.tif" in note(**{"Accept-Language": "zh-CN,zh;q=0.9"}) != note(**{"Accept-Language": "fr, en"})
    assert "has 2 frames" in note(**{"Accept-Language": "fr"})


def test_a_photo_too_slim_for_a_size_is_refused_in_the_pages_words(browser):
    photo = browser.photo(png_bytes(40, 1280))
    asked = {"photo": photo["photo"], "look": LOOK, "side": 64}
    ((_, error),) = [event for event in browser.events("/api/pastiches", asked) if event[0] == "error"]
    assert "choose the size 1024 or more" in error["messages"]["en"]
    assert "尺寸" in error["messages"]["zh"] and "max_size" not in str(error["messages"])


@pytest.mark.parametrize("wish", [{"size": 16}, {"size": 16, "format": "jpeg"}])
def test_an_export_that_fails_leaves_nothing(browser, client, wish):
    photo = browser.photo(png_bytes(48, 200))
    folder = client.app.state.studio.sessions.find(browser.cookie)._folder
    before = set(folder.iterdir())
    events = browser.events("/api/exports", {"photo": photo["photo"], "look": LOOK} | wish)
    assert events[-1][0] == "error" and set(folder.iterdir()) == before
