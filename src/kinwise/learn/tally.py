"""Tally: sums over pictures while a network learns or is looked at, and the figures that follow from them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kinwise.data.images import Images
from kinwise.learn.losses import UNKNOWN, Labels, Loss, LossContext, Scores
from kinwise.learn.machine import Machine
from kinwise.learn.network import Network, scores_of


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Means over pictures.

    Attributes:
        loss: in nats; lower is better.
        accuracy: the share right at each level by its own scores, 0..1, among the pictures whose label is known
            there; higher is better.
        average_severity: of the most likely class, 0 where it is right, among those of a known class; lower is better.
    """

    loss: float
    accuracy: dict[str, float]
    average_severity: float


class Tally:
    """Sums over pictures, kept on the device so that adding to them does not wait for it.

    Args:
        levels: the names of the levels, coarse to fine.
        context: knows how severe each mistake is.
    """

    def __init__(self, levels: tuple[str, ...], context: LossContext) -> None:
        self.levels, self.context = levels, context
        device = context.distances.device
        self.sums = torch.zeros(2 * len(levels) + 3, dtype=torch.float32, device=device)

    @torch.no_grad()
    def add(self, loss: Tensor, scores: Scores, labels: Labels) -> None:
        """Add a batch: its mean ``loss``, its ``scores`` and ``labels``."""
        answers = [level.argmax(1) for level in scores]
        right = [(answer == labels[:, index]).sum() for index, answer in enumerate(answers)]
        truth = labels[:, -1]
        severity = self.context.distances[truth.clamp_min(0), answers[-1]] * (truth != UNKNOWN)
        known = (labels != UNKNOWN).sum(dim=0)
        count = torch.tensor(len(labels), device=loss.device)
        self.sums += torch.stack([loss.detach() * len(labels), severity.sum(), count, *right, *known])

    def figures(self) -> Figures:
        """The means so far; 0 where nothing was added."""
        loss, severity, count, *of_levels = self.sums.tolist()
        right, known = of_levels[: len(self.levels)], [max(one, 1.0) for one in of_levels[len(self.levels) :]]
        return Figures(
            loss=loss / max(count, 1.0),
            accuracy={level: found / of for level, found, of in zip(self.levels, right, known, strict=True)},
            average_severity=severity / known[-1],
        )


def tally_of(
    network: Network, images: Images, machine: Machine, loss: Loss, context: LossContext, *, size: int | None = None
) -> Tally:
    """The tally of ``network`` on all ``images``, looked at in ``size`` pixels or as they are."""
    tally = Tally(images.hierarchy.levels, context)
    labels = torch.from_numpy(images.level_labels).to(machine.device)
    start = 0
    with torch.no_grad():
        for scores in scores_of(network, images, machine, size=size):
            truth = labels[start : start + len(scores[-1])]
            tally.add(loss.function(scores, truth, context), scores, truth)
            start += len(truth)
    return tally
