"""Rows of a study that compare: a chart, a front and a headline for each set of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import figures, words

from kinwise.hierarchy import Hierarchy
from kinwise.judge.metrics import score
from kinwise.judge.scores import Scores
from kinwise.studies.alike import Alike, alike
from kinwise.studies.fronts import front_charts, write_fronts
from kinwise.studies.judged import Judged
from kinwise.studies.page import study_page, verdict
from kinwise.studies.plan import read_plan
from kinwise.studies.result import Study, gather

LEVELS = ("superclass", "class")


def answers(right: float, seed: int = 0, levels: tuple[str, ...] = LEVELS, decision: str = "argmax") -> Scores:
    """Scores of made-up answers, better with a larger ``right``."""
    tree = Hierarchy(parents=[-1, 0, 0, 1, 1, 2, 2], names=["root", *"ABabcd"], levels=levels)
    random = np.random.default_rng(seed)
    labels = random.integers(4, size=80)
    raised = random.normal(size=(80, 4))
    raised[np.arange(80), labels] += right
    shares = np.exp(raised)
    return score(shares / shares.sum(axis=1, keepdims=True), labels, tree, decision=decision, resamples=1)


def study_of(source: Mapping[str, Any], scores: list[Scores]) -> Study:
    """What becomes of runs with these scores, by the order of the plan; under every tree the same."""
    plan = read_plan(source)
    known = {run.name: one for run, one in zip(plan.runs, scores, strict=True)}
    ways = plan.judging.ways if plan.judging else ()
    judged = {
        name: [Judged(decision=rule, tree=tree, scores=one) for rule, tree in ways] for name, one in known.items()
    }
    return gather(plan, Path("runs/study"), known, {}, judged)


def test_trees_whose_finest_levels_have_other_names_have_a_chart_each() -> None:
    found = study_of(
        {"axes": {"hierarchy": ["one.json", "two.json"], "seed": [0]}, "set": {"data": "shapes"}},
        [answers(1.5), answers(1.5, levels=("family", "species"))],
    )
    page = study_page(found)
    assert set(figures(page)) == {"places-1", "places-2"}
    assert "Judged by the tree one.json: class accuracy against average severity" in words(page)
    assert "Judged by the tree two.json: species accuracy against average severity" in words(page)
    assert verdict(found) == "2 of 2 runs are complete.", "other levels have no best among them"


@pytest.mark.parametrize("judge", [{}, {"judge": {}}])
def test_rows_under_other_trees_share_no_chart(judge: dict[str, Any]) -> None:
    axes = {"hierarchy": ["one.json", "two.json"], "loss": ["flat", "levels"], "seed": [0]}
    found = study_of({"axes": axes, "set": {"data": "shapes"}, **judge}, [answers(1 + one / 2) for one in range(4)])
    assert [(one.tree, [number for number, _ in one.numbered]) for one in alike(found.rows)] == [
        ("one.json", [1, 2]),
        ("two.json", [3, 4]),
    ]
    assert len(figures(study_page(found))) == 2


def test_the_mildest_is_named_for_each_tree_that_runs_were_trained_on() -> None:
    axes = {"hierarchy": ["one.json", "two.json"], "loss": ["flat", "levels"], "seed": [0, 1]}
    found = study_of(
        {"axes": axes, "set": {"data": "shapes"}, "judge": {"baseline": "flat"}},
        [answers(right, seed) for right in (0.5, 3, 0.5, 0.5) for seed in (0, 1)],
    )
    assert verdict(found).startswith("8 of 8 runs are complete. By the tree one.json ")
    assert " By the tree two.json none of 1 rows are milder" in verdict(found)


def test_variants_on_other_pictures_share_neither_front_nor_headline() -> None:
    variants = [{"name": "a", "data": "shapes"}, {"name": "b", "data": "shapes", "split": "80:20"}]
    plan = {"axes": {"loss": ["flat", "levels"], "seed": [0]}, "variants": variants}
    scores = [answers(1 + one / 2) for one in range(4)]
    found = study_of({**plan, "judge": {}}, scores)
    assert [(one.heading, len(one.numbered)) for one in alike(found.rows)] == [("official", 2), ("80:20", 2)]
    assert len(figures(study_page(found))) == 2
    assert len(figures(study_page(study_of(plan, scores)))) == 1, "there another split is another mark"
    assert verdict(study_of(plan, scores)) == "4 of 4 runs are complete."


def test_one_seed_alone_cannot_tell_what_is_milder() -> None:
    plan = {"axes": {"loss": ["flat", "levels"], "seed": [0]}, "judge": {"baseline": "flat"}}
    found = study_of(plan, [answers(1), answers(4)])
    told = "2 of 2 runs are complete. One seed alone cannot tell which rows are milder than the baseline."
    assert verdict(found) == told
    more = study_of({**plan, "axes": {**plan["axes"], "seed": [0, 1]}}, [answers(1)] * 2 + [answers(4)] * 2)
    assert " 1 of 1 rows is milder than the baseline" in verdict(more)


LONG = "a-very-long-name-of-a-folder-that-fills-all-forty"


@pytest.mark.parametrize(
    ("grounds", "expected"),
    [
        ([(("/home/me/flowers",), "")], ["front-flowers"]),
        (
            [(("flowers",), "own.csv"), (("flowers",), "own.csv:shuffled")],
            ["front-flowers-own", "front-flowers-own-shuffled"],
        ),
        ([((LONG,), "a"), ((LONG,), "b")], [f"front-{place}-{LONG[:38]}" for place in (1, 2)]),
        ([(("Bird!",), ""), (("bird",), ""), (("cat",), "")], ["front-1-bird", "front-2-bird", "front-cat"]),
        ([(("鳥",), ""), (("花",), "")], ["front-1", "front-2"]),
        ([((), "x/1.csv"), ((), "鳥"), ((), "花")], ["front-1", "front-2", "front-3"]),
        ([((), "鳥"), ((), "花"), ((), "x/1.csv")], ["front-1", "front-2", "front-3-1"]),
    ],
)
def test_no_figure_overwrites_another(
    grounds: list[tuple[tuple[str, ...], str]], expected: list[str], tmp_path: Path
) -> None:
    row = study_of({"axes": {"seed": [0]}, "judge": {}}, [answers(1)]).rows[0]
    key, numbered = "accuracy class", ((1, row),)
    found = [Alike(apart=apart, tree=tree, by="", key=key, numbered=numbered) for apart, tree in grounds]
    written = write_fronts(tmp_path, found)
    assert [path.stem for path in written if path.suffix == ".svg"] == expected


def test_figures_that_are_no_longer_there_are_removed(tmp_path: Path) -> None:
    axes = {"hierarchy": ["one.json", "two.json"], "seed": [0]}
    found = alike(study_of({"axes": axes, "judge": {}}, [answers(1), answers(2)]).rows)
    (tmp_path / "front-of-mine.png").write_text("kept")
    write_fronts(tmp_path, found)
    write_fronts(tmp_path, found[:1])
    names = ["captions.md", "front-of-mine.png", "front-one.png", "front-one.svg"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert write_fronts(tmp_path, []) == []
    assert [path.name for path in tmp_path.iterdir()] == ["front-of-mine.png"]


def test_what_was_judged_on_other_pictures_is_not_held_against_the_baseline() -> None:
    variants = [
        {"name": "plain", "data": "shapes"},
        {"name": "longer", "data": "shapes", "epochs": 9},
        {"name": "other", "data": "shapes", "split": "80:20"},
    ]
    found = study_of(
        {"axes": {"seed": [0, 1]}, "variants": variants, "judge": {"baseline": "plain"}},
        [answers(right) for right in (1, 1, 2, 2, 3, 3)],
    )
    assert [one.place for one in found.differences] == [{"variant": "longer"}]


def test_where_rules_stop_the_page_says_what_that_costs_and_what_coverage_is() -> None:
    plan = {"axes": {"seed": [0]}, "judge": {"decisions": ["deepest-likely"]}}
    page = words(study_page(study_of(plan, [answers(1, decision="deepest-likely")])))
    assert "no answer the height of the tree" in page
    for start in (
        "The share of pictures that got an answer",
        "Of the answers given, the share",
        "How much the answers",
    ):
        assert start in page
    (chart,) = front_charts(alike(study_of(plan, [answers(1, decision="deepest-likely")]).rows))
    assert chart.description.endswith("on the Pareto front: nothing, as all may stop at an inner node")
    whole = words(study_page(study_of({"axes": {"seed": [0]}}, [answers(1)])))
    assert "no answer the height of the tree" not in whole
