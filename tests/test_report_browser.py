"""The report in a real browser: it draws everything, fits the screen, follows the scheme, and answers the mouse."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import LAPTOP, PHONE, Visit, opened
from zoo import cifar_predictions

from kinwise.judge.metrics import score
from kinwise.show.report import report_html

COMMAND = "kinwise train cifar100 --recipe quick --set title='<b>&amp;</b>' && echo done"


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
    with opened(report) as found:
        yield found


@pytest.fixture
def laptop(visit: Visit) -> Visit:
    """The report at laptop width in the light scheme, whatever the test before did to it."""
    if visit.page.viewport_size != LAPTOP:
        visit.page.set_viewport_size(LAPTOP)
        visit.redrawn("document.querySelector('#chart-tree').clientWidth > 700")
        visit.redrawn("document.querySelector('#chart-tree .main-svg').clientWidth > 700")
    return visit


def test_every_chart_has_drawn_its_marks(laptop: Visit) -> None:
    marks = laptop.marks()
    assert len(marks) == 12
    assert all(marks.values()), marks
    assert marks["tree"] == 130


def test_no_chart_asks_plotly_for_a_colour_it_does_not_know(laptop: Visit) -> None:
    found = laptop.page.evaluate(
        "[...document.querySelectorAll('[data-chart]')]"
        ".filter((box) => JSON.stringify([box.data, box.layout]).includes('var(--')).map((box) => box.dataset.chart)"
    )
    assert found == []


def test_the_page_fits_a_laptop(laptop: Visit) -> None:
    assert laptop.overflow() <= 0


def test_a_cell_of_the_matrix_says_who_is_taken_for_whom(laptop: Visit) -> None:
    page = laptop.page
    place = page.evaluate(
        """() => {
            const box = document.querySelector('#chart-confusion');
            const { xaxis, yaxis } = box._fullLayout;
            box.scrollIntoView({ behavior: 'instant' });
            window.scrollBy({ top: -100, behavior: 'instant' });
            const edge = box.getBoundingClientRect();
            return { x: edge.left + xaxis._offset + xaxis.c2p(1), y: edge.top + yaxis._offset + yaxis.c2p(0) };
        }"""
    )
    page.mouse.move(place["x"] - 3, place["y"])
    page.mouse.move(place["x"], place["y"])
    page.wait_for_selector("#chart-confusion .hovertext")
    shown = page.locator("#chart-confusion .hovertext").text_content() or ""
    names = page.evaluate("document.querySelector('#chart-confusion').layout.xaxis.ticktext.slice(0, 2)")
    said = rf"true {names[0]}\s*answered {names[1]}\s*\d+ of 40 pictures, \d+\.\d.% of the row\s*same group"
    assert re.search(said, shown), shown


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
    assert visit.overflow() <= 0
    assert visit.wide() == []


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
