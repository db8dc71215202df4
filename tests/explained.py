"""Explanations made up for any predictions: real mistakes, and everything that a network would have measured drawn."""

import numpy as np

from kinwise.examine.album import album_of
from kinwise.examine.cases import Case, Copy, Faithfulness, HeatMap, Hypothesis, Neighbour, Stability, Trait
from kinwise.examine.explanations import Explanations
from kinwise.hierarchy import Hierarchy
from kinwise.judge.decide import decide
from kinwise.judge.failures import REASONS, Failure, LevelAnswer
from kinwise.judge.predictions import Predictions
from kinwise.show.tallies import display

AGAINST = "against"
HOLDS = Trait(
    name="clutter",
    side="low",
    pictures=1312,
    found=(0.412, 0.267),
    checked=(0.398, 0.271),
    difference=(0.127, 0.098, 0.156),
    holds=True,
)
FAILS = Trait(
    name="brightness",
    side="high",
    pictures=1280,
    found=(0.302, 0.281),
    checked=(0.279, 0.284),
    difference=(-0.005, -0.034, 0.024),
    holds=False,
)


def failure_of(predictions: Predictions, row: int, reasons: tuple[str, ...] = ("confident",)) -> Failure:
    """What was true and answered in a row; the severity is that of the answered class."""
    tree, answers = predictions.hierarchy, decide(predictions, "argmax").answers[row]
    truth = tree.level_labels[predictions.labels[row]]
    path = tuple(
        LevelAnswer(
            level=level,
            true=tree.level_names(index)[truth[index]],
            answered=tree.level_names(index)[answers[index]],
            confidence=float(predictions.probabilities[index][row, answers[index]]),
            true_confidence=float(predictions.probabilities[index][row, truth[index]]),
        )
        for index, level in enumerate(tree.levels)
    )
    return Failure(
        row=row,
        id=str(predictions.ids[row]),
        reasons=reasons,
        path=path,
        severity=int(tree.distances[truth[-1], answers[-1]]),
        label_doubt=float(1 - predictions.probabilities[-1][row, truth[-1]]) ** 2,
        near_duplicate=[True, False, None][row % 3],
    )


def mistakes(predictions: Predictions, most: int) -> np.ndarray:
    """The rows of the most confident mistakes."""
    answers = decide(predictions, "argmax").answers[:, -1]
    wrong = np.flatnonzero(answers != predictions.labels)
    return wrong[np.argsort(-predictions.probabilities[-1][wrong, answers[wrong]], kind="stable")][:most]


def explained(
    predictions: Predictions,
    rows: np.ndarray,
    *,
    pixels: np.ndarray | None = None,
    train: np.ndarray | None = None,
    train_names: tuple[str, ...] = (),
    size: int = 8,
    seed: int = 0,
) -> Explanations:
    """The failures in ``rows``; pictures are noise of ``size`` pixels where there are no ``pixels`` of all rows.

    ``train`` are pictures to draw neighbours from, ``train_names`` their classes.
    """
    generator = np.random.default_rng(seed)
    tree, keys = predictions.hierarchy, list(REASONS)
    pictures = pixels[rows] if pixels is not None else noise(generator, len(rows), size)
    pool = train if train is not None else noise(generator, 40, size)
    labels = train_names or tuple(generator.choice(tree.classes, len(pool)).tolist())
    cases, neighbours = [], []
    for place, row in enumerate(rows.tolist()):
        failure = failure_of(predictions, row, (keys[place % 5], *([keys[0]] if place % 5 > 2 else [])))
        chosen = _some_alike(generator, labels, failure)
        neighbours.append(pool[chosen])
        near = tuple(
            Neighbour(id=f"train/{index}.png", label=labels[index], similarity=0.9 - 0.04 * step)
            for step, index in enumerate(chosen)
        )
        cases.append(_case(generator, tree, failure, near))
    maps = smooth(generator, (len(rows), len(tree.levels) + 1))
    return Explanations(
        method="layercam",
        cases=tuple(cases),
        pictures=pictures,
        maps=maps,
        neighbours=np.stack(neighbours),
        common=(HOLDS, FAILS),
        album=album_of(pictures, rows),
    )


def noise(generator: np.random.Generator, count: int, size: int) -> np.ndarray:
    """Pictures, uint8, shape (count, 3, size, size)."""
    return generator.integers(256, size=(count, 3, size, size), dtype=np.uint8)


def smooth(generator: np.random.Generator, shape: tuple[int, ...], size: int = 32) -> np.ndarray:
    """Heat maps with two warm places each, uint8, shape (..., size, size)."""
    y, x = np.mgrid[:size, :size] / size
    heat = np.zeros((*shape, size, size))
    for weight in (1.0, 0.6):
        centre = generator.uniform(0.1, 0.9, (2, *shape, 1, 1))
        width = generator.uniform(0.12, 0.28, (*shape, 1, 1))
        heat += weight * np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / (2 * width**2))
    return np.rint(255 * heat / heat.max(axis=(-2, -1), keepdims=True)).astype(np.uint8)


def _some_alike(generator: np.random.Generator, labels: tuple[str, ...], failure: Failure) -> list[int]:
    """Five places among the labels, some of the answered and some of the true class where there are such."""
    last, names = failure.path[-1], np.array(labels)
    weights = 0.02 + 3.0 * (names == last.answered) + 1.5 * (names == last.true)
    return [int(index) for index in generator.choice(len(names), 5, replace=False, p=weights / weights.sum())]


def _case(generator: np.random.Generator, tree: Hierarchy, failure: Failure, neighbours: tuple[Neighbour, ...]) -> Case:
    last = failure.path[-1]
    maps = []
    for target in (*tree.levels, AGAINST):
        whole, empty = last.confidence, 0.02
        shares = generator.uniform(0.1, 0.9, 4) * whole
        faithful = Faithfulness(
            whole=whole,
            empty=empty,
            blanked=shares[0],
            kept=shares[1],
            random_blanked=max(shares[2], shares[0]),
            random_kept=shares[3] / 4,
        )
        maps.append(HeatMap(target=target, border=float(generator.uniform(0.2, 0.8)), faithfulness=faithful))
    copies = tuple(
        Copy(
            name=name,
            answered=str(generator.choice([last.answered, last.answered, last.true])),
            confidence=float(share * last.confidence),
            true_confidence=float((1 - share) * last.confidence),
        )
        for name, share in zip(("mirrored", "blurred", "brighter", "grey"), generator.uniform(0, 1, 4), strict=True)
    )
    hypotheses = (
        Hypothesis(
            kind="similar_in_train",
            text=f"4 of 5 similar training pictures are labelled {display(last.answered)}, none {display(last.true)}.",
        ),
        Hypothesis(kind="background", text="71 % of the heat lies in the outer half; even would be 50 %."),
    )
    return Case(
        failure=failure,
        neighbours=neighbours,
        copies=copies,
        stability=Stability(copies=17, same=int(generator.integers(18)), right=0),
        maps=tuple(maps),
        hypotheses=hypotheses[: int(generator.integers(3))],
    )
