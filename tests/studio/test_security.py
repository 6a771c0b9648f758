"""Who may come in and what may come in: hosts, origins, cookies, tokens, passwords, sizes, paths."""

from __future__ import annotations

import base64
import os
import struct
import time
import zlib
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from test_first_minute import LOOK

from impasto.studio import limits, sessions
from impasto.studio.guard import Guard
from impasto.studio.server import make_app
from impasto.studio.sessions import Session, Sessions, plain_name
from picture_fixtures import png_chunk
from studio_fixtures import ADDRESS, Browser, browser, client, png_bytes


def error_of(answer):
    return answer.status_code, answer.json()["error"]["id"]


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8517", "127.0.0.1.evil.example", "192.168.1.9", "", "localhost.", "[::2]"],
)
def test_another_host_is_refused(client, host):
    assert error_of(client.get("/health", headers={"host": host})) == (403, "wrong-host")


@pytest.mark.parametrize("host", ["localhost", "localhost:8517", "127.0.0.1", "[::1]:8517", "LOCALHOST:1"])
def test_this_machine_is_let_in(client, host):
    assert client.get("/health", headers={"host": host}).json()["status"] == "ok"


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1:9999", "file://", "", ADDRESS.replace("http", "https")],
)
def test_another_origin_is_refused(browser, origin):
    answer = browser.post("/api/photos?sample=cat", headers={"origin": origin})
    assert error_of(answer) == (403, "wrong-origin")


def test_the_own_origin_is_let_in(browser):
    assert browser.post("/api/photos?sample=cat", headers={"origin": ADDRESS}).status_code == 201


@pytest.mark.parametrize(("scheme", "status"), [("https", 200), ("http", 403)])
def test_under_https_a_page_that_came_over_http_is_refused(client, scheme, status):
    secure = TestClient(client.app, base_url=ADDRESS.replace("http", "https"))
    answer = secure.get("/health", headers={"origin": ADDRESS.replace("http", scheme)})
    assert answer.status_code == status
    if status == 403:
        assert error_of(answer) == (403, "wrong-origin")
        assert answer.json()["error"]["messages"]["en"] == "the studio answers its own page only"


def test_another_site_gets_no_picture(browser):
    answer = browser.get("/api/samples/cat/picture", headers={"sec-fetch-site": "cross-site"})
    assert error_of(answer) == (403, "wrong-origin")


def test_without_a_cookie_there_is_nothing(client):
    client.cookies.clear()
    for path in ("/api/state", "/api/samples/cat/picture", "/api/results/x/picture", "/api/files/x"):
        assert error_of(client.get(path)) == (401, "no-session")


def test_with_the_cookie_alone_nothing_changes(browser):
    for headers in ({}, {"X-Impasto-Token": "wrong"}, {"X-Impasto-Token": "é".encode()}):
        for path in ("/api/photos?sample=cat", "/api/pastiches", "/api/stop", "/api/styles"):
            assert error_of(browser.http.post(path, headers=headers, content=b"{}")) == (401, "no-token")
    assert error_of(browser.http.delete("/api/styles/x")) == (401, "no-token")


