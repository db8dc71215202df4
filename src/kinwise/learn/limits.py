"""What a network can learn from: pictures that are large enough for it, and enough of them in every step."""

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from kinwise.errors import InputError
from kinwise.learn.feed import Feed
from kinwise.learn.network import Network, evaluating

LEAST_PICTURES = 2
"""Of one picture per step batch normalisation may have one value per channel, which has no variance."""

LARGEST_TRIED = 1024
"""Pixels; up to here the least size that a network takes is looked for."""


def check_steps(network: Network, feed: Feed) -> None:
    """Refuse steps that ``network``, on the CPU still, cannot take, before anything is learnt.

    Raises:
        InputError: when a process would have fewer than two pictures per step, or a resolution that is learnt at, or
            the pictures themselves, are too small; the least size that works is named.
    """
    pictures = feed.batch // feed.processes.count
    if pictures < LEAST_PICTURES and any(isinstance(layer, _BatchNorm) for layer in network.modules()):
        raise InputError(
            f"batch normalisation needs {LEAST_PICTURES} pictures per step in each process, got {pictures}: batch is "
            f"{feed.config.batch}, training pictures {len(feed.where)}, processes {feed.processes.count}"
        )
    for size in sorted({*sizes_learnt_at(feed), network.size}):
        if problem := _problem(network, size):
            least = next((side for side in range(1, LARGEST_TRIED + 1) if not _problem(network, side)), None)
            if least is None:
                raise problem
            name = feed.config.network
            if size == network.size:
                cannot = f"the network {name} cannot take pictures of {size} px"
            else:
                cannot = (
                    f"resolutions: the network {name}, made for pictures of {network.size} px, cannot take {size} px"
                )
            raise InputError(f"{cannot}; the least that it takes is {least} px") from problem


def sizes_learnt_at(feed: Feed) -> set[int]:
    """The resolution of every step, in pixels."""
    return {feed.size_at(step) for step in range(feed.steps)}


@torch.no_grad()
def _problem(network: Network, size: int) -> Exception | None:
    """Why a picture of ``size`` pixels cannot pass; None where it can."""
    with evaluating(network):
        try:
            network.backbone(torch.zeros(1, len(network.statistics.mean), size, size))
        except (AssertionError, RuntimeError) as error:
            return error
    return None
