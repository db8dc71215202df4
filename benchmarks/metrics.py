"""How long judging takes: all figures with 1,000 bootstrap resamples, for 10,000 pictures of 100 classes.

Beside it, on the same predictions and without a single resample: the hierarchical figures by a plain Python loop over
pictures and ranks, the way the field's reference code computes them, and the flat figures by scikit-learn and
torchmetrics. Writes ``metrics.json`` next to this file.

    python benchmarks/metrics.py [--repeats 7] [--out FILE]
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import sklearn.metrics
import torch
from common import machine
from torchmetrics.functional import classification

from kinwise.hierarchy import Hierarchy
from kinwise.judge.metrics import score
from kinwise.judge.predictions import Predictions
from kinwise.taxonomy import built_in

PICTURES, RESAMPLES = 10_000, 1_000


def made_up_predictions(hierarchy: Hierarchy) -> Predictions:
    """Probabilities of a classifier that is right about two times in three and errs near the truth."""
    generator = np.random.default_rng(0)
    classes = len(hierarchy.classes)
    labels = np.repeat(np.arange(classes), PICTURES // classes)
    scores = 2 * generator.normal(size=(PICTURES, classes)) - hierarchy.distances[labels]
    scores[np.arange(PICTURES), labels] += 5 * generator.random(PICTURES)
    powers = np.exp(scores)
    return Predictions.from_classes(powers / powers.sum(axis=1, keepdims=True), labels, hierarchy)


def loop_over_pictures(predictions: Predictions) -> dict[str, float]:
    """The hierarchical figures once, with distances in a dict of pairs of names and a loop over pictures and ranks."""
    tree = predictions.hierarchy
    distance = {
        (a, b): int(tree.distances[i, j]) for i, a in enumerate(tree.classes) for j, b in enumerate(tree.classes)
    }
    sums = {"mistakes": 0, "severity": 0, "at_5": 0, "at_20": 0, "shared": 0, "nodes": 0}
    for row, label in zip(predictions.probabilities[-1], predictions.labels, strict=True):
        ranked = np.argsort(-row)
        steps = [distance[tree.classes[class_], tree.classes[label]] for class_ in ranked[:20]]
        sums["mistakes"] += steps[0] > 0
        sums["severity"] += steps[0]
        sums["at_5"] += sum(steps[:5])
        sums["at_20"] += sum(steps)
        answered, true = set(tree.paths[ranked[0]].tolist()), set(tree.paths[label].tolist())
        sums["shared"] += len(answered & true)
        sums["nodes"] += len(answered)
    count = len(predictions)
    return {
        "mistake_severity": sums["severity"] / sums["mistakes"],
        "average_severity": sums["severity"] / count,
        "hierarchical_distance_at_5": sums["at_5"] / count / 5,
        "hierarchical_distance_at_20": sums["at_20"] / count / 20,
        "hierarchical_precision": sums["shared"] / sums["nodes"],
    }


def with_scikit_learn(predictions: Predictions) -> dict[str, float]:
    """The flat figures of every level once; scikit-learn has no calibration error."""
    figures: dict[str, float] = {}
    for level, name in enumerate(predictions.hierarchy.levels):
        true = predictions.hierarchy.level_labels[predictions.labels, level]
        probabilities = predictions.probabilities[level].astype(np.float64)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        answers, nodes = probabilities.argmax(axis=1), np.arange(probabilities.shape[1])
        precision, recall, f1, _ = sklearn.metrics.precision_recall_fscore_support(
            true, answers, average="macro", zero_division=0
        )
        figures |= {
            f"{name} accuracy": sklearn.metrics.accuracy_score(true, answers),
            f"{name} precision_macro": precision,
            f"{name} recall_macro": recall,
            f"{name} f1_macro": f1,
            f"{name} negative_log_likelihood": sklearn.metrics.log_loss(true, probabilities, labels=nodes),
            f"{name} brier": sklearn.metrics.brier_score_loss(true, probabilities, labels=nodes, scale_by_half=False),
        }
    return figures


def with_torchmetrics(predictions: Predictions) -> dict[str, float]:
    """The flat figures of every level once; torchmetrics has no negative log likelihood or Brier score of this kind."""
    figures = {}
    for level, name in enumerate(predictions.hierarchy.levels):
        true = torch.tensor(predictions.hierarchy.level_labels[predictions.labels, level])
        probabilities = torch.tensor(predictions.probabilities[level])
        nodes = probabilities.shape[1]
        for key in ("precision", "recall", "f1_score"):
            function = getattr(classification, f"multiclass_{key}")
            figures[f"{name} {key}"] = float(function(probabilities, true, nodes, average="macro"))
        figures[f"{name} accuracy"] = float(
            classification.multiclass_accuracy(probabilities, true, nodes, average="micro")
        )
        figures[f"{name} calibration_error"] = float(
            classification.multiclass_calibration_error(probabilities, true, nodes, n_bins=15)
        )
    return figures


def check_agreement(predictions: Predictions) -> None:
    """Stop unless all ways give the same figures; a fast wrong answer is worth nothing."""
    # The coarser levels are judged by their own best node, as the other libraries do.
    scores = score(predictions, decision="independent", resamples=1)
    for name, value in loop_over_pictures(predictions).items():
        if name != "hierarchical_precision":
            np.testing.assert_allclose(getattr(scores, name), value, rtol=1e-4)
    argmax = score(predictions, resamples=1)
    np.testing.assert_allclose(
        argmax.hierarchical_precision, loop_over_pictures(predictions)["hierarchical_precision"], rtol=1e-6
    )
    for name, value in (with_scikit_learn(predictions) | with_torchmetrics(predictions)).items():
        level, key = name.split()
        key = {"precision": "precision_macro", "recall": "recall_macro", "f1_score": "f1_macro"}.get(key, key)
        np.testing.assert_allclose(scores.level[level][key].value, value, rtol=1e-4)


def timed(work: Callable[[], object], repeats: int) -> dict[str, Any]:
    """Seconds of each repeat after one that does not count, their mean and standard deviation.

    ``processor_mean`` is the time that the processor's cores spent on it, which a busy machine hardly changes.
    """
    work()
    seconds, processor_began = [], time.process_time()
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return {
        "processor_mean": round((time.process_time() - processor_began) / repeats, 4),
        "mean": round(statistics.mean(seconds), 4),
        "standard_deviation": round(statistics.stdev(seconds), 4),
        "seconds": [round(second, 4) for second in seconds],
    }


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    arguments = parser.parse_args()
    predictions = made_up_predictions(built_in("cifar100"))
    check_agreement(predictions)
    works: dict[str, Callable[[], object]] = {
        f"kinwise: all figures with {RESAMPLES} resamples": lambda: score(predictions, resamples=RESAMPLES),
        "kinwise: all figures with 1 resample": lambda: score(predictions, resamples=1),
        "Python loop over pictures: hierarchical figures, no resamples": lambda: loop_over_pictures(predictions),
        "scikit-learn: flat figures, no resamples": lambda: with_scikit_learn(predictions),
        "torchmetrics: flat figures, no resamples": lambda: with_torchmetrics(predictions),
    }
    result = {
        "pictures": PICTURES,
        "classes": len(predictions.hierarchy.classes),
        "levels": list(predictions.hierarchy.levels),
        "repeats": arguments.repeats,
        "machine": machine(),
        "peers": {name: version(name) for name in ("scikit-learn", "torchmetrics")},
        "seconds": {name: timed(work, arguments.repeats) for name, work in works.items()},
    }
    for name, times in result["seconds"].items():
        spread, processor_mean = times["standard_deviation"], times["processor_mean"]
        print(f"{times['mean']:8.3f} s ± {spread:.3f}, processor {processor_mean:.3f} s  {name}")
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
