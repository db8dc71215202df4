"""How long answers about 1,000 picture files of 32 px take, from the files to the last line, by every path there is.

    python benchmarks/prediction.py [--recipe quick] [--repeats 5] [--run RUN]

Writes ``prediction.json``. The network is untrained unless a run is given with --run: the time does not depend on its
weights.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import machine, summary, write
from PIL import Image

from kinwise.answering.answers import Answerer
from kinwise.answering.files import answer_files, picture_files
from kinwise.answering.text import Lines
from kinwise.config import Config
from kinwise.data.shapes import shapes
from kinwise.experiment import train
from kinwise.learn.machine import keep_memory
from kinwise.recipes import recipe
from kinwise.run import Run

COUNT, SIDE = 1000, 32


Times = tuple[list[float], float]


def times_of(work: Callable[[], object], repeats: int) -> Times:
    """The seconds of each repeat after one that does not count, and the mean of what the processor spent on them.

    The second is what a busy machine hardly changes.
    """
    work()
    seconds, began = [], _processor_seconds()
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return seconds, (_processor_seconds() - began) / repeats


def _processor_seconds() -> float:
    return sum(os.times()[:4])


def own_path(run: Run, folder: Path, repeats: int) -> Times:
    """Files decoded in threads while the network computes, and a line of text for each: the command once started."""
    keep_memory()
    answerer = Answerer(run)

    def work() -> None:
        files = picture_files([str(folder)])
        lines = Lines(files, answerer.hierarchy)
        found = [
            lines.line(file, batch.answers, row).plain
            for batch in answer_files(answerer, files)
            for file, row in batch.rows()
            if isinstance(row, int)
        ]
        assert len(found) == COUNT

    return times_of(work, repeats)


def network_alone(run: Run, folder: Path, repeats: int) -> Times:
    """The same pictures as one array in memory: what the network itself takes."""
    answerer = Answerer(run)
    pixels = np.stack([answerer.decode(file.path) for file in picture_files([str(folder)])])
    return times_of(lambda: answerer.answer(pixels), repeats)


def decoding_alone(run: Run, folder: Path, repeats: int) -> Times:
    """Every file decoded, one after the other in one thread."""
    answerer, files = Answerer(run), picture_files([str(folder)])
    return times_of(lambda: [answerer.decode(file.path) for file in files], repeats)


def whole_command(run: Run, folder: Path, repeats: int) -> Times:
    """kinwise predict as it is typed, starting Python and loading the network included."""
    command = [sys.executable, "-m", "kinwise", "predict", str(run.folder), str(folder)]
    return times_of(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL), repeats)


def start_alone(run: Run, folder: Path, repeats: int) -> Times:
    """The same command on a single picture."""
    command = [sys.executable, "-m", "kinwise", "predict", str(run.folder), str(picture_files([str(folder)])[0].path)]
    return times_of(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL), repeats)


WAYS: dict[str, Callable[[Run, Path, int], Times]] = {
    "kinwise, from files to lines": own_path,
    "kinwise, the network alone": network_alone,
    "decoding alone, one thread": decoding_alone,
    "kinwise predict, started anew": whole_command,
    "kinwise predict on one picture, started anew": start_alone,
}


def barely_trained(config: Config, out: Path) -> Run:
    """A run of the network of ``config`` that learned next to nothing."""
    few = config.changed(["epochs=0.01", "explained=0", "loss=ancestor-sum"])
    found = train(shapes(train=8, test=4), config=few, out=out)
    assert found is not None
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="quick")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--run", type=Path)
    arguments = parser.parse_args()
    results: dict[str, Any] = {"machine": machine(), "pictures": COUNT, "side": SIDE}
    with tempfile.TemporaryDirectory() as place:
        run = (
            Run(arguments.run) if arguments.run else barely_trained(recipe(arguments.recipe).config, Path(place, "run"))
        )
        results["recipe"] = run.config.recipe
        folder = Path(place, "pictures")
        folder.mkdir()
        pixels = np.random.default_rng(0).integers(0, 256, size=(COUNT, SIDE, SIDE, 3), dtype=np.uint8)
        for row, picture in enumerate(pixels):
            Image.fromarray(picture).save(folder / f"{row:04d}.png")
        for name, way in WAYS.items():
            seconds, processor = way(run, folder, arguments.repeats)
            results[name] = {"processor_mean": processor, **summary(seconds)}
    write("prediction", results)


if __name__ == "__main__":
    main()
