"""A workshop makes things once, keeps no more than it may, closes, and serves several threads at once."""

from __future__ import annotations

import functools
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import impasto
from conftest import TINY_SETTINGS, picture
from impasto import preparation, workshop
from impasto.errors import ClosedError
from impasto.networks.feature_network import FeatureNetwork
from impasto.workshop import COUNTS, Workshop


def test_what_two_threads_ask_for_at_once_is_made_once():
    shop, made, begun = Workshop(), [], threading.Event()

    def make():
        begun.set()
        made.append(threading.get_ident())
        threading.Event().wait(0.1)
        return object()

    with ThreadPoolExecutor(4) as pool:
        found = {id(thing) for thing in pool.map(lambda _: shop.get("styles", "one", make), range(4))}
    assert len(made) == len(found) == 1


def test_another_thing_does_not_wait_for_one_that_is_being_made():
    shop, go_on, begun = Workshop(), threading.Event(), threading.Event()

    def slow():
        begun.set()
        assert go_on.wait(20)
        return "slow"

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(shop.get, "styles", "slow", slow)
        assert begun.wait(20)
        assert shop.get("styles", "quick", lambda: "quick") == "quick"
        go_on.set()
        assert waiting.result(20) == "slow"


def test_what_could_not_be_made_is_tried_again():
    shop = Workshop()
    with pytest.raises(ZeroDivisionError):
        shop.get("styles", "one", lambda: 1 // 0)
    assert len(shop) == 0
    assert shop.get("styles", "one", lambda: 2) == 2


def test_what_is_looked_up_is_made_by_nobody():
    shop, go_on, begun = Workshop(), threading.Event(), threading.Event()

    def slow():
        begun.set()
        assert go_on.wait(20)
        return "slow"

    assert shop.find("runs", "one") is None
    with ThreadPoolExecutor(1) as pool:
        making = pool.submit(shop.get, "runs", "one", slow)
        assert begun.wait(20)
        assert shop.find("runs", "one") is None  # at once, while it is still being made
        go_on.set()
        making.result(20)
    assert shop.find("runs", "one") == "slow"
    assert shop.find("styles", "one") is None
    shop.close()
    with pytest.raises(ClosedError):
        shop.find("runs", "one")


def test_what_is_looked_up_counts_as_used():
    shop, count = Workshop(), COUNTS["runs"]
    for key in range(count):
        shop.get("runs", key, lambda: "state")
    shop.find("runs", 0)
    shop.get("runs", "one more", lambda: "state")
    assert shop.find("runs", 0) == "state"
    assert shop.find("runs", 1) is None


def test_shelves_keep_what_was_used_last():
    shop, count = Workshop(), COUNTS["styles"]
    for key in range(count):
        shop.get("styles", key, lambda key=key: key)
    shop.get("networks", 0, lambda: "network")
    shop.get("styles", 0, lambda: "made again")
    shop.get("styles", count, lambda: "one more")
    assert len(shop) == count + 1
    assert shop.get("styles", 0, lambda: "made again") == 0
    assert shop.get("styles", 1, lambda: "made again") == "made again"


def test_bytes_are_bounded_where_they_are_known():
    shop = Workshop(most_bytes=100)
    shop.get("functions", "f", lambda: "of unknown size")
    for key in range(5):
        shop.get("statistics", key, lambda key=key: key, lambda _: 40)
    assert shop.get("statistics", 4, lambda: "made again") == 4
    assert shop.get("statistics", 2, lambda: "made again") == "made again"
    assert shop.get("functions", "f", lambda: "made again") == "of unknown size"
    assert shop.get("statistics", "huge", lambda: "huge", lambda _: 1000) == "huge"


def test_a_closed_workshop_says_so(tiny_network):
    with Workshop() as shop:
        shop.get("styles", 1, lambda: 1)
    assert repr(shop) == "<Workshop: closed>"
    with pytest.raises(ClosedError, match=r"this workshop is closed; make a new one with impasto.Workshop"):
        make(tiny_network, workshop=shop)
    with pytest.raises(ClosedError), shop:
        pass


@pytest.fixture
def traces(monkeypatch):
    """The shapes of pictures for which a feature network was compiled, not run."""
    import tensorflow as tf

    found, real = [], FeatureNetwork.features

    def features(self, image, layers):
        if tf.inside_function():
            found.append(tuple(image.shape))
        return real(self, image, layers)

    monkeypatch.setattr(FeatureNetwork, "features", features)
    return found


def make(network, seed=1, shape=(40, 52), **changes):
    settings = {**TINY_SETTINGS, "iterations": (3, 3), **changes}
    return impasto.stylize(picture(*shape, seed), picture(36, 30, seed + 7), network=network, **settings)


@pytest.mark.parametrize("style_loss", ["gram", "moments", "sliced"])
def test_another_photo_style_or_weight_of_the_same_size_compiles_nothing(tiny_network, traces, style_loss):
    with Workshop() as shop:
        first = make(tiny_network, workshop=shop, style_loss=style_loss)
        assert sorted(set(traces)) == [(1, 20, 26, 3), (1, 40, 52, 3)]
        traces.clear()
        again = make(tiny_network, workshop=shop, style_loss=style_loss)
        other = make(tiny_network, 2, workshop=shop, style_loss=style_loss, strength=80)
        assert traces == []
        np.testing.assert_array_equal(first.pixels, again.pixels)
    alone = make(tiny_network, 2, workshop=Workshop(), style_loss=style_loss, strength=80)
    np.testing.assert_array_equal(other.pixels, alone.pixels)


def test_what_must_be_compiled_anew_is(tiny_network, traces):
    with Workshop() as shop:
        make(tiny_network, workshop=shop, iterations=3)
        for change in (
            {"shape": (41, 52)},
            {"formulas": "article"},
            {"tv_weight": 1.0},
            {"style_loss": "moments"},
        ):
            traces.clear()
            made = make(tiny_network, workshop=shop, iterations=3, **change)
            assert traces, change
            alone = make(tiny_network, workshop=Workshop(), iterations=3, **change)
            np.testing.assert_array_equal(made.pixels, alone.pixels)


def test_stylize_compiles_nothing_twice_in_a_process(tiny_network, traces):
    make(tiny_network)
    traces.clear()
    make(tiny_network, 3)
    assert traces == []
    assert len(workshop.process_workshop()) > 0


def test_threads_share_a_workshop_and_make_the_same_bytes_as_alone(tiny_network):
    cases = [(seed, (32 + 4 * seed, 44)) for seed in range(4)]
    one_scale = functools.partial(make, tiny_network, iterations=3)
    alone = [one_scale(*case, workshop=Workshop()).pixels for case in cases]
    with Workshop() as shop, ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(one_scale, *case, workshop=shop) for case in cases]
        for expected, job in zip(alone, jobs, strict=True):
            np.testing.assert_array_equal(job.result().pixels, expected)


def test_a_stylizer_reads_its_built_in_style_once(monkeypatch, traces):
    read, real = [], preparation.read_picture

    def counted(source, **more):
        if isinstance(source, Path):
            read.append(source)
        return real(source, **more)

    monkeypatch.setattr(preparation, "read_picture", counted)
    with impasto.Stylizer("swirls", strength=60, max_size=64) as paint:
        first = paint(picture(48, 64, 1))
        traces.clear()
        second = paint(picture(48, 64, 2))
        assert len(read) == 1 and traces == []
        assert np.abs(first.pixels - second.pixels).mean() > 0.01
        with ThreadPoolExecutor(2) as pool:
            one, two = pool.map(paint, (picture(48, 64, 1), picture(40, 64, 2)))
        np.testing.assert_array_equal(one.pixels, first.pixels)
        assert two.pixels.shape == (40, 64, 3)
    with pytest.raises(ClosedError):
        paint(picture(48, 64, 1))
