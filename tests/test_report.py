"""The report as text: what it says, what it leaves out, and that nothing in it can break out of its place."""

import base64
import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from pages import HOSTILE, HOSTILE_TREE, Outline, check_links, check_needs_nothing, figures, without_plotly, words
from strategies import hierarchies
from zoo import LABELS, PROBABILITIES, ZOO, held_out, random_predictions

from kinwise.errors import InputError
from kinwise.examine.album import album_of
from kinwise.examine.explanations import Explanations
from kinwise.hierarchy import Hierarchy
from kinwise.judge.metrics import score
from kinwise.judge.predictions import Predictions
from kinwise.judge.scores import MEASURES, STOPPING_MEASURES, Scores
from kinwise.show import tables
from kinwise.show.glossary import TERMS, amount, clock, interval, percent, value
from kinwise.show.report import report_html


def data(page: str, name: str) -> Any:
    """What the page holds for its script under a name."""
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


HISTORY = [
    {
        "epoch": epoch,
        "seconds": 20.0 * epoch,
        "loss": 3.0 / epoch,
        "learning_rate": 0.5,
        "accuracy": {"train": dict.fromkeys(ZOO.levels, 0.1 * epoch)},
    }
    for epoch in (1, 2, 3)
]


def report(predictions: Predictions, scores: Scores | None = None, **more: Any) -> str:
    """The report without plotly's own script, which is the same in all of them."""
    given_parts: dict[str, Any] = {
        "title": "A title",
        "facts": {"seed": "0"},
        "commands": {"again": "kinwise train shapes"},
    }
    found = scores or score(predictions, resamples=20)
    return without_plotly(report_html(predictions=predictions, scores=found, **{**given_parts, **more}))


@pytest.fixture(scope="module")
def zoo() -> Predictions:
    return Predictions.from_classes(PROBABILITIES, LABELS, ZOO, source="zoo")


@pytest.fixture(scope="module")
def zoo_page(zoo: Predictions) -> str:
    known = replace(
        score(zoo, resamples=20),
        model={"parameters": 5933505, "trainable_parameters": 5933505, "forward_flops": 650e6},
        training={
            "seconds": 183.0,
            "epochs": 3,
            "images_per_second": 4400.2,
            "peak_memory_bytes": 2**31,
            "device": "cpu",
        },
    )
    return report(zoo, known, history=HISTORY)


def test_the_verdict_says_it_in_one_sentence(zoo_page: str) -> None:
    assert (
        "40.0 % of 5 test pictures got the right class; of the 3 mistakes 33 % stay in the right superclass, "
        "67 % in the right group." in words(zoo_page)
    )


def test_everything_asked_for_is_there(zoo_page: str) -> None:
    sections = [attributes["id"] for tag, attributes in Outline(zoo_page).elements if tag == "section"]
    assert sections == [
        "accuracy",
        "severity",
        "confusion",
        "classes",
        "failures",
        "calibration",
        "training",
        "scores",
        "cost",
        "again",
    ]
    text = words(zoo_page)
    for known in (
        "5.93 M",
        "650 MFLOPs",
        "3.0 min",
        "4,400",
        "2.00 GiB",
        "kinwise train shapes",
        "decision rule argmax",
    ):
        assert known in text.replace("\u00a0", " ")
    for key in set(MEASURES) - {"calibrated_error"}:  # these were not calibrated
        assert MEASURES[key].title.lower() in text.lower()
    assert set(figures(zoo_page)) == {
        "accuracy",
        "severity-mistakes",
        "severity-pictures",
        "confusion",
        *(f"calibration-{level}" for level in range(3)),
        "selective",
        "tree",
        "curve-accuracy",
        "curve-loss",
        "curve-rate",
    }


def test_the_page_is_well_formed_and_its_links_lead_somewhere(zoo_page: str) -> None:
    check_links(zoo_page)


def test_nothing_is_loaded_from_anywhere(zoo_page: str) -> None:
    check_needs_nothing(zoo_page)


