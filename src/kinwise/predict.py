"""Asking a trained network: pictures in, Predictions out."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kinwise.answering.answers import nothing_held_out
from kinwise.data import data_folder, divided, is_path, load, read
from kinwise.data.images import Images, fingerprint
from kinwise.data.options import options_of
from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.judge.climb import check_promise
from kinwise.judge.predictions import Predictions
from kinwise.judge.promises import Promise, promises
from kinwise.learn.machine import Machine, look_at_machine
from kinwise.learn.network import Network, predict
from kinwise.run import Run
from kinwise.splits import WHOLE
from kinwise.taxonomy import find


def predictions_of(run: Run, data: str, data_dir: Path | None = None) -> Predictions:
    """Run the network of ``run`` on the test pictures of another data set, folder or table with the same classes.

    Of a folder or table without a test part all pictures are taken, unless it is the one the run learnt from: then
    those that it did not learn from.

    Raises:
        InputError: when the classes or the form of the pictures differ.
    """
    config, machine = run.config, look_at_machine(run.config)
    network = run.network().to(machine.device)
    if is_path(data):
        options = replace(options_of(config), hierarchy="", size=network.size)
        images = _without_those_learnt(run, read(data, options, data_dir=data_dir), data_dir)
    else:
        division: dict[str, Any] = {"split": config.split, "near_duplicates": config.near_duplicates}
        images = load(data, data_dir=data_dir, seed=config.seed, **division)
    return predictions_on_test(network, images, run.hierarchy, machine)


def _without_those_learnt(run: Run, images: Images, data_dir: Path | None) -> Images:
    """The pictures of a folder divided as the run divided them, where it learnt from them; else as they come."""
    config = run.config
    if np.isin(run.predictions().ids.astype(str), images.ids.astype(str)).all():
        own = divided(images, config.split, config.seed, config.near_duplicates, data_folder(data_dir), lambda _: None)
        if fingerprint(own) == run.record.get("pictures"):
            return own
    if len(images.where("test")):
        return images
    return replace(images, parts=np.where(images.labels >= 0, "test", "train"), split=WHOLE)


def promise_of(
    run: Run, promise: float, predictions: Predictions | None = None, hierarchy: str | Path | None = None
) -> Promise:
    """What answers that stop early take, if the share ``promise`` of them is to be right, and how many then are.

    Args:
        run: a run with pictures held out of its training, to choose the threshold on.
        promise: in (0, 1).
        predictions: on the pictures to judge by; without them, the saved ones on the test pictures.
        hierarchy: another tree to answer on: the name of a built-in one or a path.

    Raises:
        InputError: when no pictures were held out, or the tree has other classes.
    """
    check_promise(promise)
    validation, judged = run.validation(), predictions or run.predictions()
    if validation is None:
        raise InputError(nothing_held_out(run.folder))
    if hierarchy is not None:
        tree = find(hierarchy)
        validation, judged = validation.under(tree), judged.under(tree)
    return promises([promise], judged, validation)[0]


def predictions_on_test(network: Network, images: Images, hierarchy: Hierarchy, machine: Machine) -> Predictions:
    """What ``network`` says about the test part of ``images``, whose tree must have the classes of ``hierarchy``."""
    return predictions_on(network, images.test, hierarchy, machine)


def predictions_on(network: Network, images: Images, hierarchy: Hierarchy, machine: Machine) -> Predictions:
    """What ``network`` says about all ``images``, whatever part; their tree must have the classes of ``hierarchy``.

    Raises:
        InputError: when the classes or the form of the pictures differ.
    """
    if set(images.hierarchy.classes) != set(hierarchy.classes):
        raise InputError(
            f"{images.name} has other classes than the network was trained on; expected the {len(hierarchy.classes)} "
            f"classes {hierarchy.classes[0]}, {hierarchy.classes[1]}, ..."
        )
    if images.pixels.shape[1:] != (len(network.statistics.mean), network.size, network.size):
        raise InputError(f"the network was made for pictures of {network.size} px, got {images.pixels.shape[1:]}")
    return Predictions(
        probabilities=predict(network, images, machine),
        labels=np.array([hierarchy.class_index[images.hierarchy.classes[label]] for label in images.labels]),
        ids=images.ids,
        hierarchy=hierarchy,
        split=images.split,
        source=images.name,
    )
