"""Training: one loop for a CPU, a GPU, or many. Config and Images in, a trained network and its history out."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kinwise.config import Config
from kinwise.data.augment import Statistics, channel_statistics
from kinwise.data.images import Images
from kinwise.errors import InputError
from kinwise.learn.feed import Feed
from kinwise.learn.losses import LOSSES, loss_context
from kinwise.learn.machine import Machine
from kinwise.learn.network import Network, build
from kinwise.learn.optim import Muon, filters_and_rest, learning_rate_share
from kinwise.learn.processes import Processes


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a training stands; figures are of the epoch so far.

    Attributes:
        step: steps done, of ``steps``.
        epoch: epochs done, not whole.
        loss: mean training loss, nats; lower is better.
        accuracy: share of augmented training pictures right at each level.
        learning_rate: of the filters, at the last step.
        images_per_second: training pictures per second, over all processes.
        seconds: spent in training so far, resumed parts included.
        seconds_left: expected until the last step.
    """

    step: int
    steps: int
    epoch: float
    loss: float
    accuracy: dict[str, float]
    learning_rate: float
    images_per_second: float
    seconds: float
    seconds_left: float


class Training:
    """A training under way: network, optimisers, step counter and history.

    Args:
        config: what to do.
        images: pictures; the training part is learnt from, nothing else is looked at.
        machine: where and in which precision.
        processes: who else takes part.
    """

    def __init__(self, config: Config, images: Images, machine: Machine, processes: Processes | None = None) -> None:
        processes = processes or Processes()
        self.config, self.machine, self.processes = config, machine, processes
        self.levels = images.hierarchy.levels
        train_pixels = images.train.pixels
        statistics: Statistics = channel_statistics(train_pixels)
        self.network: Network = build(config, images.hierarchy, statistics, images.pixels.shape[-1], config.seed)
        self.network.backbone.prepare(train_pixels, statistics)
        self.network.to(machine.device)
        self.feed = Feed(images, config, statistics, machine.device, processes)
        self.loss = LOSSES[config.loss].function
        self.context = loss_context(config, images.hierarchy, machine.device)
        self.optimisers = _optimisers(self.network, config)
        self.frozen = 0
        self.wrapped = processes.wrap(self.network)
        self.step = 0
        self.seconds = 0.0
        self.history: list[dict[str, Any]] = []
        self._start_epoch()

    @property
    def is_done(self) -> bool:
        """Whether the last step is taken."""
        return self.step >= self.feed.steps

    def run(
        self,
        watch: Callable[[Progress], None] = lambda _: None,
        epoch_done: Callable[["Training"], None] = lambda _: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Take all steps that are left.

        Args:
            watch: called after every step on a processor, after every 20th elsewhere.
            epoch_done: called at the end of every epoch, and after the last step, with ``history`` grown by one.
            stop: asked before every step; when it says True, training ends there and can be resumed.

        Raises:
            InputError: when the loss is not finite: the step, the learning rate and what to try.
        """
        self.network.train()
        while not self.is_done and not stop():
            started = time.perf_counter()
            self._take_step()
            ends = self.is_done or self.step % self.feed.steps_per_epoch == 0
            looks = ends or self.machine.device.type == "cpu" or self.step % 20 == 0  # looking waits for the device
            if looks:
                self._require_finite()
            self.seconds += time.perf_counter() - started
            if looks:
                watch(self.progress())
            if ends:
                self._end_epoch()
                self._start_epoch()
                epoch_done(self)

    def _take_step(self) -> None:
        progress = (self.step + 0.5) / self.feed.steps
        self._freeze(sum(end <= progress for end in self.config.freeze))
        self.learning_rate = self.config.learning_rate * learning_rate_share(progress, self.config.warmup)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * learning_rate_share(progress, self.config.warmup, group["end"])
        pictures, labels = self.feed.at(self.step)
        with self.machine.autocast():
            scores = self.wrapped(pictures)
        loss = self.loss(scores, labels, self.context)
        loss.backward()
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad()
        with torch.no_grad():
            right = [(level.argmax(1) == labels[:, index]).sum() for index, level in enumerate(scores)]
            self.sums += torch.stack(
                [loss.detach() * len(labels), *right, torch.tensor(len(labels), device=loss.device)]
            )
            self.step_losses.append(loss.detach())
        self.step += 1

    def _freeze(self, count: int) -> None:
        """Compute no gradients for the first ``count`` stages from now on."""
        if count == self.frozen:
            return
        self.frozen = count
        for stage in self.network.backbone.stages[:count]:
            stage.requires_grad_(False)
        self.wrapped = self.network  # the old wrapper goes before the new one comes: both would wait for gradients
        self.wrapped = self.processes.wrap(self.network)

    def progress(self) -> Progress:
        """Where the training stands."""
        count = max(float(self.sums[-1]), 1.0)
        rate = self.step * self.feed.batch / max(self.seconds, 1e-9)
        return Progress(
            step=self.step,
            steps=self.feed.steps,
            epoch=self.step / self.feed.steps_per_epoch,
            loss=float(self.sums[0]) / count,
            accuracy={level: float(self.sums[1 + index]) / count for index, level in enumerate(self.levels)},
            learning_rate=self.learning_rate,
            images_per_second=rate,
            seconds=self.seconds,
            seconds_left=self.seconds / self.step * (self.feed.steps - self.step),
        )

    def _start_epoch(self) -> None:
        self.sums = torch.zeros(len(self.levels) + 2, dtype=torch.float32, device=self.machine.device)
        self.step_losses: list[Tensor] = []
        self.learning_rate = 0.0

    def _end_epoch(self) -> None:
        self.sums = self.processes.total(self.sums)
        now = self.progress()
        self.history.append(
            {
                "epoch": round(now.epoch, 3),
                "step": now.step,
                "seconds": now.seconds,
                "loss": now.loss,
                "learning_rate": now.learning_rate,
                "images_per_second": now.images_per_second,
                "accuracy": {"train": now.accuracy},
            }
        )

    def _require_finite(self) -> None:
        losses = torch.stack(self.step_losses)
        bad = torch.nonzero(~torch.isfinite(losses))
        self.step_losses = self.step_losses[:0]
        if len(bad):
            step = self.step - len(losses) + int(bad[0])
            raise InputError(
                f"the loss is not finite at step {step + 1} of {self.feed.steps} "
                f"(learning rate {self.learning_rate:.4g}). Try a lower rate, for example "
                f"--set learning_rate={self.config.learning_rate / 2:.4g} "
                f"--set other_learning_rate={self.config.other_learning_rate / 2:.4g}, a longer warmup, or "
                f"--set precision=float32."
            )

    def state(self) -> dict[str, Any]:
        """Everything needed to go on from here, as tensors and plain values."""
        return {
            "step": self.step,
            "seconds": self.seconds,
            "history": self.history,
            "sums": self.sums.cpu(),
            "network": self.network.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what ``state`` gave."""
        self.network.load_state_dict(state["network"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.step, self.seconds, self.history = state["step"], state["seconds"], list(state["history"])
        self.sums = state["sums"].to(self.machine.device)


def _optimisers(network: Network, config: Config) -> list[torch.optim.Optimizer]:
    stages = network.backbone.stages
    if len(config.freeze) > len(stages):
        raise InputError(f"freeze: the network has {len(stages)} stages, got {len(config.freeze)} shares")
    ends = (*config.freeze, *[1.0] * (len(stages) - len(config.freeze)))
    filters, others = [], []
    for stage, end in zip(stages, ends, strict=True):
        of_filters, of_others = filters_and_rest(stage)
        filters.append({"params": of_filters, "end": end})
        others.append({"params": of_others, "end": end, "weight_decay": 0.0})
    others.append({"params": list(network.head.parameters()), "end": 1.0, "weight_decay": config.weight_decay})
    muon = Muon(filters, lr=config.learning_rate, momentum=config.momentum)
    sgd = torch.optim.SGD(others, lr=config.other_learning_rate, momentum=0.9, nesterov=True)
    for optimiser in (muon, sgd):
        for group in optimiser.param_groups:
            group["peak"] = group["lr"]
    return [muon, sgd]
