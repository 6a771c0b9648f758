"""Refining, stopping, going on; masks, the subject, own styles; what is gone is gone."""

from __future__ import annotations

import gc
import json

import numpy as np
import pytest
from PIL import Image
from test_first_minute import LOOK, opened

import impasto
from impasto import gallery
from impasto.optimization.objective import Objective
from impasto.pictures.masks import feathered
from impasto.pictures.writing import read_recipe
from impasto.workshop import COUNTS
from picture_fixtures import encoded
from studio_fixtures import browser, client, png_bytes

SIDE = 48


def pixels_of(browser, result):
    return np.asarray(opened(browser.get(result["url"]).content))


def refined(browser, photo, iterations, **more):
    wish = {"photo": photo["photo"], "look": LOOK, "side": SIDE, "iterations": iterations, **more}
    events = browser.events("/api/refinements", wish)
    (result,) = [values for name, values in events if name == "result"]
    return events, result


def test_a_refinement_goes_on_and_its_recipe_repeats_it(browser, tmp_path):
    photo = browser.photo(png_bytes(36, 48, 8), "day.png")
    events, result = refined(browser, photo, 3)
    steps = [values for name, values in events if name == "step"]
    assert [step["iteration"] for step in steps if step["scale"] == 2] == [1, 2]
    assert {step["iterations"] for step in steps if step["scale"] == 2} == {3}
    assert steps[-1]["losses"]["total"] > 0 and (result["method"], result["iterations"]) == ("optimize", 3)
    _, more = refined(browser, photo, 2, **{"from": result["result"]})
    assert more["iterations"] == 5
    path = tmp_path / "day.png"
    path.write_bytes(png_bytes(36, 48, 8))
    expected = impasto.stylize(path, "hokkai-wave", method="onepass", refine=5, strength=60, max_size=SIDE)
    assert np.array_equal(pixels_of(browser, more), np.asarray(expected.image))
    wish = {"photo": photo["photo"], "look": LOOK, "result": more["result"], "format": "png", "size": "own"}
    ((_, file),) = [event for event in browser.events("/api/exports", wish) if event[0] == "file"]
    (tmp_path / "out.png").write_bytes(browser.get(file["url"]).content)
    assert json.loads(read_recipe(tmp_path / "out.png"))["settings"]["refine"] == 5
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out.png")), np.asarray(expected.image))


def test_what_a_refined_photo_was_measured_by_does_not_stay_for_ever(browser):
    """Each photo and style has targets of its own, megabytes of them."""

    def kept_after(photos):
        for seed in photos:
            refined(browser, browser.photo(png_bytes(36, 48, 50 + seed)), 1)
        gc.collect()
        return sum(isinstance(thing, Objective) for thing in gc.get_objects())

    most = COUNTS["targets"]
    assert kept_after(range(most)) == kept_after(range(most, 2 * most))


def test_adjustments_of_a_refined_picture_cost_no_iteration(browser, tmp_path):
    photo = browser.photo(png_bytes(36, 48, 13), "day.png")
    _, result = refined(browser, photo, 3)
    look = {**LOOK, "settings": {"strength": 60, "exposure": 0.5}}
    wish = {"photo": photo["photo"], "look": look, "side": SIDE, "result": result["result"]}
    events = browser.events("/api/pastiches", wish)
    assert [name for name, _ in events] == ["run", "result", "done"]
    lighter = dict(events)["result"]
    assert (lighter["iterations"], lighter["method"]) == (3, "optimize")
    path = tmp_path / "day.png"
    path.write_bytes(png_bytes(36, 48, 13))
    settings = {"method": "onepass", "refine": 3, "strength": 60, "exposure": 0.5, "max_size": SIDE}
    expected = np.asarray(impasto.stylize(path, "hokkai-wave", **settings).image)
    assert np.array_equal(pixels_of(browser, lighter), expected)
    browser.http.app.state.studio.workshop._entries.clear()  # as if many others had come
    wish = {**wish, "result": lighter["result"]}
    again = dict(browser.events("/api/pastiches", wish))["result"]
    assert np.array_equal(pixels_of(browser, again), expected)


def test_a_picture_is_exported_in_another_size_than_that_on_screen(browser):
    photo = browser.photo(png_bytes(72, 96, 9))
    events = browser.events("/api/pastiches", {"photo": photo["photo"], "look": LOOK, "side": 48})
    (result,) = [values for name, values in events if name == "result"]
    wish = {"photo": photo["photo"], "look": LOOK, "result": result["result"]}
    for size, expected in (("own", (96, 72)), (64, (64, 48)), (48, (48, 36)), (5000, (96, 72))):
        events = browser.events("/api/exports", {**wish, "size": size})
        ((_, file),) = [event for event in events if event[0] == "file"]
        assert (file["width"], file["height"]) == expected
        assert opened(browser.get(file["url"]).content).size == expected


