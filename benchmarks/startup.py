"""How long ``kinwise --help`` takes, how long evaluating 10,000 pictures, and how long its report.

    python benchmarks/startup.py [--repeats 10] [--recipe standard] [--data-dir DIR]

Writes ``startup.json``. The network is untrained: the time does not depend on its weights.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from common import machine, summary, write

from kinwise.data import load
from kinwise.data.augment import channel_statistics
from kinwise.judge.metrics import score
from kinwise.learn.machine import keep_memory, look_at_machine
from kinwise.learn.network import build
from kinwise.predict import predictions_on_test
from kinwise.recipes import recipe
from kinwise.show.report import report_html


def help_seconds(repeats: int) -> list[float]:
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "kinwise", "--help"], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    return times[1:]  # the first one reads the files from disk


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--recipe", default="standard")
    parser.add_argument("--data-dir", type=Path)
    arguments = parser.parse_args()
    keep_memory()
    config = recipe(arguments.recipe).config
    images = load("cifar100", data_dir=arguments.data_dir)
    place = look_at_machine(config)
    network = build(config, images.hierarchy, channel_statistics(images.train.pixels), 32, 0).to(place.device)
    evaluate, report = [], []
    for _ in range(3):
        started = time.perf_counter()
        predictions = predictions_on_test(network, images, images.hierarchy, place)
        scores = score(predictions)
        evaluate.append(time.perf_counter() - started)
        started = time.perf_counter()
        page = report_html(predictions=predictions, scores=scores, title="benchmark", facts={}, commands={})
        report.append(time.perf_counter() - started)
    results = {
        "machine": machine(),
        "help_seconds": summary(help_seconds(arguments.repeats)),
        f"evaluate 10,000 pictures with {arguments.recipe}, all figures included": summary(evaluate),
        "report_seconds": summary(report),
        "report_bytes": len(page.encode()),
    }
    write("startup", results)


if __name__ == "__main__":
    main()
