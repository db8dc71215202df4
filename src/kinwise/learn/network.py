"""Network: normalisation, backbone and heads in one module; how it is built, counted, and asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from kinwise.config import Config
from kinwise.data.augment import Statistics, normalise, resize
from kinwise.data.images import Images
from kinwise.hierarchy import Hierarchy
from kinwise.learn.backbones import backbone
from kinwise.learn.heads import HEADS, Head, level_probabilities
from kinwise.learn.losses import loss_named
from kinwise.learn.machine import Machine


class Network(nn.Module):
    """Normalised pictures in, scores for every level out.

    Attributes:
        statistics: what pictures are normalised with.
        size: the height and width the network was made for, in pixels.
    """

    def __init__(self, config: Config, hierarchy: Hierarchy, statistics: Statistics, size: int) -> None:
        super().__init__()
        loss = loss_named(config)
        head = HEADS[config.head or loss.head]
        self.size = size
        self.backbone = below = backbone(config, len(statistics.mean), size)
        self.statistics = below.statistics or statistics
        self.head: Head = head(below.features, hierarchy, config, bias=below.head_bias, scale=below.score_scale)

    def forward(self, pictures: Float[Tensor, "batch channels height width"]) -> tuple[Tensor, ...]:
        """Scores per level, coarse to fine, each (batch, nodes of that level)."""
        return self.head(self.backbone(pictures))


def build(config: Config, hierarchy: Hierarchy, statistics: Statistics, size: int, seed: int) -> Network:
    """A network with fresh weights drawn from ``seed``, channels-last, on the CPU.

    Raises:
        InputError: for an unknown network or loss.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Network(config, hierarchy, statistics, size)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """A context in which ``network`` is in evaluation mode; afterwards each of its modules is as it was."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@torch.no_grad()
def scores_of(
    network: Network, images: Images, machine: Machine, *, size: int | None = None, batch: int = 500
) -> Iterator[tuple[Tensor, ...]]:
    """Scores at every level for all ``images`` in order, batch after batch, on the device; one view, no augmentation.

    ``size`` is the resolution to look at the pictures in; without it, their own. The network is in evaluation mode
    until the last batch is taken.
    """
    was_training = network.training
    network.eval()
    for start in range(0, len(images), batch):
        pixels = torch.from_numpy(images.pixels[start : start + batch]).to(machine.device)
        pictures = normalise(pixels, network.statistics)
        with machine.autocast():
            yield network(resize(pictures, size) if size else pictures)
    network.train(was_training)


def predict(network: Network, images: Images, machine: Machine) -> tuple[np.ndarray, ...]:
    """Probabilities at every level for all ``images``: float32 arrays (pictures, nodes), coarse to fine."""
    parts = [
        tuple(level.cpu().numpy() for level in level_probabilities(scores))
        for scores in scores_of(network, images, machine)
    ]
    return tuple(np.concatenate(level) for level in zip(*parts, strict=True))


def model_facts(network: Network) -> dict[str, int]:
    """Parameters, trainable parameters, and floating-point operations of one picture's forward pass.

    A multiply-add counts as two operations; convolutions and products are counted, nothing else.
    """
    counter = _Operations()
    was_training = network.training
    network.eval()
    device = next(network.parameters()).device
    with counter, torch.no_grad():
        network(torch.zeros(1, len(network.statistics.mean), network.size, network.size, device=device))
    network.train(was_training)
    parameters = list(network.parameters())
    return {
        "parameters": sum(parameter.numel() for parameter in parameters),
        "trainable_parameters": sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        "forward_flops": counter.count,
    }


class _Counting:
    """Counts what every function that is called under it takes, as torch's ``FlopCounterMode`` does.

    In a class of its own, as torch loads its compiler at the first call of a mode that defines this itself.
    """

    count = 0

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        found = function(*arguments, **(named or {}))
        if operations := flop_registry.get(function.overloadpacket):
            self.count += operations(*arguments, **(named or {}), out_val=found)
        return found


class _Operations(_Counting, TorchDispatchMode):
    """What a forward pass takes."""
