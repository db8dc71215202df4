"""Whether heat maps show what the network looks at: their faithfulness on mistakes among the test pictures of a run.

    python benchmarks/heat_maps.py RUN [--mistakes 500] [--data-dir DIR]

For every method and target: how far the score falls without the map's hottest fifth and how far it rises with that
alone, beside the same for masks of the same shape elsewhere, with 95 % intervals over pictures. The mistakes are evenly
spaced among all of the run. Writes ``heat_maps.json``.
"""

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import machine, write

from kinwise.data import load
from kinwise.data.augment import normalise
from kinwise.examine.faithfulness import HOTTEST, RANDOM_MASKS, border_shares, faithfulness, mean_faithfulness
from kinwise.examine.maps import METHODS, heat_maps, targets_of
from kinwise.learn.machine import keep_memory, look_at_machine
from kinwise.learn.network import Network
from kinwise.run import Run


def mistakes_of(run: Run, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The places of up to ``most`` mistakes among the test pictures, the answered and the true node of each level."""
    predictions = run.predictions()
    answers = predictions.probabilities[-1].argmax(axis=1)
    wrong = np.flatnonzero(answers != predictions.labels)
    chosen = wrong[np.unique(np.linspace(0, len(wrong) - 1, min(most, len(wrong))).round().astype(int))]
    nodes = predictions.hierarchy.level_labels
    return chosen, nodes[answers[chosen]], nodes[predictions.labels[chosen]]


def measured(
    method: str, network: Network, pictures: torch.Tensor, nodes: list[np.ndarray], levels: tuple[str, ...]
) -> dict[str, Any]:
    """The figures of one method: seconds, and for each target the faithfulness and the mean share at the border."""
    started = time.perf_counter()
    maps = heat_maps(network, pictures, *nodes, method)
    mapped = time.perf_counter()
    values = faithfulness(network, pictures, maps, *nodes, seed=0)
    means, borders = mean_faithfulness(values, seed=0), border_shares(maps).mean(axis=0)
    return {
        "positions": list(maps.shape[2:]),
        "seconds_for_maps": round(mapped - started, 1),
        "seconds_for_faithfulness": round(time.perf_counter() - mapped, 1),
        "targets": {
            target: {"border": round(float(border), 4)} | {name: asdict(figure) for name, figure in mean.items()}
            for target, border, mean in zip(targets_of(levels), borders, means, strict=True)
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--mistakes", type=int, default=500)
    parser.add_argument("--data-dir", type=Path)
    arguments = parser.parse_args()
    keep_memory()
    run = Run(arguments.run)
    config = run.config
    device = look_at_machine(config).device
    images = load(
        config.data,
        data_dir=arguments.data_dir,
        split=config.split,
        seed=config.seed,
        near_duplicates=config.near_duplicates,
    )
    network = run.network().to(device)
    chosen, *nodes = mistakes_of(run, arguments.mistakes)
    pixels = torch.from_numpy(images.test.pixels[chosen]).to(device)
    pictures = normalise(pixels, network.statistics)
    levels = run.hierarchy.levels
    results = {
        "machine": machine(),
        "run": {"data": config.data, "split": config.split, "recipe": config.recipe, "loss": config.loss},
        "mistakes": len(chosen),
        "blanked_share": HOTTEST,
        "random_masks": RANDOM_MASKS,
        "methods": {name: measured(name, network, pictures, nodes, levels) for name in METHODS},
    }
    write("heat_maps", results)


if __name__ == "__main__":
    main()
