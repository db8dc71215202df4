"""Looking at failures with the network that made them: from pictures and predictions to explanations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from kinwise.data.augment import normalise
from kinwise.data.images import Images, evenly
from kinwise.errors import InputError
from kinwise.examine.album import EMPTY, LARGEST_SIDE, Album, album_of
from kinwise.examine.alike import MOST_LEARNT, features, nearest
from kinwise.examine.cases import Case, HeatMap, Neighbour
from kinwise.examine.copies import changed_answers
from kinwise.examine.explanations import Explanations
from kinwise.examine.faithfulness import border_shares, faithfulness
from kinwise.examine.hypothesis import hypotheses, usual_among
from kinwise.examine.maps import DEFAULT, heat_maps, targets_of
from kinwise.examine.traits import common, traits_of
from kinwise.judge.choose import Choose, chooser
from kinwise.judge.decide import AUTO, decided, given_of
from kinwise.judge.doubt import label_doubt
from kinwise.judge.failures import Failure, choose_failures, failure_of
from kinwise.judge.predictions import Predictions
from kinwise.learn.machine import Machine
from kinwise.learn.network import Network

NEIGHBOURS = 10
RIGHT_LOOKED_AT = 200
MOST_TILES = 4000  # of 32 x 32 pixels; fewer where pictures are larger
RIGHT_PER_CLASS = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class Looking:
    """With what pictures are looked at.

    Attributes:
        network: on the machine's device.
        machine: where to compute.
        learnt: the pictures among which similar ones are looked for; there may be none.
        features: of these, as ``alike.features`` gives them.
        choose: from the network's probabilities to the classes that it answers.
        method: how to make heat maps, a key of ``maps.METHODS``.
    """

    network: Network
    machine: Machine
    learnt: Images
    features: np.ndarray
    choose: Choose
    method: str


def looking(network: Network, learnt: Images, machine: Machine, choose: Choose, method: str = DEFAULT) -> Looking:
    """What ``look_at`` needs: the network, and its features of at most ``MOST_LEARNT`` pictures that it learnt from."""
    learnt = evenly(learnt, MOST_LEARNT)
    found = features(network, learnt, machine)
    return Looking(network=network, machine=machine, learnt=learnt, features=found, choose=choose, method=method)


def explanations_of(
    network: Network,
    images: Images,
    predictions: Predictions,
    machine: Machine,
    *,
    count: int,
    decision: str = AUTO,
    validation: Predictions | None = None,
    method: str = DEFAULT,
) -> Explanations:
    """Choose ``count`` failures on the test part of ``images`` and measure everything that can be measured about them.

    Args:
        network: the one that made the predictions, on the machine's device.
        images: those that it learnt from are the training part.
        predictions: of the test part, picture by picture.
        machine: where to compute.
        count: how many failures at most, 1 or more.
        decision: the rule by which it answers, one that always answers a class.
        validation: what the network said about pictures held out, to calibrate on; None where there are none.
        method: how to make heat maps, a key of ``maps.METHODS``.

    Raises:
        InputError: when the predictions are not of these test pictures, or there is no such method.
    """
    test, given = images.test, given_of(predictions, validation)
    answers = decided(given, decision).answers
    if not np.array_equal(test.ids.astype(str), predictions.ids.astype(str)):
        raise InputError(f"the predictions are of other pictures than the test part of {images.name}")
    doubt = label_doubt(predictions.probabilities[-1], predictions.labels)
    wrong = answers[:, -1] != predictions.labels
    right = np.flatnonzero(~wrong)
    right = right[:: max(1, len(right) // RIGHT_LOOKED_AT)][:RIGHT_LOOKED_AT]
    looked = looking(network, images.train, machine, chooser(decision, given.learned, predictions.hierarchy), method)
    beside = [failure_of(predictions, answers, doubt, int(row)) for row in right]
    usual = usual_among(_cases(looked, test.take(right), answers[right], beside)[0])
    return replace(
        look_at(looked, test, answers, choose_failures(predictions, answers, doubt, count), usual=usual),
        common=common(traits_of(test.pixels), wrong, predictions.labels, seed=0),
        album=_album(test, predictions, answers[:, -1]),
    )


def look_at(
    looked: Looking,
    images: Images,
    answers: np.ndarray,
    failures: Sequence[Failure],
    *,
    usual: Mapping[str, float] | None = None,
) -> Explanations:
    """Measure everything that can be measured about ``failures`` one by one: no common traits, and an empty album.

    Args:
        looked: with what to look.
        images: the pictures that ``Failure.row`` counts.
        answers: for all of them, int64, shape (pictures, levels).
        failures: which to look at, one or more.
        usual: how often the same is measured on right answers (see ``hypothesis.usual_among``).
    """
    rows = np.array([failure.row for failure in failures], dtype=np.int64)
    chosen = images.take(rows)
    heat, maps = _heat(looked, chosen, answers[rows])
    plain, alike = _cases(looked, chosen, answers[rows], failures)
    cases = [
        replace(
            case, maps=of, hypotheses=hypotheses(case.failure, case.neighbours, case.copies, case.stability, of, usual)
        )
        for case, of in zip(plain, maps, strict=True)
    ]
    return Explanations(
        method=looked.method,
        cases=tuple(cases),
        pictures=chosen.pixels[:],
        maps=np.rint(255 * heat).astype(np.uint8),
        neighbours=looked.learnt.pixels[alike],
        common=(),
        album=EMPTY,
    )


def _cases(
    looked: Looking, images: Images, answers: np.ndarray, failures: Sequence[Failure]
) -> tuple[list[Case], np.ndarray]:
    """A case for each of ``images``, still without maps and hypotheses; and which pictures are most similar to it."""
    learnt, classes = looked.learnt, looked.learnt.hierarchy.classes
    copies, stability = changed_answers(looked.network, images, answers[:, -1], looked.machine, looked.choose)
    indices, similarities = nearest(features(looked.network, images, looked.machine), looked.features, NEIGHBOURS)
    cases = [
        Case(
            failure=failure,
            neighbours=tuple(
                Neighbour(id=str(learnt.ids[index]), label=classes[learnt.labels[index]], similarity=float(value))
                for index, value in zip(places, values, strict=True)
            ),
            copies=changed,
            stability=stable,
            maps=(),
            hypotheses=(),
        )
        for failure, places, values, changed, stable in zip(
            failures, indices, similarities, copies, stability, strict=True
        )
    ]
    return cases, indices


def _heat(looked: Looking, images: Images, answers: np.ndarray) -> tuple[np.ndarray, list[tuple[HeatMap, ...]]]:
    """The heat maps of ``images``, (pictures, targets, h, w), and what is known about each."""
    targets = targets_of(images.hierarchy.levels)
    true = images.level_labels
    pixels = torch.from_numpy(np.ascontiguousarray(images.pixels)).to(looked.machine.device)
    pictures = normalise(pixels, looked.network.statistics)
    heat = heat_maps(looked.network, pictures, answers, true, looked.method)
    faithful = faithfulness(looked.network, pictures, heat, answers, true, seed=0)
    maps = [
        tuple(
            HeatMap(target=target, border=float(border), faithfulness=one)
            for target, border, one in zip(targets, borders, ones, strict=True)
        )
        for borders, ones in zip(border_shares(heat), faithful, strict=True)
    ]
    return heat, maps


def _album(test: Images, predictions: Predictions, answered: np.ndarray) -> Album:
    """Small copies of as many mistakes as fit in, of every confusion some, and of a few right answers of each class.

    Of a confusion the most confident come first, of the right answers the least confident.
    """
    classes = len(predictions.hierarchy.classes)
    confidence = predictions.probabilities[-1][np.arange(len(answered)), answered]
    right = answered == predictions.labels
    order = np.lexsort((np.where(right, confidence, -confidence), predictions.labels * classes + answered))
    cell = (predictions.labels * classes + answered)[order]
    starts = np.flatnonzero(np.r_[True, cell[1:] != cell[:-1]])
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    side = min(max(test.pixels.shape[2:]), LARGEST_SIDE)
    most = max(1, int(MOST_TILES * min(1.0, (32 / side) ** 2)))
    good = order[right[order] & (rank < RIGHT_PER_CLASS)]
    wrong = order[~right[order]][np.argsort(rank[~right[order]], kind="stable")]
    rows = np.sort(np.r_[wrong[: max(0, most - len(good))], good[:most]])
    return album_of(test.pixels[rows], rows)
