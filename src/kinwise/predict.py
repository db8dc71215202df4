"""Asking a trained network: pictures in, Predictions out."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kinwise.data import is_path, load, read
from kinwise.data.images import Images
from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.judge.predictions import Predictions
from kinwise.learn.machine import Machine, look_at_machine
from kinwise.learn.network import Network, predict
from kinwise.run import Run


def predictions_of(run: Run, data: str, data_dir: Path | None = None) -> Predictions:
    """Run the network of ``run`` on the test pictures of another data set, folder or table with the same classes.

    Of a folder or table without a test part all pictures are taken.

    Raises:
        InputError: when the classes or the form of the pictures differ.
    """
    config, machine = run.config, look_at_machine(run.config)
    network = run.network().to(machine.device)
    if is_path(data):
        images = read(data, data_dir=data_dir, size=network.size, fit=config.fit)
        if not len(images.where("test")):
            images = replace(images, parts=np.where(images.labels >= 0, "test", "train"))
    else:
        division: dict[str, Any] = {"split": config.split, "near_duplicates": config.near_duplicates}
        images = load(data, data_dir=data_dir, seed=config.seed, **division)
    return predictions_on_test(network, images, run.hierarchy, machine)


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
