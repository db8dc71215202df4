"""The page of a comparison as text and in a browser: what it says, that nothing breaks out, that it draws and fits."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from browser import LAPTOP, PHONE, Visit, opened
from hypothesis import given, settings
from pages import HOSTILE, HOSTILE_TREE, Outline, check_links, check_needs_nothing, figures, without_plotly, words
from strategies import hierarchies
from zoo import LABELS, PROBABILITIES, ZOO, cifar_predictions, random_predictions

from kinwise.hierarchy import Hierarchy
from kinwise.judge.bootstrap import Figure
from kinwise.judge.compare import compare
from kinwise.judge.comparison import Comparison
from kinwise.judge.comparison_text import verdict
from kinwise.judge.predictions import Predictions
from kinwise.judge.scores import MEASURES
from kinwise.show import comparison_charts as charts
from kinwise.show.comparison import comparison_html

LONG = "a_very_long_name_without_any_space_to_break_it_in_two_parts_anywhere_at_all"


def history(levels: tuple[str, ...], epochs: int, part: str = "train") -> list[dict[str, Any]]:
    return [
        {
            "epoch": epoch,
            "seconds": 20.0 * epoch,
            "loss": 3.0 / epoch,
            "learning_rate": 0.5,
            "accuracy": {part: dict.fromkeys(levels, 0.1 * epoch)},
        }
        for epoch in range(1, epochs + 1)
    ]


@pytest.fixture(scope="module")
def zoo() -> Comparison:
    before = Predictions.from_classes(PROBABILITIES, LABELS, ZOO)
    after = Predictions.from_classes(np.eye(5)[[1, 0, 4, 4, 4]], LABELS, ZOO)
    return compare([before, after], names=("before", "after"), resamples=50)


@pytest.fixture(scope="module")
def zoo_page(zoo: Comparison) -> str:
    commands = {"Compare again": "kinwise compare before after"}
    histories = [history(ZOO.levels, 3), history(ZOO.levels, 2)]
    return without_plotly(comparison_html(zoo, commands=commands, histories=histories))


def sections(page: str) -> list[str | None]:
    return [attributes["id"] for tag, attributes in Outline(page).elements if tag == "section"]


def test_the_page_says_everything(zoo: Comparison, zoo_page: str) -> None:
    assert sections(zoo_page) == ["differences-1", "classes-1", "severity", "failures", "training", "scores", "again"]
    assert set(figures(zoo_page)) == {
        *("differences-shares-1", "differences-others-1", "classes-1"),
        *("severity-mistakes", "severity-pictures", "front", "curve-loss", "curve-accuracy"),
    }
    text = words(zoo_page).replace("\u00a0", " ")
    assert "after against before" in text
    assert verdict(zoo, 0) in text
    assert "5 pictures · split official · decision rule argmax · baseline before" in text
    assert "right in both 1 mended 1 new mistakes 1 wrong in both, milder 1 as severe 0 graver 1" in text
    assert "superclass 1 0 1.0000" in text, "McNemar's test"
    assert "1 shark ray 50 % sure shark 100 % sure, mended" in text
    assert "Average severity ↓ lower 1.200 " in text
    for key in set(MEASURES) - {"mistakes", "calibrated_error"}:
        assert MEASURES[key].title.lower() in text.lower()
    assert "Not comparable" not in text


def test_the_page_is_well_formed_and_loads_nothing(zoo_page: str) -> None:
    check_links(zoo_page)
    check_needs_nothing(zoo_page)


def test_each_of_several_has_its_own_sections() -> None:
    before = Predictions.from_classes(PROBABILITIES, LABELS, ZOO)
    others = [Predictions.from_classes(np.eye(5)[answers], LABELS, ZOO) for answers in ([0] * 5, [4] * 5, LABELS)]
    page = without_plotly(comparison_html(compare([before, *others], names=("a", "b", "c", "d"), resamples=5)))
    assert sections(page)[:6] == [f"{kind}-{i}" for i in (1, 2, 3) for kind in ("differences", "classes")]
    assert "b, c, d against a" in words(page)
    assert len(figures(page)["front"]["data"]) == 4
    assert {"training", "again"}.isdisjoint(sections(page)), "neither histories nor a command"


def test_a_split_of_our_own_is_flagged() -> None:
    one = Predictions.from_classes(PROBABILITIES, LABELS, ZOO, split="80:20")
    page = comparison_html(compare([one, replace(one)], names=("a", "b"), resamples=5))
    assert "Not comparable with scores on the official split." in words(page)


def test_curves_are_of_validation_pictures_where_every_run_has_them(zoo: Comparison) -> None:
    both = comparison_html(zoo, histories=[history(ZOO.levels, 2, "validation")] * 2)
    assert "Class accuracy on validation pictures" in words(both)
    one = comparison_html(zoo, histories=[history(ZOO.levels, 2), []])
    assert "Class accuracy on training pictures" in words(one)
    assert [trace["name"] for trace in figures(one)["curve-loss"]["data"]] == ["before"]


def test_without_mistakes_there_are_no_failures_to_follow() -> None:
    right = Predictions.from_classes(np.eye(5), np.arange(5), ZOO)
    page = comparison_html(compare([right, replace(right)], names=("a", "b"), resamples=5))
    assert "There are none: the baseline got every picture right." in words(page)
    assert "severity-mistakes" not in figures(page)


def test_hostile_names_stay_text() -> None:
    ids = np.array([HOSTILE, "b", "c", "d"])
    one = Predictions.from_classes(np.eye(3)[[0, 1, 0, 2]] * 0.4 + 0.2, np.array([1, 0, 1, 2]), HOSTILE_TREE, ids=ids)
    comparison = compare([one, replace(one)], names=(HOSTILE, HOSTILE + "2"), resamples=5)
    rows = history((HOSTILE, "class"), 2)
    page = without_plotly(comparison_html(comparison, commands={HOSTILE: HOSTILE}, histories=[rows, rows]))
    outline = Outline(page)
    assert outline.open == []
    assert sum(tag == "script" for tag, _ in outline.elements) == 4
    assert not [tag for tag, attributes in outline.elements if tag == "img" or "onerror" in attributes]
    assert HOSTILE.replace("\u2028", " ") in words(page)
    assert "42" not in words(page)
    assert "&lt;b&gt;d&lt;/b&gt;" in figures(page)["classes-1"]["layout"]["yaxis"]["ticktext"]


@settings(max_examples=5)
@given(tree=hierarchies())
def test_any_tree_gives_a_well_formed_page(tree: Hierarchy) -> None:
    first = random_predictions(tree, 12, 0)
    second = replace(random_predictions(tree, 12, 1), labels=first.labels)
    comparison = compare([first, second], names=("a", "b"), decision="independent", resamples=5)
    assert Outline(without_plotly(comparison_html(comparison))).open == []


def test_classes_that_are_numbers_or_read_the_same_keep_their_places() -> None:
    found = [Figure(one / 10, one / 10, one / 10) for one in range(3)]
    drawn = charts.differences(["100", "a_b", "a b"], found, ["better", "", "better"], ["+1", "0", "+2"], height=2)
    first, second = drawn.data
    assert (list(first.y), list(second.y)) == ([0, 2], [1])
    assert [told[0] for told in (*first.customdata, *second.customdata)] == ["100", "a b", "a b"]
    assert list(drawn.layout.yaxis.tickvals) == [0, 1, 2]
    assert list(drawn.layout.yaxis.ticktext) == ["100", "a b", "a b"]
    assert tuple(drawn.layout.yaxis.range) == (2.6, -0.6), "the first on top"


# --- in a browser -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    runs = [replace(cifar_predictions(seed), ids=np.arange(800).astype(str)) for seed in (0, 1)]
    comparison = compare(runs, names=("baseline", LONG), resamples=20)
    levels = comparison.hierarchy.levels
    path = tmp_path_factory.mktemp("comparison") / "comparison.html"
    page = comparison_html(
        comparison,
        commands={"Compare again": "kinwise compare " + "x" * 200},
        histories=[history(levels, 3), history(levels, 4)],
    )
    path.write_text(page, encoding="utf-8")
    with opened(path) as found:
        yield found


def test_in_a_browser_every_chart_is_drawn_fits_and_follows_the_scheme(visit: Visit) -> None:
    page = visit.page
    marks = visit.marks()
    assert len(marks) == 8
    assert all(marks.values()), marks
    assert visit.overflow() <= 0
    bar = "document.querySelector('#chart-severity-mistakes .bars path').style.fill"
    light = page.evaluate(bar)
    page.emulate_media(color_scheme="dark")
    visit.redrawn(f"{bar} !== {light!r}")
    assert page.evaluate(bar) == "rgb(160, 169, 178)"
    page.set_viewport_size(PHONE)
    visit.redrawn("document.querySelector('#chart-curve-accuracy .main-svg').clientWidth < 390")
    assert visit.overflow() <= 0
    assert visit.wide() == []
    page.set_viewport_size(LAPTOP)
    visit.redrawn("document.querySelector('#chart-curve-accuracy .main-svg').clientWidth > 390")


def test_in_a_browser_classes_sort_by_their_change(visit: Visit) -> None:
    visit.page.get_by_role("button", name="change in points").click()
    found = visit.page.evaluate(
        "[...document.querySelectorAll('.changes tbody tr')].map((row) => Number(row.cells[1].dataset.value))"
    )
    assert len(found) == 100
    assert found == sorted(found)


def test_the_browser_never_complained_nor_fetched_anything(visit: Visit) -> None:
    assert visit.complaints == []
    assert [url for url in visit.requests if not url.startswith(("data:", "blob:"))] == [visit.page.url]
