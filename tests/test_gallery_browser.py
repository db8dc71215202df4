"""The gallery of failures in a real browser: it filters, fades and changes its heat maps, by mouse and by keyboard."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from browser import LAPTOP, PHONE, Visit, opened
from explained import explained, mistakes
from zoo import cifar_predictions

from kinwise.judge.compare import compare
from kinwise.judge.metrics import score
from kinwise.judge.predictions import Predictions
from kinwise.show.comparison import comparison_html
from kinwise.show.report import report_html

COUNT = 60
SHOWN = "[...document.querySelectorAll('.case')].filter((one) => !one.hidden)"
FITS = (
    "[...document.querySelectorAll('.controls *, .case *')]"
    ".filter((one) => one.getBoundingClientRect().right > innerWidth).length"
)


@pytest.fixture(scope="module")
def judged() -> Predictions:
    return replace(cifar_predictions(), ids=np.array([f"test/{'a_long_name_' * 8}{index}.png" for index in range(800)]))


@pytest.fixture(scope="module")
def report(judged: Predictions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gallery") / "report.html"
    found = explained(judged, mistakes(judged, COUNT), size=32)
    page = report_html(
        predictions=judged,
        scores=score(judged, resamples=5),
        title="A run",
        facts={},
        commands={},
        explanations=found,
    )
    path.write_text(page, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def visit(report: Path) -> Iterator[Visit]:
    with opened(report) as found:
        yield found


@pytest.fixture
def laptop(visit: Visit) -> Visit:
    """The report at laptop width with no filter set, whatever the test before did to it."""
    visit.page.set_viewport_size(LAPTOP)
    visit.page.get_by_role("button", name="Clear filters").click()
    return visit


def told(visit: Visit) -> str:
    return visit.page.locator(".gallery .shown").inner_text()


def shown(visit: Visit, key: str) -> list[str]:
    """One kind of the marks of every case that is shown."""
    return list(visit.page.evaluate(f"{SHOWN}.map((one) => one.dataset.{key})"))


def set_slider(visit: Visit, name: str, value: int) -> None:
    visit.page.evaluate(
        """([name, value]) => {
            const slider = document.getElementById(name);
            slider.value = value;
            slider.dispatchEvent(new Event('input', { bubbles: true }));
        }""",
        [name, value],
    )


def test_a_page_starts_with_some_and_shows_more(laptop: Visit) -> None:
    assert told(laptop) == "24 of 60 failures shown"
    laptop.page.get_by_role("button", name="Show 24 more").click()
    assert (len(shown(laptop, "path")), told(laptop)) == (48, "48 of 60 failures shown")
    laptop.page.get_by_role("button", name="Show 12 more").click()
    assert told(laptop) == "60 of 60 failures shown"
    assert not laptop.page.locator(".more button").is_visible()


def test_a_branch_is_chosen_by_the_select_and_by_the_event(laptop: Visit, judged: Predictions) -> None:
    rows = mistakes(judged, COUNT)
    groups = judged.hierarchy.paths[judged.labels[rows], 0]
    node = int(np.bincount(groups).argmax())
    count = int((groups == node).sum())
    laptop.page.locator("#filter-branch").select_option(str(node))
    assert told(laptop) == f"{count} of 60 failures shown"
    assert all(path.split()[0] == str(node) for path in shown(laptop, "path"))
    laptop.page.get_by_role("button", name="Clear filters").click()
    event = "node => document.dispatchEvent(new CustomEvent('kinwise:filter', { detail: { node } }))"
    laptop.page.evaluate(event, node)
    assert told(laptop) == f"{count} of 60 failures shown"
    assert laptop.page.locator("#filter-branch").input_value() == str(node)
    laptop.page.evaluate(event, 99999)
    assert told(laptop) == "None of 60 failures match"
    laptop.page.evaluate(event, 0)
    assert told(laptop) == "24 of 60 failures shown"
    assert laptop.page.locator("#filter-branch option.none").count() == 0


def test_severity_reason_and_confidence_combine(laptop: Visit) -> None:
    page = laptop.page
    page.get_by_role("checkbox", name="same superclass").uncheck()
    severities = shown(laptop, "severity")
    assert severities
    assert "1" not in severities
    page.locator("#filter-reason").select_option("severe")
    assert all("severe" in reasons.split() for reasons in shown(laptop, "reasons"))
    before = len(shown(laptop, "path"))
    confidences = sorted(map(float, shown(laptop, "confidence")))
    least = 5 * int(confidences[len(confidences) // 2] * 20)
    set_slider(laptop, "filter-confidence", least)
    after = list(map(float, shown(laptop, "confidence")))
    assert after == [one for one in after if one >= least / 100]
    assert len(after) == sum(one >= least / 100 for one in confidences) < before
    assert page.locator("output[for=filter-confidence]").inner_text() == f"{least} %"
    page.get_by_role("button", name="Clear filters").click()
    assert told(laptop) == "24 of 60 failures shown"


def test_without_any_severity_nothing_is_shown(laptop: Visit) -> None:
    for box in laptop.page.locator(".controls input[type=checkbox]").all():
        box.uncheck()
    assert told(laptop) == "None of 60 failures match"


def test_the_slider_fades_the_heat_maps_by_keyboard(laptop: Visit) -> None:
    page = laptop.page
    opacity = "Number(getComputedStyle(document.querySelector('.map:not([hidden])')).opacity)"
    assert page.evaluate(opacity) == 0.7
    slider = page.get_by_label("Strength of the heat map")
    slider.focus()
    slider.press("Home")
    page.wait_for_function(f"{opacity} === 0")
    slider.press("End")
    page.wait_for_function(f"{opacity} === 1")
    assert page.locator("output[for=map-strength]").inner_text() == "100 %"
    set_slider(laptop, "map-strength", 50)


def test_another_map_is_chosen_for_every_case(laptop: Visit) -> None:
    page = laptop.page
    seen = "[...new Set([...document.querySelectorAll('.map:not([hidden])')].map((one) => one.dataset.map))]"
    assert page.evaluate(seen) == ["2"]
    page.get_by_role("radio", name="group").check()
    assert page.evaluate(seen) == ["0"]
    assert page.evaluate("document.querySelectorAll('.map:not([hidden])').length") == COUNT
    first = page.locator(".case").first
    first.locator("summary").click()
    told = first.locator("dl [data-map]:visible")
    assert told.count() == 1, "and the words on it go with it"
    page.get_by_role("radio", name="class", exact=True).check()
    first.locator("summary").click()


def test_a_case_opens_by_keyboard_and_shows_where_the_focus_is(laptop: Visit) -> None:
    page = laptop.page
    page.get_by_role("button", name="Clear filters").focus()
    page.keyboard.press("Tab")
    summary = page.locator(".case summary").first
    assert summary.evaluate("(one) => one === document.activeElement"), "the first case follows the controls"
    assert summary.evaluate("(one) => getComputedStyle(one).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.locator(".case").first.get_by_text("Chosen because").is_visible()
    page.keyboard.press("Enter")


def test_the_pictures_are_drawn(laptop: Visit) -> None:
    case = laptop.page.locator(".case").first
    case.scroll_into_view_if_needed()
    laptop.page.wait_for_function(
        "[...document.querySelector('.case').querySelectorAll('img:not([hidden])')].every((one) => one.naturalWidth)"
    )
    photo = case.locator(".photo").bounding_box()
    heat = case.locator(".map:visible").bounding_box()
    assert photo == heat
    assert photo is not None
    assert (photo["width"], photo["height"]) == (160, 160)
    assert laptop.page.evaluate("getComputedStyle(document.querySelector('.photo')).imageRendering") == "pixelated"
    tile = laptop.page.evaluate("getComputedStyle(document.querySelector('.tile')).backgroundImage")
    assert tile.startswith('url("data:image/webp')


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_it_fits(visit: Visit, size: dict[str, int]) -> None:
    visit.page.set_viewport_size(size)  # type: ignore[arg-type]
    visit.redrawn("document.querySelector('#chart-tree .main-svg').clientWidth <= innerWidth")
    visit.page.locator(".case summary").first.click()
    assert visit.overflow() <= 0
    assert visit.page.evaluate(FITS) == 0
    visit.page.locator(".case summary").first.click()


def test_the_dark_scheme_reaches_the_cards(laptop: Visit) -> None:
    ground = "getComputedStyle(document.querySelector('.case')).backgroundColor"
    laptop.page.emulate_media(color_scheme="dark")
    laptop.page.wait_for_function(f"{ground} === 'rgb(27, 32, 37)'")
    laptop.page.emulate_media(color_scheme="light")
    laptop.page.wait_for_function(f"{ground} === 'rgb(255, 255, 255)'")


def test_without_scripts_everything_can_be_read(visit: Visit, report: Path) -> None:
    browser = visit.page.context.browser
    assert browser is not None
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator(".case:visible").count() == COUNT
    assert not page.locator(".controls").is_visible()
    assert not page.locator(".more").is_visible()
    first = page.locator(".case").first
    assert first.locator(".map:visible").count() == 1
    first.locator("summary").click()
    assert first.get_by_text("Chosen because").is_visible()
    context.close()


def test_the_browser_never_complained_nor_fetched_anything(visit: Visit, report: Path) -> None:
    assert visit.complaints == []
    assert [url for url in visit.requests if not url.startswith(("data:", "blob:"))] == [report.as_uri()]


def test_a_comparison_filters_by_what_became_of_the_failures(visit: Visit, judged: Predictions, tmp_path: Path) -> None:
    after = replace(cifar_predictions(1), ids=judged.ids)
    rows = mistakes(judged, COUNT)
    comparison = compare([judged, after], names=("before", "a_long_name_" * 8), resamples=5)
    mended = int((comparison.differences[0].outcomes[rows] == 1).sum())
    path = tmp_path / "comparison.html"
    found = [explained(one, rows, size=32, seed=seed) for seed, one in enumerate((judged, after))]
    path.write_text(comparison_html(comparison, explained=found), encoding="utf-8")
    assert visit.page.context.browser
    context = visit.page.context.browser.new_context(viewport=PHONE)
    beside = Visit(page=context.new_page())
    beside.page.on("console", lambda message: beside.complaints.append(message.text))
    beside.page.goto(path.as_uri())
    beside.drawn()
    for box in beside.page.locator(".controls input[type=checkbox]").all()[1:]:
        box.uncheck()
    assert 0 < mended < COUNT
    assert told(beside).startswith(f"{mended} of 60 failures")
    assert set(shown(beside, "outcomes")) == {"mended"}
    set_slider(beside, "map-strength", 100)
    beside.page.wait_for_function("getComputedStyle(document.querySelector('.map:not([hidden])')).opacity === '1'")
    assert beside.overflow() <= 0
    assert beside.page.evaluate(FITS) == 0
    assert beside.complaints == []
    context.close()
