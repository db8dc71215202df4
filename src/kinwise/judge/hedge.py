"""Hedge: the node that says most for its risk, and how much a right answer must weigh so that a promise is kept."""

from typing import NamedTuple

import numpy as np

from kinwise.hierarchy import Hierarchy
from kinwise.judge.climb import CONFIDENCE, ROOT, check_promise, why_not
from kinwise.judge.nodes import different_nodes, node_probabilities, wrong_among

HEAVIEST = 1e6
"""The largest lambda: only what is as good as certain is said."""

TRIED = np.concatenate([[0.0], np.geomspace(1e-1, 1e4, 21)])
"""The lambdas that are tried, lightest first."""

_HALVINGS = 5


class Weight(NamedTuple):
    """A lambda in nats, and why the promise may not be kept with it; empty where it is."""

    value: float
    note: str = ""


class Offers(NamedTuple):
    """The nodes to choose from, what each says in nats, and how likely it is for each picture."""

    nodes: np.ndarray
    information: np.ndarray
    probabilities: np.ndarray

    def taken(self, weight: float) -> tuple[np.ndarray, np.ndarray]:
        """argmax_v (information(v) + weight) P(v): the nodes, and how likely each is, both of shape (pictures,).

        Ties go to the lower node.
        """
        best = ((self.information + weight) * self.probabilities).argmax(axis=1)
        return self.nodes[best], self.probabilities[np.arange(len(best)), best]


def offers(classes: np.ndarray, hierarchy: Hierarchy) -> Offers:
    """Every node that says something of its own, from calibrated class probabilities, shape (pictures, classes).

    information(v) = log(classes) - log(classes below v), in nats: 0 for the root, log(classes) for a class.
    """
    nodes = different_nodes(hierarchy)
    information = np.log(len(hierarchy.leaves)) - np.log(hierarchy.ancestor_matrix[nodes].sum(axis=1))
    return Offers(nodes, information, node_probabilities(classes, nodes, hierarchy))


def hedge(classes: np.ndarray, hierarchy: Hierarchy, weight: float) -> tuple[np.ndarray, np.ndarray]:
    """argmax_v (information(v) + lambda) P(v) for each picture (DARTS: Deng et al., Hedging Your Bets, CVPR 2012).

    At lambda 0 it is the node of the highest expected information; the higher lambda, the coarser the answers, and at
    infinity all are the root. Of a chain of only children the last is answered.

    Args:
        classes: calibrated class probabilities, shape (pictures, classes).
        hierarchy: the tree.
        weight: lambda, 0 or more, in nats.

    Returns:
        Nodes, int64, the root for no answer, and how likely each is, both of shape (pictures,).
    """
    return offers(classes, hierarchy).taken(weight)


def weight_for(promise: float, classes: np.ndarray, labels: np.ndarray, hierarchy: Hierarchy) -> Weight:
    """The lowest lambda that the validation pictures allow, if ``promise`` of the answers given are to be right.

    A lambda is tested as the threshold of ``climb`` is: of m answers k are wrong, and so few must have a chance of at
    most 10 %, P(Binomial(m, 1 - promise) <= k), were more than 1 - promise wrong. The first one tested, of some that
    are evenly spaced by their logarithm, is the likeliest to pass if the probabilities are right; the labels have no
    say in that. Then lower ones are tested until one fails, and the step to it is divided by bisection, as the paper
    does with all. The paper counts the root as right, so that silence keeps any promise; here, as for ``climb``, only
    answers below it count.

    Args:
        promise: the share of right answers wanted among those given, in (0, 1).
        classes: calibrated class probabilities, shape (pictures, classes).
        labels: the true class of each picture, int64, shape (pictures,).
        hierarchy: the tree.

    Returns:
        Lambda; where the first one tested fails, 1e6 and a note that says why.

    Raises:
        InputError: when ``promise`` is outside (0, 1).
    """
    check_promise(promise)
    choices = offers(classes, hierarchy)

    def passes(weight: float) -> bool:
        nodes, _ = choices.taken(weight)
        wrong = np.count_nonzero(wrong_among(nodes, labels, hierarchy))
        return int(wrong) <= most_wrong(int(np.count_nonzero(nodes != ROOT)), promise)

    place = _likeliest_to_pass(choices, promise)
    if not passes(TRIED[place]):
        given = np.count_nonzero(choices.taken(TRIED[place])[0] != ROOT)
        return Weight(HEAVIEST, why_not(promise, int(given)))
    while place and passes(TRIED[place - 1]):
        place -= 1
    failed, passed = TRIED[max(place - 1, 0)], TRIED[place]
    for _ in range(_HALVINGS if place else 0):
        middle = (failed + passed) / 2
        failed, passed = (failed, middle) if passes(middle) else (middle, passed)
    return Weight(float(passed))


def most_wrong(given: int, promise: float) -> int:
    """How many of the answers given may be wrong so that the promise passes the test; -1 where not even none may.

    The highest k with P(Binomial(given, 1 - promise) <= k) <= 10 %.
    """
    from scipy.special import bdtr

    counts = np.arange(int(given * (1 - promise)) + 2)
    return int(np.count_nonzero(bdtr(counts, given, 1 - promise) <= 1 - CONFIDENCE)) - 1


def _likeliest_to_pass(choices: Offers, promise: float) -> int:
    """Which of ``TRIED`` passes with the highest probability if the probabilities are right, mistakes being Poisson."""
    from scipy.special import pdtr

    chances = []
    for weight in TRIED:
        nodes, sure = choices.taken(weight)
        given = nodes != ROOT
        most = most_wrong(int(np.count_nonzero(given)), promise)
        chances.append(pdtr(most, (1 - sure[given]).sum()) if most >= 0 else 0.0)
    return int(np.argmax(chances))
