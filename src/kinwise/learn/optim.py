"""Optimisers and the schedule: Muon for the filters, SGD with Nesterov momentum for everything else."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of one Newton-Schulz step, X <- aX + (bA + cA^2)X with A = XX' (Jordan et al., Muon, 2024)."""


class Muon(torch.optim.Optimizer):
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


def learning_rate_share(progress: float, warmup: float, end: float = 1.0) -> float:
    """The share of the peak learning rate: a straight line up to 1 at ``warmup``, then straight down to 0 at ``end``.

    Args:
        progress: the share of the training that is done, in [0, 1).
        warmup: the share of the training in which the rate rises, in [0, 1).
        end: the share of the training after which the rate is 0; before ``warmup`` it drops to 0 there.
    """
    if progress >= end:
        return 0.0
    if progress < warmup:
        return progress / warmup
    return (end - progress) / (end - warmup)


def filters_and_rest(network: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """The trainable convolution filters, and all other trainable parameters."""
    trainable = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return [p for p in trainable if p.ndim == 4], [p for p in trainable if p.ndim != 4]
