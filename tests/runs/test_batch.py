"""Batches as a whole: what is made, kept, made again and refused, and what a kill leaves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from conftest import make_desk

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from benchmarks.batch import Run, make_photos, ordeal

from impasto.errors import Message
from impasto.runs.batch.batch import Batch
from impasto.runs.batch.entries import Choice, entries_of, find_rows
from impasto.runs.batch.ledger import Ledger
from impasto.runs.batch.manifest import NAME, Manifest
from impasto.runs.batch.processes import Processes, unheard
from impasto.runs.batch.waiting import Waiting
from impasto.settings import Settings

TINY = (
    "--network", "tiny.npz", "--content-layers", "relu1_2", "--iterations", "1,1", "--max-size", "64",
    "--style-layer-weights", "relu1_1=0.5,relu1_2=0.5", "--workers", "1",
)  # fmt: skip


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    return make_desk(tmp_path, ("photos/p1.png", "photos/p2.png", "a.png", "b.png"))


def lines(folder="out"):
    return [json.loads(line) for line in (Path(folder) / NAME).read_text().splitlines()][1:]


@pytest.mark.slow
def test_a_second_run_makes_what_is_missing_or_changed(impasto, desk):
    def batch(*more):
        styles = ("--style", "a.png", "--style", "b.png")
        code, out, err = impasto("batch", "photos", *styles, "-o", "out", "--json", *TINY, *more)
        report = json.loads(out)
        return code, {name: report[name] for name in ("made", "kept", "failed")}, report, err

    (desk / "photos" / "p0.jpg").write_bytes(b"\xff\xd8\xff no picture")
    code, counts, report, err = batch("--retry", "1")
    assert (code, counts) == (3, {"made": 4, "kept": 0, "failed": 2})
    failed = [picture for picture in report["pictures"] if picture["outcome"] == "failed"]
    assert {picture["output"] for picture in failed} == {"out/p0-a.png", "out/p0-b.png"}
    assert all("p0.jpg" in picture["error"]["message"] for picture in failed)
    assert "impasto: no out/p0-a.png: " in err
    started = Counter(line["output"] for line in lines() if line["state"] == "started")
    assert (started["p0-a.png"], started["p1-a.png"]) == (2, 1)
    assert Image.open("out/p1-a.png").size == (64, 48)
    assert json.loads(impasto("recipe", "out/p2-b.png")[1])["content"]["name"] == "p2.png"

    before = {path.name: path.stat().st_mtime_ns for path in Path("out").glob("*.png")}
    shutil.copy("photos/p1.png", "photos/p0.jpg")  # now a picture, whatever its name says
    Path("out/p1-b.png").unlink()
    shutil.move("out/p2-a.png", "kept.png")
    shutil.copyfile("kept.png", "out/p2-a.png")  # the same bytes, of another time
    shutil.copy("photos/p2.png", "photos/p3.png")
    code, counts, _, _ = batch()
    assert (code, counts) == (0, {"made": 5, "kept": 3, "failed": 0})
    after = {path.name: path.stat().st_mtime_ns for path in Path("out").glob("*.png")}
    assert {name for name in before if after[name] == before[name]} == {"p1-a.png", "p2-b.png"}

    assert batch()[1] == {"made": 0, "kept": 8, "failed": 0}
    code, counts, _, err = batch("--strength", "20", "--fail-fast")
    assert (code, counts["made"]) == (0, 8), err


@pytest.mark.slow
def test_fail_fast_ends_with_the_first_failure(impasto, desk):
    (desk / "photos" / "a0.jpg").write_bytes(b"no picture")
    code, _, err = impasto("batch", "photos", "--style", "a.png", "-o", "out", "--fail-fast", *TINY)
    assert code == 3
    assert "impasto: no out/a0-a.png: " in err
    assert not list(Path("out").glob("*.png"))


def test_what_is_wrong_is_told_before_anything_is_computed(impasto, desk):
    def refused(*line):
        code, out, err = impasto("batch", *line)
        assert (out, err.count("\n")) == ("", 1)
        return code, err

    (desk / "out").mkdir()
    (desk / "out" / "p2-a.png").write_bytes(b"mine")
    line = ("photos", "--style", "a.png", "-o", "out", *TINY)
    code, err = refused(*line)
    assert (code, "out/p2-a.png already exists; add --overwrite" in err) == (1, True)
    assert (desk / "out" / "p2-a.png").read_bytes() == b"mine"
    code, err = refused("photos", "--style", "a.png", "-o", "out", "--pattern", "{style}.png", *TINY)
    assert (code, "would both be written to out/a.png; tell them apart in --pattern" in err) == (2, True)
    code, err = refused("photos", "--style", "swrils", "-o", "out", *TINY)
    assert (code, "did you mean 'swirls'?" in err) == (1, True)
    code, err = refused("photos", "phtos/p1.png", "--style", "a.png", "-o", "out", *TINY)
    assert (code, "there is no folder phtos, in which p1.png should be" in err) == (1, True)
    code, err = refused("photos", "-o", "out", *TINY)
    assert (code, "name one with --style" in err) == (2, True)
    code, err = refused("photos", "--style", "a.png", "-o", "a.png", *TINY)
    assert code == 1
    code, err = refused("photos", "--style", "a.png", "-o", "out2", "--strength", "500", *TINY)
    assert (code, (desk / "out2").exists()) == (2, False)
    code, err = refused("photos", "--style", "a.png", "-o", "out2", "--pattern", "{style}/{name}.gif", *TINY)
    assert (code, "not '.gif'" in err, (desk / "out2").exists()) == (2, True, False)
    code, err = refused("photos", "--style", "a.png", "-o", "out", "--pattern", "../{name}", *TINY)
    assert (code, "lies outside out" in err) == (2, True)
    assert [path.name for path in (desk / "out").iterdir()] == ["p2-a.png"]


def test_workers_that_die_over_a_picture_are_not_endless(desk):
    rows = find_rows(["photos"], lambda name, text: text)
    entries = entries_of(rows, Choice(styles=["a.png"], settings={}))
    outputs = [desk / "x.png", desk / "y.png"]
    with Manifest(desk / NAME) as manifest:
        ledger = Ledger(Batch(entries=entries, outputs=outputs, folder=desk), manifest)
        first, second = ledger.to_do()
        given = ledger.begin(first, 1)
        assert given is not None
        assert [ledger.lose(given, "SIGKILL") for _ in range(3)] == [True, True, False]
        (end,) = ledger.news()
        assert (end.outcome, end.done) == ("failed", 1)
        assert "its worker died each time it was tried (SIGKILL)" in str(end.error)
        (desk / "y.png").write_text("somebody was quicker")
        assert ledger.begin(second, 2) is None
        (end,) = ledger.news()
        assert isinstance(end.error, Message)
        assert "has come to be there meanwhile" in end.error


def test_pictures_of_a_photo_go_to_one_worker(desk):
    rows = find_rows(["photos"], lambda name, text: text)
    entries = entries_of(rows, Choice(styles=["a.png", "b.png", "swirls"], settings={}))
    with Manifest(desk / NAME) as manifest:
        outputs = [desk / f"{number}.png" for number in range(6)]
        orders = list(Ledger(Batch(entries=entries, outputs=outputs, folder=desk), manifest).to_do())
    waiting = Waiting(orders)

    def take(worker):
        order = waiting.next_for(worker)
        return None if order is None else order.number

    assert [take(1), take(2), take(1), take(2), take(1)] == [0, 3, 1, 4, 2]
    waiting.put_back(orders[1])
    assert take(1) == 1
    assert take(1) == 5  # the other's last
    assert [take(1), take(2)] == [None, None]
    waiting = Waiting(orders)
    assert [take(1), take(2)] == [0, 3]
    waiting.forget(1)
    assert {take(2), take(2), take(2), take(2)} == {1, 2, 4, 5}


@pytest.mark.slow
def test_there_are_no_more_workers_than_memory_allows():
    probe = [((512, 512), Settings(method="onepass"))]
    crew = Processes(2, 2, 1280 * 2**20, probe)  # 640 MiB each; one pass of 512 px takes 664 and more
    try:
        hired, ready = crew.hire(2), []
        assert hired == [1, 2]
        until = time.monotonic() + 120
        while not ready and time.monotonic() < until:
            ready = [news.worker for news in crew.wait(0.5) if news.kind == "ready"]
            hired += crew.hire(2)
        assert (hired, ready) == ([1, 2, 3], [3])
    finally:
        crew.close(at_once=True)


def test_a_terminals_signals_do_not_reach_workers_that_start():
    with unheard():
        program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.5)"])
    program.send_signal(signal.SIGINT)
    assert program.wait() == 0


def check(figures, count):
    assert figures["exit_code"] == 0
    assert (figures["done"], figures["files"], figures["done_twice"]) == (count, count, 0)
    assert figures["made_after_the_driver"] + figures["kept_after_the_driver"] == count
    assert figures["kept_after_the_driver"] >= count // 2
    assert figures["made_a_third_time"] == 0
    assert figures["workers_that_outlived_the_driver"] == 0


@pytest.mark.slow
def test_none_lost_and_none_twice_whatever_is_killed(tmp_path):
    check(ordeal(tmp_path, 100, 96, ["--workers", "2"]), 100)


@pytest.mark.slow
def test_an_interruption_leaves_a_clean_manifest(tmp_path):
    photos, out = make_photos(tmp_path / "photos", 30, 64), tmp_path / "out"
    run = Run.start(photos, out, 64, ["--workers", "1"])
    run.until(3)
    run.process.send_signal(signal.SIGINT)
    code, report = run.end()
    assert (code, report["interrupted_by_signal"]) == (130, 2)
    assert 3 <= report["made"] < 30
    assert set(run.done()) == {path.name for path in out.glob("*.jpg")}
    last = {line["output"]: line["state"] for line in run.lines()}
    assert sum(state == "started" for state in last.values()) <= 1
    assert not [path for path in out.iterdir() if path.suffix not in (".jpg", ".jsonl")]
    code, report = Run.start(photos, out, 64, ["--workers", "1"]).end()
    assert (code, report["made"] + report["kept"]) == (0, 30)
    assert report["kept"] >= 3


@pytest.mark.ray
def test_none_lost_and_none_twice_with_ray(tmp_path):
    check(ordeal(tmp_path, 100, 96, ["--ray"], "ray::PaintingActor"), 100)


@pytest.mark.ray
def test_a_node_of_three_is_lost_and_then_all_of_ray(tmp_path):
    from ray.cluster_utils import Cluster

    from impasto.runs.cluster.sessions import QUICK_DEATHS

    def cluster():
        head = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "_system_config": QUICK_DEATHS}
        nodes = Cluster(initialize_head=True, head_node_args={**head, "include_dashboard": False})
        return nodes, [nodes.add_node(num_cpus=1, object_store_memory=80 * 2**20) for _ in range(2)]

    photos, out, count = make_photos(tmp_path / "photos", 100, 96), tmp_path / "out", 100
    nodes, (lost, _) = cluster()
    try:
        run = Run.start(photos, out, 96, ["--address", nodes.address])
        run.until(15)
        nodes.remove_node(lost, allow_graceful=False)
        run.until(40)
    finally:
        nodes.shutdown()
    stopped = time.monotonic()
    code, _ = run.end()
    assert code != 0
    assert time.monotonic() - stopped < 60
    nodes, _ = cluster()
    try:
        code, report = Run.start(photos, out, 96, ["--address", nodes.address]).end()
    finally:
        nodes.shutdown()
    assert (code, report["made"] + report["kept"], report["failed"]) == (0, count, 0)
    assert report["kept"] >= 40
    assert max(Counter(run.done()).values()) == 1


@pytest.mark.ray
def test_a_worker_whose_machine_is_gone_before_it_could_begin_has_not_died(tmp_path):
    """It was hired on a machine that was there when the cluster was asked last: no reason to give up."""
    from ray.cluster_utils import Cluster

    from impasto.runs.batch.actors import Actors
    from impasto.runs.batch.manifest import Manifest
    from impasto.runs.cluster.sessions import QUICK_DEATHS, ray_session

    head = {"num_cpus": 0, "object_store_memory": 80 * 2**20, "_system_config": QUICK_DEATHS}
    nodes = Cluster(initialize_head=True, head_node_args={**head, "include_dashboard": False})
    lost = nodes.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    try:
        with ray_session(nodes.address) as session:
            crew = Actors(session, None, Manifest(tmp_path / "manifest.jsonl"), [])
            crew._ask()
            there = [node for node in crew._nodes if node.cores]
            assert len(there) == 1
            nodes.remove_node(lost, allow_graceful=False)
            while any(node.cores for node in session.nodes()):
                time.sleep(0.2)
            crew._nodes, crew._asked = there, time.monotonic()
            (worker,) = crew.hire(4)
            news, ends = [], time.monotonic() + 60
            while not news and time.monotonic() < ends:
                news = crew.wait(1.0)
            assert [(one.worker, one.kind) for one in news] == [(worker, "gone")]
            assert crew.hire(4) == []
    finally:
        nodes.shutdown()


def test_a_photo_is_stamped_as_it_was_before_it_was_read(desk, monkeypatch):
    from impasto.runs.batch import fingerprints
    from impasto.runs.batch.orders import Order
    from impasto.runs.batch.painter import Painter
    from impasto.runs.job import Saving

    monkeypatch.setattr(fingerprints, "FRESH_NANOSECONDS", 0)
    settings = {
        "network": "tiny.npz", "content_layers": ("relu1_2",), "iterations": (1, 1), "max_size": 64,
        "style_layer_weights": {"relu1_1": 0.5, "relu1_2": 0.5},
    }  # fmt: skip
    (entry,) = entries_of(find_rows(["photos/p1.png"], str), Choice(styles=["a.png"], settings=settings))
    order = Order(number=0, entry=entry, output=desk / "x.png", saving=Saving())
    with Painter() as painter:
        sure = painter.paint(order)
        os.utime("photos/p1.png", (time.time() + 1,) * 2)  # it may be changed again within its clock's tick
        changed = Path("photos/p1.png").stat().st_mtime
        painted = painter.paint(
            replace(order, output=desk / "y.png"), lambda _: time.sleep(max(0, changed + 0.1 - time.time()))
        )
    assert sure.photo.time > 0
    assert time.time() > changed
    assert (painted.photo.time, painted.photo.sha256) == (0, sure.photo.sha256)


@pytest.mark.ray
def test_an_actor_without_our_disk_gets_files_and_sends_pictures(desk):
    from impasto.runs.batch.actors import PaintingActor, absolute
    from impasto.runs.batch.orders import Order
    from impasto.runs.batch.processes import Allotment
    from impasto.runs.cluster.sessions import ray_session
    from impasto.runs.job import Saving

    settings = {"method": "onepass", "max_size": 64}
    (entry,) = entries_of(find_rows(["photos/p1.png"], str), Choice(styles=["a.png"], settings=settings))
    entry, files = absolute(entry)
    assert {Path(name).name for name in files} == {"p1.png", "a.png"}
    order = Order(number=0, entry=entry, output=desk / "nowhere" / "x.jpg", saving=Saving())
    unseen = {name: (size, when + 1) for name, (size, when) in files.items()}  # as of another disk
    with ray_session(cores=1) as session:
        (node,) = session.nodes()
        allotment = Allotment(place=0, threads=1, memory=4 * 2**30)
        actor = session.actor(PaintingActor, node, cores=1).remote(allotment, ("/nowhere", "id"))
        get = session.ray.get
        assert get(actor.ready.remote([((64, 64), entry.settings)])) == (True, None)
        assert get(actor.lacks.remote(files)) == []
        assert sorted(get(actor.lacks.remote(unseen))) == sorted(files)
        data = [Path(name).read_bytes() for name in files]
        painted = get(actor.paint.remote(order, unseen, list(files), *data))
        assert painted.error is None
        (desk / "sent.jpg").write_bytes(painted.data)
        assert json.loads(subprocess_recipe(desk / "sent.jpg"))["content"]["name"] == "p1.png"
        assert get(actor.lacks.remote(unseen)) == [str(desk / "photos" / "p1.png")]  # the style is there
        broken = replace(order, entry=replace(entry, inputs=replace(entry.inputs, content="/nowhere/p.png")))
        assert "there is no folder /nowhere" in str(get(actor.paint.remote(broken, {}, [])).error)


def subprocess_recipe(path):
    line = [sys.executable, "-m", "impasto.cli", "recipe", str(path)]
    return subprocess.run(line, capture_output=True, text=True, check=True, env=dict(os.environ)).stdout
