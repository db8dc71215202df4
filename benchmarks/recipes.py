"""Time to accuracy of the recipes on CIFAR-100, official split, one view: mean over seeds, each run a fresh process.

    python benchmarks/recipes.py [--recipes quick standard thorough] [--losses ancestor-sum flat] [--seeds 3]

Every run is one ``kinwise train`` with nothing else going on; training time excludes loading and judging, ``wall``
includes them and everything else. Results are added to the results file after each run, so it can be broken off; runs
that are there already are not repeated. The same command measures a GPU.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import HERE, machine, summary

FIGURES = ("mistake_severity", "average_severity", "hierarchical_distance_at_5", "full_path_accuracy")


def run_once(recipe: str, loss: str, seed: int, data_dir: str | None, keep: Path | None) -> dict[str, Any]:
    """Train once and return what the run folder says; the folder stays under ``keep`` if that is given."""
    with tempfile.TemporaryDirectory() as folder:
        out = (keep or Path(folder)) / f"{recipe}-{loss}-{seed}"
        command = [sys.executable, "-m", "kinwise", "train", "cifar100", "--recipe", recipe, "--seed", str(seed)]
        command += ["--set", f"loss={loss}", "--out", str(out)] + (["--data-dir", data_dir] if data_dir else [])
        started = time.perf_counter()
        subprocess.run(command, check=True)
        wall = time.perf_counter() - started
        scores = json.loads((out / "scores.json").read_text(encoding="utf-8"))
        config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    return {
        "recipe": recipe,
        "loss": loss,
        "seed": seed,
        "validation": config["config"]["validation"],
        "decision": scores["decision"],
        "seconds": scores["training"]["seconds"],
        "wall": wall,
        "peak_memory_bytes": scores["training"]["peak_memory_bytes"],
        "images_per_second": scores["training"]["images_per_second"],
        **{f"accuracy {level}": scores["level"][level]["accuracy"]["value"] for level in scores["levels"]},
        **{figure: scores["hierarchy"][figure]["value"] for figure in FIGURES},
        "parameters": scores["model"]["parameters"],
        "forward_flops": scores["model"]["forward_flops"],
        "commit": config["commit"],
        "machine": machine(),
    }


def summaries(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over seeds for each recipe and loss."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        groups.setdefault(f"{run['recipe']} {run['loss']}", []).append(run)
    keys = ["seconds", "wall", "peak_memory_bytes", *(key for key in runs[0] if key.startswith("accuracy")), *FIGURES]
    return {name: {key: summary([run[key] for run in group]) for key in keys} for name, group in groups.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", default=["quick", "standard", "thorough"])
    parser.add_argument("--losses", nargs="+", default=["ancestor-sum"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--results", default="recipes", help="the name of the results file, without .json")
    parser.add_argument("--keep", type=Path, help="a folder in which the run folders stay")
    parser.add_argument("--data-dir")
    arguments = parser.parse_args()
    results = HERE / f"{arguments.results}.json"
    runs = json.loads(results.read_text(encoding="utf-8"))["runs"] if results.exists() else []
    for recipe in arguments.recipes:
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
            for loss in arguments.losses:
                if any((run["recipe"], run["loss"], run["seed"]) == (recipe, loss, seed) for run in runs):
                    continue
                runs.append(run_once(recipe, loss, seed, arguments.data_dir, arguments.keep))
                results.write_text(json.dumps({"summary": summaries(runs), "runs": runs}, indent=1) + "\n", "utf-8")
                print(json.dumps(runs[-1]), flush=True)


if __name__ == "__main__":
    main()
