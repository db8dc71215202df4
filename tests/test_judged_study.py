"""[judge] in a study file: every run by several rules and trees, each cell once, and what differs from the baseline."""

import csv
import io
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from itertools import product
from math import sqrt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pages import HOSTILE, Outline, check_links, figures, words
from runs import TINY, contents, tiny_images
from studies import tiny_study

from kinwise import taxonomy
from kinwise.errors import InputError
from kinwise.files import write_json
from kinwise.judge.bootstrap import Figure
from kinwise.judge.metrics import score
from kinwise.judge.predictions import Predictions
from kinwise.judge.scores import Scores
from kinwise.run import Run
from kinwise.studies import differences, study
from kinwise.studies.differences import compared, difference, direction
from kinwise.studies.fit import fitted
from kinwise.studies.judged import Judged, judged
from kinwise.studies.judging import read_judging
from kinwise.studies.page import study_page, verdict
from kinwise.studies.plan import read_plan
from kinwise.studies.result import Study, gather
from kinwise.studies.table import Spread, spread
from kinwise.studies.work import Job, Outcome, Pictures, carry_out

pytest_plugins = ["run_fixtures"]

FIXED = {
    field.name: TINY.text_of(field.name) for field in fields(TINY) if field.name not in ("data", "seed", "hierarchy")
}
PLAN: dict[str, Any] = {"axes": {"data": ["shapes"], "seed": [0, 1]}, "set": {**FIXED}}
GOOD = ["data=shapes,seed=0", "data=shapes,seed=1"]

AXES = {
    "loss": ["flat", "levels"],
    "variant": ["slow", "fast"],
    "batch": ["32", "64"],
    "seed": ["0", "1"],
    "widths": ["8,8,8", "16,16,16"],
    "epochs": ["3.0", "9.0"],
}
RULES = ["argmax", "top-down"]


@pytest.fixture
def begun(trained: Path, tmp_path: Path) -> Path:
    """A study whose two runs are complete; the second answers otherwise than the first."""
    for seed, name in enumerate(GOOD):
        folder = tmp_path / "study" / "runs" / name
        left_out = shutil.ignore_patterns("report.html", "failures*", "state.pt", "weights*")
        shutil.copytree(trained, folder, ignore=left_out)
        record = json.loads((folder / "config.json").read_text())
        write_json(folder / "config.json", {**record, "config": {**record["config"], "seed": seed}})
    run = Run(folder)
    said = run.predictions()
    mixed = np.roll(said.probabilities[-1], 1, axis=0) / 2 + said.probabilities[-1] / 2
    given = {"ids": said.ids, "split": said.split, "source": said.source}
    Predictions.from_classes(mixed, said.labels, said.hierarchy, **given).save(folder / "predictions.safetensors")
    write_json(folder / "scores.json", score(run.predictions(), resamples=1).to_dict())
    (tmp_path / "study" / "study.json").write_text("{}")
    return tmp_path / "study"


@pytest.fixture
def _without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """No figures for a paper: the rest is quicker."""
    monkeypatch.setattr(study, "write_fronts", lambda *_: [])


@pytest.fixture
def trees(tmp_path: Path) -> tuple[str, str]:
    """The tree of the tiny pictures in a file, and the same shuffled."""
    taxonomy.write(tiny_images().hierarchy, tmp_path / "own.csv")
    return str(tmp_path / "own.csv"), f"{tmp_path / 'own.csv'}:shuffled"


def forbidden(*_: object, **__: object) -> Scores:
    raise AssertionError("judged again")


# --- what the file says ---------------------------------------------------------------------------------------------


def test_a_file_without_the_section_judges_nothing_anew() -> None:
    assert read_plan({"axes": {"seed": [0]}}).judging is None


def test_what_is_left_out_is_argmax_and_the_tree_of_each_run() -> None:
    found = read_judging({}, AXES)
    assert (found.decisions, found.trees, found.baseline, found.ways) == (("argmax",), {}, {}, (("argmax", ""),))


