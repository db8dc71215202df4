"""The rule that answers where none is named: least-cost where it can be calibrated; the same wherever a run answers."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from easy import CONFIG, easy_images
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import status
from strategies import hierarchies
from zoo import AXE, LABELS, PROBABILITIES, RAY, SAW, SHARK, ZOO, held_out, random_predictions

from kinwise.answering.answers import Answerer, answers_from
from kinwise.examine.explanations import Explanations
from kinwise.experiment import train
from kinwise.exporting.export import export
from kinwise.exporting.formats import FORMATS
from kinwise.hierarchy import Hierarchy
from kinwise.judge.calibrate import calibrate
from kinwise.judge.choose import chooser
from kinwise.judge.compare import compare
from kinwise.judge.decide import RULES, decide, rule_meant
from kinwise.judge.decision import Temperatures
from kinwise.judge.predictions import Predictions
from kinwise.run import Run

SEEDS = st.integers(0, 2**32 - 1)
ALWAYS_A_CLASS = [rule for rule, one in RULES.items() if not one.stops]
ENOUGH, TOO_FEW = random_predictions(ZOO, 100, 7), random_predictions(ZOO, 99, 7)


# --- which rule -----------------------------------------------------------------------------------------------------


def test_auto_is_least_cost_where_100_pictures_were_held_out() -> None:
    assert rule_meant("auto", ENOUGH) == "least-cost"
    assert rule_meant("auto", TOO_FEW) == rule_meant("auto", None) == rule_meant("auto", ENOUGH, None) == "argmax"
    assert rule_meant("top-down", ENOUGH) == "top-down"
    judged = random_predictions(ZOO, 50, 1)
    for validation, rule in ((ENOUGH, "least-cost"), (TOO_FEW, "argmax"), (None, "argmax")):
        found, named = decide(judged, validation=validation), decide(judged, rule, validation=validation)
        assert found.rule == rule
        assert (found.answers == named.answers).all()


def test_a_comparison_answers_by_the_same_rule_on_both_sides() -> None:
    ours, theirs = random_predictions(ZOO, 50, 1), random_predictions(ZOO, 50, 2)
    theirs = replace(theirs, labels=ours.labels)
    for validations, rule in (((ENOUGH, ENOUGH), "least-cost"), ((ENOUGH, None), "argmax")):
        found = compare([ours, theirs], names=["a", "b"], validations=validations, resamples=2)
        assert found.decision == rule
        assert [side.scores.decision for side in found.sides] == [rule, rule]


# --- what it answers ------------------------------------------------------------------------------------------------


def test_the_least_cost_by_hand() -> None:
    """Of .4 dog, .3 saw, .3 axe: a dog costs .6 x 3 = 1.8, a saw .4 x 3 + .3 x 1 = 1.5."""
    choose = chooser("least-cost", Temperatures(validation=None), ZOO)
    levels = Predictions.from_classes(PROBABILITIES, LABELS, ZOO).probabilities
    assert choose(levels).tolist() == [SHARK, RAY, SHARK, SAW, AXE]
    found = answers_from(PROBABILITIES, ZOO, temperature=1.0, chosen=choose(levels))
    assert [name for _, name, _ in found.path(3)] == ["things", "tools", "saw"]
    assert [sure for *_, sure in found.path(3)] == pytest.approx([0.6, 0.6, 0.3], abs=1e-3)
    assert [name for _, name, _ in found.likeliest(3)] == ["animals", "dog"]
    assert found.to_dict(3)["answer"] == "saw"
    assert found.reasons == ("",) * 5


@settings(max_examples=40)
@given(hierarchies(), SEEDS)
def test_a_class_more_likely_than_all_others_together_is_the_least_costly(tree: Hierarchy, seed: int) -> None:
    """By the triangle inequality: leaving it costs d on more than half of the probability, and wins d on the rest."""
    predictions = random_predictions(tree, 40, seed)
    likely = predictions.probabilities[-1].max(axis=1) > 0.5
    found = decide(predictions, "least-cost").answers[:, -1]
    assert (found == predictions.probabilities[-1].argmax(axis=1))[likely].all()


@settings(max_examples=20)
@given(tree=hierarchies(), rule=st.sampled_from(["auto", *ALWAYS_A_CLASS]), seed=SEEDS, count=st.integers(0, 12))
def test_classes_are_chosen_as_they_are_decided(tree: Hierarchy, rule: str, seed: int, count: int) -> None:
    validation = held_out(tree)
    choose = chooser(rule, Temperatures(validation=validation), tree)
    asked = random_predictions(tree, 12, seed)
    wanted = decide(asked, rule, validation=validation).answers[:count, -1]
    assert choose([level[:count] for level in asked.probabilities]).tolist() == wanted.tolist()


# --- wherever a run answers -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with 200 pictures held out that sees hardly anything, so that its answers by the two rules differ."""
    config = CONFIG.changed(["device=cpu", "epochs=1", "explained=8", "learning_rate=0.001"])
    found = train(easy_images(200, 200), config=config, out=tmp_path_factory.mktemp("default") / "run")
    assert found is not None
    return found


