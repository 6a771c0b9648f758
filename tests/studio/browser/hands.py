"""What a person does in the studio, and what they see."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

SETTLED = "!document.body.matches('.empty, .inexact, .painting')"
REGIONS = "JSON.parse(localStorage['impasto.work']).look.regions"
PAGE = Path(__file__).parents[3] / "src/impasto/studio/page"


def until(page: Any, condition: str, seconds: float = 120) -> None:
    """Wait until something is true in the page; the page's own policy forbids Playwright's way."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, f"it never came true that {condition}"
        page.wait_for_timeout(50)


def give(page: Any, file: Path, button: str = "#open") -> None:
    """Give the page a file by one of its buttons."""
    with page.expect_file_chooser() as chooser:
        page.click(button)
    chooser.value.set_files(file)


def choose(page: Any, photo: Path) -> None:
    """Choose a photo as a person does, and wait until it hangs."""
    give(page, photo, "#choose" if page.is_visible("#choose") else "#open")
    until(page, "JSON.parse(localStorage['impasto.work'] ?? '{}').photo != null")
    until(page, SETTLED)


def paint(page: Any, photo: Path, style: str = "hokkai-wave") -> None:
    """Choose a photo and a style, and wait for the picture."""
    choose(page, photo)
    page.click(f'[data-style="{style}"]')
    painted(page)


def painted(page: Any) -> None:
    """Wait until the exact picture of what is worked on hangs."""
    page.wait_for_selector(".result[aria-current]", state="attached")
    until(page, SETTLED)


def pixels(page: Any) -> list[int]:
    """Return what is on the wall, as RGB of 32 x 32 places."""
    return page.evaluate(
        """() => {
          const small = new OffscreenCanvas(32, 32).getContext("2d");
          small.drawImage(document.querySelector("#picture"), 0, 0, 32, 32);
          return [...small.getImageData(0, 0, 32, 32).data].filter((_, index) => index % 4 < 3);
        }"""
    )


def difference(one: list[int], other: list[int]) -> float:
    """Return the mean difference of two pictures, of 255."""
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


def work(page: Any) -> dict[str, Any]:
    """Return what is worked on, as the page remembers it."""
    return page.evaluate("JSON.parse(localStorage.getItem('impasto.work'))")


def slide(page: Any, selector: str, value: float, *, settle: bool = True) -> None:
    """Move a slider, and let it go."""
    page.wait_for_selector(selector)
    page.eval_on_selector(
        selector,
        """(slider, [value, settle]) => {
          slider.value = value;
          slider.dispatchEvent(new Event("input", { bubbles: true }));
          if (settle) slider.dispatchEvent(new Event("change", { bubbles: true }));
        }""",
        [value, settle],
    )
