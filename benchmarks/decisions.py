"""How long every decision rule takes over 10,000 x 100 probabilities, calibration and fitting on 5,000 others included.

    python benchmarks/decisions.py [--repeats 7]

Made-up probabilities under CIFAR-100's tree; the first call of each rule, which loads libraries, is not counted. Writes
``decisions.json``.
"""

import argparse
import time

import numpy as np
from common import machine, summary, write

from kinwise.judge.decide import RULES, decide
from kinwise.judge.predictions import Predictions
from kinwise.taxonomy import built_in


def made_up(pictures: int, seed: int) -> Predictions:
    """Probabilities that lean towards the truth and its relatives, right for about two pictures in three."""
    generator, tree = np.random.default_rng(seed), built_in("cifar100")
    labels = generator.integers(len(tree.classes), size=pictures)
    scores = generator.normal(size=(pictures, len(tree.classes))) - 0.7 * tree.distances[labels]
    scores[np.arange(pictures), labels] += 1.5
    odds = np.exp(scores)
    return Predictions.from_classes(odds / odds.sum(axis=1, keepdims=True), labels, tree)


def seconds_of(rule: str, predictions: Predictions, validation: Predictions) -> float:
    started = time.perf_counter()
    decide(predictions, rule, validation=validation)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    predictions, validation = made_up(10_000, 0), made_up(5_000, 1)
    seconds = {}
    for rule in RULES:
        decide(predictions, rule, validation=validation)
        seconds[rule] = summary([seconds_of(rule, predictions, validation) for _ in range(repeats)])
    write("decisions", {"machine": machine(), "seconds": seconds})


if __name__ == "__main__":
    main()
