"""The strength of every loss, chosen on pictures held out of CIFAR-100's training part: the same effort for each.

Every loss is trained with three values of what it has to be set, with the network, budget and seed of the protocol but
half its length, and the value with the lowest average severity on the held-out pictures is taken: it falls with every
mistake and with how severe it is. Test pictures are not looked at. The result is written beside this script; the
chosen values stand in ``methods.toml``.

    python benchmarks/methods_tuning.py [--losses flat hxe ...]
"""

import argparse
import json
import time
from pathlib import Path

import torch
from common import machine

from kinwise.data import load
from kinwise.experiment import held_out, pictures_of
from kinwise.learn.machine import keep_memory, look_at_machine
from kinwise.learn.train import Training
from kinwise.recipes import recipe

RESULT = Path(__file__).with_suffix(".json")
COMMON = ("data=cifar100", "widths=16,64,192", "epochs=1.5", "validation=0.1", "seed=100", "level_weights=0.3,0.3,1")
FACTORS = ("severity_factors=1,1,2,4", "severity_factors=1,1,1.5,2", "severity_factors=1,1.2,1.4,1.6")
WEIGHTS = ("level_weights=0.1,0.1,1", "level_weights=0.3,0.3,1", "level_weights=1,1,1")
SMOOTHING = ("label_smoothing=0.1", "label_smoothing=0.25", "label_smoothing=0.4")


def strengths(key: str, *values: float) -> tuple[str, ...]:
    """The texts that set ``key`` to each of ``values``."""
    return tuple(f"{key}={value:g}" for value in values)


TRIED: dict[str, tuple[str, ...]] = {
    "flat": SMOOTHING,
    "levels": WEIGHTS,
    "severity-weighted": FACTORS,
    "severity-weighted-levels": FACTORS,
    "learned-severity": ("severity_factors=", "severity_factors=1,1.3,1.6,1.9", "severity_factors=1,2,3,4"),
    "expected-cost": strengths("expected_cost_lambda", 0.1, 0.3, 1),
    "soft-margin": strengths("soft_margin_tau", 0.1, 0.3, 1),
    "ancestor-sum": WEIGHTS,
    "soft-labels": strengths("soft_labels_beta", 8, 15, 30),
    "tree-smoothing": strengths("tree_smoothing_beta", 0.5, 1, 2),
    "tree-smoothing-levels": WEIGHTS,
    "hxe": strengths("hxe_alpha", 0.1, 0.3, 0.6),
    "consistency": strengths("consistency_mu", 0.3, 1, 3),
    "path-kl": strengths("path_kl_mu", 0.3, 1, 3),
    "haframe": strengths("haframe_alpha", 0.1, 0.2, 0.4),
    "hier-cos": strengths("hier_cos_alpha", 0.01, 0.05, 0.2),
    "conditional": SMOOTHING,
}


def trial(loss: str, change: str) -> dict[str, object]:
    """One training and what the held-out pictures say of it."""
    config = recipe("quick").config.changed((*COMMON, f"loss={loss}", change))
    images, duplicates = pictures_of(config, load("cifar100"))
    training = Training(config, held_out(config, images, duplicates), look_at_machine(config))
    started = time.perf_counter()
    training.run()
    last = training.history[-1]
    return {
        "loss": loss,
        "change": change,
        "accuracy": last["accuracy"]["validation"],
        "average_severity": last["average_severity"]["validation"],
        "seconds": time.perf_counter() - started,
        "severity_factors": last.get("severity_factors"),
    }


def main() -> None:
    """Train what is missing in the result, and write it after every training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--losses", nargs="*", default=list(TRIED))
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--threads", type=int, default=0)
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    keep_memory()
    result = json.loads(given.out.read_text()) if given.out.is_file() else {"common": COMMON, "trials": []}
    for loss in given.losses:
        for change in TRIED[loss]:
            if not any((one["loss"], one["change"]) == (loss, change) for one in result["trials"]):
                result["trials"].append(trial(loss, change))
                result["machine"] = machine()
                given.out.write_text(json.dumps(result, indent=1) + "\n")
                print(result["trials"][-1], flush=True)


if __name__ == "__main__":
    main()
