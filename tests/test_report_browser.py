"""The report in a real browser: it draws everything, fits the screen, follows the scheme, and answers the mouse."""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, ViewportSize, sync_playwright

from kinwise.judge.metrics import score
from kinwise.judge.predictions import Predictions
from kinwise.show.report import report_html
from kinwise.taxonomy import built_in

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
COMMAND = "kinwise train cifar100 --recipe quick --set title='<b>&amp;</b>' && echo done"
PATIENCE = 180_000
LAPTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=390, height=844)
MARKS = ".bars path, .heatmaplayer image, path.js-line, .points path, .treemaplayer path.surface"


@dataclass(frozen=True, kw_only=True)
class Visit:
    """An open report, and what the browser had to say and to fetch since."""

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


def cifar_predictions() -> Predictions:
    """Made-up answers under the tree of CIFAR-100 whose mistakes lean towards kin."""
    tree = built_in("cifar100")
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(100), 8)
    odds = -1.5 * tree.distances[labels] + generator.gumbel(size=(800, 100))
    scores = np.exp(odds + 2.0 * (np.arange(100) == labels[:, None]))
    return Predictions.from_classes(scores / scores.sum(axis=1, keepdims=True), labels, tree, split="80:20")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    judged = cifar_predictions()
    accuracy = {"train": dict.fromkeys(judged.hierarchy.levels, 0.5)}
    path = tmp_path_factory.mktemp("report") / "report.html"
    page = report_html(
        predictions=judged,
        scores=score(judged, resamples=20),
        title="A very_long_title_without_any_space_to_break_it_in_two_parts_anywhere_at_all",
        facts={"folder": "/a/very/long/path/" + "without_a_space" * 12},
        commands={"the same run": COMMAND},
        history=[
            {"epoch": e, "seconds": 9.0 * e, "loss": 1 / e, "learning_rate": 0.1, "accuracy": accuracy}
            for e in (1, 2, 3)
        ],
    )
    path.write_text(page, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def visit(report: Path) -> Iterator[Visit]:
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
        found.page.goto(report.as_uri())
        found.drawn()
        yield found
        browser.close()


@pytest.fixture
def laptop(visit: Visit) -> Visit:
    """The report at laptop width in the light scheme, whatever the test before did to it."""
    if visit.page.viewport_size != LAPTOP:
        visit.page.set_viewport_size(LAPTOP)
        visit.redrawn("document.querySelector('#chart-tree').clientWidth > 900")
        visit.redrawn("document.querySelector('#chart-tree .main-svg').clientWidth > 900")
    return visit


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def test_every_chart_has_drawn_its_marks(laptop: Visit) -> None:
    marks = laptop.page.evaluate(
        """(marks) => Object.fromEntries([...document.querySelectorAll('[data-chart]')].map(
            (box) => [box.dataset.chart, box.querySelectorAll(marks).length],
        ))""",
        MARKS,
    )
    assert len(marks) == 13
    assert all(marks.values()), marks
    assert marks["tree"] == 130


def test_the_page_fits_a_laptop(laptop: Visit) -> None:
    assert overflow(laptop.page) <= 0


def test_a_cell_of_the_matrix_says_who_is_taken_for_whom(laptop: Visit) -> None:
    page = laptop.page
    place = page.evaluate(
        """() => {
            const box = document.querySelector('#chart-confusion-2');
            const { xaxis, yaxis } = box._fullLayout;
            box.scrollIntoView({ behavior: 'instant' });
            window.scrollBy({ top: -100, behavior: 'instant' });
            const edge = box.getBoundingClientRect();
            return { x: edge.left + xaxis._offset + xaxis.c2p(1), y: edge.top + yaxis._offset + yaxis.c2p(0) };
        }"""
    )
    page.mouse.move(place["x"] - 3, place["y"])
    page.mouse.move(place["x"], place["y"])
    page.wait_for_selector("#chart-confusion-2 .hovertext")
    shown = page.locator("#chart-confusion-2 .hovertext").text_content() or ""
    names = page.evaluate("document.querySelector('#chart-confusion-2').layout.xaxis.ticktext.slice(0, 2)")
    assert re.search(rf"true {names[0]}\s*answered {names[1]}\s*\d+ of 8 pictures\s*same superclass", shown), shown


def test_the_copy_button_copies_the_command(laptop: Visit) -> None:
    laptop.page.click(".copy")
    laptop.page.wait_for_function("document.querySelector('.copy').textContent === 'Copied'")
    assert laptop.page.evaluate("navigator.clipboard.readText()") == COMMAND


def test_classes_sort_by_accuracy_both_ways(laptop: Visit) -> None:
    heading = laptop.page.get_by_role("button", name="accuracy")
    for direction, in_order in (("ascending", sorted), ("descending", lambda found: sorted(found, reverse=True))):
        heading.click()
        found = laptop.page.evaluate(
            "[...document.querySelectorAll('.classes tbody tr')].map((row) => Number(row.cells[1].dataset.value))"
        )
        assert found == in_order(found)
        assert len(found) == 100
        assert laptop.page.locator(f".classes th[aria-sort={direction}]").inner_text().startswith("accuracy")


def test_the_dark_scheme_reaches_page_and_charts(laptop: Visit) -> None:
    page = laptop.page
    bar = "document.querySelector('#chart-accuracy .bars path').style.fill"
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(f"[{bar}, {ground}]")
    page.emulate_media(color_scheme="dark")
    laptop.redrawn(f"{bar} !== {light[0]!r}")
    dark = page.evaluate(f"[{bar}, {ground}]")
    assert dark[0] == "rgb(240, 178, 50)"
    assert sum(map(int, re.findall(r"\d+", dark[1]))) < 120 < 600 < sum(map(int, re.findall(r"\d+", light[1])))
    page.emulate_media(color_scheme="light")
    laptop.redrawn(f"{bar} === {light[0]!r}")


def test_everything_fits_a_phone(visit: Visit) -> None:
    page = visit.page
    page.set_viewport_size(PHONE)
    visit.redrawn("document.querySelector('#chart-curve-rate .main-svg').clientWidth < 390")
    assert overflow(page) <= 0
    wide = page.evaluate(
        "[...document.querySelectorAll('.chart')].filter((box) => box.getBoundingClientRect().right > 390)"
        ".map((box) => box.id)"
    )
    assert wide == []


def test_without_scripts_the_numbers_are_there(visit: Visit, report: Path) -> None:
    browser = visit.page.context.browser
    assert browser is not None
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.get_by_text("Scripts are off").is_visible()
    assert not page.locator("#chart-accuracy").is_visible()
    page.locator("#box-accuracy summary").click()
    assert page.locator("#box-accuracy table").is_visible()
    context.close()


def test_the_browser_never_complained_nor_fetched_anything(visit: Visit, report: Path) -> None:
    assert visit.complaints == []
    assert [url for url in visit.requests if not url.startswith(("data:", "blob:"))] == [report.as_uri()]