def test_without_history_costs_facts_and_commands_their_sections_vanish(zoo: Predictions) -> None:
    bare = report(zoo, facts={}, commands={})
    ids = Outline(bare).ids
    assert not {"training", "cost", "again"} & set(ids)
    assert {"accuracy", "scores"} <= set(ids)
    assert not any(name.startswith("curve") for name in figures(bare))
    assert 'href="#training"' not in bare


def test_a_split_of_our_own_is_flagged(zoo: Predictions) -> None:
    assert "Not comparable with scores on the official split" not in report(zoo)
    mixed = replace(zoo, split="80:20")
    assert "Not comparable with scores on the official split." in words(report(mixed))


def test_accuracy_with_and_without_near_duplicates_is_shown(zoo: Predictions, zoo_page: str) -> None:
    assert "near-duplicate" not in words(zoo_page)
    marked = replace(zoo, near_duplicate=np.array([True, False, False, False, False]))
    page = report(marked)
    assert (
        "1 of the 5 test pictures have a near-duplicate among the training pictures, which may have been learned by "
        "heart. Accuracy without them: level better all pictures the 4 others class ↑ higher 40.00 %"
    ) in words(page)
    assert tables.near_duplicates(score(marked, resamples=5))[1][1][3].startswith("25.00")
    none = report(replace(zoo, near_duplicate=np.zeros(5, bool)))
    assert "None of the 5 test pictures have a near-duplicate among the training pictures." in words(none)
    assert "Accuracy without them" not in words(none)


def test_hostile_names_stay_text() -> None:
    judged = Predictions.from_classes(np.eye(3)[[0, 1, 0, 2]] * 0.4 + 0.2, np.array([0, 0, 1, 2]), HOSTILE_TREE)
    hostile = {HOSTILE: HOSTILE}
    row = {
        "epoch": 1,
        "seconds": 2.0,
        "loss": 1.0,
        "learning_rate": 0.1,
        "accuracy": {"train": {HOSTILE: 0.5, "class": 0.5}},
    }
    page = report(judged, title=HOSTILE, facts=hostile, commands=hostile, history=[row])
    outline = Outline(page)
    assert outline.open == []
    assert sum(tag == "script" for tag, _ in outline.elements) == 6
    assert not [tag for tag, attributes in outline.elements if tag == "img" or "onerror" in attributes]
    assert HOSTILE.replace("\u2028", " ") in words(page)
    assert "42" not in words(page)
    shown = figures(page)["tree"]["data"][0]["labels"]
    assert "&lt;b&gt;d&lt;/b&gt;" in shown
    assert data(page, "pictures")["tree"]["names"][4] == "<b>d</b>", "the page's script writes it as text"


def test_the_same_input_gives_the_same_text(zoo: Predictions) -> None:
    first, second = (report(zoo, score(zoo, resamples=20), history=HISTORY) for _ in range(2))
    assert first == second


def test_scores_of_other_pictures_are_refused(zoo: Predictions) -> None:
    with pytest.raises(InputError, match="not of these predictions"):
        report(zoo, replace(score(zoo, resamples=5), n=6))


def test_without_mistakes_there_is_nothing_to_confuse() -> None:
    right = Predictions.from_classes(np.eye(5), np.arange(5), ZOO)
    page = report(right)
    assert "100.0 % of 5 test pictures got the right class: no mistake was made." in words(page)
    assert "every picture got the right class" in words(page)
    assert "severity-mistakes" not in figures(page)


def test_one_picture_and_one_level_are_enough() -> None:
    flat = Hierarchy(parents=np.array([-1, 0, 0]), names=("r", "a", "b"))
    page = report(Predictions.from_classes(np.array([[0.3, 0.7]]), np.array([0]), flat))
    assert "0.0 % of 1 test picture got the right class." in words(page)


def test_folded_matrices_are_there_as_tables(zoo_page: str) -> None:
    text = words(zoo_page)
    assert "mistakes at level group as a table true answered pictures share of true things animals 1 50.0" in text
    assert "mistakes at level superclass as a table true answered pictures share of true tools dog 1 50.0" in text


