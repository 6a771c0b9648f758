"""Streams over a real connection: live, stopped within an iteration, and noticed when they are left."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
from test_first_minute import LOOK

from impasto.studio import sessions, streams, studio
from studio_fixtures import Server, live_events, png_bytes, server

SIDE = 48


def waited(condition, seconds=20.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture
def photo(server):
    return server.json("POST", "/api/photos", png_bytes(36, 48, 3))["photo"]


def endless(server, photo, **more):
    wish = {"photo": photo, "look": LOOK, "side": SIDE, "iterations": 2000, **more}
    return server.ask("POST", "/api/refinements", wish)


def test_a_stop_ends_within_an_iteration_and_keeps_what_is_there(server, photo):
    told = live_events(endless(server, photo))
    run = next(values["run"] for name, values in told if name == "run")
    seen = [next(values["iteration"] for name, values in told if name == "step") for _ in range(3)]
    before = time.monotonic()
    assert server.json("POST", "/api/stop", {"run": run}) == {"stopping": True}
    rest = list(told)
    assert time.monotonic() - before < 5 and rest[-1] == ("done", {})
    result = dict(rest)["result"]
    steps = [values["iteration"] for name, values in rest if name == "step"]
    assert result["iterations"] - max([*steps, *seen]) <= 1
    assert server.json("GET", "/api/state")["results"][-1] == result
    assert server.json("POST", "/api/stop", {"run": run}) == {"stopping": False}


def test_previews_come_while_it_is_refined(server, photo, monkeypatch):
    monkeypatch.setattr("impasto.studio.painting.PREVIEW_SECONDS", 0.05)
    answer = endless(server, photo)
    addresses = (values["url"] for name, values in live_events(answer) if name == "step" and values["url"])
    picture = server.ask("GET", next(addresses))
    assert picture.status == 200 and picture.read()[:4] == b"\x89PNG"
    answer.close()
    waited(lambda: not len(server.studio.turns))


def test_a_refinement_whose_browser_goes_away_stops_and_is_kept(server, photo):
    before = len(server.json("GET", "/api/state")["results"])
    answer = endless(server, photo)
    told = live_events(answer)
    assert next(values for name, values in told if name == "step" and values["scale"] == 2)
    answer.close()
    waited(lambda: not len(server.studio.turns))
    assert len(server.json("GET", "/api/state")["results"]) == before + 1


def test_thumbnails_whose_browser_goes_away_are_not_painted(server, photo):
    answer = server.ask("POST", f"/api/photos/{photo}/thumbnails", {"side": 64})
    assert next(values for name, values in live_events(answer) if name == "thumbnail")
    answer.close()
    waited(lambda: not len(server.studio.turns))


def test_a_newer_refinement_ends_one_that_runs_and_keeps_it(server, photo):
    old = live_events(endless(server, photo))
    assert next(values for name, values in old if name == "step")
    new = live_events(endless(server, photo, iterations=1))
    (result,) = [values for name, values in old if name == "result"]
    assert result["iterations"] >= 1 and list(new)[-1] == ("done", {})


def test_what_is_waited_for_is_kept_alive(server, photo, monkeypatch):
    monkeypatch.setattr(streams, "HEARTBEAT", 0.05)
    other = server.json("POST", "/api/photos", png_bytes(36, 48, 4))["photo"]
    running = endless(server, photo)
    assert next(values for name, values in live_events(running) if name == "step")
    wish = {"photo": other, "look": LOOK, "format": "png"}
    waiting = server.ask("POST", "/api/exports", wish)
    told = live_events(waiting)
    assert {next(told)[0], next(told)[0]} == {"run", "queued"}
    assert next(told) == ("", {"comment": "still here"})
    running.close()
    assert [name for name, _ in told if name][-2:] == ["file", "done"]


def test_a_connection_that_breaks_in_an_upload_leaves_nothing(server):
    terminal = server.studio.sessions.terminal
    count = len(list(terminal._folder.iterdir())) if terminal._folder else 0
    host, port = server.address.split(":")
    connection = socket.create_connection((host, int(port)))
    head = f"POST /api/photos HTTP/1.1\r\nHost: {server.address}\r\nAuthorization: Bearer {server.token}\r\n"
    connection.sendall(f"{head}Content-Length: 100000\r\n\r\n".encode() + bytes(5000))
    waited(lambda: len(list(terminal._folder.iterdir())) == count + 1)
    connection.close()
    waited(lambda: len(list(terminal._folder.iterdir())) == count)


def test_the_end_deletes_everything():
    with Server() as server:
        server.json("POST", "/api/photos?sample=cat")
        root = server.studio.sessions._root
        assert list(root.iterdir())
    assert not root.exists()


@pytest.mark.parametrize(("seconds", "work"), [(2.0, False), (600.0, True)])
def test_the_page_comes_before_the_engine_unless_there_is_work(monkeypatch, seconds, work):
    monkeypatch.setattr(studio, "SECONDS_FOR_PAGE", seconds)
    with Server() as server:
        engine = server.studio.turns._thread
        server.json("GET", "/api/state")
        assert not engine.is_alive()
        if work:
            photo = server.json("POST", "/api/photos?sample=cat")["photo"]
            wish = {"side": 32, "styles": ["mosaic"]}
            assert b"thumbnail" in server.ask("POST", f"/api/photos/{photo}/thumbnails", wish).read()
        waited(engine.is_alive)


@pytest.mark.slow
def test_the_command_answers_at_once_and_ends_by_a_signal(tmp_path):
    environment = os.environ | {"TMPDIR": str(tmp_path), "LANG": "C"}
    command = [sys.executable, "-m", "impasto.cli", "studio", "--no-open", "--port", "0"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        lines = (re.search(r"http://127\.0\.0\.1:(\d+)/", line) for line in process.stderr)
        address = next(found for found in lines if found)
        with socket.create_connection(("127.0.0.1", int(address[1])), timeout=20) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
            assert b"200" in connection.recv(100)
        assert list(tmp_path.glob(f"{sessions.PREFIX}*"))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
    assert not list(tmp_path.glob(f"{sessions.PREFIX}*"))
