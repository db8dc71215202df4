"""The table of a study: its intervals against hand and scipy, and the same numbers in every form it is written in."""

import csv
import io
import json
import re
from dataclasses import replace
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from studies import BAD, GOOD
from test_report import HOSTILE, Outline

from kinwise.run import Run
from kinwise.studies import table
from kinwise.studies.page import study_page, verdict
from kinwise.studies.result import Study
from kinwise.studies.table import Column, Row, Spread, spread
from kinwise.studies.work import Outcome

pytest_plugins = ["study_fixtures"]

ACCURACY = Column("accuracy class", "class accuracy", "higher", "%", 2)
SEVERITY = Column("average_severity", "average severity", "lower")


def place(loss: str, accuracy: Spread, severity: Spread, **others: object) -> Row:
    figures = {ACCURACY.key: accuracy, SEVERITY.key: severity}
    return replace(Row(place={"loss": loss}, planned=3, n=accuracy.n, figures=figures), **others)  # type: ignore[arg-type]


ROWS = (
    place("flat", Spread(0.66, 0.65, 0.67, 3), Spread(0.738, 0.73, 0.746, 3)),
    place("ancestor-sum", Spread(0.7, None, None, 1), Spread(0.6, None, None, 1), failed=("loss=ancestor-sum,seed=1",)),
)
STUDY = Study(
    name="losses",
    source="losses.toml",
    folder=Path("runs/losses"),
    planned=6,
    complete=4,
    rows=ROWS,
    columns=(ACCURACY, SEVERITY),
    fixed={"epochs": "3.0"},
    failed=(Outcome(name="loss=ancestor-sum,seed=1", trouble="first line\nKeyError: 'x'\n", ours=True),),
)


# --- means and intervals --------------------------------------------------------------------------------------------


def test_the_interval_by_hand() -> None:
    # mean 2, s = 1, n = 3; t for 2 degrees of freedom at 97.5 % is 4.302653 in every table
    half = 4.302653 / sqrt(3)
    assert spread([1, 2, 3]) == pytest.approx((2, 2 - half, 2 + half, 3), abs=1e-6)
    # t for 1 degree of freedom is 12.706205; of two values s = |a - b| / sqrt(2), so half is 12.706205 * |a - b| / 2
    assert spread([0.5, 0.7]) == pytest.approx((0.6, 0.6 - 1.2706205, 0.6 + 1.2706205, 2), abs=1e-6)


def test_one_seed_has_no_interval_and_equal_ones_a_narrow_one() -> None:
    assert spread([0.25]) == (0.25, None, None, 1)
    assert spread([0.25] * 4) == (0.25, 0.25, 0.25, 4)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12))
def test_the_interval_is_that_of_scipy(values: list[float]) -> None:
    mean, low, high, n = spread(values)
    scale = scipy.stats.sem(values)
    if scale > 1e-9:
        expected = scipy.stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=scale)
        assert (low, high) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert (mean, n) == (pytest.approx(np.mean(values)), len(values))


def test_rows_hold_the_means_of_the_runs(studied: Study) -> None:
    scores = [Run(studied.folder / "runs" / name).saved_scores() for name in GOOD]
    tame, wild = studied.rows
    assert (wild.figures, tame.comparable) == ({}, False)
    expected = {
        "accuracy class": [one.accuracy["class"] for one in scores],
        "accuracy group": [one.accuracy["group"] for one in scores],
        "average_severity": [one.average_severity for one in scores],
        "mistake_severity": [one.mistake_severity for one in scores],
        "full_path_accuracy": [one.full_path_accuracy for one in scores],
        "inconsistent_paths": [one.inconsistent_paths for one in scores],
        "hierarchical_distance_at_5": [one.hierarchical_distance_at_5 for one in scores],
        "calibration_error": [one.level["class"]["calibration_error"].value for one in scores],
        "seconds": [json.loads((studied.folder / f"runs/{name}/done.json").read_text())["seconds"] for name in GOOD],
    }
    for key, values in expected.items():
        assert tame.figures[key] == pytest.approx(spread(values))
    assert [column.key for column in studied.columns] == [
        *("accuracy class", "accuracy superclass", "accuracy group", "average_severity", "mistake_severity"),
        *("full_path_accuracy", "inconsistent_paths", "hierarchical_distance_at_5", "calibration_error", "seconds"),
    ]


def test_it_is_said_by_which_rules_the_runs_answer(studied: Study) -> None:
    assert studied.ways() == ["The answers are those of the rule argmax."]
    saved = Run(studied.folder / "runs" / GOOD[0]).saved_scores()
    row = table.row({}, planned=2, scores=[saved, replace(saved, decision="least-cost")])
    (told,) = replace(studied, rows=(row,)).ways()
    assert told.startswith("Not all runs answer by the same rule (argmax, least-cost); ")
    assert replace(STUDY, rows=()).ways() == []


