"""Learned severity: by which factor graver mistakes count, learned on validation pictures while the network learns."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from kinwise.data.augment import normalise, resize
from kinwise.data.images import Images
from kinwise.learn.losses import UNKNOWN, Labels, LossContext, Scores
from kinwise.learn.machine import Machine
from kinwise.learn.network import Network, evaluating
from kinwise.learn.optim import Adam
from kinwise.learn.processes import Processes

EVERY = 10
"""Steps from one look at validation pictures to the next."""

LOOKED_AT = 256
"""Validation pictures per look."""

RATE = 0.05
"""Adam's learning rate for the factors, which begin 0.1 apart where none are given."""

FIRST_RISE = 0.1


class SeverityTuner:
    """Changes ``context.severity_factors`` so that the next steps help on validation pictures.

    Each factor is 1 for a right answer, and for every step of severity the one before plus a softplus: positive and
    increasing, so the factors cannot collapse. Every ``EVERY`` steps they are moved against the gradient of what the
    validation pictures would lose after one more step of the head, the mean of -log p_y + sum_k d(y, k) p_k: a factor
    grows where the gradients of mistakes of that severity point the way the validation pictures want (a one-step
    hypergradient, as Ren et al., ICML 2018, weigh single pictures; here for the last layer alone, where it has a closed
    form).

    Args:
        network: its head's input is listened to.
        context: whose factors are learned.
        validation: the pictures held out, with known classes.
        machine: where they are looked at.
        processes: who else takes part; all move the factors alike.
        seed: of which pictures are looked at.
    """

    def __init__(
        self,
        network: Network,
        context: LossContext,
        validation: Images,
        machine: Machine,
        processes: Processes,
        seed: int,
    ) -> None:
        self.network, self.context, self.validation = network, context, validation
        self.machine, self.processes, self.seed = machine, processes, seed
        given = context.config.severity_factors
        rises = torch.tensor(given).diff().clamp_min(1e-3) if given else torch.full((context.height,), FIRST_RISE)
        self.rises = nn.Parameter(_before_softplus(rises).to(machine.device))
        self.optimiser = Adam([self.rises], lr=RATE)
        self.features = torch.zeros(0)
        network.head.register_forward_pre_hook(self._listen)
        self._write()

    def factors(self) -> Float[Tensor, " severities"]:
        """The factors as they are now, 1 for severity 0 and growing."""
        return torch.cat([self.rises.new_ones(1), 1 + F.softplus(self.rises).cumsum(0)])

    def after(self, step: int, size: int, scores: Scores, labels: Labels) -> None:
        """Tell it of a training step, looked at in ``size`` pixels: its ``scores`` and ``labels``."""
        if step % EVERY:
            return
        learnt_from = self.features  # before the validation pictures pass the head
        pulls = self._pulls(scores[-1].detach(), labels, learnt_from, self._wanted(step, size))
        self.processes.add_up(pulls)
        helpful = pulls / pulls.norm().clamp_min(1e-12)
        self.optimiser.zero_grad()
        (-(self.factors() * helpful).sum()).backward()
        self.optimiser.step()
        self._write()

    def state(self) -> dict[str, Any]:
        """Everything needed to go on from here."""
        return {"rises": self.rises.detach(), "optimiser": self.optimiser.state_dict()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what ``state`` gave."""
        with torch.no_grad():
            self.rises.copy_(state["rises"])
        self.optimiser.load_state_dict(state["optimiser"])
        self._write()

    @torch.no_grad()
    def _write(self) -> None:
        self.context.severity_factors.copy_(self.factors())

    def _listen(self, _: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        self.features = arguments[0].detach().float()

    @torch.no_grad()
    def _pulls(
        self, scores: Tensor, labels: Labels, features: Tensor, wanted: Float[Tensor, "classes features"]
    ) -> Float[Tensor, " severities"]:
        """For each severity how far the gradients of its pictures, on the head's weights, go along ``wanted``."""
        truth = labels[:, -1]
        known = truth != UNKNOWN
        errors = scores.softmax(dim=1) - F.one_hot(truth.clamp_min(0), scores.shape[1])
        along = ((errors @ wanted) * features).sum(dim=1) * known
        severity = self.context.distances[scores.argmax(dim=1), truth.clamp_min(0)]
        return along.new_zeros(self.context.height + 1).index_add(0, severity, along) / len(scores)

    def _wanted(self, step: int, size: int) -> Float[Tensor, "classes features"]:
        """The gradient, on the head's weights, of what some validation pictures lose."""
        drawn = np.random.default_rng([self.seed, 5, step]).permutation(len(self.validation))[:LOOKED_AT]
        drawn.sort()
        pixels = torch.from_numpy(self.validation.pixels[drawn]).to(self.machine.device)
        with torch.no_grad(), evaluating(self.network), self.machine.autocast():
            scores = self.network(resize(normalise(pixels, self.network.statistics), size))[-1].float()
        truth = torch.from_numpy(self.validation.labels[drawn]).to(self.machine.device)
        leaf = scores.clone().requires_grad_()
        with torch.enable_grad():
            cost = (self.context.distances[truth] * leaf.softmax(dim=1)).sum(dim=1).mean()
            (gradient,) = torch.autograd.grad(F.cross_entropy(leaf, truth) + cost, leaf)
        return gradient.T @ self.features


def _before_softplus(values: Tensor) -> Tensor:
    """What softplus turns into ``values``, above 0: log(exp(v) - 1), of large ones too."""
    return values + torch.log(-torch.expm1(-values))
