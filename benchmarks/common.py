"""What the benchmarks share: which machine this is, means with t intervals, and where results go."""

import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kinwise.config import Config
from kinwise.judge.predictions import Predictions
from kinwise.learn.machine import look_at_machine
from kinwise.studies.table import spread

HERE = Path(__file__).parent


def machine() -> dict[str, Any]:
    """This machine, its load just now, and the versions that matter."""
    return {
        "device": str(look_at_machine(Config())),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "load_average": os.getloadavg()[0],
        "matrix_product_gflops": round(matrix_product_speed(), 1),
        "versions": {name: version(name) for name in ("kinwise", "torch", "numpy")},
    }


def matrix_product_speed(size: int = 1024, repeats: int = 20) -> float:
    """GFLOP/s of a float32 matrix product, the best of ``repeats``: tells a slow machine or a busy one from a fast."""
    a, b = torch.randn(size, size), torch.randn(size, size)
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best / 1e9


def summary(values: list[float]) -> dict[str, Any]:
    """Mean, standard deviation and 95 % t interval over runs; no interval for a single one."""
    mean, low, high, n = spread(values)
    found: dict[str, Any] = {"n": n, "mean": mean, "values": [float(value) for value in values]}
    return found if n == 1 else found | {"std": float(np.std(values, ddof=1)), "low": low, "high": high}


def part(predictions: Predictions, rows: np.ndarray) -> Predictions:
    """Those of some pictures."""
    levels = tuple(level[rows] for level in predictions.probabilities)
    ids, labels = predictions.ids[rows], predictions.labels[rows]
    return Predictions(probabilities=levels, labels=labels, ids=ids, hierarchy=predictions.hierarchy)


def write(name: str, results: dict[str, Any]) -> None:
    """Write ``results`` beside the benchmark as ``name``.json and print them."""
    text = json.dumps(results, indent=1)
    (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(text)
