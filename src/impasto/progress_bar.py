"""A bar round the steps of a method, in a terminal or a notebook; the library itself is silent."""

from __future__ import annotations

import html
import time
from collections.abc import Iterable, Iterator
from typing import Any

from impasto.progress import Step


def show_progress(steps: Iterable[Step]) -> Iterator[Step]:
    """Draw a bar while steps are made, and hand them on.

        *_, last = impasto.show_progress(impasto.stylize_steps("photo.jpg", "swirls"))
        last.pastiche.save("pastiche.png")

    In a notebook the bar is drawn in the cell's output, in a terminal on stderr; where neither is, nothing is
    drawn.

    Args:
        steps: of `impasto.stylize_steps`, or of anything else that yields a `Step` per iteration.

    Returns:
        The same steps.
    """
    return _in_notebook(steps) if _notebook() else _in_terminal(steps)


def done(step: Step) -> float:
    """Return the share of the work that is done after a step, 0 to 1.

    Each scale has four times the pixels of the one before; the iterations of the scales to come, which a
    step does not tell, are taken to be as many as its own.
    """
    before, scale, all_scales = ((4.0**n - 1) / 3 for n in (step.scale - 1, step.scale, step.scales))
    return (before + (scale - before) * step.iteration / step.iterations) / all_scales


def words(step: Step) -> str:
    """Return where a step stands, in a few words."""
    height, width = step.shape
    where = f"{width} x {height} px"
    if step.scales > 1:
        where += f", scale {step.scale} of {step.scales}"
    return f"{where}, iteration {step.iteration} of {step.iterations}"


def _in_terminal(steps: Iterable[Step]) -> Iterator[Step]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("preparing", total=1.0)
        for step in steps:
            bar.update(task, completed=done(step), description=words(step))
            yield step


def _in_notebook(steps: Iterable[Step]) -> Iterator[Step]:
    from IPython.display import HTML, display

    began = time.monotonic()
    shown = display(HTML(_bar(0.0, "preparing")), display_id=True)
    for step in steps:
        shown.update(HTML(_bar(done(step), f"{words(step)}, {time.monotonic() - began:.0f} s")))
        yield step


def _bar(done: float, text: str) -> str:
    return f'<progress value="{done:.3f}" max="1" style="width: 20em"></progress> {html.escape(text)}'


def _notebook() -> bool:
    """Return whether this process is a notebook's, whose cells show HTML."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell: Any = get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None
