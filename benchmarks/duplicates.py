"""How long it takes to find the near-duplicates among CIFAR-100's 60,000 pictures, and what is found.

    python benchmarks/duplicates.py [--repeats 3] [--data-dir DIR]

Writes ``duplicates.json``. What was kept in the data folder is not used.
"""

import argparse
import resource
import time
from pathlib import Path

from common import machine, summary, write

from kinwise.data import load
from kinwise.data.describe import near_duplicates
from kinwise.data.duplicates import MOST_DISTANCE, find_duplicates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--data-dir", type=Path)
    arguments = parser.parse_args()
    images = load("cifar100", data_dir=arguments.data_dir)
    seconds, processor_seconds = [], []
    for _ in range(arguments.repeats):
        started, used = time.perf_counter(), time.process_time()
        found = find_duplicates(images.pixels)
        seconds.append(time.perf_counter() - started)
        processor_seconds.append(time.process_time() - used)
    results = {
        "machine": machine(),
        "pictures": len(images),
        "seconds": summary(seconds),
        "processor_seconds": summary(processor_seconds),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "most_distance": MOST_DISTANCE,
        "near_duplicates": near_duplicates(images, found),
    }
    write("duplicates", results)


if __name__ == "__main__":
    main()
