"""From a folder of one's own to a report: how long it takes, how good it gets, and whether promises are kept.

    python benchmarks/own_pictures.py PHOTOS [--hierarchy FILE] [--seeds 3] [--keep DIR] [--recipe quick]

Every training is one ``kinwise train PHOTOS`` in a fresh process, from the first import to the finished report; the
first one decodes the pictures, into an empty cache, the others find them there. Writes ``own_pictures.json``.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import machine, summary, write

from kinwise.judge.promises import PROMISES, promises
from kinwise.run import Run

BEGINS = "Training on"
"""With these words a training says that its pictures are ready."""


def trained(command: list[str]) -> tuple[float, float]:
    """Seconds until the training began, and until everything was written."""
    started, began = time.perf_counter(), 0.0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            print(line, end="", flush=True)
            if line.startswith(BEGINS):
                began = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(process.returncode)
    return began, time.perf_counter() - started


def row_of(run: Run, seed: int, began: float, seconds: float) -> dict[str, Any]:
    """What one run folder says."""
    scores, validation = run.saved_scores(), run.validation()
    assert scores.training
    assert validation
    return {
        "seed": seed,
        "seconds_until_training": began,
        "seconds": seconds,
        "training_seconds": scores.training["seconds"],
        "epochs": run.config.epochs,
        "size": run.config.size,
        "pictures": {"test": scores.n, "validation": len(validation)},
        "accuracy": scores.accuracy,
        "recall_macro": scores.level["class"]["recall_macro"].value,
        "average_severity": scores.average_severity,
        "peak_memory_bytes": scores.training["peak_memory_bytes"],
        "logit_adjustment": scores.training["logit_adjustment"],
        "promises": [one.to_dict() for one in promises(PROMISES, run.predictions(), validation)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--hierarchy", type=Path)
    parser.add_argument("--recipe", default="quick")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="a folder in which the run folders stay")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(arguments.seeds):
            out = (arguments.keep or Path(scratch)) / f"own-{seed}"
            command = [sys.executable, "-m", "kinwise", "train", str(arguments.photos), "--recipe", arguments.recipe]
            command += ["--seed", str(seed), "--out", str(out), "--data-dir", str(Path(scratch) / "cache")]
            command += ["--hierarchy", str(arguments.hierarchy)] if arguments.hierarchy else []
            began, seconds = trained(command)
            rows.append(row_of(Run(out), seed, began, seconds))
    results = {
        "machine": machine(),
        "recipe": arguments.recipe,
        "accuracy": {level: summary([row["accuracy"][level] for row in rows]) for level in rows[0]["accuracy"]},
        "recall_macro": summary([row["recall_macro"] for row in rows]),
        "seconds": summary([row["seconds"] for row in rows]),
        "runs": rows,
    }
    write("own_pictures", results)


if __name__ == "__main__":
    main()
