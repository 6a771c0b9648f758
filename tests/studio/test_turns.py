"""Whose turn it is: fair between browsers, the latest request wins, a stop is heard, faults are told."""

from __future__ import annotations

import asyncio
import threading

import pytest

from impasto.errors import EngineError
from impasto.studio.refusals import RefusalError
from impasto.studio.turns import Job, Kind, Turns


class Line:
    """A studio's engine thread that waits until the line has been made."""

    def __init__(self, start=lambda: None):
        self.go = threading.Event()
        self.log: list[str] = []
        self.turns = Turns(lambda: (self.go.wait(10), start()))

    def work(self, name, steps=3):
        def iterate(job):
            for index in range(steps):
                self.log.append(f"{name}{index}")
                yield "step", {"index": index, "stopping": job.stopping.is_set()}

        return iterate

    def job(self, session, kind="paint", steps=3, work=None, **more):
        kinds = {"refine": Kind("refine", long=True, keeps=True), "export": Kind("export", long=True)}
        work = work or self.work(f"{session}{kind[0]}", steps)
        job = Job(work, session=session, kind=kinds.get(kind, Kind(kind)), **more)
        self.turns.submit(job)
        return job


async def events_of(job):
    found = []
    while (event := await asyncio.wait_for(job.next_event(), 10)) is not None:
        found.append(event)
    return found


def run(scenario, line=None):
    line = line or Line()

    async def inside():
        line.turns.start()
        try:
            return await scenario(line)
        finally:
            line.go.set()
            await asyncio.get_running_loop().run_in_executor(None, line.turns.close)

    return asyncio.run(inside())


def test_browsers_come_to_their_turns_one_after_the_other():
    async def scenario(line):
        jobs = [line.job("a", "thumbnails", 4), line.job("b", steps=2), line.job("a", "paint", 2)]
        line.go.set()
        return line, [await events_of(job) for job in jobs]

    line, (first, second, _) = run(scenario)
    assert [name for name, _ in first][:2] == ["run", "busy"] and first[-1] == ("done", {})
    assert line.log[:2] == ["at0", "bp0"]  # not the first browser's second request
    assert line.log.index("bp1") < line.log.index("at2")
    assert sorted(line.log) == ["ap0", "ap1", "at0", "at1", "at2", "at3", "bp0", "bp1"]
    assert [values["index"] for name, values in second if name == "step"] == [0, 1]


def test_long_work_is_done_one_after_the_other_and_told_its_place():
    async def scenario(line):
        jobs = [line.job(name, "refine", 3) for name in "abc"]
        quick = line.job("d", steps=2)
        line.go.set()
        return line, [await events_of(job) for job in (*jobs, quick)]

    line, events = run(scenario)
    long = [entry for entry in line.log if "r" in entry]
    assert long == [f"{name}r{index}" for name in "abc" for index in range(3)]
    places = [[values["position"] for name, values in told if name == "queued"] for told in events]
    assert places[0] == [] and places[1][0] == 1 and places[2] == [2, 1]
    assert line.log.index("dp1") < line.log.index("ar2")  # what is quick does not wait for what is long


def test_the_latest_request_wins():
    async def scenario(line):
        old = line.job("a", sequence=1)
        new = line.job("a", sequence=3)
        late = line.job("a", sequence=2)  # was overtaken on its way
        other = line.job("b", sequence=1)
        line.go.set()
        return [await events_of(job) for job in (old, new, late, other)]

    old, new, late, other = run(scenario)
    for replaced in (old, late):
        name, error = replaced[-1]
        assert (name, error["id"]) == ("error", "superseded")
        assert error["messages"]["zh"] != error["messages"]["en"]
        assert not [name for name, _ in replaced if name == "step"]
    assert new[-1] == other[-1] == ("done", {})


def test_pages_of_one_browser_do_not_replace_each_others_work():
    async def scenario(line):
        jobs = [line.job("a", page=page, sequence=2 - index) for index, page in enumerate(("one", "other"))]
        line.go.set()
        return [await events_of(job) for job in jobs]

    assert all(events[-1] == ("done", {}) for events in run(scenario))


def test_without_numbers_the_one_that_came_last_wins():
    async def scenario(line):
        jobs = [line.job("a"), line.job("a"), line.job("a", "refine")]
        line.go.set()
        return [await events_of(job) for job in jobs]

    assert [told[-1][0] for told in run(scenario)] == ["error", "done", "done"]


def test_who_goes_away_is_not_worked_for():
    async def scenario(line):
        gone = line.job("a", steps=1000)
        waiting = line.job("b", "refine", 1000)
        gone.leave()
        waiting.leave()
        line.go.set()
        await events_of(gone)
        await events_of(waiting)
        return line

    assert run(scenario).log == []


@pytest.mark.parametrize(("kind", "kept"), [("refine", True), ("export", False), ("paint", False)])
def test_of_work_that_has_begun_what_is_there_is_kept_only_where_it_is_worth_something(kind, kept):
    async def scenario(line):
        def endless(job):
            while not job.stopping.wait(0.01):
                yield "step", {}
            yield "result", {}

        job = line.job("a", kind, work=endless)
        line.go.set()
        while (await job.next_event())[0] != "step":
            pass
        job.leave()
        return await events_of(job)

    assert ("result" in dict(run(scenario))) == kept


def test_work_is_found_by_its_id_and_only_by_its_owner():
    async def scenario(line):
        job = line.job("a")
        found = line.turns.find("a", job.run), line.turns.find("b", job.run), line.turns.find("a", "x")
        line.turns.forget("a")
        line.go.set()
        await events_of(job)
        return found[0] is job, found[1:], line.log

    assert run(scenario) == (True, (None, None), [])


def test_an_engine_that_does_not_start_is_told_to_everybody():
    def broken():
        raise EngineError("the engine {name} is not installed", name="x")

    line = Line(broken)

    async def scenario(line):
        before = line.job("a")
        line.go.set()
        told = await events_of(before)
        return told, await events_of(line.job("b")), line.turns.engine

    before, after, engine = run(scenario, line)
    assert engine == "failed"
    assert before[-1][1]["id"] == after[-1][1]["id"] == "engine"


@pytest.mark.parametrize(
    ("fault", "id", "part"),
    [
        (RuntimeError("/secret/path"), "fault", "RuntimeError"),
        (RefusalError("no {what}", 404, "not-found", what="style"), "not-found", "no style"),
        (MemoryError(), "fault", "MemoryError"),
    ],
)
def test_a_fault_is_told_and_the_next_work_is_done(fault, id, part):
    def fail(job):
        yield "step", {}
        raise fault

    async def scenario(line):
        job = Job(fail, session="a", kind=Kind("paint"))
        line.turns.submit(job)
        line.go.set()
        return await events_of(job), await events_of(line.job("a"))

    told, after = run(scenario)
    assert told[-1][0] == "error" and told[-1][1]["id"] == id
    assert part in told[-1][1]["message"] and "secret" not in str(told)
    assert after[-1] == ("done", {})


def test_nothing_is_begun_after_the_end():
    async def scenario(line):
        line.go.set()
        line.turns.close()
        return await events_of(line.job("a"))

    assert run(scenario)[-1][1]["id"] == "closing"
