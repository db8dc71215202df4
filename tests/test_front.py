"""The Pareto front against hand and against its definition; the chart on it, on a page and on paper."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinwise.errors import InputError
from kinwise.judge.front import pareto_front
from kinwise.show.front_charts import (
    Point,
    accuracy_against_severity,
    first_of_equal,
    front_of,
    limits,
    named,
    stacked,
    window,
)
from kinwise.show.paper import write_drawings
from kinwise.show.paper.front import front

HOSTILE = "<b>tree</b> & more"


def point(accuracy: float, severity: float, name: str = "a", **others: object) -> Point:
    known = {"number": 1, "accuracy_half": 0.01, "severity_half": None} | others
    return Point(name=name, accuracy=accuracy, severity=severity, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([], []),
        ([(0.5, 1.0)], [0]),
        ([(0.7, 0.6), (0.6, 0.5), (0.65, 0.7)], [0, 1]),  # the third is beaten by the first in both
        ([(0.7, 0.6), (0.7, 0.5)], [1]),  # as accurate, but milder
        ([(0.7, 0.6), (0.6, 0.6)], [0]),  # as mild, but more accurate
        ([(0.6, 0.5), (0.7, 0.6), (0.6, 0.5)], [1, 0, 2]),  # equal points do not beat each other
        ([(0.5, 0.5), (0.6, 0.4), (0.7, 0.3)], [2]),
    ],
)
def test_the_front_by_hand(points: list[tuple[float, float]], expected: list[int]) -> None:
    assert pareto_front(np.array(points)).tolist() == expected


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_the_front_is_what_nothing_beats(points: list[tuple[int, int]]) -> None:
    def beaten(a: tuple[int, int]) -> bool:
        return any(b[0] >= a[0] and b[1] <= a[1] and b != a for b in points)

    found = pareto_front(np.array(points, dtype=float)).tolist()
    assert sorted(found) == [index for index, one in enumerate(points) if not beaten(one)]
    assert [points[i][0] for i in found] == sorted((points[i][0] for i in found), reverse=True)


@pytest.mark.parametrize("points", [[0.5, 0.6], [[0.5, 0.6, 0.7]], [[0.5, np.nan]]])
def test_what_is_no_pair_of_figures_is_refused(points: object) -> None:
    with pytest.raises(InputError, match="expected finite numbers of shape"):
        pareto_front(np.array(points))


def test_names_do_not_stand_upon_each_other() -> None:
    assert stacked([0, 1, 30, 40, 41], 17) == [0, 17, 34, 51, 68]
    assert stacked([], 17) == []
    assert named(range(5)) == [0, 1, 2, 3, 4]
    assert (named(range(100))[0], named(range(100))[-1], len(named(range(100)))) == (0, 99, 12)


def test_an_interval_of_two_seeds_does_not_press_the_others_together() -> None:
    assert limits([1.0, 2.0], [0.1, 0.1], 0, 0) == pytest.approx((0.9, 2.1))
    assert limits([1.0, 2.0], [50.0, None], 0, 0) == pytest.approx((0.8, 2.0))
    assert limits([1.0], [None], 0.5, 0.5) == pytest.approx((0.95, 1.05)), "one point needs some room too"


def test_the_chart_fills_names_and_escapes_the_front() -> None:
    points = [point(0.7, 0.6, HOSTILE), point(0.6, 0.5), point(0.6, 0.7, "beaten", baseline=True, severity_half=0.2)]
    drawn = accuracy_against_severity(points, HOSTILE)
    line, others, best = drawn.data
    assert (list(best.x), list(best.y)) == ([0.6, 0.5], [70, 60])
    assert (list(others.x), list(others.marker.symbol)) == ([0.7], ["diamond"])
    assert best.marker.color != others.marker.color
    assert list(best.error_y.array) == [1, 1], "in per cent, as the axis"
    assert (list(line.x)[:3], list(line.y)[1:]) == ([0.5, 0.5, 0.6], [60, 70, 70])
    assert [one.text for one in drawn.layout.annotations] == ["a", "&lt;b&gt;tree&lt;/b&gt; &amp; more"]
    assert not any("<b>tree" in str(part) for part in (drawn.layout.yaxis.title.text, best.customdata))


@pytest.mark.parametrize("accuracy", [0.5, 1.0])
def test_one_point_alone_is_a_front(accuracy: float) -> None:
    points = [point(accuracy, 0.0, accuracy_half=None)]
    assert front_of(points) == [0]
    low, high = accuracy_against_severity(points, "class").layout.yaxis.range
    assert low < 100 * accuracy < high


def test_the_figure_for_a_paper_names_the_front_in_its_caption(tmp_path: Path) -> None:
    points = [point(0.7, 0.6, HOSTILE), point(0.6, 0.5, "mild"), point(0.5, 0.7, "beaten")]
    files = write_drawings(tmp_path, lambda: [front(points, "class", name="cifar100", told="By hand.")])
    assert [path.name for path in files] == ["front-cifar100.png", "front-cifar100.svg", "captions.md"]
    caption = (tmp_path / "captions.md").read_text("utf-8")
    assert r"\<b\>tree\</b\> \& more 70.00 ± 1.00" in caption
    assert "mild 60.00 ± 1.00" in caption
    assert "beaten" not in caption
    drawn = (tmp_path / "front-cifar100.svg").read_text("utf-8")
    assert "&lt;b&gt;tree&lt;/b&gt; &amp; more" in drawn
    assert "mild" in drawn


def test_answers_that_may_stop_stand_on_no_front(tmp_path: Path) -> None:
    points = [point(0.7, 0.6, "whole"), point(0.9, 0.1, "sometimes", stops=True)]
    assert front_of(points) == [0]
    _, others, best = accuracy_against_severity(points, "class").data
    assert (list(others.x), list(others.marker.symbol), list(best.x)) == ([0.1], ["triangle-up"], [0.6])
    assert len(accuracy_against_severity(points[1:], "class").data) == 2, "no front, no line"
    write_drawings(tmp_path, lambda: [front(points[1:], "class", name="", told="")])
    caption = (tmp_path / "captions.md").read_text("utf-8")
    assert "triangles may stop at an inner node" in caption
    assert "Filled" not in caption


def test_no_two_marks_of_the_front_differ_in_colour_alone() -> None:
    points = [
        point(a + b / 100, s + b / 100, baseline=b) for (a, s), b in product([(0.7, 0.5), (0.5, 0.7)], (False, True))
    ]
    _, others, best = accuracy_against_severity(points, "class").data
    marks = {(one.marker.color, symbol) for one in (others, best) for symbol in one.marker.symbol}
    assert len(marks) == 4


def test_equal_points_are_all_on_the_front_and_one_is_named() -> None:
    points = [point(0.5, 0.7), point(0.7, 0.5, "first"), point(0.7, 0.5, "second"), point(0.6, 0.4, "mild")]
    assert front_of(points) == [1, 2, 3]
    assert first_of_equal(points, front_of(points)) == [1, 3]
    drawn = accuracy_against_severity(points, "class")
    _, others, best = drawn.data
    assert (list(others.x), list(best.x)) == ([0.7], [0.5, 0.5, 0.4])
    assert [one.text for one in drawn.layout.annotations] == ["mild", "first"]
    assert len(drawn.layout.meta["narrow"]["annotations"]) == 2
    caption = front(points, "class", name="", told="").caption
    assert "first 70.00" in caption
    assert "second 70.00" in caption


def test_answers_that_may_stop_do_not_widen_the_chart() -> None:
    points = [point(0.5, 0.7), point(0.7, 0.5)]
    assert window([*points, point(0.1, 2.5, stops=True)]) == window(points)
