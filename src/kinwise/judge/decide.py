"""Decision rules: from probabilities at every level to answers. No rule needs the network again."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import NamedTuple

import numpy as np

from kinwise.config import CALIBRATED_FROM
from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.judge.climb import ROOT, check_promise, climb, confidences, threshold_for
from kinwise.judge.decision import NOT_CALIBRATED, Decision, Given, Temperatures
from kinwise.judge.hedge import hedge, weight_for
from kinwise.judge.nodes import answers_of, different_nodes, node_probabilities
from kinwise.judge.predictions import Predictions

PROMISE = 0.95
"""The share of right answers that is promised where nobody says another."""

AUTO = "auto"
"""``least-cost`` where there are enough validation pictures to calibrate on, else ``argmax``; see docs/findings.md."""

__all__ = ["AUTO", "PROMISE", "RULES", "Decision", "decide"]


def argmax(given: Given) -> Decision:
    """The most likely class, and its ancestors above it; always a path of the tree."""
    probabilities = given.predictions.probabilities[-1]
    return _classes(given, probabilities.argmax(axis=1), probabilities, probabilities)


def independent(given: Given) -> Decision:
    """Each level's own most likely node, whatever the other levels say; may be no path of the tree."""
    return _levels(given, _best_of_each(given.predictions.probabilities))


def top_down(given: Given) -> Decision:
    """The most likely node of the coarsest level, then the most likely of its children, down to a class.

    Each step compares the next level's own probabilities; always a path of the tree.
    """
    predictions = given.predictions
    chosen = predictions.probabilities[0].argmax(axis=1)
    answers = [chosen]
    for level, probabilities in enumerate(predictions.probabilities[1:], start=1):
        is_child = predictions.hierarchy.level_parents(level, level - 1) == chosen[:, None]
        chosen = np.where(is_child, probabilities, -1).argmax(axis=1)
        answers.append(chosen)
    return _levels(given, np.stack(answers, axis=1))


def bottom_up(given: Given) -> Decision:
    """The class probabilities summed upward, then each level's most likely node; may be no path of the tree.

    The coarser levels' own probabilities are not looked at.
    """
    return _levels(given, _best_of_each(given.summed.probabilities), temperatures=(given.temperature,))


def product(given: Given) -> Decision:
    """The class with the highest product of what all levels say about its path, prod_l P_l(ancestor at level l).

    Jain, Karthik and Gandhi, Test-Time Amendment with a Coarse Classifier (HiE), NeurIPS 2023, here over all levels.
    The products are made to sum to 1. A class that ends early stands for itself below.
    """
    tree = given.predictions.hierarchy
    levels = zip(given.each_level, tree.level_labels.T, strict=True)
    smallest = np.finfo(np.float32).tiny
    logs = sum(np.log(np.maximum(told, smallest, dtype=np.float64))[:, place] for told, place in levels)
    powers = np.exp(logs - np.max(logs, axis=1, keepdims=True))
    products = powers / powers.sum(axis=1, keepdims=True)
    return _classes(given, np.argmax(logs, axis=1), products, products, temperatures=given.temperatures)


def least_cost(given: Given) -> Decision:
    """The class of the lowest expected severity, argmin_k sum_j C[k, j] p_j, C the distances of the classes.

    Karthik et al., No Cost Likelihood Manipulation at Test Time for Making Better Mistakes (CRM), ICLR 2021. It ranks
    all classes by that cost too.
    """
    probabilities = given.summed.probabilities[-1]
    costs = expected_costs(probabilities, given.predictions.hierarchy)
    return _classes(given, costs.argmin(axis=1), -costs, probabilities, temperatures=(given.temperature,))


def expected_costs(probabilities: np.ndarray, hierarchy: Hierarchy) -> np.ndarray:
    """sum_j C[k, j] p_j, the severity to expect of answering k, 0..height, lower is better; (pictures, classes)."""
    return probabilities.astype(np.float64) @ hierarchy.distances.astype(np.float64)


