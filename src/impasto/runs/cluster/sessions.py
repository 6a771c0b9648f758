"""A session with Ray: a cluster joined, or one started on this machine, and left or ended.

Ray is imported here. A session asks for no dashboard and sends no usage statistics; its store of objects has
a size of its own, where Ray would take a third of the memory.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from impasto.errors import EngineError, SettingError

STORE_BYTES = 256 * 2**20
"""Of a started session's object store; what does not fit goes to the disk."""
ANSWER_SECONDS = 5.0
"""After which a machine that does not answer is taken to be no cluster."""
QUICK_DEATHS = {
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 1000,
    "health_check_timeout_ms": 2000,
    "health_check_failure_threshold": 3,
}
"""Ray's settings by which a node that was lost is noticed in 3 to 6 seconds; by default it takes 15 and more.

They are those of a session that is started here; a cluster that is joined has its own."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A machine of a cluster that is alive.

    Attributes:
        id: Ray's.
        host: its address; nodes on one machine have the same.
        cores, gpus: how many Ray may give away.
        memory: bytes that Ray may give away.
    """

    id: str
    host: str
    cores: int
    gpus: int
    memory: int


@dataclass(frozen=True, kw_only=True)
class Session:
    """A connection with a cluster.

    Attributes:
        ray: the module.
        address: ``host:port`` of its head.
        own: whether the cluster was started here and ends with the session.
    """

    ray: Any
    address: str
    own: bool

    def nodes(self) -> list[Node]:
        """Return the machines that are alive now, in an order that does not change."""
        nodes = []
        for node in self.ray.nodes():
            resources: Mapping[str, float] = node["Resources"]
            if node["Alive"]:
                nodes.append(
                    Node(
                        id=node["NodeID"],
                        host=node["NodeManagerAddress"],
                        cores=int(resources.get("CPU", 0)),
                        gpus=int(resources.get("GPU", 0)),
                        memory=int(resources.get("memory", 0)),
                    )
                )
        return sorted(nodes, key=lambda node: (node.host, node.id))

    def actor(
        self, kind: type, node: Node, *, cores: float, gpus: float = 0, environment: Mapping[str, str] = {}
    ) -> Any:
        """Return an actor class that starts on one node; call ``.remote(...)`` of it.

        An actor that dies stays dead: whoever owns it decides what becomes of its work. Each is a process of
        its own and may have its own engine.

        Args:
            kind: the class.
            node: where.
            cores: that it takes of the node's; Ray counts them only, `impasto.engine.runtime.limit_threads`
                holds an engine to them.
            gpus: that it takes; Ray shows it no others.
            environment: variables of its process, before anything is imported.
        """
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return self.ray.remote(kind).options(
            num_cpus=cores,
            num_gpus=gpus,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False),
            runtime_env={"env_vars": {"TF_CPP_MIN_LOG_LEVEL": "3", **environment}},
        )


@contextmanager
def ray_session(
    address: str | None = None, *, cores: int | None = None, store_bytes: int = STORE_BYTES
) -> Iterator[Session]:
    """Yield a session; one that was started ends with it, one that was joined goes on without it.

    Where the program has called ``ray.init`` already, that session is used and stays. The program's own
    handler of SIGTERM, which Ray would replace, stays, too.

    Args:
        address: ``HOST:PORT`` of a cluster's head, or ``auto`` for the one that runs on this machine; None
            starts one here.
        cores: that a started one gives away; all that this process may use by default.
        store_bytes: of a started one's object store.

    Raises:
        EngineError: Ray is not installed or cannot be started, or nothing answers at the address.
        SettingError: the address is written wrongly.
    """
    ray = _ray()
    if ray.is_initialized():
        yield Session(ray=ray, address=ray.get_runtime_context().gcs_address, own=False)
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        from impasto.engine import machine

        asked: dict[str, Any] = {
            "address": "local",
            "num_cpus": cores or machine.available_cores(),
            "include_dashboard": False,
            "object_store_memory": store_bytes,
            "_system_config": QUICK_DEATHS,
        }
    else:
        asked = {"address": checked_address(address)}
    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(**asked, **quiet)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)
        _silence()
        yield Session(ray=ray, address=ray.get_runtime_context().gcs_address, own=address is None)
    except ConnectionError as error:
        raise _no_cluster(address or "local", error) from error
    finally:
        ray.shutdown()


def _ray() -> Any:
    """Return the module, which reads these variables when it is imported."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault(
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0"
    )  # without GPUs it touches none's variables
    try:
        import ray
    except ModuleNotFoundError as error:
        raise EngineError(
            "a cluster needs Ray; install it with {command}", command="pip install 'impasto[ray]'"
        ) from error
    return ray


def _silence() -> None:
    """Keep Ray from printing to stdout, where results go, which of its processes have died.

    It does so whatever ``log_to_driver`` says, and there is no public way to forbid it.
    """
    from ray._private import worker

    worker._worker_logs_enabled = False


def checked_address(address: str) -> str:
    """Return a cluster's address if something answers there: Ray itself would try for a minute and exit.

    Raises:
        SettingError: it is not written HOST:PORT.
        EngineError: nothing answers.
    """
    if address == "auto":
        return address
    host, colon, port = address.rpartition(":")
    if not colon or not host or "/" in host or not port.isdecimal() or int(port) > 65535:
        raise SettingError(
            "a cluster's address must be HOST:PORT, such as 10.0.0.1:6379, or auto, not {address!r}",
            address=address,
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
    except OSError as error:
        raise _no_cluster(address, error) from error
    return address


def _no_cluster(address: str, error: Exception) -> EngineError:
    reason = getattr(error, "strerror", None) or " ".join(str(error).split())
    return EngineError(
        "no cluster answers at {address} ({reason}); start one with {command}, or leave the address out",
        address=address,
        reason=reason,
        command="ray start --head",
    )
