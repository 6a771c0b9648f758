"""A camera's frames: painted as the library paints them, drawn to the one before, refused in a sentence."""

from __future__ import annotations

import base64
import io
import itertools

import numpy as np
import pytest
from PIL import Image
from test_first_minute import LOOK, opened

pytest.importorskip("cv2")

import impasto
from conftest import picture
from impasto.studio import camera, uploads
from impasto.studio.sessions import Session
from studio_fixtures import Browser, browser, client, png_bytes
from trained_styles import trained_style


def address(data, kind="png"):
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def painted(browser, data, **wish):
    events = browser.events("/api/camera", {"picture": address(data), "look": LOOK, **wish})
    (told,) = [values for name, values in events if name == "painted"]
    return told


def values(told):
    return np.asarray(opened(base64.b64decode(told["picture"].partition(",")[2])), int)


def test_a_frame_is_painted_as_the_library_paints_it(browser, tmp_path):
    data = png_bytes(48, 64, 31)
    told = painted(browser, data, stillness=0)
    assert (told["width"], told["height"]) == (64, 48)
    (tmp_path / "frame.png").write_bytes(data)
    expected = impasto.stylize(tmp_path / "frame.png", "hokkai-wave", method="onepass", strength=60)
    file = io.BytesIO()
    expected.image.save(file, "JPEG", quality=82)  # as the page is sent it
    assert np.abs(values(told) - np.asarray(Image.open(file), int)).mean() < 1
    small = painted(browser, png_bytes(96, 160, 32), side=80)
    assert (small["width"], small["height"]) == (80, 48)


def test_a_painting_is_drawn_to_the_one_before_of_the_same_look(browser):
    random = np.random.default_rng(1)

    def noisy():
        file = io.BytesIO()
        pixels = np.clip(picture(48, 64, 33) + random.normal(0, 0.03, (48, 64, 3)), 0, 1)
        Image.fromarray((pixels * 255).astype(np.uint8)).save(file, "PNG")
        return file.getvalue()

    frames = [noisy() for _ in range(5)]

    def flicker(stillness):
        seen = [values(painted(browser, frame, stillness=stillness)) for frame in frames]
        return np.mean([np.abs(b - a).mean() for a, b in itertools.pairwise(seen[1:])])

    assert flicker(90) < 0.6 * flicker(0)
    other = png_bytes(48, 64, 39)
    alone = values(painted(browser, other, stillness=0))
    painted(browser, frames[0], stillness=90)
    assert np.abs(values(painted(browser, other, stillness=90)) - alone).mean() < 4  # a cut


@pytest.mark.parametrize(
    ("wrong", "status", "sentence"),
    [
        ({"picture": "data:image/png;base64,AAAA"}, "image", "the camera's picture"),
        ({"picture": "data:text/html;base64,AAAA"}, "image", "must come as a data URL"),
        ({"picture": "https://example.com/x.png"}, "image", "must come as a data URL"),
        ({"picture": ""}, 422, "must be a text"),
        ({"side": 8}, 422, "must be a number from 64 to 1024"),
        ({"look": {}}, 422, "at least one style"),
    ],
)
def test_what_is_no_frame_is_refused(browser, wrong, status, sentence):
    wish = {"picture": address(png_bytes(48, 64)), "look": LOOK, **wrong}
    if status == 422:
        answer = browser.post("/api/camera", wish)
        assert answer.status_code == 422 and sentence in answer.json()["error"]["message"]
        return
    name, error = browser.events("/api/camera", wish)[-1]
    assert (name, error["id"]) == ("error", status) and sentence in error["message"]


def test_a_frame_is_small(browser, monkeypatch):
    monkeypatch.setattr(camera, "MOST_PIXELS", 1000)
    error = browser.events("/api/camera", {"picture": address(png_bytes(48, 64)), "look": LOOK})[-1][1]
    assert "has 64 x 48 px" in error["message"]


def test_a_session_begins_with_the_style_of_the_command(browser, tmp_path):
    assert browser.get("/api/state").json()["camera"] == {"style": None}
    session = Session(tmp_path)
    uploads.take_first_style(session, "mosaic")
    assert (session.first_style, len(session.styles)) == ("mosaic", 0)
    (tmp_path / "mine.png").write_bytes(png_bytes(48, 64))
    uploads.take_first_style(session, str(tmp_path / "mine.png"))
    style = session.styles.find(session.first_style)
    assert style.name == "mine" and style.path.read_bytes() == (tmp_path / "mine.png").read_bytes()


def test_a_session_begins_with_a_trained_style(client, tmp_path, monkeypatch):
    trained_style(tmp_path / "waves.style")
    monkeypatch.setattr(client.app.state.studio, "first_style", str(tmp_path / "waves.style"))
    browser = Browser(client)
    id = browser.get("/api/state").json()["camera"]["style"]
    shown = browser.get(f"/api/styles/{id}/picture")
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    wish = {"picture": address(png_bytes(48, 64)), "look": {"styles": [{"id": id}]}}
    (told,) = [values for name, values in browser.events("/api/camera", wish) if name == "painted"]
    assert (told["width"], told["height"]) == (64, 48)


def test_the_command_refuses_a_style_that_is_none(impasto, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("text.png", "text.style"):
        (tmp_path / name).write_text("no picture")
    for style, sentence in (
        ("mosaik", "did you mean 'mosaic'?"),
        ("text.png", "text.png is"),
        ("text.style", "text.style is"),
    ):
        code, out, err = impasto("webcam", style, "--no-open")
        assert (code, out, err.count("\n")) == (1, "", 1), err
        assert sentence in err
