"""Several processes, one training: what ``torchrun`` says of them, and the little they say to each other."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Processes:
    """This process's number among all that train together; alone it is 0 of 1."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that prints and writes."""
        return self.rank == 0

    def share(self, batch: Tensor) -> Tensor:
        """This process's equal share of a batch of indices."""
        return batch[self.rank :: self.count]

    def wrap(self, network: nn.Module) -> nn.Module:
        """``network``, its gradients averaged over all processes; itself when there is only one."""
        return DistributedDataParallel(network) if self.count > 1 else network

    def first_before_others(self, work: Callable[[], T]) -> T:
        """What ``work`` returns, done by the first process before the others: one download, many readers."""
        if not self.is_first:
            dist.barrier()
        result = work()
        if self.is_first and self.count > 1:
            dist.barrier()
        return result

    def add_up(self, sums: Tensor) -> None:
        """Replace ``sums`` by their sum over all processes."""
        if self.count > 1:
            dist.all_reduce(sums)

    def as_the_first(self, values: Tensor) -> None:
        """Replace ``values`` by those of the first process, so that all decide alike."""
        if self.count > 1:
            dist.broadcast(values, src=0)


def torchrun_place() -> tuple[int, int]:
    """This process's number and how many ``torchrun`` started; (0, 1) without it."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def join_processes(device: torch.device) -> Processes:
    """Meet the other processes that ``torchrun`` started, over NCCL on CUDA and gloo elsewhere; alone without it."""
    if torchrun_place()[1] == 1:
        return Processes()
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return Processes(rank=dist.get_rank(), count=dist.get_world_size())


def leave_processes() -> None:
    """Part from the others, if there are any."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()