def test_programs_come_in_by_the_terminals_token(client):
    client.cookies.clear()
    token = client.app.state.studio.sessions.terminal.token
    assert client.get("/api/state", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert error_of(client.get("/api/state", headers={"Authorization": "Bearer x"})) == (401, "no-token")


def test_what_one_browser_has_another_does_not_see(client):
    one = Browser(client)
    photo = one.photo()["photo"]
    events = one.events("/api/pastiches", {"photo": photo, "look": LOOK})
    (result,) = [values for name, values in events if name == "result"]
    other = Browser(client)
    assert other.token != one.token
    for path in (f"/api/photos/{photo}/picture", result["url"]):
        assert error_of(other.get(path)) == (404, "not-found")
    assert error_of(other.post("/api/pastiches", {"photo": photo, "look": LOOK})) == (404, "not-found")


def test_a_password_is_asked_for_where_other_machines_can_come():
    app = make_app(Guard(host="0.0.0.0", password="open sesame"))
    with TestClient(app, base_url="http://192.168.1.9:8517") as client:
        answer = client.get("/")
        assert error_of(answer) == (401, "no-password") and "Basic" in answer.headers["www-authenticate"]
        assert "token" not in answer.text.replace("impasto-token", "")

        def knock(word):
            code = base64.b64encode(f"me:{word}".encode()).decode()
            return client.get("/", headers={"Authorization": f"Basic {code}"})

        assert error_of(knock("guess")) == (401, "no-password")
        assert error_of(knock("open sesame")) == (429, "too-many")  # a second has to pass
        app.state.studio.guard._next_try = {
            "another machine": time.monotonic() + 60
        }  # which keeps nobody out
        assert knock("open sesame").status_code == 200
        assert client.get("/").status_code == 200  # by its cookie
        assert client.get("/api/state").status_code == 200
        assert error_of(client.get("/health", headers={"host": "evil.example"})) == (403, "wrong-host")


@pytest.mark.parametrize(
    "path", ["/page/../server.py", "/page/%2e%2e/server.py", "/page//etc/passwd", "/page/..%2fserver.py"]
)
def test_no_file_beside_the_page_is_read(client, path):
    assert client.get(path).status_code == 404


def test_a_long_upload_is_refused_before_it_is_read(browser, monkeypatch):
    answer = browser.post("/api/photos", b"x", headers={"Content-Length": str(limits.MOST_BYTES + 1)})
    assert error_of(answer) == (413, "too-large")
    monkeypatch.setattr("impasto.studio.requests.MOST_BYTES", 1000)

    def parts():
        yield from (bytes(400) for _ in range(5))

    assert error_of(browser.post("/api/photos", parts())) == (413, "too-large")


def test_many_pixels_are_refused_before_they_are_decoded(browser):
    header = struct.pack(">IIBBBBB", 12_000, 12_000, 8, 0, 0, 0, 0)
    row = zlib.compress(bytes(12_001) * 200)
    chunks = [(b"IHDR", header), (b"IDAT", row + os.urandom(60_000)), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)
    answer = browser.post("/api/photos", data)
    assert error_of(answer) == (413, "too-large") and "144" in answer.json()["error"]["message"]


@pytest.mark.parametrize("data", [b"", b"no picture", png_bytes(48, 64)[:400], b"GIF89a" + bytes(50)])
def test_what_is_no_picture_is_refused_and_nothing_stays(browser, data):
    for path in ("/api/photos", "/api/styles?name=x"):
        answer = browser.post(path, data, headers={"X-Filename": "holiday.jpg"})
        assert answer.status_code in (400, 415)
        assert "/tmp" not in answer.text and "impasto-studio-" not in answer.text
    assert not _files_of(browser)


def _files_of(browser):
    found = browser.http.app.state.studio.sessions
    session = next(one for one in found._sessions.values() if one.token == browser.token)
    return list(session._folder.iterdir()) if session._folder else []


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "NaN", '{"photo": NaN}', "[" * 100_000, '"' + "x" * 2**21 + '"']
)
def test_what_is_no_json_object_is_refused(browser, text):
    answer = browser.post("/api/pastiches", text)
    assert answer.status_code in (400, 413, 422)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\sea.jpg", "sea.jpg"),
        ("..", "photo"),
        ("a\0b\n.png", "a_b_.png"),
        ("照片.jpg", "照片.jpg"),
        ("x" * 500 + ".png", "x" * 116 + ".png"),
        ("", "photo"),
    ],
)
def test_a_files_name_is_a_name_and_nothing_else(sent, kept):
    assert plain_name(sent) == kept


