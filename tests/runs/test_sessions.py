"""Sessions with Ray: what is wrong is told at once; a started cluster works, tells of deaths, and ends."""

from __future__ import annotations

import os
import sys
import time

import pytest

from impasto.errors import EngineError, SettingError
from impasto.runs.cluster.sessions import checked_address, ray_session


def test_without_ray_it_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(
            EngineError, match=r"a cluster needs Ray; install it with pip install 'impasto\[ray\]'"
        ),
        ray_session(),
    ):
        pass


@pytest.mark.parametrize("address", ["bad", "ray://a:1", ":6379", "a:99999", "a:", "a:b"])
def test_an_address_has_a_form(address):
    with pytest.raises(SettingError, match=r"must be HOST:PORT, such as 10.0.0.1:6379, or auto, not"):
        checked_address(address)


def test_nothing_answers():
    began = time.monotonic()
    with pytest.raises(EngineError, match=r"no cluster answers at 127\.0\.0\.1:9 \(.*refused\)"):
        checked_address("127.0.0.1:9")
    assert time.monotonic() - began < 6


@pytest.mark.ray
def test_a_session_of_its_own(capfd):
    class Clerk:  # here, where it travels as code: actors cannot import this file
        def tell(self):
            return os.getpid(), os.environ.get("OMP_NUM_THREADS"), os.environ.get("TOLD")

    with ray_session(cores=2) as session:
        (node,) = session.nodes()
        assert (session.own, node.cores, node.gpus) == (True, 2, 0)
        clerk = session.actor(Clerk, node, cores=2, environment={"TOLD": "yes"}).remote()
        pid, threads, told = session.ray.get(clerk.tell.remote())
        assert (threads, told) == ("2", "yes")
        assert pid != os.getpid()
        os.kill(pid, 9)
        with pytest.raises(session.ray.exceptions.RayActorError):
            session.ray.get(clerk.tell.remote())
        with ray_session() as inner:
            assert (inner.own, inner.address) == (False, session.address)
        assert session.ray.is_initialized()
        time.sleep(1)
    assert not session.ray.is_initialized()
    assert capfd.readouterr().out == ""
