"""openapi.json and docs/studio-api.md say what the routes do."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from starlette.routing import Route
from test_first_minute import LOOK

pytest.importorskip("av")

from clips import film, seconds
from impasto.studio.routes import DOCUMENT, ROUTES
from impasto.studio.video_routes import VIDEO_ROUTES
from studio_fixtures import browser, client, png_bytes, server

OPENAPI = json.loads(DOCUMENT.read_text("utf-8"))
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "studio-api.md"


KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
KINDS |= {"integer": int, "number": (int, float)}


def fits(value, schema):
    """Return whether a value has a type that a schema names."""
    kind = schema.get("type", [])
    allowed = [KINDS[one] for one in ([kind] if isinstance(kind, str) else kind)]
    return not allowed or any(isinstance(value, one) for one in allowed)


def check(value, schema, place="it"):
    """Check a value against the parts of JSON Schema that the document uses."""
    if "$ref" in schema:
        schema = OPENAPI["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        schema = schema["anyOf"][value is None]
        return check(value, schema, place)
    assert fits(value, schema) and value in schema.get("enum", [value]), f"{place}: {value!r}"
    if isinstance(value, dict):
        known, needed = schema.get("properties", {}), set(schema.get("required", ()))
        assert needed <= set(value), f"{place}: {set(value)}"
        assert not needed or set(value) <= set(known), f"{place}: {set(value)}"
        for name in set(known) & set(value):
            check(value[name], known[name], f"{place}.{name}")
    for index, inner in enumerate(value if isinstance(value, list) else ()):
        check(inner, schema.get("items", {}), f"{place}[{index}]")


def schema_of(path, method, code):
    return OPENAPI["paths"][path][method]["responses"][code]["content"]["application/json"]["schema"]


def test_every_route_is_documented_and_nothing_else():
    there = {
        (route.path, method.lower())
        for route in (*ROUTES, *VIDEO_ROUTES)
        if isinstance(route, Route)
        for method in route.methods - {"HEAD"}
    }
    assert there == {(path, method) for path, methods in OPENAPI["paths"].items() for method in methods}


def test_every_name_in_a_path_is_a_parameter():
    for path, methods in OPENAPI["paths"].items():
        for operation in methods.values():
            named = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path)) and operation["summary"].endswith(".")


def test_the_answers_are_what_is_documented(browser):
    check(browser.get("/health").json(), schema_of("/health", "get", "200"))
    assert browser.get("/api/openapi.json").json() == OPENAPI
    photo = browser.photo()
    check(photo, schema_of("/api/photos", "post", "201"))
    mask = browser.post(f"/api/photos/{photo['photo']}/masks", png_bytes(48, 64, 2)).json()
    check(mask, schema_of("/api/photos/{photo}/masks", "post", "201"))
    style = browser.post("/api/styles?name=x", png_bytes(48, 64, 2)).json()
    check(style, schema_of("/api/styles", "post", "201"))
    wish = {"photo": photo["photo"], "look": LOOK}
    check(dict(browser.events("/api/pastiches", wish))["result"], {"$ref": "#/x/Result"})
    check(browser.get("/api/state").json(), schema_of("/api/state", "get", "200"))
    refusals = [
        browser.post("/api/stop", {}),
        browser.get("/api/results/x/picture"),
        browser.get("/nowhere"),
        browser.http.put("/api/state"),
    ]
    assert [answer.status_code for answer in refusals] == [422, 404, 404, 405]
    for answer in refusals:
        check(answer.json(), {"$ref": "#/x/Error"})


def test_every_control_has_words_of_its_own_in_both_languages(browser):
    for control in browser.get("/api/state").json()["controls"]:
        assert re.search("[一-鿿]", control["labels"]["zh"]), control["name"]
        assert re.search("[一-鿿]", control["helps"]["zh"]), control["name"]


def test_the_lines_for_curl_run(server, tmp_path):
    """All of them, in order, in one shell, as a person would paste them."""
    blocks = re.findall(r"```bash\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    (tmp_path / "photo.png").write_bytes(png_bytes(48, 64, 21))
    (tmp_path / "painting.png").write_bytes(png_bytes(48, 64, 22))
    film(tmp_path / "clip.mp4")
    (tmp_path / "mask.png").write_bytes(png_bytes(48, 64, 23))
    setting = f"STUDIO=http://{server.address}\nTOKEN={shlex.quote(server.token)}\n"
    lines = [block for block in blocks if not block.startswith("impasto studio")]
    script = "set -euo pipefail\n" + setting + "".join(lines)
    ran = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "pastiche.png").read_bytes()[:4] == b"\x89PNG"
    assert len(seconds(tmp_path / "film.mp4")) == 5
    assert "event: thumbnail" in ran.stdout and "event: step" in ran.stdout
