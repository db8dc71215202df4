"""Logit adjustment: a network that learnt from uneven classes, made fairer to the rare ones afterwards.

Where training pictures are uneven, what a network says of a picture leans towards the classes it saw most. Taking
tau * log(share of the class among the training pictures) from each class's score leans it back: tau 1 is what the best
answer for evenly frequent classes would be (Menon et al., Long-tail learning via logit adjustment, ICLR 2021, eq. 9).
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from kinwise.data.images import Images
from kinwise.learn.machine import Machine
from kinwise.learn.network import Network, scores_of

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Those that are tried."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One strength and what validation pictures say of it.

    Attributes:
        strength: tau, 0..1.
        accuracy: the share of the validation pictures that are right, 0..1; higher is better.
        recall_macro: the mean over classes of the share that is right, 0..1; higher is better.
    """

    strength: float
    accuracy: float
    recall_macro: float


def adjust(network: Network, images: Images, machine: Machine) -> tuple[Tried, ...]:
    """Choose a strength by the validation part of ``images`` and let ``network`` answer so from now on.

    Of those strengths whose validation accuracy is not lower than that of 0 by more than its standard error, the one
    with the highest macro recall; the weakest of equals.

    Returns:
        All strengths that were tried, the chosen one first.
    """
    validation, classes = images.validation, len(images.hierarchy.classes)
    counts = np.bincount(images.labels[(images.parts == "train") & (images.labels >= 0)], minlength=classes)
    shares = log_shares(counts)
    scores = torch.cat([levels[-1].float() for levels in scores_of(network, validation, machine)]).cpu()
    tried = [tried_on(scores - strength * shares, validation.labels, strength) for strength in STRENGTHS]
    chosen = best_of(tried, len(validation))
    network.head.adjust(-chosen.strength * shares)
    return (chosen, *(one for one in tried if one is not chosen))


def log_shares(counts: Int[np.ndarray, " classes"]) -> Float[Tensor, " classes"]:
    """log of each class's share among so many pictures; a class without any counts as having one."""
    counts = np.maximum(counts, 1)
    return torch.tensor(np.log(counts / counts.sum()), dtype=torch.float32)


def tried_on(scores: Float[Tensor, "pictures classes"], labels: np.ndarray, strength: float) -> Tried:
    """What these ``scores`` make of pictures with these ``labels``; classes without any picture do not count."""
    right = scores.argmax(dim=1).numpy() == labels
    present = np.unique(labels)
    recalls = [float(right[labels == one].mean()) for one in present]
    return Tried(strength=strength, accuracy=float(right.mean()), recall_macro=float(np.mean(recalls)))


def best_of(tried: list[Tried], pictures: int) -> Tried:
    """The one that ``adjust`` chooses; the first one is that of strength 0."""
    plain = tried[0].accuracy
    allowed = plain - (plain * (1 - plain) / pictures) ** 0.5
    return max((one for one in tried if one.accuracy >= allowed), key=lambda one: (one.recall_macro, -one.strength))
