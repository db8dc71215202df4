"""How long 1,000 pictures take the run's own network and what was exported of it, from pixels to probabilities.

    python benchmarks/exported.py RUN [--repeats 10] [--threads 2]

RUN is copied first. All ways take turns, so that a busy machine slows them alike. Writes ``exported.json``.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import machine, summary, write
from onnxruntime import InferenceSession, SessionOptions

from kinwise.answering.answers import Answerer
from kinwise.exporting.formats import FORMATS
from kinwise.learn.machine import keep_memory
from kinwise.run import Run

COUNT, BATCH = 1000, 250

Ask = Callable[[np.ndarray], object]
OWN, ONNX, PROGRAM = "kinwise", "ONNX Runtime", "torch.export"


def onnx_runtime(path: Path, threads: int) -> Ask:
    options = SessionOptions()
    options.intra_op_num_threads = threads
    session = InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda pictures: session.run(None, {"pictures": pictures})


def timed(ask: Ask, pictures: np.ndarray) -> float:
    started = time.perf_counter()
    for start in range(0, len(pictures), BATCH):
        ask(pictures[start : start + BATCH])
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    keep_memory()
    with tempfile.TemporaryDirectory() as scratch:
        run = Run(shutil.copytree(arguments.run, Path(scratch) / "run", ignore=shutil.ignore_patterns("model.*")))
        exported = {name: run.export(format=name) for name in FORMATS}
        answerer = Answerer(run, device="cpu")
        ways: dict[str, Ask] = {
            OWN: lambda pictures: answerer.answer(pictures.transpose(0, 3, 1, 2)),
            ONNX: onnx_runtime(exported["onnx"].path, arguments.threads),
            PROGRAM: FORMATS["pt2"].open(exported["pt2"].path)[1],
        }
        form = (COUNT, answerer.size, answerer.size, exported["onnx"].channels)
        pictures = np.random.default_rng(0).integers(0, 256, size=form, dtype=np.uint8)
        times: dict[str, list[float]] = {name: [] for name in ways}
        for repeat in range(arguments.repeats + 1):
            for name, ask in ways.items():
                seconds = timed(ask, pictures)
                times[name] += [seconds] if repeat else []  # the first round warms up
        results: dict[str, Any] = {
            "machine": machine(),
            "run": {key: getattr(run.config, key) for key in ("recipe", "network", "widths")},
            "pictures": COUNT,
            "side": answerer.size,
            "batch": BATCH,
            "threads": arguments.threads,
            "seconds": {name: summary(values) for name, values in times.items()},
            "longer than kinwise, as a share": {
                name: summary([other / own - 1 for other, own in zip(times[name], times[OWN], strict=True)])
                for name in (ONNX, PROGRAM)
            },
            "bytes": {name: one.size for name, one in exported.items()},
            "largest difference": {name: one.agreement.largest_difference for name, one in exported.items()},
        }
    write("exported", results)


if __name__ == "__main__":
    main()