def test_a_mask_says_where_a_style_goes(browser):
    photo = browser.photo(png_bytes(48, 64, 10))
    gray = np.zeros((48, 64), np.uint8)
    gray[:, 32:] = 255
    mask = browser.post(f"/api/photos/{photo['photo']}/masks", encoded(Image.fromarray(gray), "PNG")).json()
    assert (mask["width"], mask["height"]) == (64, 48)
    assert np.array_equal(np.asarray(opened(browser.get(f"/api/masks/{mask['mask']}").content)), gray)
    before = np.asarray(opened(png_bytes(48, 64, 10))).astype(int)

    def change(style, **settings):
        regions = [{"mask": mask["mask"], "style": style}]
        look = {**LOOK, "regions": regions, "settings": settings}
        wish = {"photo": photo["photo"], "look": look}
        result = dict(browser.events("/api/pastiches", wish))["result"]
        return result, np.abs(pixels_of(browser, result) - before)

    result, inside = change("aurora-lake", background="photo")
    assert inside[:, :30].max() <= 1 < inside[:, 40:].mean()
    _, outside = change(None)
    assert outside[:, 34:].max() <= 1 < outside[:, :30].mean()
    assert (
        browser.post("/api/pastiches", {"photo": photo["photo"], "look": result["look"]}).status_code == 200
    )  # what a result tells is a look


def test_a_mask_can_be_drawn_further_as_it_was_drawn(browser):
    photo = browser.photo(png_bytes(48, 64, 10))
    gray = np.zeros((48, 64), np.uint8)
    gray[:, 32:] = 255
    ink = encoded(Image.fromarray(gray), "PNG")
    masks = f"/api/photos/{photo['photo']}/masks"

    def picture_of(path):
        return np.asarray(opened(browser.get(path).content))

    found = browser.post(f"/api/photos/{photo['photo']}/subject", {"add": [[0.7, 0.5]], "feather": 10}).json()
    mask = browser.post(f"{masks}?feather=40&from={found['mask']}", ink).json()
    path = f"/api/masks/{mask['mask']}"
    assert browser.get(f"{path}/drawing").json() == mask
    assert (mask["feather"], mask["add"], mask["remove"]) == (40, [[0.7, 0.5]], [])
    assert np.array_equal(picture_of(f"{path}/ink"), gray)
    soft = np.rint(feathered(gray / np.float32(255), 40) * 255)
    assert 0 < soft[0, 31] < 255 and np.array_equal(picture_of(path), soft)
    again = browser.post(f"{masks}?feather=40", browser.get(f"{path}/ink").content).json()
    assert np.array_equal(picture_of(f"/api/masks/{again['mask']}"), soft), (
        "no softer for having been sent again"
    )
    plain = browser.post(masks, ink).json()
    assert np.array_equal(picture_of(f"/api/masks/{plain['mask']}/ink"), gray)
    for wrong, status in (("feather=101", 422), ("feather=x", 422), ("from=nobody", 404)):
        assert browser.post(f"{masks}?{wrong}", ink).status_code == status


def test_a_mask_that_goes_leaves_nothing(browser):
    photo = browser.photo(png_bytes(48, 64, 10))
    gray = encoded(Image.fromarray(np.full((48, 64), 200, np.uint8)), "PNG")
    mask = browser.post(f"/api/photos/{photo['photo']}/masks?feather=10", gray).json()["mask"]
    session = browser.http.app.state.studio.sessions.find(browser.cookie)
    folder = session.masks.find(mask).path.parent
    assert len(list(folder.iterdir())) == 2
    session.masks.remove(mask)
    assert not folder.exists()


def test_a_downloaded_picture_brings_its_masks_back(browser, tmp_path):
    photo = browser.photo(png_bytes(48, 64, 14), "day.png")
    gray = np.zeros((48, 64), np.uint8)
    gray[:20] = 200
    mask = browser.post(f"/api/photos/{photo['photo']}/masks", encoded(Image.fromarray(gray), "PNG")).json()
    look = {**LOOK, "regions": [{"mask": mask["mask"], "style": None}]}
    wish = {"photo": photo["photo"], "look": look, "format": "jpeg"}
    ((_, file),) = [event for event in browser.events("/api/exports", wish) if event[0] == "file"]
    again = browser.photo(browser.get(file["url"]).content, file["name"])
    (region,) = again["look"]["regions"]
    assert region["style"] is None and again["look"]["settings"] == {"strength": 60}
    assert np.array_equal(np.asarray(opened(browser.get(f"/api/masks/{region['mask']}").content)), gray)
    wish = {"photo": photo["photo"], "look": again["look"]}
    result = dict(browser.events("/api/pastiches", wish))["result"]
    shown, before = pixels_of(browser, result).astype(int), np.asarray(opened(png_bytes(48, 64, 14)))
    assert np.abs(shown - before)[25:].mean() > np.abs(shown - before)[:18].mean() > 0


