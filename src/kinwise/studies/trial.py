"""A trial: a training judged on pictures held out. It never looks at a test picture, and writes nothing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from kinwise.config import Config
from kinwise.data.images import Images
from kinwise.errors import InputError
from kinwise.experiment import held_out, pictures_of
from kinwise.judge.predictions import Predictions
from kinwise.learn.machine import keep_memory, look_at_machine
from kinwise.learn.train import Training
from kinwise.predict import predictions_on


def trial(
    config: Config,
    images: Images,
    epoch_done: Callable[[int, Predictions], None] = lambda _number, _found: None,
    *,
    data_dir: Path | None = None,
) -> Predictions:
    """Train as ``config`` says, and return what the network then answers on the validation pictures.

    Args:
        config: all values; ``validation`` is the share of the training pictures held out.
        images: pictures with the official split.
        epoch_done: called after every epoch with its number, from 1 on, and the answers on the validation pictures at
            their own resolution; what it raises ends the trial.
        data_dir: where data sets, and what is known of their near-duplicates, are kept.

    Raises:
        InputError: when no picture is held out, or the config does not fit the pictures.
    """
    parts = held_out(config, *pictures_of(config, images, data_dir))
    seen = parts.take(np.flatnonzero(parts.parts != "test"))
    validation = seen.validation
    if not len(validation):
        raise InputError(f"trials are judged on pictures held out, and validation={config.validation:g} holds out none")
    machine = look_at_machine(config)
    keep_memory()
    training = Training(config, seen, machine)

    def answers() -> Predictions:
        return predictions_on(training.network, validation, seen.hierarchy, machine)

    training.run(epoch_done=lambda training: epoch_done(len(training.history), answers()))
    return answers()  # with early stopping not those of the last epoch
