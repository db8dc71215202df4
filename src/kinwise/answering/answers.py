"""Answers: what a run says about new pictures, with a confidence per level, stopping where it is not sure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from kinwise.config import Config
from kinwise.data.folder.decode import Unreadable, decode
from kinwise.data.images import Images
from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.judge.calibrate import calibrate, calibrated
from kinwise.judge.choose import chooser
from kinwise.judge.climb import ROOT, Threshold, check_promise, climb, confidences, threshold_for
from kinwise.judge.decide import rule_meant
from kinwise.judge.decision import Temperatures
from kinwise.judge.predictions import Predictions, sum_upward

if TYPE_CHECKING:
    from kinwise.learn.network import Network

Pictures = np.ndarray | Images | Sequence[Path | str]
"""uint8 (pictures, channels, side, side) of the network's own side; or Images; or paths of picture files."""


class Trained(Protocol):
    """What answering needs of a run."""

    @property
    def folder(self) -> Path:
        """Where it is."""

    @property
    def config(self) -> Config:
        """Everything that describes the training."""

    @property
    def hierarchy(self) -> Hierarchy:
        """The tree it was trained on."""

    def network(self) -> "Network":
        """The trained network."""

    def validation(self) -> Predictions | None:
        """What it said about the pictures held out of the training."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """What a network answers about some pictures.

    Attributes:
        nodes: the deepest node answered, int64, shape (pictures,); 0, the root: no answer.
        probabilities: calibrated, one float32 array per level, coarse to fine, shape (pictures, nodes of that level);
            every level is the sum of the next.
        hierarchy: the tree.
        threshold: what the probability of an answer had to reach, 0..1; 0 where the answer is always a class.
        reasons: for each picture why its answer stopped, in words; empty where it is a class.
        note: why the promise asked for may not be kept; empty where it is.
    """

    nodes: np.ndarray
    probabilities: tuple[np.ndarray, ...]
    hierarchy: Hierarchy
    threshold: float
    reasons: tuple[str, ...]
    note: str = ""

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.nodes)

    def path(self, row: int) -> list[tuple[str, str, float]]:
        """The answer about one picture, coarse to fine: the name of the level, of the node, and its probability.

        Empty where there is no answer. A class stands once, at the last level, wherever its branch ends.
        """
        return self._steps(row, self.hierarchy.ancestors(int(self.nodes[row]))[1:])

    def likeliest(self, row: int) -> list[tuple[str, str, float]]:
        """The path down to the most likely class, whatever was answered."""
        best = self.hierarchy.leaves[self.probabilities[-1][row].argmax()]
        return self._steps(row, self.hierarchy.ancestors(int(best))[1:])

    def to_dict(self, row: int) -> dict[str, Any]:
        """The answer about one picture, ready for JSON.

        ``answer`` is the name of the deepest node answered, ``level`` the name of its level, ``confidence`` its
        calibrated probability, all three null where there is no answer; ``path`` what was answered and ``likeliest``
        the path to the most likely class, as lists of objects with level, name and confidence, coarse to fine;
        ``reason`` why the answer stopped, empty where it is a class.
        """
        path, likeliest = (
            [{"level": level, "name": name, "confidence": round(sure, 4)} for level, name, sure in steps]
            for steps in (self.path(row), self.likeliest(row))
        )
        last = path[-1] if path else {"name": None, "level": None, "confidence": None}
        return {
            "answer": last["name"],
            "level": last["level"],
            "confidence": last["confidence"],
            "path": path,
            "likeliest": likeliest,
            "reason": self.reasons[row],
        }

    def _steps(self, row: int, nodes: np.ndarray) -> list[tuple[str, str, float]]:
        tree = self.hierarchy
        whole = len(nodes) > 0 and tree.heights[nodes[-1]] == 0
        answered = np.flatnonzero(tree.leaves == nodes[-1]) if whole else None
        along = confidences([level[row : row + 1] for level in self.probabilities], tree, answered)[1][0]
        last = len(tree.levels) - 1
        places = [last if tree.heights[node] == 0 else tree.depths[node] - 1 for node in nodes]
        return [
            (tree.levels[place], tree.names[node], float(along[place]))
            for place, node in zip(places, nodes, strict=True)
        ]


class Answerer:
    """A run's network, ready to answer about picture after picture.

    Args:
        run: a complete run.
        promise: the share of the answers given that must be right, in (0, 1); None: the answer is always a class.
        device: where to compute: auto, cpu, cuda or mps.

    Attributes:
        rule: the decision rule that chooses the class; with a promise ``climb``.
        hierarchy: the tree.
        size: the side of the pictures that the network takes, in pixels.
        fit: how a picture file becomes square.
        temperature: that of the calibration; 1 where there is none.
        calibrated: whether pictures were held out of the training to calibrate on.
        threshold: what an answer's probability must reach, with what it promises; None without a promise.

    Raises:
        InputError: when the run is damaged, or has no validation pictures to base a promise on.
    """

    def __init__(self, run: Trained, *, promise: float | None = None, device: str = "auto") -> None:
        from kinwise.learn.machine import look_at_machine

        validation = run.validation()
        self.calibrated = validation is not None
        learned = Temperatures(validation=validation)
        self.temperature = learned.of_classes
        self.threshold = None if promise is None else _threshold(run, validation, self.temperature, promise)
        config = run.config
        self.rule = rule_meant(config.decision if promise is None else "climb", validation)
        self.hierarchy, self.fit = run.hierarchy, config.fit
        self._choose = None if promise is not None else chooser(self.rule, learned, run.hierarchy)
        self.machine = look_at_machine(config.changed([f"device={device}"]))
        self.network = run.network().to(self.machine.device)
        self.size = self.network.size

    def answer(self, pixels: np.ndarray) -> Answers:
        """Answers about pictures of the network's own size: uint8, shape (pictures, channels, size, size).

        Raises:
            InputError: when the array is of another type or shape.
        """
        wanted = (len(self.network.statistics.mean), self.size, self.size)
        if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1:] != wanted:
            raise InputError(
                f"expected pictures as uint8 of shape (pictures, {', '.join(map(str, wanted))}), "
                f"got {pixels.dtype} of shape {pixels.shape}"
            )
        levels = self._probabilities(pixels)
        if self._choose:
            return answers_from(levels[-1], self.hierarchy, self.temperature, chosen=self._choose(levels))
        assert self.threshold is not None, "a promise has one"
        found = answers_from(levels[-1], self.hierarchy, self.temperature, self.threshold.value)
        return replace(found, note=self.threshold.note)

    def predict(self, pictures: Pictures) -> Answers:
        """Answers about an array, Images, or files; all of one call are in memory together.

        Raises:
            InputError: when an array has the wrong shape or a file holds no picture.
        """
        if isinstance(pictures, Images):
            return self.answer(np.asarray(pictures.pixels[:]))
        if isinstance(pictures, np.ndarray):
            return self.answer(pictures)
        channels = len(self.network.statistics.mean)
        pixels = [self._decoded(Path(path)) for path in pictures]
        return self.answer(np.stack(pixels) if pixels else np.zeros((0, channels, self.size, self.size), np.uint8))

    def decode(self, source: Path | bytes) -> np.ndarray:
        """A picture file, or what one holds, as uint8 of shape (3, size, size), made square as in the training.

        Raises:
            Unreadable: when it holds no picture.
        """
        return decode(source, self.size, self.fit)

    def _decoded(self, path: Path) -> np.ndarray:
        try:
            return self.decode(path)
        except Unreadable as reason:
            raise InputError(f"{path}: {reason}") from reason

    def _probabilities(self, pixels: np.ndarray) -> tuple[np.ndarray, ...]:
        """As they come out of the network, one array per level."""
        from kinwise.learn.network import predict

        count = len(pixels)
        if not count:
            return tuple(np.zeros((0, size), np.float32) for size in self.hierarchy.level_sizes)
        images = Images(
            pixels=pixels,
            labels=np.zeros(count, np.int64),  # not known, and not looked at
            ids=np.arange(count).astype(str),
            parts=np.full(count, "test"),
            hierarchy=self.hierarchy,
            name="pictures to answer about",
        )
        return predict(self.network, images, self.machine)


def _threshold(run: Trained, validation: Predictions | None, temperature: float, promise: float) -> Threshold:
    check_promise(promise)
    if validation is None:
        raise InputError(nothing_held_out(run.folder))
    sure = calibrate(validation, temperature)
    return threshold_for(promise, sure.probabilities, sure.labels, sure.hierarchy)


def nothing_held_out(folder: Path) -> str:
    """Why the run in ``folder`` can promise nothing, and what to do."""
    return (
        f"{folder} can promise nothing: no pictures were held out of its training to learn from how sure to be. Train "
        f"with some: kinwise train DATA --set validation=0.1"
    )


def answers_from(
    classes: np.ndarray,
    hierarchy: Hierarchy,
    temperature: float,
    threshold: float = 0.0,
    chosen: np.ndarray | None = None,
) -> Answers:
    """Answers from the class probabilities of a network, shape (pictures, classes), as they came out of it.

    They are the classes ``chosen``, int64, shape (pictures,), where these are given; else what ``climb`` finds.
    """
    probabilities = sum_upward(calibrated(classes, temperature), hierarchy)
    nodes = climb(probabilities, hierarchy, threshold) if chosen is None else hierarchy.leaves[chosen]
    return Answers(
        nodes=nodes,
        probabilities=probabilities,
        hierarchy=hierarchy,
        threshold=threshold,
        reasons=reasons_of(nodes, probabilities[-1], hierarchy),
    )


def reasons_of(nodes: np.ndarray, classes: np.ndarray, hierarchy: Hierarchy) -> tuple[str, ...]:
    """Why each answer stopped where it did: the two likeliest nodes below it; empty for an answer that is a class.

    Args:
        nodes: the answers, int64, shape (pictures,).
        classes: calibrated class probabilities, shape (pictures, classes).
        hierarchy: the tree.
    """
    reasons = [""] * len(nodes)
    above = hierarchy.ancestor_matrix.astype(np.float32)
    for node in np.setdiff1d(nodes, hierarchy.leaves):
        rows, children = np.flatnonzero(nodes == node), hierarchy.children(int(node))
        likely = classes[rows] @ above[children].T
        names = [hierarchy.names[child].replace("_", " ") for child in children]
        start = "no answer" if node == ROOT else f"stops at {hierarchy.names[node].replace('_', ' ')}"
        for row, order, shares in zip(rows, np.argsort(-likely, axis=1, kind="stable")[:, :2], likely, strict=True):
            told = ", ".join(f"{names[place]} {percent(shares[place])}" for place in order)
            reasons[row] = f"{start}: {told}"
    return tuple(reasons)


def percent(share: float) -> str:
    """A probability for people; what is nearly certain is not called certain."""
    if 0 < share < 0.01:
        return "< 1 %"
    return "> 99 %" if 0.99 < share < 1 else f"{100 * share:.0f} %"