def test_a_run_is_judged_by_least_cost(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    saved = run.saved_scores()
    assert saved.decision == "least-cost"
    assert run.scores().to_dict() == saved.to_dict()
    assert run.scores("argmax").decision == "argmax"
    assert run.scores("argmax").accuracy != saved.accuracy, "this run tells the rules apart"
    assert status("evaluate", run.folder, "--json") == 0
    assert json.loads(capsys.readouterr().out) == saved.to_dict()
    assert "decision rule least-cost" in (run.folder / "report.html").read_text("utf-8")


def test_a_run_predicts_as_it_is_judged(run: Run) -> None:
    wanted = decide(run.predictions(), "least-cost", validation=run.validation())
    answerer = Answerer(run)
    found = answerer.predict(easy_images(200, 200).test)
    assert (answerer.rule, Answerer(run, promise=0.5).rule) == ("least-cost", "climb")
    assert found.nodes.tolist() == wanted.nodes.tolist()
    sure = calibrate(run.predictions(), answerer.temperature)
    classes = wanted.answers[:, -1]
    assert [found.path(row)[-1][2] for row in range(len(found))] == pytest.approx(
        sure.probabilities[-1][np.arange(len(classes)), classes].tolist(), abs=1e-5
    )


def test_the_failures_that_are_looked_at_are_those_of_the_rule(run: Run) -> None:
    explained = Explanations.load(run.folder)
    assert explained is not None
    assert explained.cases
    wanted, tree = decide(run.predictions(), "least-cost", validation=run.validation()).answers, run.hierarchy
    for case in explained.cases:
        answered = tree.classes[wanted[case.failure.row, -1]]
        assert case.failure.path[-1].answered == answered != case.failure.path[-1].true


def test_an_exported_run_answers_by_the_rule(run: Run, tmp_path: Path) -> None:
    done = export(run, tmp_path / "model.pt2")
    assert done.facts["decision"] == "least-cost"
    pixels = easy_images(200, 200).test.pixels[:]
    told = FORMATS["pt2"].open(done.path)[1](np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)))
    assert run.hierarchy.leaves[told["answer"]].tolist() == run.predict(pixels).nodes.tolist()


def test_another_rule_can_be_asked_for_when_training(run: Run, tmp_path: Path) -> None:
    config = run.config.changed(["decision=argmax", "explained=0"])
    found = train(easy_images(200, 200), config=config, out=tmp_path / "run")
    assert found is not None
    assert found.saved_scores().decision == found.scores().decision == Answerer(found).rule == "argmax"
    assert found.saved_scores().to_dict()["level"] == run.scores("argmax").to_dict()["level"]