def test_a_session_ends_and_nothing_of_it_stays(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    forgotten = []
    found = Sessions(forgotten.append)
    session = found.begin()
    _, path = session.new_file("a.png")
    path.write_bytes(b"x")
    found.sweep(idle=1000)
    assert found.find(session.id) is session and path.exists()
    found.sweep(idle=-1)
    assert found.find(session.id) is None and not path.exists() and forgotten == [session.id]
    assert found.find(found.terminal.id) is found.terminal
    found.close()
    assert list(tmp_path.iterdir()) == []


def test_a_session_has_a_cookie_of_its_port_that_comes_along_from_other_sites(client):
    """Browsers give a machine's cookies to all ports, and a strict one is lost by whoever follows a link."""
    first = client.get("/", headers={"host": "localhost:8931"}).headers["set-cookie"]
    other = client.get("/", headers={"host": "localhost:8932"}).headers["set-cookie"]
    assert first.startswith("impasto_session_8931=") and other.startswith("impasto_session_8932=")
    assert "samesite=lax" in first.lower()


def test_another_site_may_lead_to_the_page_and_not_load_it(client):
    def asked(**fetch):
        return client.get(
            "/", headers={"sec-fetch-site": "cross-site"} | {f"sec-fetch-{k}": v for k, v in fetch.items()}
        )

    assert asked(mode="navigate", dest="document").status_code == 200
    for fetch in ({"mode": "no-cors", "dest": "image"}, {"mode": "navigate", "dest": "iframe"}):
        assert error_of(asked(**fetch)) == (403, "wrong-origin")


def kept_photo(session, **more):
    id, path = session.new_file("a.png")
    session.photos.keep(sessions.Photo(id=id, path=path, width=8, height=8, **more))
    return id


def kept_result(session, photo, iterations=0):
    id, path = session.new_file("r.png")
    made = {"look": {}, "width": 8, "height": 8, "seconds": 1.0, "method": "onepass", "recipe": "{}"}
    session.results.keep(sessions.Result(id=id, photo=photo, path=path, iterations=iterations, **made))
    return id


def test_moments_of_a_video_go_before_photos_and_what_was_refined_goes_last(tmp_path):
    session = Session(tmp_path)
    refined, plain = kept_photo(session), kept_photo(session)
    precious = kept_result(session, refined, iterations=40)
    stills = [kept_photo(session, video="v", second=float(i)) for i in range(3 * sessions.MOST_PHOTOS)]
    assert {refined, plain} <= set(session.photos) and precious in session.results
    assert list(session.photos)[-1] == stills[-1]
    for _ in range(2 * sessions.MOST_PHOTOS):
        kept_photo(session)
    assert refined in session.photos and plain not in session.photos
    for _ in range(2 * sessions.MOST_RESULTS):
        kept_result(session, refined)
    assert precious in session.results and len(session.results) == sessions.MOST_RESULTS


def test_of_equals_the_one_goes_that_was_not_asked_for_for_longest(tmp_path):
    session = Session(tmp_path)
    first, second = kept_photo(session), kept_photo(session)
    for _ in range(sessions.MOST_PHOTOS - 1):
        session.photos.find(first)
        kept_photo(session)
    assert first in session.photos and second not in session.photos


def test_there_are_only_so_many_sessions(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sessions, "MOST_SESSIONS", 3)
    found = Sessions(lambda id: None)
    first = found.begin()
    first.new_file("a.png")
    empty = [found.begin() for _ in range(5)]
    assert found.find(first.id) and not found.find(empty[0].id) and found.find(empty[-1].id)
    found.close()


def test_the_folders_of_a_studio_that_was_killed_are_deleted(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead = tmp_path / f"{sessions.PREFIX}{2**22 + 5}-abc"
    alive = tmp_path / f"{sessions.PREFIX}{os.getpid()}-abc"
    other = tmp_path / "something-else"
    for folder in (dead, alive, other):
        (folder / "inner").mkdir(parents=True)
    sessions.remove_left_folders()
    assert (dead.exists(), alive.exists(), other.exists()) == (False, True, True)


def test_what_is_oldest_goes_with_its_file(tmp_path):
    session = Session(tmp_path)
    paths = []
    for _ in range(sessions.MOST_FILES + 2):
        id, path = session.new_file("a.png")
        path.write_bytes(b"x")
        paths.append(path)
        session.files.keep(sessions.Finished(id=id, path=path))
    assert [path.exists() for path in paths] == [False] * 2 + [True] * sessions.MOST_FILES
    assert len(list(Path(session._folder).iterdir())) == sessions.MOST_FILES
