"""The report: everything worth knowing about one set of predictions in one HTML file that needs nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kinwise.errors import InputError
from kinwise.examine.explanations import Explanations
from kinwise.judge.decide import check_answers_classes, decide
from kinwise.judge.doubt import label_doubt
from kinwise.judge.failures import Failure, choose_failures
from kinwise.judge.predictions import Predictions
from kinwise.judge.scores import Scores
from kinwise.show import sections, tables
from kinwise.show.gallery import gallery_of
from kinwise.show.page import json_inside, render
from kinwise.show.picture_data import album_data, picture_data
from kinwise.show.unsure import unsure

FAILURES_LISTED = 60


def report_html(
    *,
    predictions: Predictions,
    scores: Scores,
    title: str,
    facts: Mapping[str, str],
    commands: Mapping[str, str],
    history: Sequence[Mapping[str, Any]] = (),
    explanations: Explanations | None = None,
    validation: Predictions | None = None,
) -> str:
    """One self-contained HTML page; the same input gives the same text.

    Args:
        predictions: what was answered, with the truth.
        scores: of these predictions; its decision rule gives the answers that are shown.
        title: the heading of the page.
        facts: what was run, name by value: recipe, loss, seed, versions, machine.
        commands: what to type to run it again, label by shell command.
        history: one row per epoch, as in ``metrics.jsonl``; without any there are no training curves.
        explanations: of the failures worth looking at, with pictures and heat maps; without them those that can be
            chosen from the predictions are listed by name.
        validation: of pictures held out of the training, on the same tree; without them nothing is said about answers
            that stop early.

    Raises:
        InputError: when the scores are of other pictures or another tree, their rule may stop at an inner
            node, or a failure is of a class that the tree has not.
    """
    check_scores(scores, predictions)
    tree = predictions.hierarchy
    answers = decide(predictions, scores.decision, validation=validation).answers
    groups = {
        "accuracy": [sections.accuracy(scores)],
        "severity": sections.severity(scores, tree),
        "confusion": [sections.confusion(predictions)],
        "tree": [sections.on_the_tree(predictions, answers)],
        "calibration": sections.calibration(predictions, scores),
        "selective": [sections.selective(predictions, answers)],
        "training": sections.training(history, tree.levels),
    }
    stopping = unsure(predictions, validation)
    charts = [*(chart for group in groups.values() for chart in group), *(stopping.charts if stopping else ())]
    failures = [] if explanations else failures_listed(predictions, answers)
    return render(
        "report.html.j2",
        tree,
        charts,
        title=title,
        verdict=tables.verdict(predictions, answers, scores),
        landed=tables.where_answers_land(scores, tree),
        tiles=tables.tiles(scores),
        groups=groups,
        unsure=stopping,
        folded=sections.folded_confusions(predictions, answers),
        gallery=gallery_of(tree, explanations, failures),
        top=tables.top_confusion_rows(predictions, answers),
        lowest=sections.colour_range(predictions, answers),
        near_duplicates=tables.near_duplicates(scores),
        classes=tables.class_rows(predictions, answers),
        tables=tables.score_tables(scores),
        terms=tables.terms(scores),
        parts=tables.parts(scores),
        cost=tables.cost(scores),
        facts=facts,
        commands=commands,
        scores=scores,
        pictures=json_inside(picture_data(predictions, answers)),
        album=json_inside(album_data(explanations.album) if explanations else None),
    )


def failures_listed(predictions: Predictions, answers: np.ndarray) -> tuple[Failure, ...]:
    """The failures that a report lists where nobody looked at any."""
    doubt = label_doubt(predictions.probabilities[-1], predictions.labels)
    return choose_failures(predictions, answers, doubt, FAILURES_LISTED)


def check_scores(scores: Scores, predictions: Predictions) -> None:
    """Make sure that scores are of these predictions, and of answers that are classes.

    Raises:
        InputError: when they are of other pictures or another tree, or their rule may stop at an inner node.
    """
    check_answers_classes(scores.decision, "a report")
    levels = predictions.hierarchy.levels
    if scores.n != len(predictions) or scores.levels != levels:
        raise InputError(
            f"the scores ({scores.n} pictures, levels {', '.join(scores.levels)}) are not of these predictions "
            f"({len(predictions)} pictures, levels {', '.join(levels)}); score the predictions again"
        )
