"""What single parts cost in a training step, measured in pairs: both sides alternate in one process.

    python benchmarks/steps.py [--pairs 10] [--data-dir DIR]

- all levels (``ancestor-sum``) beside classes alone (``flat``): the price of learning the hierarchy;
- small maps by fewer multiplications beside torch's convolution kernels (processors only);
- the batched data path beside a per-picture pipeline (crop, flip, normalise, stack, as a DataLoader would).
Writes ``steps.json``.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from common import machine, summary, write

from kinwise.config import Config
from kinwise.data import load
from kinwise.data.augment import Statistics, channel_statistics
from kinwise.data.images import Images
from kinwise.learn.backbones.smallmaps import SmallMapConvolution
from kinwise.learn.feed import Feed
from kinwise.learn.machine import keep_memory, look_at_machine
from kinwise.learn.processes import Processes
from kinwise.learn.train import Training
from kinwise.recipes import recipe


def seconds_of(work: Callable[[], object]) -> float:
    """How long ``work`` takes, the device's queue included."""
    started = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def in_pairs(first: Callable[[], object], second: Callable[[], object], pairs: int) -> dict[str, Any]:
    """Seconds of each side and the ratio second / first, over alternating repeats after two of each to warm up."""
    for _ in range(2):
        first(), second()
    times = [(seconds_of(first), seconds_of(second)) for _ in range(pairs)]
    return {
        "first_seconds": summary([a for a, _ in times]),
        "second_seconds": summary([b for _, b in times]),
        "ratio": summary([b / a for a, b in times]) | {"median": float(np.median([b / a for a, b in times]))},
    }


def step_of(images: Images, loss: str, name: str = "quick", size: int = 32) -> Callable[[], None]:
    """A function that takes one training step of the recipe ``name`` at ``size`` pixels."""
    config = recipe(name).config.changed(["data=cifar100", f"loss={loss}", f"resolutions={size}:1", "epochs=1000"])
    training = Training(config, images, look_at_machine(config))
    return training._take_step


def without_small_maps(step: Callable[[], None]) -> Callable[[], None]:
    """The same step with torch's kernels for every convolution."""

    def run() -> None:
        with patch.object(SmallMapConvolution, "forward", torch.nn.Conv2d.forward):
            step()

    return run


def batched_path(images: Images, statistics: Statistics) -> Callable[[], None]:
    """A function that makes ten batches of 512, augmented and normalised."""
    config = Config(data="cifar100", resolutions=((32, 1.0),), batch=512)
    feed = Feed(images, config, statistics, look_at_machine(config).device, Processes())
    feed.at(0)

    def run() -> None:
        for step in range(10):
            feed.at(step)

    return run


def per_picture_path(images: Images, statistics: Statistics) -> Callable[[], None]:
    """The same for one batch of 512, a picture at a time."""
    generator = np.random.default_rng(0)
    mean, std = (np.array(values, dtype=np.float32)[:, None, None] for values in (statistics.mean, statistics.std))

    def one(index: int) -> torch.Tensor:
        padded = np.pad(images.pixels[index], ((0, 0), (2, 2), (2, 2)), mode="reflect")
        y, x = generator.integers(0, 5, 2)
        picture = padded[:, y : y + 32, x : x + 32]
        picture = picture[:, :, ::-1] if generator.random() < 0.5 else picture
        return torch.from_numpy((picture.astype(np.float32) / 255 - mean) / std)

    return lambda: torch.stack([one(int(index)) for index in generator.integers(0, 50_000, 512)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--data-dir", type=Path)
    arguments = parser.parse_args()
    keep_memory()
    images = load("cifar100", data_dir=arguments.data_dir)
    statistics = channel_statistics(images.train.pixels)
    flat, levels = step_of(images, "flat"), step_of(images, "ancestor-sum")
    batched = in_pairs(batched_path(images, statistics), per_picture_path(images, statistics), arguments.pairs)
    results = {
        "machine": machine(),
        "flat, then all levels": in_pairs(flat, levels, arguments.pairs),
        "small maps by fewer multiplications, then as convolutions": {
            f"{name} at {size} px": in_pairs(step, without_small_maps(step), arguments.pairs)
            for name in ("quick", "standard", "thorough")
            for size in (21, 32)
            for step in [step_of(images, "flat", name, size)]
        },
        "10 batches of 512 at once, then 1 batch picture by picture": batched,
        "batched pictures per second": 5120 / batched["first_seconds"]["mean"],
        "per-picture pictures per second": 512 / batched["second_seconds"]["mean"],
    }
    write("steps", results)


if __name__ == "__main__":
    main()