def deepest_likely(given: Given) -> Decision:
    """The deepest node with a probability over 1/2; the root, no answer, where there is none below it.

    Those nodes lie on one path. It is the Bayes rule of the distance in steps along the tree (Ramaswamy, Tewari and
    Agarwal, Electronic Journal of Statistics 2015; Plaud et al., ICML 2025).
    """
    tree, classes = given.predictions.hierarchy, given.summed.probabilities[-1].astype(np.float64)
    nodes = different_nodes(tree)
    shares = node_probabilities(classes / classes.sum(axis=1, keepdims=True), nodes, tree)
    deepest = np.where(shares > 1 / 2, tree.depths[nodes], -1).argmax(axis=1)
    return _nodes(given, nodes[deepest], shares[np.arange(len(deepest)), deepest])


def climbing(given: Given) -> Decision:
    """From the most likely class up to the first node that is likely enough, for a promised share of right answers.

    See ``climb.climb`` and ``climb.threshold_for`` (Goren et al., NeurIPS 2024).
    """
    tree, levels, held_out = given.predictions.hierarchy, given.summed.probabilities, _held_out(given)
    found = threshold_for(given.promise, held_out.probabilities, held_out.labels, tree)
    nodes = climb(levels, tree, found.value)
    _, along = confidences(levels, tree)
    last = np.maximum((along >= found.value).sum(axis=1), 1) - 1
    sure = np.where(nodes == ROOT, 1.0, along[np.arange(len(nodes)), last])
    return _nodes(given, nodes, sure, threshold=found.value, promise=given.promise, note=found.note)


def hedging(given: Given) -> Decision:
    """The node that says most for its risk, argmax_v (information(v) + lambda) P(v), for a promised share right.

    See ``hedge.hedge`` and ``hedge.weight_for`` (Deng et al., CVPR 2012).
    """
    tree, held_out = given.predictions.hierarchy, _held_out(given)
    found = weight_for(given.promise, held_out.probabilities[-1], held_out.labels, tree)
    nodes, sure = hedge(given.summed.probabilities[-1], tree, found.value)
    return _nodes(given, nodes, sure, threshold=found.value, promise=given.promise, note=found.note)


class Rule(NamedTuple):
    """A decision rule.

    Attributes:
        answer: from what it is given to its decision.
        stops: whether it may stop at an inner node.
        fitted: whether it is fitted to a promise on validation pictures.
    """

    answer: Callable[[Given], Decision]
    stops: bool = False
    fitted: bool = False


RULES: dict[str, Rule] = {
    "argmax": Rule(argmax),
    "independent": Rule(independent),
    "top-down": Rule(top_down),
    "bottom-up": Rule(bottom_up),
    "product": Rule(product),
    "least-cost": Rule(least_cost),
    "deepest-likely": Rule(deepest_likely, stops=True),
    "climb": Rule(climbing, stops=True, fitted=True),
    "hedge": Rule(hedging, stops=True, fitted=True),
}


def decide(
    predictions: Predictions,
    rule: str = AUTO,
    *,
    validation: Predictions | None = None,
    promise: float = PROMISE,
) -> Decision:
    """What a decision rule answers.

    Args:
        predictions: what to decide about, as the network said it.
        rule: a key of ``RULES``, or ``AUTO``.
        validation: what the network said about other pictures, under the same tree, that nothing was learned from: a
            temperature is learned from them first, and the threshold of a rule that promises something. Without them
            the probabilities are taken as they are.
        promise: the share of right answers among those given, for the rules ``climb`` and ``hedge``, in (0, 1).

    Raises:
        InputError: when there is no such rule, a rule that promises something has no validation pictures or the promise
            is none, or the validation pictures have another tree.
    """
    return decided(given_of(predictions, validation, promise), rule)


def given_of(predictions: Predictions, validation: Predictions | None, promise: float = PROMISE) -> Given:
    """What rules may look at; the calibration is shared by all that are asked with it.

    Raises:
        InputError: when the validation pictures have another tree.
    """
    if validation is not None and validation.hierarchy != predictions.hierarchy:
        raise InputError(
            "the predictions on the validation pictures have another tree than those to decide about; put both under "
            "one: predictions.under(hierarchy), validation.under(hierarchy)"
        )
    return Given(predictions=predictions, learned=Temperatures(validation=validation), promise=promise)


