"""Optimisers: Muon for the filters and SGD for all else; or Adam or SGD for everything."""

from collections.abc import Iterable, Iterator
from inspect import unwrap
from typing import Any

import torch
from torch import Tensor, nn

from kinwise.config import Config
from kinwise.errors import InputError
from kinwise.learn.backbones.base import Backbone

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of one Newton-Schulz step, X <- aX + (bA + cA^2)X with A = XX' (Jordan et al., Muon, 2024)."""


class Unwrapped(torch.optim.Optimizer):
    """An optimiser without the wrappers of torch, which load its compiler, unused, when the first one is called.

    That takes as long as to load all the rest of torch, at every start.
    """

    add_param_group = unwrap(torch.optim.Optimizer.add_param_group)
    zero_grad = unwrap(torch.optim.Optimizer.zero_grad)
    state_dict = unwrap(torch.optim.Optimizer.state_dict)
    load_state_dict = unwrap(torch.optim.Optimizer.load_state_dict)


class SGD(Unwrapped, torch.optim.SGD):
    """``torch.optim.SGD``, unwrapped."""

    step = torch.no_grad()(unwrap(torch.optim.SGD.step))


class Adam(Unwrapped, torch.optim.Adam):
    """``torch.optim.Adam``, unwrapped."""

    step = torch.no_grad()(unwrap(torch.optim.Adam.step))


class Muon(Unwrapped):
    """Momentum whose update is replaced by the nearest semi-orthogonal matrix (Jordan et al., Muon, 2024).

    For a filter tensor W with ``out`` filters: M <- momentum * M + gradient; G = gradient + momentum * M (Nesterov);
    W <- W * sqrt(out) / |W| - learning_rate * orthogonal(G). Every singular direction moves equally far, and
    the norm of the filters stays put, so one learning rate fits all layers.

    Args:
        parameters: convolution filters, (out, in, height, width), or groups of them.
        lr: the learning rate, >= 0.
        momentum: in [0, 1).
        steps: Newton-Schulz steps, >= 1; more are closer to orthogonal and dearer.
    """

    def __init__(
        self, parameters: Iterable[Tensor] | Iterable[dict[str, Any]], lr: float, momentum: float, steps: int = 3
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "steps": steps})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every filter tensor that has a gradient."""
        assert closure is None, "Muon evaluates no closure"
        for group in self.param_groups:
            for filters in group["params"]:
                if filters.grad is None:
                    continue
                state = self.state[filters]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(filters)
                moved = state["momentum"].mul_(group["momentum"]).add_(filters.grad)
                gradient = filters.grad.add(moved, alpha=group["momentum"])
                filters.mul_(len(filters) ** 0.5 / filters.norm().clamp_min(1e-7))
                filters.add_(orthogonal_filters(gradient, group["steps"]), alpha=-group["lr"])


def orthogonal_filters(gradient: Tensor, steps: int) -> Tensor:
    """``gradient``, (out, in, height, width), as an (out, rest) matrix, brought near a semi-orthogonal one."""
    outputs, inputs, height, width = gradient.shape
    rows = gradient.permute(0, 2, 3, 1).reshape(outputs, -1)  # a view where the tensor is channels-last
    update = orthogonalise(rows, steps)
    return update.view(outputs, height, width, inputs).permute(0, 3, 1, 2)


def orthogonalise(matrix: Tensor, steps: int = 3) -> Tensor:
    """Newton-Schulz iteration towards U V' where U S V' is ``matrix``; singular values end near 1 (about .7 to 1.2).

    The iteration only ever multiplies by polynomials of A = XX', which all commute. So the polynomials are gathered
    in an (m, m) matrix, m being the smaller side, and X is multiplied once at the end: for the usual wide matrices that
    is half the work of multiplying X in every step.
    """
    x = matrix / matrix.norm().clamp_min(1e-7)
    if x.shape[0] > x.shape[1]:
        return _gathered(x.T, steps).T
    return _gathered(x, steps)


def _gathered(x: Tensor, steps: int) -> Tensor:
    a, b, c = QUINTIC
    gram = x @ x.T
    product = None
    for step in range(steps):
        factor = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        factor.diagonal().add_(a)
        product = factor if product is None else factor @ product
        if step < steps - 1:
            gram = factor @ gram @ factor
    return x if product is None else product @ x


def optimisers(backbone: Backbone, head: nn.Module, config: Config) -> list[torch.optim.Optimizer]:
    """The optimisers that ``config`` names for all trainable weights.

    Each group of weights has its ``peak`` learning rate, and an ``end``, the share of the training after which its
    rate is 0 (``freeze``). Biases and norms never decay, nor do filters that Muon moves: it keeps their norm.

    Raises:
        InputError: when more stages are to be frozen than there are.
    """
    filters, rest = [], []
    for part, end in _parts(backbone, head, config):
        of_filters, others = filters_and_rest(part)
        if config.optimiser != "muon":
            of_filters, others = [], of_filters + others
        filters.append({"params": of_filters, "end": end})
        for decays, weight_decay in ((False, 0.0), (True, config.weight_decay)):
            chosen = [weight for weight in others if _is_decayed(weight, part is head, config.decayed) == decays]
            rest.append({"params": chosen, "end": end, "weight_decay": weight_decay})
    rest = [group for group in rest if group["params"]]
    found: list[torch.optim.Optimizer] = []
    if config.optimiser == "muon":
        found.append(Muon(filters, lr=config.learning_rate, momentum=config.momentum))
        found.append(SGD(rest, lr=config.other_learning_rate, momentum=0.9, nesterov=True))
    elif config.optimiser == "adam":
        found.append(Adam(rest, lr=config.learning_rate, betas=(config.momentum, 0.999)))
    else:
        momentum = config.momentum
        found.append(SGD(rest, lr=config.learning_rate, momentum=momentum, nesterov=momentum > 0))
    for optimiser in found:
        for group in optimiser.param_groups:
            group["peak"] = group["lr"]
    return found


def _parts(backbone: Backbone, head: nn.Module, config: Config) -> Iterator[tuple[nn.Module, float]]:
    """Every stage of the backbone and the head, each with the share of the training after which it is frozen."""
    stages = backbone.stages
    if len(config.freeze) > len(stages):
        raise InputError(f"freeze: the network has {len(stages)} stages, got {len(config.freeze)} shares")
    yield from zip(stages, (*config.freeze, *[1.0] * (len(stages) - len(config.freeze))), strict=True)
    yield head, 1.0


def _is_decayed(weight: Tensor, in_head: bool, which: str) -> bool:
    """Whether ``which`` of the weights are decayed, as the config says, includes this one."""
    wanted = {"head": in_head, "dense": weight.ndim == 2 and not in_head, "all": True}
    return weight.ndim > 1 and wanted[which]


def filters_and_rest(network: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """The trainable convolution filters, and all other trainable parameters."""
    trainable = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return [p for p in trainable if p.ndim == 4], [p for p in trainable if p.ndim != 4]
