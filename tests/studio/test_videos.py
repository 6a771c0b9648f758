"""A video comes in, is seen as stills, and is painted: progress, the film, a stop, what is refused."""

from __future__ import annotations

import io
import json
import threading
import time

import numpy as np
import pytest
from PIL import Image
from test_document import check
from test_first_minute import LOOK, opened

pytest.importorskip("av")
pytest.importorskip("cv2")

from clips import film, moving, packets, seconds
from impasto.pictures.frames.opening import open_clip
from impasto.pictures.frames.recipe import read_clip_recipe
from impasto.studio import requests, video_routes
from studio_fixtures import browser, client, events_in, png_bytes, server


def sent(browser, path, name="my clip.mp4"):
    answer = browser.post("/api/videos", path.read_bytes(), headers={"X-Filename": name})
    assert answer.status_code == 201, answer.text
    return answer.json()


def shown(browser, photo):
    path = f"/api/photos/{photo['photo']}/picture?side=64"
    return np.asarray(opened(browser.get(path).content).convert("RGB"), int)


def test_a_video_is_seen_as_stills(browser, tmp_path):
    photo = sent(browser, film(tmp_path / "clip.mp4", sound=("aac",)))
    check(photo, {"$ref": "#/x/Photo"})
    video = photo["video"]
    assert (video["name"], video["frames"], video["sound"]) == ("my clip.mp4", 12, True)
    assert (photo["width"], photo["height"], video["seconds"]) == (64, 48, pytest.approx(0.48, abs=0.02))
    assert video["second"] == pytest.approx(0.24, abs=0.02)
    for second, index in ((0, 0), (0.41, 10)):
        still = browser.post(f"/api/videos/{video['video']}/stills", {"second": second}).json()
        assert still["video"] == {**video, "second": second}
        far = [np.abs(shown(browser, still) - frame).mean() for frame in moving()]
        assert (int(np.argmin(far)), min(far) < 4) == (index, True)
        small = browser.get(f"/api/videos/{video['video']}/picture?second={second}&side=32").content
        expected = Image.fromarray(moving()[index]).resize((32, 24), Image.Resampling.LANCZOS)
        assert np.abs(np.asarray(opened(small), int) - np.asarray(expected)).mean() < 6
    again = browser.post(f"/api/videos/{video['video']}/stills", {"second": 0.41}).json()
    assert again == still


def test_a_video_is_painted_with_its_sound_and_recipe(browser, tmp_path):
    source = film(tmp_path / "clip.mp4", sound=("aac",))
    photo = sent(browser, source)
    wish = {"look": LOOK, "stillness": 50}
    events = browser.events(f"/api/videos/{photo['video']['video']}/films", wish)
    told = [values for name, values in events if name == "progress"]
    assert [one["frame"] for one in told] == list(range(1, 13))
    assert {one["frames"] for one in told} == {12} and told[-1]["seconds_left"] == 0
    assert told[0]["picture"].startswith("data:image/jpeg;base64,")
    (made,) = [values for name, values in events if name == "film"]
    check(made, {"$ref": "#/x/Film"})
    assert (made["frames"], made["whole"], made["name"]) == (12, True, "my clip-hokkai-wave.mp4")
    answer = browser.get(made["url"])
    path = tmp_path / "made.mp4"
    path.write_bytes(answer.content)
    assert len(answer.content) == made["bytes"]
    assert seconds(path) == seconds(source) and packets(path) == packets(source)
    recipe = json.loads(read_clip_recipe(path))
    assert (recipe["settings"]["strength"], recipe["video"]["stillness"]) == (60, 50)
    pairs = zip(open_clip(path).frames(), moving(), strict=True)
    assert min(np.abs(frame.pixels * 255 - filmed).mean() for frame, filmed in pairs) > 5
    part = browser.get(made["url"], headers={"Range": "bytes=0-9"})  # players ask for parts
    assert (part.status_code, part.content) == (206, answer.content[:10])
    state = browser.get("/api/state").json()
    assert state["films"] == [made]
    assert sent(browser, path)["look"]["settings"] == {"strength": 60}  # it brings its look back


def test_an_animation_is_a_photo_that_can_be_painted_whole(browser, tmp_path):
    images = [Image.fromarray(frame) for frame in moving(4)]
    images[0].save(tmp_path / "cat.gif", save_all=True, append_images=images[1:], duration=100)
    photo = browser.photo((tmp_path / "cat.gif").read_bytes(), "cat 100%.gif")
    assert (photo["video"]["frames"], photo["video"]["sound"]) == (4, False)
    path = f"/api/videos/{photo['video']['video']}/films"
    events = browser.events(path, {"look": LOOK, "format": "gif", "seconds": 0.2})
    (made,) = [values for name, values in events if name == "film"]
    assert opened(browser.get(made["url"]).content).n_frames == 2
    still = io.BytesIO()
    images[0].save(still, "GIF")
    assert browser.photo(still.getvalue(), "still.gif")["video"] is None


