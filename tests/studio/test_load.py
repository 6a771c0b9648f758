"""Half a minute of the load test, and requests made of the document's own words and of wrong ones."""

from __future__ import annotations

import json
import random

import pytest

from impasto.studio.routes import DOCUMENT
from studio_fixtures import browser, client, own_home, png_bytes

from benchmarks.studio import measure  # isort: skip; studio_fixtures has made it findable

OPENAPI = json.loads(DOCUMENT.read_text("utf-8"))
WRONG = [
    None,
    True,
    -1,
    0,
    1e308,
    10**30,
    0.5,
    "",
    "own",
    "../../etc/passwd",
    "\0",
    "é" * 300,
    [],
    {},
    [[]],
    [None],
    {"id": 1},
]


@pytest.mark.slow
def test_half_a_minute_of_many_browsers():
    figures = measure(20, 30)
    assert figures["faults"] == [], figures["said"]
    assert figures["left_behind"] == []
    assert figures["one_pass_answers"] > 0 and figures["exit_code"] in (0, -2, 130)
    assert figures["most_mib"] < 1.1 * figures["settled_mib"]


class Words:
    """Makes values by a schema, some of them wrong."""

    def __init__(self, seed, known):
        self.random, self.known = random.Random(seed), known

    def value(self, schema, name=""):
        if self.random.random() < 0.12:
            return self.random.choice(WRONG)
        if name in self.known and self.random.random() < 0.9:
            return self.known[name]
        if "$ref" in schema:
            schema = OPENAPI["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        if "anyOf" in schema:
            schema = self.random.choice(schema["anyOf"])
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        make = getattr(self, str(schema.get("type")), lambda _: None)
        return make(schema)

    def object(self, schema):
        names = schema.get("properties", {})
        chosen = [n for n in names if n in schema.get("required", ()) or self.random.random() < 0.6]
        found = {name: self.value(names[name], name) for name in chosen}
        if not names:
            settings = {
                "strength": 40,
                "colors": "luminance",
                "exposure": 1,
                "initial": "/etc/passwd",
                "seed": -1,
            }
            found = dict(self.random.sample(sorted(settings.items()), 2))
        return found

    def array(self, schema):
        most = min(3, schema.get("maxItems", 3))
        return [
            self.value(schema["items"]) for _ in range(self.random.randint(schema.get("minItems", 0), most))
        ]

    def integer(self, schema):
        return self.random.randint(schema["minimum"], min(schema["maximum"], schema["minimum"] + 40))

    def number(self, schema):
        return self.random.uniform(schema["minimum"], schema["maximum"])

    def string(self, schema):
        return self.random.choice(["x", "hokkai-wave", "a/b", "%00", "照片"])


OPERATIONS = [(path, method) for path, methods in OPENAPI["paths"].items() for method in methods]


@pytest.mark.slow
@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=lambda one: one)
def test_no_request_is_a_fault(browser, own_home, path, method):
    operation = OPENAPI["paths"][path][method]
    for seed in range(40):
        photo = browser.photo(png_bytes(32, 40, 31))["photo"]
        words = Words(seed, {"photo": photo, "id": "hokkai-wave"})
        address, headers, query = path, dict(browser.headers), {}
        for parameter in operation.get("parameters", ()):
            value = str(words.value(parameter["schema"], parameter["name"]))
            if parameter["in"] == "path":
                address = address.replace(
                    f"{{{parameter['name']}}}", "".join(c for c in value if c.isalnum() or c in "-_") or "x"
                )
            elif parameter["in"] == "query":
                query[parameter["name"]] = value
            else:
                headers[parameter["name"]] = value.encode("utf-8", "replace").replace(b"\0", b"")
        content = None
        for kind, body in operation.get("requestBody", {}).get("content", {}).items():
            content = (
                png_bytes(32, 32, seed % 3)
                if kind != "application/json"
                else json.dumps(words.value(body["schema"]))
            )
        answer = browser.http.request(method, address, params=query, headers=headers, content=content)
        documented = {int(code) for code in operation["responses"]}
        assert answer.status_code in documented | {404}, (answer.status_code, answer.text, content)
        assert '"fault"' not in answer.text, (answer.text, content)
