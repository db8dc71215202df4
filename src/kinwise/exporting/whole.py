"""The whole way from pixels to calibrated probabilities as one module, and what is written beside it."""

import copy
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor, nn

import kinwise
from kinwise.answering.answers import Trained
from kinwise.data.augment import normalise
from kinwise.hierarchy import Hierarchy
from kinwise.judge.calibrate import calibrate, temperature_for
from kinwise.judge.climb import Threshold, threshold_for
from kinwise.judge.decide import rule_meant
from kinwise.judge.predictions import SMALLEST_PROBABILITY, Predictions
from kinwise.judge.promises import PROMISES
from kinwise.learn.heads import SummedHead
from kinwise.learn.network import Network

INPUT = "pictures"
"""What the input of an exported file is called."""

ANSWER = "answer"
"""What its last output is called: the class to answer with, its index."""


class Whole(nn.Module):
    """Pictures as they come from a file in, calibrated probabilities at every level and an answer out; on the CPU.

    softmax(max(log p, log 2^-23) / temperature), p being the network's class probabilities, as ``judge.calibrate`` has
    it, in float32; a coarser node has the sum of its classes. What heads of their own said about coarser levels is not
    asked, as answers do not ask it either.

    Args:
        network: the trained network; it stays as it is.
        hierarchy: its tree.
        temperature: of the calibration; 1 changes nothing.
        rule: the decision rule of the answer, least-cost or argmax.
    """

    def __init__(self, network: Network, hierarchy: Hierarchy, temperature: float, rule: str) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).float()
        if isinstance(self.network.head, SummedHead):
            self.network.head.coarse = 0  # the levels above the classes come from calibrated ones, below
        self.temperature, self.rule = temperature, rule
        if rule == "least-cost":
            self.register_buffer("distances", torch.from_numpy(hierarchy.distances.astype(np.float32)))
        self.levels = safe_names(hierarchy.levels)
        self.outputs = (*self.levels, ANSWER)
        for level, nodes in enumerate(hierarchy.level_nodes[:-1]):
            members = torch.from_numpy(hierarchy.ancestor_matrix[nodes].T.astype(np.float32))
            self.register_buffer(f"members{level}", members)
        self.eval().requires_grad_(False)

    def forward(self, pictures: UInt8[Tensor, "batch side side channels"]) -> dict[str, Tensor]:
        """Probabilities per level, coarse to fine, by the safe name of the level, (batch, nodes); and ``ANSWER``.

        The answer is the index of a class, int64, (batch,).
        """
        pixels = normalise(pictures.permute(0, 3, 1, 2), self.network.statistics)
        logs = torch.log_softmax(self.network(pixels)[-1], dim=1).clamp_min(math.log(SMALLEST_PROBABILITY))
        classes = torch.softmax(logs / self.temperature, dim=1)
        *coarse, finest = self.levels
        sums = {name: classes @ self.get_buffer(f"members{level}") for level, name in enumerate(coarse)}
        costs = classes @ self.get_buffer("distances") if self.rule == "least-cost" else -classes
        return sums | {finest: classes, ANSWER: costs.argmin(dim=1)}


def safe_names(levels: Sequence[str]) -> tuple[str, ...]:
    """The names of the levels made of letters, digits and underscores; all different, and none is taken already."""
    names: list[str] = [INPUT, ANSWER]
    for level in levels:
        name = re.sub(r"\W+", "_", level, flags=re.ASCII).strip("_") or "level"
        name = f"level_{name}" if name[0].isdigit() else name
        tries = (name, *(f"{name}_{count}" for count in range(2, len(levels) + 2)))
        names.append(next(one for one in tries if one not in names))
    return tuple(names[2:])


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How sure to be and how to answer, learnt from the pictures that were held out of a training.

    Attributes:
        rule: the decision rule of the answer, least-cost or argmax.
        temperature: of the class probabilities; 1 where no pictures were held out.
        thresholds: what an answer's probability must reach, for each of ``PROMISES``; none where none were held out.
        pictures: how many were held out.
    """

    rule: str
    temperature: float
    thresholds: tuple[Threshold, ...]
    pictures: int


def calibration_of(validation: Predictions | None, decision: str) -> Calibration:
    """What is to be learnt from what a network says about its validation pictures, for answers by a ``decision``."""
    rule = rule_meant(decision, validation)
    if validation is None:
        return Calibration(rule=rule, temperature=1.0, thresholds=(), pictures=0)
    temperature = temperature_for(validation.probabilities[-1], validation.labels)
    sure = calibrate(validation, temperature)
    thresholds = [threshold_for(one, sure.probabilities, sure.labels, sure.hierarchy) for one in PROMISES]
    return Calibration(rule=rule, temperature=temperature, thresholds=tuple(thresholds), pictures=len(validation))


def facts_of(run: Trained, network: Network, calibration: Calibration) -> dict[str, Any]:
    """What is written into the file beside the network, ready for JSON.

    ``hierarchy`` has levels, names and parents, as in hierarchy.json; ``nodes`` the node of the tree that each column
    of each output stands for; ``decision`` the rule of the answer; ``thresholds`` the least probability of an answer
    for each promise, where pictures were held out, and ``notes`` why a promise may not be kept.
    """
    tree, config = run.hierarchy, run.config
    return {
        "kinwise": kinwise.__version__,
        "recipe": config.recipe,
        "network": config.network,
        "hierarchy": tree.to_dict(),
        "outputs": list(safe_names(tree.levels)),
        "nodes": [nodes.tolist() for nodes in tree.level_nodes],
        "side": network.size,
        "fit": config.fit,
        "decision": calibration.rule,
        "temperature": calibration.temperature,
        "validation_pictures": calibration.pictures,
        "thresholds": {f"{one.promise:g}": one.value for one in calibration.thresholds},
        "notes": {f"{one.promise:g}": one.note for one in calibration.thresholds if one.note},
    }
