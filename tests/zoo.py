"""A small ragged tree and answers on it that are worked out by hand, and random predictions on any tree."""

import numpy as np

from kinwise.hierarchy import Hierarchy
from kinwise.judge.predictions import Predictions
from kinwise.judge.scores import Scores
from kinwise.taxonomy import built_in

#        root
#       /    \
#   animals  things
#    /  \       \
#  fish  dog   tools
#  /  \        /   \
# shark ray  saw   axe
ZOO = Hierarchy(
    parents=np.array([-1, 0, 0, 1, 2, 3, 3, 1, 4, 4]),
    names=("root", "animals", "things", "fish", "tools", "shark", "ray", "dog", "saw", "axe"),
)
SHARK, RAY, DOG, SAW, AXE = range(5)

LABELS = np.array([SHARK, SHARK, DOG, SAW, AXE])
PROBABILITIES = np.array(
    [
        [0.6, 0.2, 0.1, 0.1, 0.0],  # right
        [0.1, 0.5, 0.2, 0.1, 0.1],  # a ray: severity 1
        [0.3, 0.1, 0.2, 0.2, 0.2],  # a shark for a dog: severity 2
        [0.0, 0.0, 0.4, 0.3, 0.3],  # a dog for a saw: severity 3
        [0.1, 0.1, 0.1, 0.1, 0.6],  # right
    ]
)


def random_predictions(hierarchy: Hierarchy, pictures: int, seed: int) -> Predictions:
    """Heads that know nothing of each other, each leaning a little to the truth."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(len(hierarchy.classes), size=pictures)
    levels = []
    for level, size in enumerate(hierarchy.level_sizes):
        odds = generator.exponential(size=(pictures, size)) ** 2 + 1e-3
        odds[np.arange(pictures), hierarchy.level_labels[labels, level]] += 1
        levels.append((odds / odds.sum(axis=1, keepdims=True)).astype(np.float32))
    ids = np.arange(pictures).astype(str)
    return Predictions(probabilities=tuple(levels), labels=labels, ids=ids, hierarchy=hierarchy)


def held_out(hierarchy: Hierarchy, seed: int = 1000) -> Predictions:
    """Of pictures to fit a decision rule on."""
    return random_predictions(hierarchy, 60, seed)


def kin_predictions(hierarchy: Hierarchy, labels: np.ndarray, seed: int, split: str = "official") -> Predictions:
    """Made-up answers on pictures of the classes ``labels`` whose mistakes lean towards kin."""
    generator = np.random.default_rng(seed)
    pictures, count = len(labels), len(hierarchy.classes)
    odds = -1.5 * hierarchy.distances[labels] + generator.gumbel(size=(pictures, count))
    scores = np.exp(odds + 2.0 * (np.arange(count) == labels[:, None]))
    return Predictions.from_classes(scores / scores.sum(axis=1, keepdims=True), labels, hierarchy, split=split)


def cifar_predictions(seed: int = 0) -> Predictions:
    """Made-up answers under the tree of CIFAR-100 whose mistakes lean towards kin."""
    return kin_predictions(built_in("cifar100"), np.repeat(np.arange(100), 8), seed, split="80:20")


def flat_values(scores: Scores) -> dict[str, float | None]:
    """Every figure's value under one name: what the resamples are left out of."""
    values = {f"{level} {key}": figure.value for level, all_ in scores.level.items() for key, figure in all_.items()}
    return values | {key: getattr(scores, key) for key in scores.hierarchy if key != "severity_histogram"}