def test_the_page_holds_the_album_of_its_explanations(zoo: Predictions, zoo_page: str) -> None:
    assert data(zoo_page, "album") is None
    empty = np.zeros((0, 3, 4, 4), np.uint8)
    album = album_of(np.full((3, 3, 4, 4), 200, np.uint8), np.array([1, 2, 3]))
    known = Explanations(
        method="grad-cam", cases=(), pictures=empty, maps=empty, neighbours=empty[None, :0], common=(), album=album
    )
    page = report(zoo, explanations=known)
    check_links(page)
    check_needs_nothing(page)
    kept = data(page, "album")
    assert (kept["side"], kept["columns"]) == (4, 2)
    assert base64.b64decode(kept["webp"]) == album.webp
    assert base64.b64decode(kept["rows"]["data"]) == bytes([1, 2, 3])


@settings(max_examples=3)
@given(tree=hierarchies())
def test_any_tree_gives_a_well_formed_report(tree: Hierarchy) -> None:
    judged = random_predictions(tree, 12, 0)
    assert Outline(report(judged, score(judged, decision="independent", resamples=5))).open == []


# --- words -------------------------------------------------------------------------------------------------------


def test_every_measure_has_a_definition() -> None:
    assert set(TERMS) == {*MEASURES, *STOPPING_MEASURES}


def test_average_severity_is_defined_for_rules_that_may_stop_too(zoo: Predictions) -> None:
    def defined(decision: str) -> str:
        found = tables.terms(score(zoo, decision=decision, resamples=5))
        return next(meaning for name, meaning, _ in found if name == "Average severity")

    assert "no answer the height of the tree" in defined("deepest-likely")
    assert defined("argmax").endswith("(1 - accuracy) x mistake severity.")


def test_numbers_are_written_with_their_unit(zoo: Predictions) -> None:
    assert percent(0.7144) == "71.4\u00a0%"
    assert amount(5933505) == "5.93\u00a0M"
    assert amount(650e6, "FLOPs") == "650\u00a0MFLOPs"
    assert amount(12) == "12"
    assert amount(999_700) == "1\u00a0M", "the size is that of the rounded number"
    assert (amount(999_499), amount(999.96), amount(999.6)) == ("999\u00a0k", "1\u00a0k", "999.6")
    assert clock(119) == "119\u00a0s"
    assert clock(183) == "3.0\u00a0min"
    assert clock(7200) == "2.0\u00a0h"
    accuracy = score(zoo, resamples=50).level["class"]["accuracy"]
    assert value("accuracy", accuracy) == "40.00\u00a0%"
    assert interval("accuracy", accuracy, 0) == f"{100 * accuracy.low:.0f} to {100 * accuracy.high:.0f}\u00a0%"
    assert (value("mistakes", 1234), interval("mistakes", 1234)) == ("1,234", "")
    assert value("mistake_severity", None) == "none"


def test_tables_hold_every_figure_once(zoo: Predictions) -> None:
    scores = score(zoo, decision="least-cost", validation=held_out(ZOO), resamples=20)
    levels, tree = tables.score_tables(scores)
    assert levels[0] == ["figure", "better", "class", "superclass", "group"]
    assert [row[0].lower() for row in levels[1:] + tree[1:]] == [MEASURES[key].title.lower() for key in MEASURES]
    severity = next(row for row in tree if row[0] == "Mistake severity")
    assert severity[1] == "lower"
    assert severity[2].startswith(f"{scores.mistake_severity:.3f}\n")
    assert severity[3] == f"{scores.reference['random_mistake_severity']:.3f}"


def test_every_class_with_pictures_has_its_row(zoo: Predictions) -> None:
    rows = tables.class_rows(zoo, ZOO.level_labels[PROBABILITIES.argmax(axis=1)])
    assert [(row.name, row.ancestors, row.pictures, row.accuracy) for row in rows] == [
        ("shark", ("animals", "fish"), 2, 0.5),
        ("dog", ("animals",), 1, 0.0),
        ("saw", ("things", "tools"), 1, 0.0),
        ("axe", ("things", "tools"), 1, 1.0),
    ]
    assert [(row.rival, row.rival_count, row.rival_severity) for row in rows[:3]] == [
        ("ray", 1, 1),
        ("shark", 1, 2),
        ("dog", 1, 3),
    ]
    assert rows[3].rival == ""
