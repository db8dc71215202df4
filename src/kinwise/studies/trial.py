"""A trial: a training judged on pictures held out. It never looks at a test picture, and writes nothing."""

from collections.abc import Callable

import numpy as np

from kinwise.config import Config
from kinwise.data.images import Images, hold_out, split
from kinwise.errors import InputError
from kinwise.judge.predictions import Predictions
from kinwise.learn.machine import keep_memory, look_at_machine
from kinwise.learn.train import Training
from kinwise.predict import predictions_on


def trial(
    config: Config, images: Images, epoch_done: Callable[[int, Predictions], None] = lambda _number, _found: None
) -> Predictions:
    """Train as ``config`` says, and return what the network then answers on the validation pictures.

    Args:
        config: all values; ``validation`` is the share of the training pictures held out.
        images: pictures with the official split.
        epoch_done: called after every epoch with its number, from 1 on, and the answers on the validation pictures at
            their own resolution; what it raises ends the trial.

    Raises:
        InputError: when no picture is held out, or the config does not fit the pictures.
    """
    held = hold_out(split(images, config.split, config.seed), config.validation, config.seed)
    seen = held.take(np.flatnonzero(held.parts != "test"))
    validation = seen.validation
    if not len(validation):
        raise InputError(f"trials are judged on pictures held out, and validation={config.validation:g} holds out none")
    machine = look_at_machine(config)
    keep_memory()
    training = Training(config, seen, machine)
    answers: list[Predictions] = []

    def judge(training: Training) -> None:
        answers[:] = [predictions_on(training.network, validation, seen.hierarchy, machine)]
        epoch_done(len(training.history), answers[0])

    training.run(epoch_done=judge)
    return answers[0]