def test_a_stop_keeps_what_is_painted(server, tmp_path):
    source = film(tmp_path / "clip.mp4", moving(28) * 20)
    body = source.read_bytes()
    video = server.json("POST", "/api/videos", body)["video"]["video"]
    answer = server.ask("POST", f"/api/videos/{video}/films", {"look": LOOK})
    text, run = b"", None
    while line := answer.readline():
        text += line
        if run is None and line.startswith(b"data: "):
            run = json.loads(line[6:])["run"]
        if line == b"event: progress\n":
            break
    assert server.json("POST", "/api/stop", {"run": run}) == {"stopping": True}
    events = events_in((text + answer.read()).decode())
    (made,) = [values for name, values in events if name == "film"]
    assert (made["whole"], events[-1]) == (False, ("done", {}))
    assert 1 <= made["frames"] < 560
    file = server.ask("GET", made["url"]).read()
    (tmp_path / "part.mp4").write_bytes(file)
    assert len(seconds(tmp_path / "part.mp4")) == made["frames"]
    session = server.studio.sessions.terminal
    assert not list(session.films.find(made["file"]).path.parent.glob("*.parts"))


def test_a_browser_that_goes_away_leaves_what_is_painted(server, tmp_path):
    source = film(tmp_path / "clip.mp4", moving(28) * 20)
    video = server.json("POST", "/api/videos", source.read_bytes())["video"]["video"]
    answer = server.ask("POST", f"/api/videos/{video}/films", {"look": LOOK})
    while answer.readline() != b"event: progress\n":
        pass
    answer.close()
    until = time.monotonic() + 30
    while not (films := server.json("GET", "/api/state")["films"]) or films[-1]["video"] != video:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert not films[-1]["whole"]
    assert not [one for one in threading.enumerate() if one.name in ("ahead", "behind")]


def test_what_is_no_video_is_refused_and_nothing_stays(browser, client, monkeypatch, tmp_path):
    session = client.app.state.studio.sessions.find(browser.cookie)
    for body, sentence in (
        (b"no video at all, but long enough to be read", "is damaged, cut short or no video"),
        (png_bytes(48, 64), "is a still picture"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "is damaged, cut short or no video"),
        (b"", "is empty"),
    ):
        answer = browser.post("/api/videos", body, headers={"X-Filename": "%04d.mp4"})
        assert answer.status_code in (400, 415) and sentence in answer.json()["error"]["message"], answer.text
    monkeypatch.setattr(video_routes, "MOST_VIDEO_BYTES", 1000)
    answer = browser.post("/api/videos", film(tmp_path / "clip.mp4").read_bytes())
    assert (answer.status_code, answer.json()["error"]["id"]) == (413, "too-large")
    assert not session.videos and not session.photos
    assert not [path for path in session.new_file("x")[1].parent.parent.rglob("*") if path.is_file()]


def test_a_disk_that_is_full_is_one_sentence(browser, monkeypatch, tmp_path):
    monkeypatch.setattr(requests, "FULL", (*requests.FULL, 2))  # no such file, as in a folder that is gone
    session = browser.http.app.state.studio.sessions.find(browser.cookie)
    real = session.new_file

    def gone(name):
        id, path = real(name)
        return id, path.with_name("gone") / name

    monkeypatch.setattr(session, "new_file", gone)
    monkeypatch.setattr("pathlib.Path.rmdir", lambda path: None)
    answer = browser.post("/api/videos", b"x")
    assert (answer.status_code, answer.json()["error"]["id"]) == (507, "disk-full")


def test_only_so_many_videos_are_kept_and_their_stills_stay(browser, tmp_path):
    body = film(tmp_path / "clip.mp4", moving(3))
    photos = [sent(browser, body, f"{number}.mp4") for number in range(3)]
    first = browser.post(f"/api/videos/{photos[0]['video']['video']}/stills", {"second": 0})
    assert first.status_code == 404
    kept = {one["photo"]: one["video"] for one in browser.get("/api/state").json()["photos"]}
    assert kept[photos[0]["photo"]] is None and kept[photos[2]["photo"]] == photos[2]["video"]
    assert browser.delete(f"/api/videos/{photos[2]['video']['video']}").status_code == 204


@pytest.mark.parametrize(
    "wrong",
    [{"side": 8}, {"format": "avi"}, {"stillness": 101}, {"seconds": 0}, {"quality": "high"}, {"look": {}}],
)
def test_a_wrong_wish_is_refused(browser, tmp_path, wrong):
    video = sent(browser, film(tmp_path / "clip.mp4", moving(3)))["video"]["video"]
    answer = browser.post(f"/api/videos/{video}/films", {"look": LOOK, **wrong})
    assert answer.status_code == 422, answer.text
    assert browser.post(f"/api/videos/{video}/stills", {"second": -1}).status_code == 422
    assert browser.get(f"/api/videos/{video}/picture?second=1e9").status_code == 422
