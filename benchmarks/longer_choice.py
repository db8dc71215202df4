"""What the pictures held out say of the losses of a study, before its test pictures are looked at.

    python benchmarks/longer_choice.py runs/longer-choice

Every run of the folder answers for the pictures held out of its training, by ``argmax`` and by ``least-cost``, whose
temperature comes from the other half of them. Means over seeds, and the differences to ``flat`` with ``argmax`` and to
``ancestor-sum`` with the same rule, seed by seed. Writes ``longer_choice.json``.
"""

import argparse
from pathlib import Path

import numpy as np
from common import part, summary, write

from kinwise.judge.metrics import score
from kinwise.judge.predictions import Predictions
from kinwise.run import Run

RULES = ("argmax", "least-cost")
BASELINES = {"flat, argmax": ("flat", "argmax"), "ancestor-sum, the same rule": ("ancestor-sum", "")}
Figures = dict[str, float]


def figures(held_out: Predictions, rule: str) -> Figures:
    """Of all pictures held out; each half is judged with the temperature of the other."""
    rows = np.arange(len(held_out))
    halves = [part(held_out, rows[start::2]) for start in (0, 1)]
    found: list[Figures] = []
    for judged, learned in zip(halves, halves[::-1], strict=True):
        scores = score(judged, decision=rule, validation=learned, resamples=1)
        found.append(
            {f"accuracy {level}": scores.accuracy[level] for level in scores.levels}
            | {"average_severity": scores.average_severity, "distance_at_5": scores.hierarchical_distance_at_5}
        )
    return {
        key: float(np.average([one[key] for one in found], weights=[len(half) for half in halves])) for key in found[0]
    }


def main() -> None:
    """Judge the pictures held out of every run of a study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path, help="the folder of longer_choice.toml's study")
    runs = [Run(folder.parent) for folder in sorted(parser.parse_args().study.glob("runs/*/done.json"))]
    found: dict[tuple[str, str], dict[int, Figures]] = {}
    for run in runs:
        held_out = run.validation()
        if held_out is None:
            parser.error(f"{run.folder} has no pictures held out")
        for rule in RULES:
            found.setdefault((run.config.loss, rule), {})[run.config.seed] = figures(held_out, rule)
    results = {}
    for (loss, rule), own in found.items():
        told = {"mean": {key: summary([one[key] for one in own.values()]) for key in next(iter(own.values()))}}
        for name, (other, same) in BASELINES.items():
            theirs = found[other, same or rule]
            told[f"less {name}"] = {
                key: summary([own[seed][key] - theirs[seed][key] for seed in own]) for key in told["mean"]
            }
        results[f"{loss}, {rule}"] = told
    write("longer_choice", results)


if __name__ == "__main__":
    main()
