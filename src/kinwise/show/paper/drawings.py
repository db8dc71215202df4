"""All figures of a paper, in their order; drawn within ``style.paper_style``."""

from collections.abc import Mapping, Sequence
from typing import Any

from kinwise.examine.explanations import Explanations
from kinwise.judge.decide import decide
from kinwise.judge.predictions import Predictions
from kinwise.judge.scores import Scores
from kinwise.show.paper import bars, curves
from kinwise.show.paper.confusion import confusion
from kinwise.show.paper.montage import montage
from kinwise.show.paper.style import Drawing
from kinwise.show.report import check_scores


def draw(
    predictions: Predictions,
    scores: Scores,
    history: Sequence[Mapping[str, Any]],
    explanations: Explanations | None,
    validation: Predictions | None = None,
) -> list[Drawing]:
    """Every figure for which there is something to show.

    Raises:
        InputError: when the scores are of other pictures or another tree, or their rule may stop at an inner node.
    """
    check_scores(scores, predictions)
    tree = predictions.hierarchy
    answers = decide(predictions, scores.decision, validation=validation).answers
    return [
        bars.accuracy(predictions, scores),
        *bars.severity(predictions, scores),
        *confusion(predictions, answers, scores),
        curves.reliability_diagrams(predictions, scores),
        curves.risk_over_coverage(predictions, answers, scores),
        *curves.training(history, tree),
        *montage(explanations),
    ]