def test_all_rules_and_several_trees() -> None:
    from kinwise.judge.decide import RULES as KNOWN

    found = read_judging({"decisions": "all", "hierarchies": ["cifar100", "cifar100-5level"]}, AXES)
    assert found.decisions == tuple(KNOWN)
    assert found.ways == tuple(product(KNOWN, ["cifar100", "cifar100-5level"]))
    assert found.trees["cifar100-5level"] == taxonomy.built_in("cifar100-5level")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("levels", {"loss": "levels"}),
        ("slow", {"variant": "slow"}),
        ({"variant": "fast", "loss": "flat"}, {"variant": "fast", "loss": "flat"}),
        ({"batch": 64}, {"batch": "64"}),
        ({"widths": [8, 8, 8]}, {"widths": "8,8,8"}),
        ({"widths": "8,8,8"}, {"widths": "8,8,8"}),
        ({"epochs": 3}, {"epochs": "3.0"}),
    ],
)
def test_a_baseline_is_a_loss_or_a_variant_or_a_place(written: object, expected: dict[str, str]) -> None:
    assert read_judging({"baseline": written}, AXES).baseline == expected


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (3, r"\[judge\]: expected key = value lines, got 3"),
        ({"decision": "all"}, r"\[judge\]: unknown key 'decision'; did you mean 'decisions'\? There are: decisions"),
        ({"decisions": ["top_down"]}, r"decisions: there is no rule 'top_down'; did you mean 'top-down'\?"),
        ({"decisions": ["all", "argmax"]}, r"there is no rule 'all'.*or 'all' alone"),
        ({"decisions": []}, r"decisions: expected a list of names, got \[\]"),
        ({"decisions": ["argmax", "argmax"]}, "decisions: argmax stands there twice"),
        ({"hierarchies": ["cifar10"]}, r"\[judge\] hierarchies: no hierarchy 'cifar10'"),
        ({"hierarchies": [3]}, "hierarchies: expected a list of names"),
        ({"baseline": "flatt"}, r"no loss and no variant of this study is called 'flatt'; did you mean 'flat'\?"),
        ({"baseline": {"los": "flat"}}, r"baseline: no axis 'los' to compare on; did you mean 'loss'\?"),
        ({"baseline": {"seed": 0}}, "baseline: no axis 'seed' to compare on"),
        ({"baseline": {"loss": "hxe"}}, "baseline: 'hxe' is not on the axis loss; there are: flat, levels"),
        ({"baseline": {"loss": [8, 8]}}, r"baseline: \[8, 8\] is not on the axis loss; there are: flat, levels"),
        ({"baseline": []}, "baseline: expected a loss, a variant, or"),
        ({"baseline": "flat", "decisions": ["top-down"]}, "baseline: it answers by argmax; add argmax to decisions"),
    ],
)
def test_a_wrong_section_is_refused_by_the_name_of_the_file(section: object, expected: str) -> None:
    with pytest.raises(InputError, match=f"^the study: .*{expected}") as refused:
        read_plan({"axes": {"loss": ["flat", "levels"], "seed": [0, 1]}, "judge": section})
    assert "\n" not in str(refused.value)


def test_a_tree_over_other_classes_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\[judge\] hierarchies: cifar100 does not fit shapes: classes in the data"):
        tiny_study({**PLAN, "judge": {"hierarchies": ["cifar100"]}}, tmp_path / "study")
    assert contents(tmp_path) == {}


# --- cells ----------------------------------------------------------------------------------------------------------


def test_every_place_has_a_row_under_every_rule_and_tree(begun: Path, trees: tuple[str, str]) -> None:
    section = {"decisions": RULES, "hierarchies": list(trees)}
    found = tiny_study({**PLAN, "judge": section}, begun)
    assert [(row.place["decision"], row.place["judged by"], row.n) for row in found.rows] == [
        (rule, tree, 2) for tree in trees for rule in RULES
    ]
    for row in found.rows:
        tree = None if row.place["judged by"] == trees[0] else trees[1]
        scores = [Run(begun / "runs" / name).scores(row.place["decision"], tree) for name in GOOD]
        for key in ("average_severity", "full_path_accuracy", "hierarchical_distance_at_5"):
            assert row.figures[key] == pytest.approx(spread([getattr(one, key) for one in scores])), (row.place, key)
    assert found.rows[0].figures["average_severity"] != found.rows[2].figures["average_severity"]
    assert json.loads((begun / "study.json").read_text())["judge"] == {**section, "baseline": {}}
    names = {"front-shapes-own.png", "front-shapes-own-shuffled.svg", "captions.md", "table.html"}
    assert names <= {path.name for path in begun.iterdir()}