def decided(given: Given, rule: str) -> Decision:
    """What a rule answers from what it is given; raises as ``decide``."""
    check_rule(rule)
    rule = rule_meant(rule, given.validation)
    if is_fitted(rule):
        check_promise(given.promise)
        if given.validation is None:
            raise InputError(
                f"{rule} promises a share of right answers, and there are no validation pictures to learn from how "
                "sure to be for that. Train with some: kinwise train DATA --set validation=0.1; or take a rule that "
                f"promises nothing: {', '.join(name for name, other in RULES.items() if not other.fitted)}"
            )
    decision = RULES[rule].answer(given)
    note = NOT_CALIBRATED if given.validation is None and decision.temperatures else decision.note
    return replace(decision, rule=rule, note=note)


def rule_meant(rule: str, *validations: Predictions | None) -> str:
    """The key of ``RULES`` that is meant; ``AUTO`` goes by the validation pictures of all that it is to be used for."""
    if rule != AUTO:
        return rule
    calibrated = all(validation is not None and len(validation) >= CALIBRATED_FROM for validation in validations)
    return "least-cost" if calibrated else "argmax"


def check_rule(rule: str) -> None:
    """Make sure that there is such a rule.

    Raises:
        InputError: when there is none; the message names the closest and all.
    """
    known = (AUTO, *RULES)
    if rule not in known:
        closest = get_close_matches(rule, known, n=1)
        hint = f"did you mean {closest[0]!r}? " if closest else ""
        raise InputError(f"there is no decision rule {rule!r}; {hint}The rules are: {', '.join(known)}")


def is_fitted(rule: str) -> bool:
    """Whether a rule is fitted to a promise on validation pictures; ``AUTO`` never is."""
    return rule != AUTO and RULES[rule].fitted


def check_answers_classes(rule: str, what: str) -> None:
    """Make sure that a rule always answers a class, because ``what`` needs one.

    Raises:
        InputError: when there is no such rule, or it may stop at an inner node.
    """
    check_rule(rule)
    if rule != AUTO and RULES[rule].stops:
        always = ", ".join(name for name, other in RULES.items() if not other.stops)
        raise InputError(
            f"{rule} may stop at an inner node, and {what} needs a class for every picture; rules that always answer "
            f"one: {always}"
        )


# --- from choices to decisions ----------------------------------------------------------------------------------------


def _classes(
    given: Given, chosen: np.ndarray, ranking: np.ndarray, sure: np.ndarray, temperatures: tuple[float, ...] = ()
) -> Decision:
    """The chosen classes and their ancestors; ``sure`` says how likely each class is, shape (pictures, classes)."""
    tree = given.predictions.hierarchy
    return Decision(
        answers=tree.level_labels[chosen],
        nodes=tree.leaves[chosen],
        ranking=ranking,
        confidence=sure[np.arange(len(chosen)), chosen],
        temperatures=temperatures,
    )


def _levels(given: Given, answers: np.ndarray, temperatures: tuple[float, ...] = ()) -> Decision:
    """Answers chosen level by level; the classes are ranked by their own probabilities."""
    ranking = given.predictions.probabilities[-1]
    of_classes = _classes(given, answers[:, -1], ranking, ranking, temperatures)
    return replace(of_classes, answers=answers)


def _nodes(
    given: Given,
    nodes: np.ndarray,
    sure: np.ndarray,
    *,
    threshold: float | None = None,
    promise: float | None = None,
    note: str = "",
) -> Decision:
    """Answers that end at ``nodes``, which are as likely as ``sure``; the classes are ranked by their probabilities."""
    return Decision(
        answers=answers_of(nodes, given.predictions.hierarchy),
        nodes=nodes,
        ranking=given.predictions.probabilities[-1],
        confidence=sure,
        stops=True,
        temperatures=(given.temperature,),
        threshold=threshold,
        promise=promise,
        note=note,
    )


def _held_out(given: Given) -> Predictions:
    assert given.summed_validation is not None, "decided has made sure"
    return given.summed_validation


def _best_of_each(probabilities: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack([level.argmax(axis=1) for level in probabilities], axis=1)
