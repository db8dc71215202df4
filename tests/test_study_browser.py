"""The table of a study in a real browser: drawn, sorted, in both schemes, on a laptop and a phone."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from browser import LAPTOP, PHONE, Visit, opened
from test_study_table import ROWS, STUDY

from kinwise.studies.page import study_page


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "table.html"
    places = [
        replace(row, place={"data": data, **row.place}, data=data, comparable=data == "shapes")
        for data in ("shapes", "cifar100")
        for row in ROWS
    ]
    path.write_text(study_page(replace(STUDY, rows=tuple(places))), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def visit(saved: Path) -> Iterator[Visit]:
    with opened(saved) as found:
        yield found


def test_every_place_is_a_numbered_disc(visit: Visit) -> None:
    found = visit.page.evaluate(
        "[...document.querySelectorAll('[data-chart]')].map((box) => "
        "[box.dataset.chart, [...box.querySelectorAll('.textpoint text')].map((text) => text.textContent)])"
    )
    assert found == [["places-1", ["1", "2"]], ["places-2", ["3", "4"]]]
    assert visit.page.locator(".errorbar path").count() == 8


def test_rows_sort_by_what_a_heading_says(visit: Visit) -> None:
    order = "[...document.querySelectorAll('table.sortable tbody tr')].map((row) => row.cells[0].textContent).join('')"
    assert visit.page.evaluate(order) == "1234"
    heading = visit.page.get_by_role("button", name="class accuracy")
    heading.click()
    assert visit.page.evaluate(order) == "1324"
    heading.click()
    assert visit.page.evaluate(order) == "2413"
    visit.page.get_by_role("button", name="no.").click()
    assert visit.page.evaluate(order) == "1234"


def test_the_page_fits_laptop_and_phone_in_both_schemes(visit: Visit) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    for scheme in ("dark", "light"):
        for size in (PHONE, LAPTOP):
            visit.page.emulate_media(color_scheme=scheme)
            visit.page.set_viewport_size(size)
            visit.redrawn(f"document.querySelector('.main-svg').clientWidth < {size['width']}")
            assert visit.overflow() <= 0, (scheme, size)
        assert visit.page.evaluate(ground) == {"dark": "rgb(20, 24, 28)", "light": "rgb(250, 249, 246)"}[scheme]


def test_the_browser_never_complained_nor_fetched_anything(visit: Visit, saved: Path) -> None:
    assert visit.complaints == []
    assert [url for url in visit.requests if not url.startswith(("data:", "blob:"))] == [saved.as_uri()]
