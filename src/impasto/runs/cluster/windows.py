"""Windows of a large photo, measured and painted by a team's actors; results come in the windows' order.

An actor has a window in work and another one waiting. Those of an actor that is lost are given to others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from impasto.networks.tile_grid import Tile
    from impasto.onepass.window_painter import WindowPainter

EACH = 2
"""Windows that an actor has, one of which it works at."""
AHEAD = 4
"""Windows for each actor that may be done before the one that is waited for."""


class SharedWindows:
    """Windows that actors share.

    Args:
        team: the actors, a `RayTeam`.
        painter: whose windows they are; it has found its maps if they are to be painted.
        tiles: the windows.
    """

    def __init__(self, team: Any, painter: WindowPainter, tiles: Sequence[Tile]) -> None:
        from impasto.onepass.window_errand import Errand

        self._team, self._ray, self._painter = team, team.ray, painter
        self._errand, self._fitted = self._ray.put(Errand.of(painter)), self._ray.put(painter.fitted)
        self._count, self._waiting = len(tiles), deque(enumerate(tiles))
        self._at_work: dict[Any, tuple[Any, tuple[int, Tile]]] = {}
        self._sees: dict[Any, bool] = {}

    def results(self, name: str, more: tuple[Any, ...]) -> Iterator[Any]:
        """Yield what a method of the painter returns of each window, in their order.

        Args:
            name: the method's.
            more: its arguments after the window.

        Raises:
            ImpastoError: it has failed.
            EngineError: all actors were lost.
        """
        done: dict[int, Any] = {}
        for number in range(self._count):
            while number not in done:
                try:
                    self._give(name, more, number)
                    reference = self._ray.wait(list(self._at_work), num_returns=1)[0][0]
                    value = self._ray.get(reference)
                except self._ray.exceptions.RayTaskError as error:
                    raise self._team.failure(error) from error
                except self._ray.exceptions.RayError:
                    self._mend()
                else:
                    done[self._at_work.pop(reference)[1][0]] = value
            yield done.pop(number)

    def _give(self, name: str, more: tuple[Any, ...], number: int) -> None:
        """Give actors windows as long as there are some that are not too far ahead of one."""
        actors = self._team.actors
        for _ in range(EACH):
            for actor in actors:
                having = sum(other is actor for other, _ in self._at_work.values())
                near = bool(self._waiting) and self._waiting[0][0] < number + AHEAD * len(actors)
                if near and having < EACH:
                    self._send(actor, name, more)

    def _send(self, actor: Any, name: str, more: tuple[Any, ...]) -> None:
        if actor not in self._sees:
            self._sees[actor] = self._ray.get(actor.open.remote(self._errand))
        item = self._waiting.popleft()
        picture = None if self._sees[actor] else self._painter.photo_in(item[1])
        reference = actor.window.remote(name, item[1], self._fitted, picture, more)
        self._at_work[reference] = actor, item

    def _mend(self) -> None:
        """Have lost actors replaced, and let their windows wait again."""
        self._team.said = self._team.mend()
        alive = self._team.actors
        lost = [reference for reference, (actor, _) in self._at_work.items() if actor not in alive]
        again = [self._at_work.pop(reference)[1] for reference in lost]
        self._waiting = deque(sorted([*self._waiting, *again], key=lambda item: item[0]))
