"""What every loss costs beside ``flat``: training steps of ``quick`` in pairs, both sides alternating in one process.

    python benchmarks/loss_steps.py [--pairs 10] [--data-dir DIR]

Of each loss ten steps follow each other, so that what learned-severity does at every tenth is among them. Writes
``loss_steps.json``.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from common import machine, write
from steps import in_pairs

from kinwise.data import load
from kinwise.data.images import Images, hold_out
from kinwise.learn.losses import LOSSES
from kinwise.learn.machine import keep_memory, look_at_machine
from kinwise.learn.train import Training
from kinwise.recipes import recipe

STEPS = 10


def steps_of(images: Images, loss: str, name: str = "quick") -> Callable[[], None]:
    """A function that takes ten training steps at 32 pixels."""
    changes = ["data=cifar100", f"loss={loss}", "resolutions=32:1", "epochs=1000", "validation=0.1"]
    config = recipe(name).config.changed(changes)
    training = Training(config, images, look_at_machine(config))

    def run() -> None:
        for _ in range(STEPS):
            training._take_step()

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--data-dir", type=Path)
    arguments = parser.parse_args()
    keep_memory()
    images = hold_out(load("cifar100", data_dir=arguments.data_dir), 0.1)
    flat = steps_of(images, "flat")
    losses = [loss for loss in LOSSES if loss != "flat"]
    results = {
        "machine": machine(),
        "steps": STEPS,
        "flat, then": {loss: in_pairs(flat, steps_of(images, loss), arguments.pairs) for loss in losses},
    }
    write("loss_steps", results)


if __name__ == "__main__":
    main()
