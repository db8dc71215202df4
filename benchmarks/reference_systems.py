"""The reference systems on CIFAR-100: what their reports say, what our recipes of them reach, and how long that takes.

    python benchmarks/reference_systems.py                         # all at full length: for an accelerator
    python benchmarks/reference_systems.py --minutes 10            # each for as many epochs as fit in so long
    python benchmarks/reference_systems.py --recipes double-conv --epochs 20
    python benchmarks/reference_systems.py --speed                 # time some steps of each, alone on the machine
    python benchmarks/reference_systems.py --table                 # write the tables of docs/reference-systems.md

Every run is one ``kinwise train`` and its row says how many of the recipe's epochs it had. Rows are added to
reference_systems.json after each run; runs that are there already are not repeated. Our own recipes, named with
``--recipes quick --splits 70:30``, are run on the same split and machine, to compare times at equal accuracy; on the
official split they are those of recipes.json.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from common import HERE

from kinwise.data import load
from kinwise.data.images import hold_out
from kinwise.learn.machine import keep_memory, look_at_machine
from kinwise.learn.train import Training
from kinwise.recipes import OURS, REFERENCE_SYSTEMS, recipe
from kinwise.run import Run

RESULTS = HERE / "reference_systems.json"
OFFICIAL = HERE / "recipes.json"
DOCUMENT = HERE.parent / "docs" / "reference-systems.md"
SPEED_STEPS = 6
SPEED_TRIES = 2

Results = dict[str, Any]
"""``alone``: seconds per epoch of each system, with nothing else going on; ``runs``: a row for each training."""

# Test accuracy in per cent as the reports have it: split -> class, superclass, group (None: not reported).
REPORTED: dict[str, dict[str, tuple[float | None, ...]]] = {
    "dense-trunk": {"70:30": (52.06, 52.55, 54.95), "80:20": (53.56, 53.79, 57.44), "90:10": (55.65, 56.01, 59.25)},
    "dense-trunk-severity": {
        "70:30": (55.31, 55.18, 58.04),
        "80:20": (56.75, 56.67, 59.05),
        "90:10": (59.52, 59.36, 62.48),
    },
    "weighted-heads": {"70:30": (69.22, 71.61, 69.54), "80:20": (60.63, 63.26, 60.53), "90:10": (62.17, 64.58, 61.78)},
    "weighted-heads-severity": {"70:30": (47.48, 49.61, 53.44)},
    "double-conv": {"70:30": (59.68, 74.72, 81.40), "80:20": (64.61, 78.68, 84.49), "90:10": (66.14, 79.65, 84.86)},
    "double-conv-severity": {"70:30": (56.71, None, None), "80:20": (62.34, None, None), "90:10": (63.36, None, None)},
    "resnet9": {"official": (74.34, None, None)},
    "smoothed-cnn": {"official": (62.91, None, None)},
    "smoothed-cnn-augmented": {"official": (69.54, None, None)},
}


def seconds_per_epoch(name: str, split: str, data_dir: Path | None) -> float:
    """How long an epoch takes here, from a few steps after a first one."""
    config = recipe(name).config.changed(["data=cifar100", f"split={split}"])
    images = load("cifar100", data_dir=data_dir, split=split)
    keep_memory()
    training = Training(config, hold_out(images, config.validation), look_at_machine(config))
    training.run(stop=iter([False] * 2 + [True]).__next__)
    _wait()
    started = time.perf_counter()
    training.run(stop=iter([False] * SPEED_STEPS + [True]).__next__)
    _wait()
    return (time.perf_counter() - started) / SPEED_STEPS * training.feed.steps_per_epoch


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def run_once(
    name: str, split: str, seed: int, epochs: float, data_dir: Path | None, keep: Path | None
) -> dict[str, Any]:
    """Train once and return what the run folder says; it stays under ``keep`` if that is given."""
    with tempfile.TemporaryDirectory() as folder:
        out = (keep or Path(folder)) / f"{name}-{split.replace(':', '-')}-{seed}"
        command = [sys.executable, "-m", "kinwise", "train", "cifar100", "--recipe", name, "--split", split]
        command += ["--seed", str(seed), "--epochs", f"{epochs:g}", "--set", "explained=0", "--out", str(out)]
        subprocess.run(command + (["--data-dir", str(data_dir)] if data_dir else []), check=True)
        return row_of(out)


def row_of(folder: Path) -> dict[str, Any]:
    """What a run folder says: each level's own answer is judged (the rule independent), as in the reports."""
    run = Run(folder)
    config, scores = run.config, run.scores(decision="independent")
    assert scores.training
    assert scores.model
    return {
        "recipe": config.recipe,
        "split": config.split,
        "seed": config.seed,
        "epochs": config.epochs,
        "full_epochs": recipe(config.recipe).config.epochs,
        "seconds": scores.training["seconds"],
        "accuracy": scores.accuracy,
        "recall_macro": scores.level["class"]["recall_macro"].value,
        "f1_macro": scores.level["class"]["f1_macro"].value,
        "average_severity": scores.average_severity,
        "inconsistent_paths": scores.inconsistent_paths,
        "parts": scores.training["parts"],
        "parameters": scores.model["parameters"],
        "forward_flops": scores.model["forward_flops"],
        "peak_memory_bytes": scores.training["peak_memory_bytes"],
        "history": run.history,
        "commit": run.record["commit"],
        "machine": run.record["machine"],
    }


