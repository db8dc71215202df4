"""Feed: the training pictures on the device, and the batch that belongs to a step.

What a batch holds follows from the seed and the step alone, so a training that was broken off goes on with exactly the
pictures, shifts and flips that it would have seen.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from kinwise.config import Config
from kinwise.data.augment import (
    Statistics,
    crop_and_flip,
    draw_crops,
    draw_flips,
    draw_jitter,
    draw_shifts,
    jitter,
    normalise,
    resize,
    shift_and_flip,
    standardise,
)
from kinwise.data.images import Images, class_weights
from kinwise.data.rows import Pixels, Rows
from kinwise.errors import InputError
from kinwise.learn.processes import Processes

MOST_OF_MEMORY = 0.4
"""Pictures in a file move to a GPU where they take at most this share of its free memory."""

MOVED_AT_ONCE = 4096
"""So many pictures at a time."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EpochPlan:
    """Everything drawn for one epoch: the order of the pictures, and for each one what ``augment`` has of it."""

    order: Tensor
    shifts: Tensor
    flips: Tensor
    crops: Tensor
    factors: Tensor


class Feed:
    """Training batches, augmented on the device.

    Args:
        images: all pictures; their training part is fed.
        config: batch, sampler, augmentation, resolutions, seed.
        statistics: what pictures are normalised with.
        device: where the pictures are kept and the batches made.
        processes: each process gets its share of every batch.

    Raises:
        InputError: when there is nothing to train on, or the batch does not divide among the processes.
    """

    def __init__(
        self, images: Images, config: Config, statistics: Statistics, device: torch.device, processes: Processes
    ) -> None:
        self.config, self.statistics, self.device, self.processes = config, statistics, device, processes
        self.where = images.where("train")
        if not len(self.where):
            raise InputError(f"{images.name} has no training pictures")
        self.classes = images.labels[self.where] if images.nodes is None else images.nodes[self.where]
        self.pixels = _held(images.pixels, device)
        self.labels = torch.from_numpy(images.level_labels).to(device)
        self.batch = min(config.batch, len(self.where))
        if self.batch % processes.count:
            raise InputError(f"a batch of {self.batch} pictures does not divide among {processes.count} processes")
        self.steps_per_epoch = len(self.where) // self.batch
        self.steps = max(1, round(config.epochs * self.steps_per_epoch))
        self.size = images.pixels.shape[-1]
        self.plan = lru_cache(maxsize=1)(self._plan)

    def size_at(self, step: int) -> int:
        """The resolution of a step, in pixels; never above that of the pictures."""
        progress = step / self.steps
        wanted = next(size for size, until in self.config.resolutions if progress < until or until >= 1)
        return min(wanted, self.size)

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """This process's share of a step: float (batch, channels, size, size), and labels (batch, levels)."""
        epoch, index = divmod(step, self.steps_per_epoch)
        plan = self.plan(epoch)
        chosen = self.processes.share(torch.arange(index * self.batch, (index + 1) * self.batch, device=self.device))
        pictures = plan.order[chosen]
        return self._augmented(self._pixels(pictures), plan, chosen, self.size_at(step)), self.labels[pictures]

    def _pixels(self, pictures: Tensor) -> Tensor:
        if isinstance(self.pixels, Rows):
            return torch.from_numpy(self.pixels[pictures.cpu().numpy()]).to(self.device)
        return self.pixels[pictures]

    def _augmented(self, pixels: Tensor, plan: EpochPlan, chosen: Tensor, size: int) -> Tensor:
        flips = plan.flips[chosen]
        if self.config.crop == 1 and not self.config.jitter:
            return resize(normalise(shift_and_flip(pixels, plan.shifts[chosen], flips), self.statistics), size)
        if self.config.crop == 1:
            batch = resize(shift_and_flip(pixels, plan.shifts[chosen], flips).float() / 255, size)
        else:
            batch = crop_and_flip(pixels.float() / 255, plan.crops[chosen], flips, size)
        return standardise(jitter(batch, plan.factors[chosen]) if self.config.jitter else batch, self.statistics)

    def _plan(self, epoch: int) -> EpochPlan:
        seed, count = self.config.seed, len(self.where)
        draw = np.random.default_rng([seed, 1, epoch])
        if self.config.sampler == "balanced":
            order = draw.choice(count, size=count, p=class_weights(self.classes, int(self.classes.max()) + 1))
        else:
            order = draw.permutation(count)
        shifts = draw_shifts(np.random.default_rng([seed, 2, epoch]), count, self.config.translate)
        flips = draw_flips(self.config.flip, seed, epoch, count)[order]
        crops = draw_crops(np.random.default_rng([seed, 4, epoch]), count, self.config.crop)
        factors = draw_jitter(np.random.default_rng([seed, 5, epoch]), count, self.config.jitter)

        def on_device(drawn: np.ndarray) -> Tensor:
            return torch.from_numpy(drawn).to(self.device)

        return EpochPlan(
            order=on_device(self.where[order]),
            shifts=on_device(shifts),
            flips=on_device(flips),
            crops=on_device(crops),
            factors=on_device(factors),
        )


def _held(pixels: Pixels, device: torch.device) -> Tensor | Rows:
    """The pictures where batches are made of them; those in a file stay there, unless a GPU has room for all."""
    if not isinstance(pixels, Rows):
        return torch.from_numpy(pixels).to(device)
    if device.type != "cuda" or pixels.nbytes > torch.cuda.mem_get_info(device)[0] * MOST_OF_MEMORY:
        return pixels
    held = torch.empty(pixels.shape, dtype=torch.uint8, device=device)
    for start in range(0, len(pixels), MOVED_AT_ONCE):
        held[start : start + MOVED_AT_ONCE] = torch.from_numpy(pixels[start : start + MOVED_AT_ONCE])
    return held
