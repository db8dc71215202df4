"""How soon a training on a folder begins that was decoded before, and how much of that is torch alone.

    python benchmarks/second_start.py PHOTOS [--hierarchy FILE] [--repeats 5]

Every start is one ``kinwise train PHOTOS`` in a fresh process, ended when it says that its first step begins. The first
of them decodes the pictures into an empty cache and is told apart. Writes ``second_start.json``.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import machine, summary, write

BEGINS = "Training on"
"""With these words a training says that everything is ready, right before its first step."""


def started(command: list[str]) -> float:
    """Seconds until the first step; the training is ended then."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=kept | {"PYTHONUNBUFFERED": "1"}) as process:
        assert process.stdout
        for line in process.stdout:
            if line.startswith(BEGINS):
                seconds = time.perf_counter() - began
                process.kill()
                return seconds
    raise SystemExit(f"it ended before it began: {command}")


def imported() -> float:
    """Seconds that a fresh process takes to load torch."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--hierarchy", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    starts, imports = [], []
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "kinwise", "train", str(arguments.photos), "--data-dir", f"{scratch}/cache"]
        command += ["--hierarchy", str(arguments.hierarchy)] if arguments.hierarchy else []
        for repeat in range(arguments.repeats + 1):
            starts.append(started([*command, "--out", f"{scratch}/run-{repeat}"]))
            imports.append(imported())
    results = {
        "machine": machine(),
        "first_start_seconds": starts[0],
        "second_start_seconds": summary(starts[1:]),
        "import_torch_seconds": summary(imports[1:]),
    }
    write("second_start", results)


if __name__ == "__main__":
    main()