@pytest.mark.usefixtures("_without_figures")
def test_one_rule_and_one_tree_need_no_columns_but_are_said(begun: Path, trees: tuple[str, str]) -> None:
    found = tiny_study({**PLAN, "judge": {"decisions": "top-down", "hierarchies": trees[1]}}, begun)
    assert [list(row.place) for row in found.rows] == [["data"]]
    assert f"The answers are those of the rule top-down.\nAll are judged by the tree {trees[1]}." in found.text()
    assert f"All are judged by the tree {trees[1]}." in words(study_page(found))


@pytest.mark.usefixtures("_without_figures")
def test_the_second_time_everything_is_there(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = {**PLAN, "judge": {"decisions": RULES}}
    before = tiny_study(plan, begun)
    monkeypatch.setattr(Run, "scores", forbidden)
    assert tiny_study(plan, begun).text() == before.text()


def judge_calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    calls: list[tuple[str, Any]] = []

    def scores(run: Run, decision: str = "argmax", hierarchy: Any = None, **_: object) -> Scores:
        calls.append((decision, hierarchy))
        return replace(run.saved_scores(), decision=decision)

    monkeypatch.setattr(Run, "scores", scores)
    return calls


def test_only_what_is_new_is_judged_and_all_of_it_when_the_run_is_another(
    begun: Path, trees: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, kept = Run(begun / "runs" / GOOD[0]), begun / "judged" / "run.json"
    calls = judge_calls(monkeypatch)
    own = run.hierarchy
    renumbered = own.with_class_order(own.classes[::-1])
    first = read_judging({"decisions": RULES}, {})
    assert [one.decision for one in judged(run, first, kept)] == RULES
    assert calls == [("top-down", None)], "argmax by its own tree is in scores.json"
    more = replace(first, decisions=(*RULES, "bottom-up"), trees={"own": renumbered})
    judged(run, more, kept)
    assert calls[1:] == [("top-down", None), ("bottom-up", None)], "its own tree, so its own heads"
    judged(run, read_judging({"hierarchies": trees[1]}, {}), kept)
    assert [decision for decision, tree in calls[3:] if tree is not None] == ["argmax"]
    judged(run, more, kept)
    assert len(calls) == 4
    shutil.copy(begun / "runs" / GOOD[1] / "predictions.safetensors", run.folder)
    judged(run, more, kept)
    assert len(calls) == 6
    kept.write_text("{")
    judged(run, more, kept)
    assert len(calls) == 8


@pytest.mark.usefixtures("_without_figures")
def test_a_rule_that_cannot_be_used_is_told_in_its_place(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def scores(run: Run, decision: str, **_: object) -> Scores:
        if decision == "top-down":
            raise InputError("needs pictures held out, and the run has none")
        if decision == "bottom-up":
            raise KeyError("x")
        return run.saved_scores()

    monkeypatch.setattr(Run, "scores", scores)
    found = tiny_study({**PLAN, "judge": {"decisions": ["argmax", "independent", "top-down", "bottom-up"]}}, begun)
    assert [(row.place["decision"], row.n, row.failed) for row in found.rows] == [
        ("argmax", 2, ()),
        ("independent", 2, ()),
        ("top-down", 0, tuple(GOOD)),
        ("bottom-up", 0, tuple(GOOD)),
    ]
    assert (found.complete, found.failed) == (2, ())
    told = "top-down, 2 runs: needs pictures held out, and the run has none"
    assert f"NOT JUDGED {told}" in found.text()
    assert f"- {told}" in found.markdown()
    assert told in words(study_page(found))
    kept = json.loads((begun / "judged" / f"{GOOD[0]}.json").read_text())["found"]
    assert sorted(kept) == ["independent own", "top-down own"], "a fault of ours is tried again"


def test_runs_that_failed_are_in_every_row_of_their_place() -> None:
    plan = read_plan({"axes": {"loss": ["flat", "levels"], "seed": [0, 1]}, "judge": {"decisions": RULES}})
    bad = ("loss=levels,seed=0", "loss=levels,seed=1")
    found = gather(plan, Path("runs/study"), {}, {name: Outcome(name=name, trouble="not finite") for name in bad}, {})
    assert [(row.place["loss"], row.n, row.failed) for row in found.rows] == [
        *(("flat", 0, ()), ("flat", 0, ())),
        *(("levels", 0, bad), ("levels", 0, bad)),
    ]
    assert "0 of 4 runs are complete, 2 failed." in study_page(found)


# --- differences ----------------------------------------------------------------------------------------------------


def test_differences_by_hand() -> None:
    shown = compared(["class"])
    own = {"0": {"accuracy class": 0.70}, "1": {"accuracy class": 0.72}, "2": {"accuracy class": 0.71}}
    base = {"2": {"accuracy class": 0.70}, "0": {"accuracy class": 0.68}, "1": {"accuracy class": 0.71}, "7": {}}
    found = difference({"loss": "b"}, {"loss": "a"}, own, base, shown)
    # differences .02, .01, .01: mean .04 / 3, s = .01 / sqrt(3), t for 2 degrees of freedom 4.302653
    half = 4.302653 * 0.01 / sqrt(3) / sqrt(3)
    assert found.figures["accuracy class"] == pytest.approx((0.04 / 3, 0.04 / 3 - half, 0.04 / 3 + half, 3), abs=1e-8)
    assert (found.pairs, list(found.figures)) == (3, ["accuracy class"])
    assert direction(shown[0], found.figures["accuracy class"]) == "", "0 lies within"


def test_the_seed_pairs_what_alone_would_not_differ() -> None:
    # the seeds differ by .1, the losses by .01: paired the interval is narrow
    own = {str(seed): {"accuracy class": 0.5 + 0.1 * seed + 0.01 + 0.001 * (seed % 2)} for seed in range(4)}
    base = {str(seed): {"accuracy class": 0.5 + 0.1 * seed} for seed in range(4)}
    shown = compared(["class"])
    found = difference({}, {}, own, base, shown).figures["accuracy class"]
    assert (found.low or 0) > 0.009
    assert direction(shown[0], found) == "better"


def test_better_is_down_for_severity_and_one_seed_is_neither() -> None:
    accuracy, path, severity, distance = compared(["class"])
    assert direction(severity, Spread(-0.1, -0.2, -0.01, 3)) == direction(path, Spread(0.1, 0.01, 0.2, 3)) == "better"
    assert direction(distance, Spread(0.1, 0.01, 0.2, 3)) == direction(accuracy, Spread(-0.1, -0.2, -0.1, 3)) == "worse"
    assert direction(severity, Spread(-0.1, None, None, 1)) == direction(severity, None) == ""


def moved(scores: Scores, accuracy: float, severity: float) -> Scores:
    """The scores with other figures, in which nothing else is said."""
    level = {**scores.level, "class": {**scores.level["class"], "accuracy": Figure(accuracy, 0, 1)}}
    found = {"full_path_accuracy": accuracy, "average_severity": severity, "hierarchical_distance_at_5": severity}
    others = {key: Figure(value, 0, 3) for key, value in found.items()}
    return replace(scores, level=level, hierarchy={**scores.hierarchy, **others})


@pytest.fixture
def held(trained: Path) -> Study:
    """Two losses by two rules and two trees, three seeds; levels with top-down is better, all else differs by noise."""
    section = {"decisions": RULES, "hierarchies": ["cifar100", "cifar100-5level"], "baseline": "flat"}
    plan = read_plan({"axes": {"loss": ["flat", "levels"], "seed": [0, 1, 2]}, "judge": section})
    assert plan.judging
    start = Run(trained).saved_scores()
    found = {
        run.name: [
            Judged(
                decision=rule,
                tree=tree,
                scores=moved(
                    start,
                    0.6 + 0.02 * int(run.place["seed"]) + 0.0001 * index,
                    0.9 - (0.1 + 0.001 * index) * (run.place["loss"] == "levels" and rule == "top-down"),
                ),
            )
            for rule, tree in plan.judging.ways
        ]
        for index, run in enumerate(plan.runs)
    }
    scores = {name: ones[0].scores for name, ones in found.items() if ones[0].scores}
    return gather(plan, Path("runs/held"), scores, {}, found)


def test_every_other_row_is_held_against_the_baseline_under_the_same_tree(held: Study) -> None:
    assert held.baseline == "loss flat, decision argmax"
    assert [tuple(one.place.values()) for one in held.differences] == [
        (loss, rule, tree)
        for tree in ("cifar100", "cifar100-5level")
        for loss, rule in (("flat", "top-down"), ("levels", "argmax"), ("levels", "top-down"))
    ]
    for one in held.differences:
        assert one.baseline == {"loss": "flat", "decision": "argmax", "judged by": one.place["judged by"]}
    assert [row.baseline for row in held.rows] == [True, False, False, False] * 2
    milder = held.differences[2].figures["average_severity"]
    # levels are the runs 3, 4, 5: less .103, .104, .105
    assert (milder.mean, milder.n) == (pytest.approx(-0.104), 3)
    assert held.differences[0].figures["average_severity"] == (0, 0, 0, 3)


def test_answers_that_may_stop_are_shown_with_their_coverage_and_not_compared(trained: Path) -> None:
    plan = read_plan({"axes": {"loss": ["flat"], "seed": [0]}, "judge": {"decisions": RULES, "baseline": "flat"}})
    whole, early = Run(trained).saved_scores(), Run(trained).saved_scores()
    shares = {"coverage": Figure(0.9, 0.8, 1), "accuracy_of_answers": Figure(0.95, 0.9, 1), "specificity": None}
    object.__setattr__(early, "stopping", SimpleNamespace(**shares))
    given = [Judged(decision=rule, tree="", scores=one) for rule, one in zip(RULES, (whole, early), strict=True)]
    found = gather(plan, Path("runs/early"), {plan.runs[0].name: whole}, {}, {plan.runs[0].name: given})
    assert [row.stops for row in found.rows] == [False, True]
    assert [row.figures.get("coverage", (None,))[0] for row in found.rows] == [None, 0.9]
    assert "specificity" not in found.rows[1].figures
    assert found.differences == ()
    assert "top-down may stop at an inner node: read these rows with their coverage" in found.text()
    assert "coverage, % ↑" in found.markdown()
    page = words(study_page(found))
    assert "triangles may stop at an inner node" in page
    assert "top-down may stop at an inner node" in page


def test_the_differences_read_the_same_in_every_form(held: Study) -> None:
    head, *lines = differences.grid(held.differences, held.compared)
    assert head == [
        *("loss", "decision", "judged by", "pairs", "class accuracy, % ↑", "full-path accuracy, % ↑"),
        *("average severity ↓", "hierarchical distance at 5 ↓"),
    ]
    assert lines[2][:4] == ["levels", "top-down", "cifar100", "3"]
    assert lines[2][6] == "-0.104 ± 0.002 better"
    assert lines[0][6] == "+0.000 ± 0.000"
    assert "| levels | top-down | cifar100 | 3 |" in held.markdown()
    assert "## Differences to loss flat, decision argmax" in held.markdown()
    assert "-0.104 ± 0.002 better" in held.text()
    read = list(csv.DictReader(io.StringIO(differences.comma_separated(held.differences, held.compared))))
    for line, one in zip(read, held.differences, strict=True):
        found = one.figures["average_severity"]
        assert [float(line[f"average_severity_{part}"]) for part in Spread._fields] == list(found)
        excludes = str(not (found.low or 0) <= 0 <= (found.high or 0)).lower()
        assert line["average_severity_excludes_0"] == excludes


def test_the_page_shows_a_front_for_each_tree_and_says_what_is_milder(held: Study) -> None:
    page = study_page(held)
    check_links(page)
    assert {"front-1", "front-2"} == set(figures(page))
    assert verdict(held) == (
        "6 of 6 runs are complete. By the tree cifar100 1 of 3 rows is milder than the baseline, and in no figure "
        "worse; the mildest: levels, top-down. By the tree cifar100-5level 1 of 3 rows is milder than the baseline, "
        "and in no figure worse; the mildest: levels, top-down."
    )
    assert "Judged by the tree cifar100-5level" in words(page)
    assert study_page(held) == page


@pytest.mark.parametrize(
    ("key", "found", "milder"),
    [
        ("average_severity", Spread(-0.016, -0.024, -0.009, 3), "1 of 1 rows is"),
        ("average_severity", Spread(-0.010, -0.024, 0.004, 3), "none of 1 rows are"),
        ("full_path_accuracy", Spread(0.002, -0.005, 0.009, 3), "1 of 1 rows is"),  # not shown to be better, nor worse
        ("full_path_accuracy", Spread(-0.024, -0.029, -0.019, 3), "none of 1 rows are"),
        ("hierarchical_distance_at_5", Spread(0.10, 0.09, 0.11, 3), "none of 1 rows are"),
    ],
)
def test_milder_is_less_severe_and_worse_in_nothing(held: Study, key: str, found: Spread, milder: str) -> None:
    best = held.differences[2]
    told = verdict(replace(held, differences=(replace(best, figures={**best.figures, key: found}),)))
    assert f"By the tree cifar100 {milder} milder than the baseline" in told


def test_nothing_in_a_judged_study_breaks_out_of_its_place(held: Study) -> None:
    rows = tuple(replace(row, place={**row.place, "loss": HOSTILE}, tree=HOSTILE) for row in held.rows)
    differ = tuple(replace(one, place={**one.place, "loss": HOSTILE}) for one in held.differences)
    assert held.judging
    judging = replace(held.judging, trees={HOSTILE: tiny_images().hierarchy}, baseline={"loss": HOSTILE})
    page = study_page(replace(held, rows=rows, differences=differ, judging=judging))
    outline = Outline(page)
    assert outline.open == []
    assert [attributes for tag, attributes in outline.elements if tag == "img" or "onerror" in attributes] == []
    assert sum(tag == "script" for tag, _ in outline.elements) == 4


# --- shuffled trees -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_without_figures")
def test_a_run_on_a_shuffled_tree_is_judged_by_the_true_one(
    trees: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_here(jobs: Sequence[Job], **_: object) -> Iterator[Outcome]:
        for job in jobs:
            yield carry_out(job, Pictures(tiny_images())) or Outcome(name=job.name, trouble="stopped")

    monkeypatch.setattr(study, "run_here", run_here)
    axes = {"hierarchy": list(trees), "seed": [0]}
    fixed = {**FIXED, "epochs": 0.5, "explained": 0}
    configs = fitted(read_plan({"axes": axes, "set": fixed}).runs, tiny_images())
    assert [config.hierarchy for config in configs.values()] == list(trees)
    plan = {"axes": {**axes, "hierarchy": trees[1]}, "set": fixed, "judge": {"hierarchies": trees[0]}}
    found = tiny_study(plan, tmp_path / "study")
    (run,) = (Run(folder) for folder in (tmp_path / "study" / "runs").iterdir())
    own = tiny_images().hierarchy
    assert run.hierarchy == taxonomy.shuffled(taxonomy.find(trees[0])).with_class_order(own.classes)
    true = run.scores(hierarchy=own).average_severity
    assert found.rows[0].figures["average_severity"].mean == true != run.saved_scores().average_severity
    assert tiny_study(plan, tmp_path / "study").complete == 1, "it is found again under its own name"
