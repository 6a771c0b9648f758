"""What a phone in the house needs: HTTPS where its owner wants it, and its HEIC photos."""

from __future__ import annotations

import io
import json
import re
import shutil
import ssl
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
from PIL import Image
from test_first_minute import LOOK, opened

from conftest import picture
from impasto.errors import ImpastoError
from impasto.studio.server import Opening, serve
from studio_fixtures import browser, client

SAID = r"(https://127\.0\.0\.1:\d+)/.*\nToken for programs: (\S+)"
openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="a certificate is made by openssl")


def certificate(folder, name="studio"):
    """Make a self-signed certificate of this machine; return it and its key."""
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=studio",
    ]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-out", paths[0], "-keyout", paths[1]]
    subprocess.run(command, check=True, capture_output=True)
    return paths


@openssl
@pytest.mark.slow
def test_the_studio_speaks_https(tmp_path):
    cert, key = certificate(tmp_path)
    command = [sys.executable, "-m", "impasto.cli", "studio", "--no-open", "--port", "0", "--lang", "en"]
    command += ["--tls-cert", cert, "--tls-key", key]
    log = tmp_path / "log.txt"
    with log.open("w") as file:
        server = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        until = time.monotonic() + 60
        while not (found := re.search(SAID, log.read_text())):
            assert time.monotonic() < until and server.poll() is None, log.read_text()
            time.sleep(0.1)
        address, token = found.groups()
        trusted = ssl.create_default_context(cafile=str(cert))

        def ask(path, content=None, **headers):
            request = urllib.request.Request(address + path, content, headers)
            return urllib.request.urlopen(request, timeout=60, context=trusted)

        answer = ask("/")
        assert re.search(r"impasto_session_\d+=.*; Secure", answer.headers["set-cookie"], re.IGNORECASE)
        assert b"Impasto" in answer.read()
        headers = {"Authorization": f"Bearer {token}", "Origin": address}
        photo = json.load(ask("/api/photos?sample=cat", b"", **headers))
        assert ask(f"/api/photos/{photo['photo']}/picture?side=64", **headers).read()[:2] == b"\xff\xd8"
        for origin in ("https://elsewhere.example", address.replace("https", "http")):
            with pytest.raises(urllib.error.HTTPError, match="403"):
                ask("/api/photos?sample=cat", b"", **{**headers, "Origin": origin})
    finally:
        server.terminate()
        server.wait(30)


@openssl
@pytest.mark.parametrize("wrong", ["certificate", "key", "another"])
def test_a_certificate_that_cannot_be_used_is_one_sentence(tmp_path, wrong):
    cert, key = certificate(tmp_path)
    if wrong == "another":
        key = certificate(tmp_path, "other")[1]
    else:
        (cert if wrong == "certificate" else key).write_text("nothing of that kind")
    with pytest.raises(ImpastoError, match="cannot be used for HTTPS"):
        serve(Opening(port=0, certificate=cert, key=key), lambda address, token: None)


def test_a_phones_photo_is_painted(browser):
    heif = pytest.importorskip("pillow_heif", reason="it is the extra heic")
    pixels = (picture(48, 64) * 255).astype(np.uint8)
    file = io.BytesIO()
    heif.from_pillow(Image.fromarray(pixels)).save(file, quality=95)
    photo = browser.photo(file.getvalue(), "IMG_0001.HEIC")
    assert (photo["width"], photo["height"], photo["name"]) == (64, 48, "IMG_0001.HEIC")
    shown = opened(browser.get(f"/api/photos/{photo['photo']}/picture?side=64").content)
    assert np.abs(np.asarray(shown.convert("RGB")).astype(int) - pixels).mean() < 6
    result = dict(browser.events("/api/pastiches", {"photo": photo["photo"], "look": LOOK}))["result"]
    assert (result["width"], result["height"]) == (64, 48)
    wish = {"photo": photo["photo"], "look": LOOK, "format": "jpeg"}
    ((_, file),) = [event for event in browser.events("/api/exports", wish) if event[0] == "file"]
    assert file["name"].endswith(".jpg")
    assert opened(browser.get(file["url"]).content).size == (64, 48)
