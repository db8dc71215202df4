"""Checking an exported file: the same pictures through it and through the run's own network."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from kinwise.answering.answers import answers_from
from kinwise.config import Config
from kinwise.data import data_folder, read_for
from kinwise.data.cifar import OFFICIAL
from kinwise.data.images import Images
from kinwise.errors import InputError
from kinwise.exporting.formats import Ask
from kinwise.exporting.whole import Calibration
from kinwise.hierarchy import Hierarchy
from kinwise.judge.climb import climb, confidences
from kinwise.judge.decide import expected_costs
from kinwise.learn.machine import Machine
from kinwise.learn.network import Network, predict

MOST_PICTURES = 200
BATCHES = (1, 7)
"""The sizes of the first batches; the last holds the rest."""

TOLERANCE = 1e-4
"""The largest difference of a probability that is let pass."""

PROCESSOR = Machine(device=torch.device("cpu"), dtype=torch.float32, reason="exported files are float32")


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How a file and the run's own network agree.

    Attributes:
        pictures: how many pictures both were asked about.
        source: where these come from, in words.
        largest_difference: between two probabilities of the same node, over all levels and pictures, 0..1; lower is
            better.
        other_answers: of how many pictures the answer differs, the likeliest node of a level, or where the answer stops
            for one of the promises; where both are as good to within the tolerance, it does not count. 0 is wanted.
    """

    pictures: int
    source: str
    largest_difference: float
    other_answers: int

    @property
    def holds(self) -> bool:
        """Whether the file may be handed over."""
        return self.largest_difference <= TOLERANCE and not self.other_answers


def pictures_to_ask(config: Config, network: Network, data_dir: Path | None = None) -> tuple[np.ndarray, str]:
    """At most 200 pictures of the data that ``config`` names, and what they are; random ones where it is gone.

    Those of its test part, where it comes with one.

    Nothing is downloaded for it.

    Returns:
        Pictures, uint8 (pictures, channels, side, side), and their source in words.
    """
    form = (len(network.statistics.mean), network.size, network.size)
    name = Path(config.data).name
    try:
        images = _images(config, network.size, data_dir)
        places = images.where("test") if np.any(images.parts == "test") else np.arange(len(images))
        taken = images.take(places[np.unique(np.linspace(0, len(places) - 1, MOST_PICTURES).astype(int))])
        if taken.pixels.shape[1:] == form:
            return np.asarray(taken.pixels[:]), f"pictures of {name}"
        reason = f"{name} has pictures of another form now"
    except InputError:
        reason = f"{name} is not there"
    pixels = np.random.default_rng(0).integers(0, 256, (MOST_PICTURES, *form), dtype=np.uint8)
    return pixels, f"random pictures, because {reason}"


def _images(config: Config, size: int, data_dir: Path | None) -> Images:
    if config.data == "cifar100" and not (data_folder(data_dir) / OFFICIAL.folder).is_dir():
        raise InputError("would be downloaded")
    return read_for(replace(config, size=size), data_dir)


def agreement(
    ask: Ask, network: Network, hierarchy: Hierarchy, calibration: Calibration, pixels: np.ndarray, source: str
) -> Agreement:
    """Ask both about ``pixels``, uint8 (pictures, channels, side, side), the file in batches of several sizes."""
    batches = np.split(np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)), np.cumsum(BATCHES))
    parts = [list(ask(batch).values()) for batch in batches if len(batch)]
    *got, answered = (np.concatenate(output) for output in zip(*parts, strict=True))
    images = Images(
        pixels=pixels,
        labels=np.zeros(len(pixels), np.int64),  # not looked at
        ids=np.arange(len(pixels)).astype(str),
        parts=np.full(len(pixels), "test"),
        hierarchy=hierarchy,
        name=source,
    )
    classes = predict(network, images, PROCESSOR)[-1]
    wanted = answers_from(classes, hierarchy, calibration.temperature, 0.0).probabilities
    values = [threshold.value for threshold in calibration.thresholds]
    others = other_answers(wanted, got, hierarchy, values)
    others |= other_classes(wanted[-1], answered, hierarchy, calibration.rule)
    return Agreement(
        pictures=len(pixels),
        source=source,
        largest_difference=float(max(abs(a - b).max() for a, b in zip(wanted, got, strict=True))),
        other_answers=int(np.count_nonzero(others)),
    )


def other_classes(classes: np.ndarray, answered: np.ndarray, hierarchy: Hierarchy, rule: str) -> np.ndarray:
    """Whether each answered class is worse than the best by this rule, of class probabilities; ties aside."""
    costs = expected_costs(classes, hierarchy) if rule == "least-cost" else -classes
    slack = TOLERANCE * (hierarchy.heights[0] if rule == "least-cost" else 1)
    return costs[np.arange(len(costs)), answered] - costs.min(axis=1) > slack


def other_answers(
    wanted: tuple[np.ndarray, ...], got: list[np.ndarray], hierarchy: Hierarchy, thresholds: list[float]
) -> np.ndarray:
    """Whether what is answered about each picture differs, at any level or for any threshold; ties aside."""
    rows = np.arange(len(wanted[0]))
    differs = np.zeros(len(rows), dtype=bool)
    for ours, theirs in zip(wanted, got, strict=True):
        lead = ours.max(axis=1) - ours[rows, theirs.argmax(axis=1)]
        differs |= lead > TOLERANCE
    along = confidences(wanted, hierarchy)[1]
    same_class = wanted[-1].argmax(axis=1) == got[-1].argmax(axis=1)
    for threshold in thresholds:
        stops_elsewhere = climb(wanted, hierarchy, threshold) != climb(got, hierarchy, threshold)
        tie = (abs(along - threshold) <= TOLERANCE).any(axis=1)
        differs |= stops_elsewhere & same_class & ~tie
    return differs
