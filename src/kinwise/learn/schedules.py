"""Schedules: which share of its peak a learning rate has at a moment of the training, in [0, 1].

What a schedule gives follows from the config, the moment and the validation losses so far, and from nothing that it
remembers; so a training that was broken off goes on at the right rate. A new one is a function plus one line in
``SCHEDULES``.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kinwise.config import Config

PLATEAU_THRESHOLD = 1e-4
ONE_CYCLE_START, ONE_CYCLE_END = 1 / 25, 1 / 25e4


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A moment of a training.

    Attributes:
        progress: the share of the steps that is done, in [0, 1).
        end: the share of the steps after which the rate is 0; 1 unless the weights are frozen earlier.
        epoch: passes over the training pictures that are done, not whole.
        losses: the loss at the end of each epoch, of the validation part where there is one.
    """

    progress: float
    end: float = 1.0
    epoch: float = 0.0
    losses: Sequence[float] = ()


def learning_rate_share(config: Config, moment: Moment) -> float:
    """The share of the peak learning rate at ``moment``; 0 from its end on."""
    return SCHEDULES[config.schedule](config, moment) if moment.progress < moment.end else 0.0


def linear(config: Config, moment: Moment) -> float:
    """Straight down to 0 at the end."""
    return 1 - _fall(config, moment)


def cosine(config: Config, moment: Moment) -> float:
    """Half a cosine down to 0 at the end (Loshchilov and Hutter, SGDR, ICLR 2017)."""
    return _half_cosine(1.0, 0.0, _fall(config, moment))


def one_cycle(config: Config, moment: Moment) -> float:
    """Half a cosine from 1/25 up to 1 during the warm-up, then half a cosine to almost 0 (Smith, arXiv 1803.09820)."""
    if moment.progress < config.warmup:
        return _half_cosine(ONE_CYCLE_START, 1.0, moment.progress / config.warmup)
    return _half_cosine(1.0, ONE_CYCLE_END, _fall(config, moment))


def constant(_config: Config, _moment: Moment) -> float:
    """Always 1."""
    return 1.0


def exponential(config: Config, moment: Moment) -> float:
    """``learning_rate_decay`` to the power of the epochs done."""
    return config.learning_rate_decay**moment.epoch


def plateau(config: Config, moment: Moment) -> float:
    """Times ``learning_rate_decay`` whenever the loss has not fallen by 1e-4 of itself for over ``patience`` epochs."""
    return config.learning_rate_decay ** plateaus(moment.losses, config.patience)


Schedule = Callable[[Config, Moment], float]


def _warmed_up(after: Schedule) -> Schedule:
    """A straight line from 0 up to 1 during the warm-up, and ``after`` from there on."""

    def share(config: Config, moment: Moment) -> float:
        rising = moment.progress < config.warmup
        return moment.progress / config.warmup if rising else after(config, moment)

    return share


SCHEDULES: dict[str, Schedule] = {
    "linear": _warmed_up(linear),
    "cosine": _warmed_up(cosine),
    "constant": _warmed_up(constant),
    "exponential": _warmed_up(exponential),
    "plateau": _warmed_up(plateau),
    "one-cycle": one_cycle,
}


def plateaus(losses: Sequence[float], patience: int) -> int:
    """How often a sequence of losses stood still for more than ``patience`` epochs, counted anew after each time."""
    best, waited, found = math.inf, 0, 0
    for loss in losses:
        if loss < best * (1 - PLATEAU_THRESHOLD):
            best, waited = loss, 0
        else:
            waited += 1
        if waited > patience:
            waited, found = 0, found + 1
    return found


def epochs_since_best(losses: Sequence[float]) -> int:
    """How many epochs ago the loss was lowest; of equal ones the first counts. 0 where there is none."""
    return len(losses) - 1 - losses.index(min(losses)) if losses else 0


def _fall(config: Config, moment: Moment) -> float:
    """How much of the way from the warm-up to the end is done, in [0, 1)."""
    return (moment.progress - config.warmup) / (moment.end - config.warmup)


def _half_cosine(start: float, end: float, done: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * done)) / 2