# --- tables ----------------------------------------------------------------------------------------------------------


def reproduced_table(runs: list[dict[str, Any]]) -> list[str]:
    """Reported beside reproduced, a row for each system and split."""
    lines = [
        "| system | split | epochs | reported: class, superclass, group | ours | broken paths | average severity "
        "| training pictures |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, splits in REPORTED.items():
        for split, reported in splits.items():
            found = [run for run in runs if (run["recipe"], run["split"]) == (name, split)]
            row = [f"`{name}`", split, "", _percents(reported), "not run yet", "", "", ""]
            if found:
                run = max(found, key=lambda run: run["epochs"])
                unfinished = "" if run["epochs"] >= run["full_epochs"] else " (unfinished)"
                row[2] = f"{run['epochs']:g} of {run['full_epochs']:g}{unfinished}"
                row[4] = _percents(100 * run["accuracy"][level] for level in ("class", "superclass", "group"))
                row[5:7] = f"{100 * run['inconsistent_paths']:.1f} %", f"{run['average_severity']:.3f}"
                trained = run["parts"]["train"]["accuracy"]
                row[7] = _percents(100 * trained[level] for level in ("class", "superclass", "group"))
            lines.append(f"| {' | '.join(row)} |")
    return lines


def time_table(runs: list[dict[str, Any]], alone: dict[str, float]) -> list[str]:
    """The time of each system at full length beside that of the quickest of our recipes that is at least as good."""
    lines = [
        "| system | split | class accuracy | an epoch | full length | ours, at least as good | class accuracy | time "
        "| times faster |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, an_epoch in alone.items():
        config = recipe(name).config
        accuracies = [run["accuracy"]["class"] for run in runs if (run["recipe"], run["split"]) == (name, config.split)]
        reported, reached = (REPORTED[name][config.split][0] or 0.0) / 100, max(accuracies, default=0.0)
        full = an_epoch * config.epochs
        row = [f"`{name}`", config.split]
        row += [f"{100 * max(reported, reached):.2f} % ({'reported' if reported > reached else 'measured'})"]
        row += [f"{an_epoch:.0f} s", f"{config.epochs:g} epochs, {_time(full)}", "none measured", "", "", ""]
        good = [one for one in _ours(runs, config.split) if one[1] >= max(reported, reached)]
        if good:
            ours, accuracy, seconds = good[0]
            row[-4:] = [f"`{ours}`", f"{100 * accuracy:.2f} %", _time(seconds), f"{full / seconds:.0f}"]
        lines.append(f"| {' | '.join(row)} |")
    return lines


def _ours(runs: list[dict[str, Any]], split: str) -> list[tuple[str, float, float]]:
    """Our recipes on a split, the quickest first: name, class accuracy, seconds; means over seeds."""
    found = [(run["recipe"], run["accuracy"]["class"], run["seconds"]) for run in runs if run["split"] == split]
    if split == "official" and OFFICIAL.exists():
        summaries = json.loads(OFFICIAL.read_text("utf-8"))["summary"]
        means = {
            key.split()[0]: [one[what]["mean"] for what in ("accuracy class", "seconds")]
            for key, one in summaries.items()
        }
        found = [(name, accuracy, seconds) for name, (accuracy, seconds) in means.items()]
    return sorted((one for one in found if one[0] in OURS), key=lambda one: one[2])


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["recipe"], row["split"], row["seed"], row["epochs"]


def _percents(values: Any) -> str:
    return ", ".join("–" if value is None else f"{value:.2f}" for value in values)


def _time(seconds: float) -> str:
    minutes = seconds / 60
    return f"{seconds:.0f} s" if minutes < 2 else f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def write_tables(results: Results) -> None:
    """Put both tables between their marks in the document."""
    text, runs = DOCUMENT.read_text("utf-8"), results["runs"]
    for mark, lines in (("reproduced", reproduced_table(runs)), ("times", time_table(runs, results["alone"]))):
        start, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
        before, rest = text.split(start)
        text = before + "\n".join([start, *lines, end]) + rest.split(end)[1]
    DOCUMENT.write_text(text, encoding="utf-8")


def write_results(results: Results) -> None:
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", default=list(REFERENCE_SYSTEMS))
    parser.add_argument("--splits", nargs="+", help="without it, the recipe's own")
    parser.add_argument("--minutes", type=float, help="as many epochs as fit in so long, at most the recipe's")
    parser.add_argument("--epochs", type=float, help="so many epochs instead of the recipe's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder in which the run folders stay")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--add", nargs="+", type=Path, default=[], help="run folders whose rows are added, untrained")
    parser.add_argument("--speed", action="store_true", help="time some steps of each and train nothing")
    parser.add_argument("--table", action="store_true", help="write the tables of the document and train nothing")
    arguments = parser.parse_args()
    results: Results = {"alone": {}, "runs": []} | (json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {})
    if arguments.table:
        write_tables(results)
        return
    if arguments.speed:
        for name in arguments.recipes:
            split = recipe(name).config.split
            results["alone"][name] = min(seconds_per_epoch(name, split, arguments.data_dir) for _ in range(SPEED_TRIES))
            print(f"{name}: {results['alone'][name]:.1f} s per epoch of {split}", flush=True)
        write_results(results)
        return
    runs = results["runs"]
    if arguments.add:
        rows = [row_of(folder) for folder in arguments.add]
        named = {_key(row) for row in rows}
        results["runs"] = [*(run for run in runs if _key(run) not in named), *rows]
        write_results(results)
        return
    for name in arguments.recipes:
        for split in arguments.splits or [recipe(name).config.split]:
            epochs = arguments.epochs or recipe(name).config.epochs
            if arguments.minutes:
                fitting = 60 * arguments.minutes / seconds_per_epoch(name, split, arguments.data_dir)
                epochs = min(epochs, int(10 * fitting) / 10)
            if any(
                (run["recipe"], run["split"], run["seed"]) == (name, split, arguments.seed) and run["epochs"] >= epochs
                for run in runs
            ):
                continue
            runs.append(run_once(name, split, arguments.seed, epochs, arguments.data_dir, arguments.keep))
            write_results(results)
            print(json.dumps({key: value for key, value in runs[-1].items() if key != "history"}), flush=True)


if __name__ == "__main__":
    main()