def test_the_subject_is_found(browser):
    photo = browser.post("/api/photos?sample=cat").json()
    answer = browser.post(f"/api/photos/{photo['photo']}/subject", {"feather": 20})
    mask = np.asarray(opened(browser.get(f"/api/masks/{answer.json()['mask']}").content))
    assert mask.shape == (300, 451) and 0.1 < mask.mean() / 255 < 0.9


def test_the_subject_is_corrected_by_points(browser):
    photo = browser.post("/api/photos?sample=cat").json()
    path = f"/api/photos/{photo['photo']}/subject"

    def mask(**wish):
        id = browser.post(path, wish).json()["mask"]
        return np.asarray(opened(browser.get(f"/api/masks/{id}").content))

    plain = mask()
    place = (30, 430) if plain[30, 430] < 128 else (270, 20)
    point = [(place[1] + 0.5) / 451, (place[0] + 0.5) / 300]
    assert plain[place] < 128 < mask(add=[point])[place]
    assert mask(remove=[point])[place] < 128
    for wrong in ({"add": [[2, 0]]}, {"add": [[1]]}, {"add": "x"}, {"feather": 101}):
        assert browser.post(path, wrong).status_code == 422


def test_an_own_style_lives_with_its_session(browser, tmp_path):
    style = browser.post("/api/styles?name=Mine", png_bytes(64, 64, 11), headers={"X-Filename": "a.style"})
    assert style.status_code == 201
    id = style.json()["id"]
    assert style.json() | {"own": True, "kept": False} == style.json()
    assert style.json()["names"] == {"en": "Mine", "zh": "Mine"}
    assert id in [one["id"] for one in browser.get("/api/state").json()["styles"]]
    assert opened(browser.get(f"/api/styles/{id}/picture?side=32").content).size == (32, 32)
    photo = browser.photo()
    look = {"styles": [{"id": id}]}
    events = browser.events("/api/pastiches", {"photo": photo["photo"], "look": look})
    assert "result" in dict(events)
    assert browser.delete(f"/api/styles/{id}").status_code == 204
    answer = browser.post("/api/pastiches", {"photo": photo["photo"], "look": look})
    assert (answer.status_code, answer.json()["error"]["id"]) == (404, "not-found")


def test_an_own_style_is_kept_in_the_gallery(browser, tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path))
    added = browser.post("/api/styles?name=my-sea&keep=true", png_bytes(64, 64, 12))
    assert added.status_code == 201 and added.json()["kept"] and added.json()["id"] == "my-sea"
    assert gallery.card("my-sea").own
    again = browser.post("/api/styles?name=my-sea&keep=true", png_bytes(64, 64, 12))
    assert again.status_code == 422 and "my-sea" in again.json()["error"]["messages"]["zh"]
    assert browser.delete("/api/styles/my-sea").status_code == 204
    assert "my-sea" not in gallery.style_names()
    assert browser.delete("/api/styles/hokkai-wave").status_code == 422


def test_a_photo_goes_with_its_results(browser):
    photo = browser.photo()
    events = browser.events("/api/pastiches", {"photo": photo["photo"], "look": LOOK})
    (result,) = [values for name, values in events if name == "result"]
    assert browser.delete(f"/api/photos/{photo['photo']}").status_code == 204
    assert browser.get(result["url"]).status_code == 404
    assert browser.get("/api/state").json()["results"] == []


@pytest.mark.parametrize(
    ("look", "part"),
    [
        ({}, "at least one style"),
        ({"styles": [{"id": "../../etc/passwd"}]}, "no style"),
        ({"styles": [{"id": "hokkai-wave"}], "settings": {"initial": "/etc/passwd"}}, "controls"),
        ({"styles": [{"id": "hokkai-wave"}], "settings": {"network": "/etc/passwd"}}, "controls"),
        ({"styles": [{"id": "hokkai-wave"}], "settings": {"strength": 101}}, "0 to 100"),
        ({"styles": [{"id": "hokkai-wave"}], "settings": {"colors": "red"}}, "luminance"),
        ({"styles": [{"id": "hokkai-wave"}], "settings": {"seed": 0.5}}, "whole number"),
        ({"styles": [{"id": "hokkai-wave", "weight": -1}]}, "weight"),
        ({"styles": [{"id": "hokkai-wave", "part": "edge"}]}, "fine"),
        (
            {"styles": [{"id": "hokkai-wave"}], "regions": [{"mask": "x", "style": None}]},
            "has no longer what",
        ),
        ({"styles": "hokkai-wave"}, "a list"),
        ([], "object"),
    ],
)
def test_a_wrong_look_is_refused_in_both_languages(browser, look, part):
    photo = browser.photo()
    answer = browser.post("/api/pastiches", {"photo": photo["photo"], "look": look})
    error = answer.json()["error"]
    assert answer.status_code in (404, 422) and part in error["message"]
    assert error["messages"]["en"] == error["message"] != error["messages"]["zh"]
