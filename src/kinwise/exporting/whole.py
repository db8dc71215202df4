"""The whole way from pixels to calibrated probabilities as one module, and what is written beside it."""

import copy
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

import kinwise
from kinwise.answering.answers import Trained
from kinwise.data.augment import normalise
from kinwise.hierarchy import Hierarchy
from kinwise.judge.calibrate import calibrate, temperature_for
from kinwise.judge.climb import Threshold, threshold_for
from kinwise.judge.predictions import SMALLEST_PROBABILITY, Predictions
from kinwise.learn.heads import SummedHead
from kinwise.learn.network import Network

INPUT = "pictures"
"""What the input of an exported file is called."""

PROMISES = (0.8, 0.9, 0.95, 0.99)
"""The shares of right answers for which an exported file holds a threshold."""


class Whole(nn.Module):
    """Pictures as they come from a file in, calibrated probabilities at every level out; float32, on the CPU.

    softmax(max(log p, log 2^-23) / temperature), p being the network's class probabilities, as ``judge.calibrate`` has
    it; a coarser node has the sum of its classes. What heads of their own said about coarser levels is not asked, as
    answers do not ask it either.

    Args:
        network: the trained network; it stays as it is.
        hierarchy: its tree.
        temperature: of the calibration; 1 changes nothing.
    """

    def __init__(self, network: Network, hierarchy: Hierarchy, temperature: float) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).float()
        if isinstance(self.network.head, SummedHead):
            self.network.head.coarse = 0  # the levels above the classes come from calibrated ones, below
        self.temperature = temperature
        self.outputs = safe_names(hierarchy.levels)
        for level, nodes in enumerate(hierarchy.level_nodes[:-1]):
            members = torch.from_numpy(hierarchy.ancestor_matrix[nodes].T.astype(np.float32))
            self.register_buffer(f"members{level}", members)
        self.eval().requires_grad_(False)

    def forward(self, pictures: UInt8[Tensor, "batch side side channels"]) -> dict[str, Float[Tensor, "batch nodes"]]:
        """Probabilities per level, coarse to fine, by the safe name of the level."""
        pixels = normalise(pictures.permute(0, 3, 1, 2), self.network.statistics)
        logs = torch.log_softmax(self.network(pixels)[-1], dim=1).clamp_min(math.log(SMALLEST_PROBABILITY))
        classes = torch.softmax(logs / self.temperature, dim=1)
        *coarse, finest = self.outputs
        sums = {name: classes @ self.get_buffer(f"members{level}") for level, name in enumerate(coarse)}
        return sums | {finest: classes}


def safe_names(levels: Sequence[str]) -> tuple[str, ...]:
    """The names of the levels made of letters, digits and underscores; all different, and none is that of the input."""
    names: list[str] = [INPUT]
    for level in levels:
        name = re.sub(r"\W+", "_", level, flags=re.ASCII).strip("_") or "level"
        name = f"level_{name}" if name[0].isdigit() else name
        tries = (name, *(f"{name}_{count}" for count in range(2, len(levels) + 2)))
        names.append(next(one for one in tries if one not in names))
    return tuple(names[1:])


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How sure to be, learnt from the pictures that were held out of a training.

    Attributes:
        temperature: of the class probabilities; 1 where no pictures were held out.
        thresholds: what an answer's probability must reach, for each of ``PROMISES``; none where none were held out.
        pictures: how many were held out.
    """

    temperature: float
    thresholds: tuple[Threshold, ...]
    pictures: int


def calibration_of(validation: Predictions | None) -> Calibration:
    """What is to be learnt from what a network says about its validation pictures."""
    if validation is None:
        return Calibration(temperature=1.0, thresholds=(), pictures=0)
    temperature = temperature_for(validation.probabilities[-1], validation.labels)
    sure = calibrate(validation, temperature)
    thresholds = [threshold_for(one, sure.probabilities, sure.labels, sure.hierarchy) for one in PROMISES]
    return Calibration(temperature=temperature, thresholds=tuple(thresholds), pictures=len(validation))


def facts_of(run: Trained, network: Network, calibration: Calibration) -> dict[str, Any]:
    """What is written into the file beside the network, ready for JSON.

    ``hierarchy`` has levels, names and parents, as in hierarchy.json; ``nodes`` the node of the tree that each column
    of each output stands for; ``thresholds`` the least probability of an answer for each promise, where pictures were
    held out, and ``notes`` why a promise may not be kept.
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
        "temperature": calibration.temperature,
        "validation_pictures": calibration.pictures,
        "thresholds": {f"{one.promise:g}": one.value for one in calibration.thresholds},
        "notes": {f"{one.promise:g}": one.note for one in calibration.thresholds if one.note},
    }
