"""Limits: what a network cannot learn from is refused before anything is learnt, and the least that works is named."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from easy import CONFIG, CPU, easy_images
from torch import nn

from kinwise.config import Config
from kinwise.data.augment import Statistics
from kinwise.errors import InputError
from kinwise.learn.backbones import BACKBONES
from kinwise.learn.feed import Feed
from kinwise.learn.limits import sizes_learnt_at
from kinwise.learn.processes import Processes
from kinwise.learn.train import Training

ONE_SIZE = replace(CONFIG, resolutions=((512, 1.0),))


def learns_from(config: Config, made_for: int, size: int) -> bool:
    """Whether a step of training passes forth and back."""
    backbone = BACKBONES[config.network](config, 3, made_for).train()
    try:
        backbone(torch.randn(2, 3, size, size)).sum().backward()
    except (RuntimeError, IndexError, ValueError):
        return False
    return True


@pytest.mark.parametrize(("side", "least"), [(46, 26), (91, 26), (92, 52)])
def test_a_resolution_too_small_for_the_network_names_the_least(side: int, least: int) -> None:
    config = replace(CONFIG, resolutions=((21, 0.45), (side, 1.0)))
    message = (
        f"resolutions: the network fast, made for pictures of {side} px, cannot take 21 px; "
        f"the least that it takes is {least} px"
    )
    with pytest.raises(InputError, match=f"^{message}$"):
        Training(config, easy_images(size=side), CPU)
    assert not learns_from(config, side, least - 1)
    assert learns_from(config, side, least)
    Training(replace(config, resolutions=((least, 0.45), (side, 1.0))), easy_images(size=side), CPU)


@pytest.mark.parametrize(
    ("network", "least"),
    [
        ("fast", 13),
        ("dense-trunk", 8),
        ("weighted-heads", 8),
        ("double-conv", 8),
        ("resnet9", 16),
        ("smoothed-cnn", 16),
    ],
)
def test_pictures_too_small_for_the_network_name_the_least(network: str, least: int) -> None:
    config = replace(ONE_SIZE, network=network, widths=CONFIG.widths if network == "fast" else ())
    message = f"the network {network} cannot take pictures of {least - 1} px; the least that it takes is {least} px"
    with pytest.raises(InputError, match=f"^{message}$"):
        Training(config, easy_images(size=least - 1), CPU)
    assert not learns_from(config, least - 1, least - 1)
    assert learns_from(config, least, least)


def test_the_least_pictures_are_learnt_from() -> None:
    training = Training(ONE_SIZE, easy_images(size=13), CPU)
    training.run()
    assert training.is_done


def test_a_resolution_that_no_step_has_is_no_matter() -> None:
    Training(replace(CONFIG, resolutions=((16, 0.0), (40, 0.5), (64, 1.0))), easy_images(size=64), CPU)


@pytest.mark.parametrize("shares", [(0.3, 0.7), (0.1, 0.1), (0.0, 0.05), (1 / 3, 2 / 3), (0.99, 1.0)])
@pytest.mark.parametrize("epochs", [0.1, 1.0, 3.0, 7.3])
def test_the_sizes_learnt_at_are_those_of_all_steps(shares: tuple[float, float], epochs: float) -> None:
    resolutions = ((16, shares[0]), (20, shares[1]), (24, 1.0))
    statistics = Statistics(mean=(0.5,) * 3, std=(0.2,) * 3)
    config = replace(CONFIG, resolutions=resolutions, epochs=epochs)
    feed = Feed(easy_images(size=22), config, statistics, CPU.device, Processes())
    assert sizes_learnt_at(feed) == {feed.size_at(step) for step in range(feed.steps)}
    progress = [step / feed.steps for step in range(feed.steps)]
    parts = zip(resolutions, (0.0, *shares), strict=True)
    seen = {min(size, 22) for (size, until), start in parts if any(start <= now < until for now in progress)}
    assert sizes_learnt_at(feed) == seen


@pytest.mark.parametrize("network", ["fast", "dense-trunk", "resnet9"])
def test_one_picture_per_step_is_refused(network: str) -> None:
    config = replace(CONFIG, batch=1, network=network, widths=CONFIG.widths if network == "fast" else ())
    message = (
        "^batch normalisation needs 2 pictures per step in each process, got 1: batch is 1, training pictures 64, "
        "processes 1$"
    )
    with pytest.raises(InputError, match=message):
        Training(config, easy_images(), CPU)


def test_one_training_picture_is_refused() -> None:
    images = easy_images()
    one = images.take(np.flatnonzero((images.parts != "train") | (images.ids == "0")))
    with pytest.raises(InputError, match="got 1: batch is 16, training pictures 1, processes 1"):
        Training(CONFIG, one, CPU)


def test_one_picture_for_each_process_is_refused() -> None:
    with pytest.raises(InputError, match="got 1: batch is 2, training pictures 64, processes 2"):
        Training(replace(CONFIG, batch=2), easy_images(), CPU, Processes(count=2))


def test_two_pictures_per_step_are_learnt_from() -> None:
    training = Training(replace(CONFIG, batch=2, epochs=0.1), easy_images(), CPU)
    training.run()
    assert np.isfinite(training.history[-1]["loss"])


def test_looking_changes_nothing() -> None:
    training = Training(CONFIG, easy_images(), CPU)
    norms = [layer for layer in training.network.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert norms
    assert all(layer.training and not layer.running_mean.any() for layer in norms if layer.running_mean is not None)
