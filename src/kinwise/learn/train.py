"""Training: one loop for a CPU, a GPU, or many. Config and Images in, a trained network and its history out."""

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kinwise.config import Config
from kinwise.data.augment import Statistics, channel_statistics, unit_statistics
from kinwise.data.images import Images
from kinwise.data.rows import Pixels
from kinwise.errors import InputError
from kinwise.learn.feed import Feed
from kinwise.learn.limits import check_steps
from kinwise.learn.losses import loss_context, loss_named
from kinwise.learn.machine import Machine
from kinwise.learn.network import Network, build
from kinwise.learn.optim import optimisers
from kinwise.learn.processes import Processes
from kinwise.learn.schedules import Moment, epochs_since_best, learning_rate_share
from kinwise.learn.severity import SeverityTuner
from kinwise.learn.tally import Tally, tally_of


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a training stands; figures are of the epoch so far.

    Attributes:
        step: steps done, of ``steps``.
        epoch: epochs done, not whole.
        loss: mean training loss, nats; lower is better.
        accuracy: share of augmented training pictures right at each level.
        average_severity: of the answers on them, 0 where they are right; lower is better.
        learning_rate: that of the config's key of this name, at the last step.
        images_per_second: training pictures per second, over all processes.
        seconds: spent in training so far, resumed parts included.
        seconds_left: expected until the last step.
    """

    step: int
    steps: int
    epoch: float
    loss: float
    accuracy: dict[str, float]
    average_severity: float
    learning_rate: float
    images_per_second: float
    seconds: float
    seconds_left: float


class Training:
    """A training under way: network, optimisers, step counter and history.

    Args:
        config: what to do.
        images: pictures; the training part is learnt from, the validation part looked at after each epoch. By its
            loss the rates may fall (schedule plateau) and the training end (early_stopping), no weight learns from it.
        machine: where and in which precision.
        processes: who else takes part.

    Raises:
        InputError: when the config does not fit the pictures or itself.
    """

    def __init__(self, config: Config, images: Images, machine: Machine, processes: Processes | None = None) -> None:
        processes = processes or Processes()
        self.config, self.machine, self.processes = config, machine, processes
        self.levels = images.hierarchy.levels
        self.validation = images.validation
        _require_held_out(config, len(self.validation))
        train_pixels = images.train.pixels
        statistics = _statistics(config, train_pixels)
        self.network: Network = build(config, images.hierarchy, statistics, images.pixels.shape[-1], config.seed)
        statistics = self.network.statistics
        self.feed = Feed(images, config, statistics, machine.device, processes)
        check_steps(self.network, self.feed)
        self.network.backbone.prepare(train_pixels, statistics)
        self.network.to(machine.device)
        self.loss = loss_named(config)
        partial = bool((images.train.level_labels < 0).any())
        self.context = loss_context(config, images.hierarchy, machine.device, partial=partial)
        self.optimisers = optimisers(self.network.backbone, self.network.head, config)
        self.frozen = 0
        self.wrapped = processes.wrap(self.network)
        self.tuner: SeverityTuner | None = None
        if config.loss == "learned-severity":
            self.tuner = SeverityTuner(
                self.network, self.context, self.validation, machine, processes, seed=config.seed
            )
        self.step = 0
        self.seconds = 0.0
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Tensor] = {}
        self._start_epoch()

    @property
    def is_done(self) -> bool:
        """Whether the last step is taken, or early stopping has ended the training."""
        patience = self.config.early_stopping
        stopped = patience and epochs_since_best(self._losses()) >= patience
        return bool(stopped) or self.step >= self.feed.steps

    def run(
        self,
        watch: Callable[[Progress], None] = lambda _: None,
        epoch_done: Callable[["Training"], None] = lambda _: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Take all steps that are left; with early stopping, go back to the best weights at the end.

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
        if self.is_done and self.best:
            self.network.load_state_dict(self.best)

    def _take_step(self) -> None:
        progress = (self.step + 0.5) / self.feed.steps
        self._freeze(sum(end <= progress for end in self.config.freeze))
        self._set_learning_rates(progress)
        pictures, labels = self.feed.at(self.step)
        with self.machine.autocast(), self._dropout_of_step():
            scores = self.wrapped(pictures)
        loss = self.loss.function(scores, labels, self.context)
        loss.backward()
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad()
        if self.tuner:
            self.tuner.after(self.step, pictures.shape[-1], scores, labels)
        self.tally.add(loss, scores, labels)
        self.step_losses.append(loss.detach())
        self.step += 1

    def _set_learning_rates(self, progress: float) -> None:
        def share(end: float) -> float:
            moment = Moment(progress=progress, end=end, epoch=self.step / self.feed.steps_per_epoch, losses=losses)
            return learning_rate_share(self.config, moment)

        losses = self._losses()
        self.learning_rate = self.config.learning_rate * share(1.0)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * share(group["end"])

    def _losses(self) -> list[float]:
        """The loss of each epoch that is done, of the validation part where there is one."""
        return [entry.get("validation_loss", entry["loss"]) for entry in self.history]

    @contextmanager
    def _dropout_of_step(self) -> Iterator[None]:
        """What dropout draws follows from the seed, the step and the process alone, and changes no one else's draws."""
        if not self.config.dropout:
            yield
            return
        seed = np.random.SeedSequence([self.config.seed, 3, self.step, self.processes.rank])
        with torch.random.fork_rng(devices=[self.machine.device] if self.machine.device.type == "cuda" else []):
            torch.manual_seed(int(seed.generate_state(1)[0]))
            yield

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
        figures = self.tally.figures()
        return Progress(
            step=self.step,
            steps=self.feed.steps,
            epoch=self.step / self.feed.steps_per_epoch,
            loss=figures.loss,
            accuracy=figures.accuracy,
            average_severity=figures.average_severity,
            learning_rate=self.learning_rate,
            images_per_second=self.step * self.feed.batch / max(self.seconds, 1e-9),
            seconds=self.seconds,
            seconds_left=self.seconds / self.step * (self.feed.steps - self.step),
        )

    def _start_epoch(self) -> None:
        self.tally = Tally(self.levels, self.context)
        self.step_losses: list[Tensor] = []
        self.learning_rate = 0.0

    def _end_epoch(self) -> None:
        self.processes.add_up(self.tally.sums)
        now = self.progress()
        entry: dict[str, Any] = {
            "epoch": round(now.epoch, 3),
            "step": now.step,
            "seconds": now.seconds,
            "loss": now.loss,
            "learning_rate": now.learning_rate,
            "images_per_second": now.images_per_second,
            "accuracy": {"train": now.accuracy},
            "average_severity": {"train": now.average_severity},
        }
        if self.tuner:
            entry["severity_factors"] = self.context.severity_factors.tolist()
        self.history.append(entry)
        if len(self.validation):
            self._look_at_validation(entry)

    def _look_at_validation(self, entry: dict[str, Any]) -> None:
        """Add what the network makes of the validation pictures, at the resolution of the last step."""
        started = time.perf_counter()
        size = self.feed.size_at(self.step - 1)
        seen = tally_of(self.network, self.validation, self.machine, self.loss, self.context, size=size)
        self.processes.as_the_first(seen.sums)
        figures = seen.figures()
        entry["validation_loss"] = figures.loss
        entry["accuracy"]["validation"] = figures.accuracy
        entry["average_severity"]["validation"] = figures.average_severity
        if self.config.early_stopping and epochs_since_best(self._losses()) == 0:
            self.best = copy.deepcopy(self.network.state_dict())
        self.seconds += time.perf_counter() - started
        entry["seconds"] = self.seconds

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
            "sums": self.tally.sums.cpu(),
            "network": self.network.state_dict(),
            "best": self.best,
            "tuner": self.tuner.state() if self.tuner else {},
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what ``state`` gave."""
        self.network.load_state_dict(state["network"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.step, self.seconds, self.history = state["step"], state["seconds"], list(state["history"])
        self.tally.sums.copy_(state["sums"])
        self.best = state["best"]
        if self.tuner:
            self.tuner.load_state(state["tuner"])


def _statistics(config: Config, pixels: Pixels) -> Statistics:
    return channel_statistics(pixels) if config.normalisation == "channel" else unit_statistics(pixels.shape[1])


def _require_held_out(config: Config, pictures: int) -> None:
    """Complain where something goes by the pictures held out and there are none."""
    if pictures:
        return
    needs = {
        "early_stopping goes by the loss on pictures held out": bool(config.early_stopping),
        "logit_adjustment is chosen on pictures held out": config.logit_adjustment == "validation",
        "learned-severity learns its factors on pictures held out": config.loss == "learned-severity",
    }
    way = "add --set validation=0.1"
    if config.validation:
        way = f"validation={config.validation:g} of each class is less than one, so hold out more or do without"
    for what, wanted in needs.items():
        if wanted:
            raise InputError(f"{what}, and none are; {way}")