def test_a_figure_that_is_undefined_in_one_run_is_that_of_the_others(studied: Study) -> None:
    scores = [Run(studied.folder / "runs" / name).saved_scores() for name in GOOD]
    perfect = replace(scores[0], hierarchy={**scores[0].hierarchy, "mistake_severity": None})
    row = table.row({}, planned=2, scores=[perfect, scores[1]])
    assert row.figures["mistake_severity"] == (scores[1].mistake_severity, None, None, 1)
    assert row.figures["average_severity"].n == 2


# --- forms ----------------------------------------------------------------------------------------------------------


def test_the_csv_read_back_is_the_table(studied: Study) -> None:
    lines = list(csv.DictReader(io.StringIO((studied.folder / "table.csv").read_text("utf-8"))))
    assert len(lines) == 2
    for line, row in zip(lines, studied.rows, strict=True):
        assert {axis: line[axis] for axis in row.place} == row.place
        assert (line["runs"], line["planned"], line["comparable"]) == (str(row.n), "2", str(row.comparable).lower())
        assert line["failed"].split() == list(row.failed)
        for column in studied.columns:
            cells = [line[f"{column.key.replace(' ', '_')}_{part}"] for part in Spread._fields]
            expected = row.figures.get(column.key, (None, None, None, 0))
            assert [float(cell) if cell else None for cell in cells] == list(expected), "not a digit is lost"


def cells_of(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_the_markdown_read_back_is_the_table(studied: Study) -> None:
    head, rule, *lines = cells_of((studied.folder / "table.md").read_text("utf-8"))
    assert head == ["split", "variant", "seeds", *(column.heading for column in studied.columns)]
    assert {len(line) for line in (head, rule, *lines)} == {len(head)}
    assert lines[1] == ["80:20", "wild", "0 of 2", *[""] * 10]
    found = studied.rows[0].figures["accuracy class"]
    assert lines[0][:3] == ["80:20", "tame", "2 †"]
    assert found.high is not None
    assert lines[0][3] == f"{100 * found.mean:.2f} ± {100 * (found.high - found.mean):.2f}"


def test_the_whole_markdown_of_a_small_table() -> None:
    assert STUDY.markdown() == (
        "# losses\n\n"
        "| loss | seeds | class accuracy, % ↑ | average severity ↓ |\n"
        "| :-- | --: | --: | --: |\n"
        "| flat | 3 | 66.00 ± 1.00 | 0.738 ± 0.008 |\n"
        "| ancestor-sum | 1 of 3 | 70.00 | 0.600 |\n\n"
        "4 of 6 runs are complete, 1 failed.\n"
        "Means over seeds ± half the 95 % t interval over them.\n"
        "One seed alone has no interval.\n\n"
        "## Runs that failed\n\n"
        "- loss=ancestor-sum,seed=1: `KeyError: 'x'`\n"
    )


def test_the_terminal_sees_the_same_numbers_a_few_columns_at_a_time(studied: Study) -> None:
    assert STUDY.text().splitlines()[:3] == [
        "loss          seeds   class accuracy, % ↑  average severity ↓",
        "flat          3       66.00 ± 1.00         0.738 ± 0.008",
        "ancestor-sum  1 of 3  70.00                0.600",
    ]
    text = studied.text()
    assert text.count("split  variant  seeds") == 3
    assert "not comparable with scores on the official split" in text
    for name in BAD:
        assert f"FAILED {name}: the loss is not finite" in text


def test_a_bar_in_a_name_does_not_break_the_markdown() -> None:
    rows = [replace(ROWS[0], place={"loss": "a|b"})]
    _, _, line = cells_of(table.markdown(rows, [ACCURACY]))
    assert line[0] == r"a\|b"


# --- the page -------------------------------------------------------------------------------------------------------


def test_the_page_says_how_far_it_is_and_what_is_best() -> None:
    assert verdict(STUDY) == (
        "4 of 6 runs are complete, 1 failed. The highest mean class accuracy has ancestor-sum: 70.00 %."
    )
    split_again = replace(STUDY, rows=(ROWS[0], replace(ROWS[1], comparable=False)))
    assert verdict(split_again) == "4 of 6 runs are complete, 1 failed.", "what cannot be compared has no best"


def test_the_page_before_any_run_is_complete_has_a_table_and_no_chart() -> None:
    rows = tuple(replace(row, n=0, figures={}) for row in ROWS)
    page = study_page(replace(STUDY, rows=rows, columns=(), complete=0, failed=()))
    assert "0 of 6 runs are complete." in page
    assert 'data-chart="' not in page.partition("<script>")[2].partition("</main>")[0]


def test_nothing_in_a_study_breaks_out_of_its_place() -> None:
    rows = (replace(ROWS[0], place={"loss": HOSTILE}), replace(ROWS[1], place={"loss": "b"}))
    failed = (Outcome(name=HOSTILE, trouble=HOSTILE),)
    page = study_page(replace(STUDY, name=HOSTILE, rows=rows, failed=failed, fixed={"data": HOSTILE}))
    outline = Outline(page)
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))
    assert [attributes for tag, attributes in outline.elements if tag == "img" or "onerror" in attributes] == []
    assert sum(tag == "script" for tag, _ in outline.elements) == 4
    assert study_page(STUDY) == study_page(STUDY), "the same study gives the same text"
