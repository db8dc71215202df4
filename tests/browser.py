"""Pages in a real browser: Chromium opens them, notes its complaints and what it fetches, and measures what it drew."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE = 180_000
LAPTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=390, height=844)
MARKS = ".bars path, .heatmaplayer image, path.js-line, .points path, .sunburstlayer path.surface"


@dataclass(frozen=True, kw_only=True)
class Visit:
    """An open page, and what the browser had to say and to fetch since."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def drawn(self) -> None:
        """Wait until every chart stands."""
        self.page.wait_for_function("document.documentElement.dataset.charts === 'drawn'", timeout=PATIENCE)

    def redrawn(self, change: str) -> None:
        """Wait until a ``change`` of the view, an expression, has been answered by drawing anew."""
        self.page.wait_for_function(change, timeout=PATIENCE)
        self.drawn()

    def marks(self) -> dict[str, int]:
        """How many marks each chart has drawn."""
        found = self.page.evaluate(
            """(marks) => Object.fromEntries([...document.querySelectorAll('[data-chart]')].map(
                (box) => [box.dataset.chart, box.querySelectorAll(marks).length],
            ))""",
            MARKS,
        )
        return dict(found)

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))

    def wide(self) -> list[str]:
        """The charts that stand out of the window on the right."""
        found = self.page.evaluate(
            "[...document.querySelectorAll('.chart')]"
            ".filter((box) => box.getBoundingClientRect().right > window.innerWidth).map((box) => box.id)"
        )
        return list(found)


@contextmanager
def opened(path: Path) -> Iterator[Visit]:
    """The page at ``path``, drawn at laptop width in the light scheme."""
    with visiting(path.as_uri()) as found:
        found.drawn()
        yield found


@contextmanager
def visiting(address: str) -> Iterator[Visit]:
    """The page at ``address``, loaded at laptop width in the light scheme."""
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("KINWISE_REQUIRE_CHROMIUM") == "1":
            pytest.fail("KINWISE_REQUIRE_CHROMIUM=1, but there is no chromium on the PATH")
        pytest.skip("no chromium on the PATH: install the package chromium to run the browser tests")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        context = browser.new_context(
            viewport=LAPTOP, color_scheme="light", permissions=["clipboard-read", "clipboard-write"]
        )
        context.set_default_timeout(PATIENCE)
        found = Visit(page=context.new_page())
        found.page.on("console", lambda message: found.complaints.append(message.text))
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.on("request", lambda request: found.requests.append(request.url))
        found.page.goto(address)
        yield found
        browser.close()
