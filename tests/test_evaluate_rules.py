"""Decision rules on a run folder: what needs validation pictures takes the run's own; the command line tells all."""

import json
from pathlib import Path

import numpy as np
import pytest
from runs import Refused, status
from zoo import random_predictions

from kinwise.hierarchy import Hierarchy
from kinwise.judge.decide import RULES
from kinwise.judge.metrics import score
from kinwise.judge.predictions import Predictions
from kinwise.run import Run
from kinwise.taxonomy import write

pytest_plugins = ["run_fixtures"]

Output = pytest.CaptureFixture[str]
STOPPING = [rule for rule, one in RULES.items() if one.stops]


@pytest.fixture
def held_out_run(run_folder: Path) -> Run:
    """A run with predictions on pictures held out of its training, and others on its test pictures."""
    tree = Run(run_folder).hierarchy
    for name, pictures, seed in (("predictions", 120, 1), ("validation", 300, 2)):
        random_predictions(tree, pictures, seed).save(run_folder / f"{name}.safetensors")
    return Run(run_folder)


def parts(run: Run) -> tuple[Predictions, Predictions]:
    validation = run.validation()
    assert validation is not None
    return run.predictions(), validation


def test_a_run_takes_its_own_validation_pictures_also_under_another_tree(held_out_run: Run) -> None:
    judged, validation = parts(held_out_run)
    classes = judged.hierarchy.classes
    flat = Hierarchy(parents=np.array([-1, *[0] * len(classes)]), names=("all", *classes))
    for tree in (None, flat):
        found = held_out_run.scores("hedge", hierarchy=tree, promise=0.5)
        expected = score(judged, hierarchy=tree, decision="hedge", validation=validation, promise=0.5)
        assert (found.stopping, found.temperatures) == (expected.stopping, expected.temperatures)
        assert found.training == held_out_run.saved_scores().training
    table = held_out_run.table_of_rules(hierarchy=flat, promise=0.5)
    assert table.scores["hedge"].stopping == found.stopping


@pytest.mark.parametrize("rule", STOPPING)
def test_evaluate_says_that_a_rule_may_stop(held_out_run: Run, rule: str, capsys: Output) -> None:
    assert status("evaluate", held_out_run.folder, "--decision", rule, "--promise", "0.6") == 0
    out = capsys.readouterr().out
    assert f"decision rule {rule} (may stop at an inner node)" in out
    assert "calibrated on validation pictures: temperature" in out
    assert ("promised 60 %" in out) == RULES[rule].fitted
    assert status("evaluate", held_out_run.folder, "--decision", rule, "--promise", "0.6", "--json") == 0
    stopping = json.loads(capsys.readouterr().out)["stopping"]
    assert stopping["promise"] == (0.6 if RULES[rule].fitted else None)
    assert stopping["coverage"].keys() == {"value", "low", "high"}


def test_evaluate_all_prints_every_rule(held_out_run: Run, capsys: Output) -> None:
    assert status("evaluate", held_out_run.folder, "--decision", "all") == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines() if line.split()[:1] and line.split()[0] in RULES] == list(
        RULES
    )
    assert status("evaluate", held_out_run.folder, "--decision", "all", "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert list(data) == list(RULES)
    accuracy = data["argmax"]["level"]["class"]["accuracy"]
    assert accuracy["low"] < accuracy["value"] < accuracy["high"]


def test_without_validation_pictures_promises_are_refused_and_the_table_says_why(
    trained: Path, refused: Refused, capsys: Output
) -> None:
    assert "hedge promises a share of right answers" in refused("evaluate", trained, "--decision", "hedge")
    assert status("evaluate", trained, "--decision", "all") == 0
    out = capsys.readouterr().out
    assert "climb, hedge: no validation pictures to learn from how sure to be; train with some: --set validation" in out
    assert "not calibrated" in out


def test_wrong_promises_and_rules_are_refused(held_out_run: Run, refused: Refused) -> None:
    assert "between 0 and 1" in refused("evaluate", held_out_run.folder, "--decision", "climb", "--promise", "95")
    assert "between 0 and 1" in refused("evaluate", held_out_run.folder, "--decision", "all", "--promise", "0")
    assert "did you mean 'hedge'?" in refused("evaluate", held_out_run.folder, "--decision", "hegde")
    same = held_out_run.folder / "predictions.safetensors"
    message = refused("compare", held_out_run.folder, same, "--decision", "climb")
    assert "climb may stop at an inner node, and a comparison needs a class for every picture" in message


def test_score_writes_no_report_of_answers_that_stop(
    held_out_run: Run, tmp_path: Path, refused: Refused, capsys: Output
) -> None:
    judged, _ = parts(held_out_run)
    file, tree = tmp_path / "mine.npz", tmp_path / "tree.json"
    np.savez(file, probabilities=judged.probabilities[-1], labels=judged.labels)
    write(judged.hierarchy, tree)
    asked = ("score", file, "--hierarchy", tree, "--decision", "deepest-likely")
    assert status(*asked) == 0
    out = capsys.readouterr().out
    assert "No report: deepest-likely may stop at an inner node" in out
    assert not (tmp_path / "mine.html").exists()
    assert "and a report needs a class for every picture" in refused(*asked, "--report", tmp_path / "r.html")
