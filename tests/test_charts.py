"""What charts show: counts and shares by hand on a small ragged tree, and the numbers inside the figures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import hierarchies
from zoo import LABELS, PROBABILITIES, ZOO, random_predictions

from kinwise.hierarchy import Hierarchy
from kinwise.judge.decide import decide
from kinwise.judge.metrics import score
from kinwise.judge.predictions import Predictions
from kinwise.show import charts, sections, tallies
from kinwise.show.matrix import confusion_matrix
from kinwise.show.theme import ink, names_axis, severity_colours, text

HISTORY = [
    {"epoch": 1, "seconds": 50.0, "loss": 4.0, "learning_rate": 0.1, "accuracy": {"train": {"class": 0.25}}},
    {
        "epoch": 2,
        "seconds": 150.0,
        "loss": 2.5,
        "learning_rate": 0.2,
        "accuracy": {"train": {"class": 0.5}, "validation": {"class": 0.75}},
    },
]


@pytest.fixture(scope="module")
def zoo() -> Predictions:
    return Predictions.from_classes(PROBABILITIES, LABELS, ZOO)


# --- tallies -----------------------------------------------------------------------------------------------------


@given(tree=hierarchies())
def test_severities_of_classes_are_their_distances(tree: Hierarchy) -> None:
    np.testing.assert_array_equal(tallies.severities(tree, len(tree.levels) - 1), tree.distances)


def test_severities_between_coarser_nodes_are_those_of_their_classes() -> None:
    assert tallies.severities(ZOO, 1).tolist() == [[0, 3, 2], [3, 0, 3], [2, 3, 0]]
    assert tallies.severities(ZOO, 0).tolist() == [[0, 3], [3, 0]]


def test_severities_are_named_by_level_where_all_classes_are_equally_deep() -> None:
    even = Hierarchy(parents=np.array([-1, 0, 0, 1, 1, 2]), names=tuple("rabcde"))
    flat = Hierarchy(parents=np.array([-1, 0, 0]), names=tuple("rab"))
    assert tallies.severity_names(even) == ("right class", "same superclass", "other superclass")
    assert tallies.severity_names(flat) == ("right class", "other class")
    assert tallies.severity_names(ZOO) == ("right class", "severity 1", "severity 2", "severity 3")


def test_top_confusions_are_ordered_and_carry_both_ways() -> None:
    counts = np.array([[5, 3, 2], [1, 9, 0], [4, 0, 1]])
    severity = np.array([[0, 1, 2], [1, 0, 2], [2, 2, 0]])
    found = tallies.top_confusions(counts, severity, most=3)
    assert [(pair.true, pair.answered, pair.count, pair.back, pair.severity) for pair in found] == [
        (2, 0, 4, 2, 2),
        (0, 1, 3, 1, 1),
        (0, 2, 2, 4, 2),
    ]
    assert [pair.share for pair in found] == pytest.approx([0.8, 0.3, 0.2])
    assert tallies.top_confusions(np.diag([2, 2, 2]), severity) == []


def test_every_node_is_judged_at_its_own_level(zoo: Predictions) -> None:
    counts, shares = tallies.node_accuracy(zoo, decide(zoo).answers)
    named = {name: (int(counts[node]), shares[node]) for node, name in enumerate(ZOO.names)}
    assert named.pop("ray")[0] == 0
    assert named == {
        "root": (5, 0.4),
        "animals": (3, 1.0),
        "things": (2, 0.5),
        "fish": (2, 1.0),
        "tools": (2, 0.5),
        "shark": (2, 0.5),
        "dog": (1, 0.0),
        "saw": (1, 0.0),
        "axe": (1, 1.0),
    }
    assert np.isnan(shares[6])


def test_mistakes_kept_in_the_family(zoo: Predictions) -> None:
    assert tallies.kept_in_the_family(zoo, decide(zoo).answers) == pytest.approx((2 / 3, 1 / 3))
    assert tallies.kept_in_the_family(zoo, ZOO.level_labels[LABELS]) is None


def test_reliability_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1, 0.0], [0.7, 0.2, 0.1], [0.4, 0.3, 0.3]])
    curve = tallies.reliability(probabilities, np.array([0, 1, 0]), bins=2)
    assert curve.confidence == pytest.approx([0.4, 0.8])
    assert curve.accuracy == pytest.approx([1.0, 0.5])
    assert curve.share == pytest.approx([1 / 3, 2 / 3])


@settings(max_examples=20)
@given(tree=hierarchies(), pictures=st.integers(1, 60), seed=st.integers(0, 99))
def test_the_gaps_of_the_reliability_curve_are_the_calibration_error(tree: Hierarchy, pictures: int, seed: int) -> None:
    judged = random_predictions(tree, pictures, seed)
    scores = score(judged, resamples=2)
    for level, name in enumerate(tree.levels):
        curve = tallies.reliability(judged.probabilities[level], tree.level_labels[judged.labels, level])
        gap = float(curve.share @ np.abs(curve.accuracy - curve.confidence))
        assert gap == pytest.approx(scores.level[name]["calibration_error"].value, abs=1e-6)


# --- figures -----------------------------------------------------------------------------------------------------


def test_bars_of_accuracy_carry_their_intervals() -> None:
    bars = charts.accuracy_per_level(
        ["group", "class"], np.array([0.8, 0.6]), np.array([0.7, 0.5]), np.array([0.9, 0.8])
    )
    (bar,) = bars.data
    assert list(bar.x) == [0.8, 0.6]
    assert list(bar.y) == ["group", "class"]
    np.testing.assert_allclose(bar.error_x.array, [0.1, 0.2])
    np.testing.assert_allclose(bar.error_x.arrayminus, [0.1, 0.1])
    assert list(bar.marker.color) == ["var(--severity-1)", "var(--severity-0)"]


def test_names_that_are_numbers_stay_names() -> None:
    one = np.array([0.5, 0.5])
    assert charts.accuracy_per_level(["2023", "2024"], one, one, one).layout.yaxis.type == "category"
    assert charts.severity_histogram(one, one, ["2023", "2024"]).layout.xaxis.type == "category"
    axis = names_axis(["1", "the same family"])
    assert (axis["type"], axis["ticktext"]) == ("category", ["1", "the<br>same<br>family"])


def test_the_histogram_of_severities_shows_shares_beside_random_ones() -> None:
    names = ["right", "near", "far"]
    model, chance = charts.severity_histogram(np.array([6, 3, 1]), np.array([1.0, 4.0, 5.0]), names).data
    assert list(model.y) == [0.6, 0.3, 0.1]
    assert list(chance.y) == [0.1, 0.4, 0.5]
    model, chance = charts.severity_histogram(np.array([6, 3, 1]), np.array([1.0, 4.0, 4.0]), names, first=1).data
    assert list(model.x) == ["near", "far"]
    assert list(model.y) == [0.75, 0.25]
    assert list(chance.y) == [0.5, 0.5]
    assert list(model.marker.color) == ["var(--severity-1)", "var(--severity-2)"]


def test_the_matrix_has_a_ramp_of_colours_per_severity() -> None:
    cells = confusion_matrix(ZOO).data[0]
    assert (cells.zmin, cells.zmax) == (0, 4)
    shown = [(round(place * 4, 3), colour) for place, colour in cells.colorscale]
    assert shown[:4] == [
        (0, "var(--surface)"),
        (1, "var(--severity-0)"),
        (1, "var(--surface)"),
        (2, "var(--severity-1)"),
    ]
    assert shown[-1] == (4, "var(--severity-3)")


def test_folded_confusions_count_the_class_answers_under_a_node(zoo: Predictions) -> None:
    elsewhere = ZOO.level_labels[PROBABILITIES.argmax(axis=1)].copy()
    elsewhere[:, :2] = 0  # what a rule answers at coarser levels is not looked at
    found = dict(sections.folded_confusions(zoo, elsewhere))
    assert list(found) == ["group", "superclass"]
    assert found["group"][1:] == [["things", "animals", "1", "50.0\u00a0%"]]
    assert found["superclass"][1:] == [["tools", "dog", "1", "50.0\u00a0%"], ["dog", "fish", "1", "100.0\u00a0%"]]


def test_the_rings_of_the_tree_add_up(zoo: Predictions) -> None:
    (rings,) = charts.accuracy_on_the_tree(zoo, decide(zoo).answers).data
    assert "6" not in rings.ids, "the ray has no pictures"
    value = dict(zip(rings.ids, rings.values, strict=True))
    for node, parent in zip(rings.ids, rings.parents, strict=True):
        below = sum(value[child] for child, above in zip(rings.ids, rings.parents, strict=True) if above == node)
        assert below in (0, value[node])
        assert parent in value or node == "0"
    assert rings.text[0] == "all classes<br>40\u00a0%"
    assert rings.text[list(rings.ids).index("5")] == "shark"
    assert rings.marker.colors[list(rings.ids).index("9")] == "rgb(254, 232, 56)", "the bright end of cividis"
    assert rings.marker.colors[list(rings.ids).index("7")] == "rgb(0, 34, 78)", "the dog, always wrong: the dark end"
    assert rings.maxdepth == -1


def test_a_big_tree_shows_its_inner_rings_first() -> None:
    tree = Hierarchy(parents=np.array([-1, 0, 0, *[1] * 400, *[2] * 400]), names=tuple(f"n{n}" for n in range(803)))
    right = Predictions.from_classes(np.eye(800), np.arange(800), tree)
    (rings,) = charts.accuracy_on_the_tree(right, decide(right).answers).data
    assert rings.maxdepth == 2


def test_risk_coverage_curves_go_from_the_surest_picture_to_all(zoo: Predictions) -> None:
    chart = sections.selective(zoo, decide(zoo).answers)
    group, _, class_ = chart.figure.data
    assert list(class_.x) == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    # The surest are two right answers at 0.6, then mistakes at 0.5, 0.4 and 0.3.
    assert list(class_.y) == pytest.approx([0, 0, 100 / 3, 50, 60])
    assert list(group.y) == pytest.approx([0, 0, 0, 25, 20])
    assert chart.rows[0][0] == "level"
    # (0 + 0 + 1/3 + 1/2 + 3/5) / 5, and no better order is possible.
    assert chart.rows[3] == [
        "class",
        *(f"{x}\u00a0%" for x in ("60.00", "60.00", "50.00", "33.33")),
        "0.2867",
        "0.2867",
    ]


def test_curves_show_what_was_logged() -> None:
    train, validation = charts.accuracy_curves(HISTORY, ["class"]).data
    assert (list(train.x), list(train.y)) == ([1, 2], [0.25, 0.5])
    assert (list(validation.x), list(validation.y)) == ([2], [0.75])
    assert list(charts.loss_curve(HISTORY).data[0].y) == [4.0, 2.5]
    rates = charts.learning_rate_curve(HISTORY)
    assert list(rates.data[0].y) == [0.1, 0.2]
    assert list(rates.layout.xaxis.ticktext) == ["1<br>50\u00a0s", "2<br>2.5\u00a0min"]


# --- looks -------------------------------------------------------------------------------------------------------


def test_colours_run_from_right_over_near_to_far() -> None:
    assert severity_colours(3, "light") == [(0, 114, 178), (0, 158, 115), (230, 159, 0), (213, 94, 0)]
    assert severity_colours(1, "light") == [(0, 114, 178), (213, 94, 0)]
    assert len(severity_colours(5, "dark")) == 6


def test_ink_reads_on_its_ground() -> None:
    assert ink(1, 1, 1) == ink(0.99, 0.9, 0.2) == "#000000"
    assert ink(0, 0, 0) == ink(0.0, 0.13, 0.3) == "#ffffff"


def test_names_are_literal_text_in_figures() -> None:
    assert text("<b>a</b>_&_b") == "&lt;b&gt;a&lt;/b&gt; &amp; b"
