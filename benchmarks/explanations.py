"""How long 200 failures take to be explained, how long their report, how soon it opens; and which traits hold.

    python benchmarks/explanations.py RUN [--count 200] [--repeats 3] [--splits 20] [--data-dir DIR]

RUN is copied first. Every explanation and report is a fresh process; the page is opened in Chromium where there is one.
What failures have in common is looked for on one half of the test pictures and checked on the other, for so many ways
to halve them. Writes ``explanations.json``.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from common import machine, summary, write

from kinwise.data import load
from kinwise.examine.traits import common, described, traits_of
from kinwise.judge.decide import decide
from kinwise.run import Run


def timed(*command: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "kinwise", *command], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def opening(page: Path, repeats: int) -> dict[str, Any]:
    """Seconds until the browser has shown something, until the page is loaded, and until all charts are drawn."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return {}
    from playwright.sync_api import sync_playwright

    times: dict[str, list[float]] = {"painted": [], "loaded": [], "drawn": []}
    paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    with sync_playwright() as playwright:
        for _ in range(repeats):
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            tab = browser.new_page(viewport={"width": 1280, "height": 800})
            started = time.perf_counter()
            tab.goto(page.resolve().as_uri())
            times["loaded"].append(time.perf_counter() - started)
            tab.wait_for_function("document.documentElement.dataset.charts === 'drawn'")
            times["drawn"].append(time.perf_counter() - started)
            times["painted"].append(tab.evaluate(paint) / 1000)
            browser.close()
    return {name: summary(values) for name, values in times.items()}


def traits_that_hold(run: Run, splits: int, data_dir: Path | None) -> list[dict[str, Any]]:
    """For each side of a trait that was ever found: in how many ways to halve the pictures, and how often it held."""
    config, predictions = run.config, run.predictions()
    parts = {"split": config.split, "seed": config.seed, "near_duplicates": config.near_duplicates}
    traits = traits_of(load(config.data, data_dir=data_dir, **parts).test.pixels)
    answers = decide(predictions, config.decision, validation=run.validation()).answers
    wrong = answers[:, -1] != predictions.labels
    found: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for seed in range(splits):
        for trait in common(traits, wrong, predictions.labels, seed=seed):
            name = described(trait.name, trait.side)
            found[name] += 1
            held[name] += trait.holds
    return [{"pictures": name, "found": count, "held": held[name]} for name, count in found.most_common()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--data-dir", type=Path)
    arguments = parser.parse_args()
    data = ["--data-dir", str(arguments.data_dir)] if arguments.data_dir else []
    with tempfile.TemporaryDirectory() as scratch:
        folder = shutil.copytree(arguments.run, Path(scratch) / "run")
        explained = [
            timed("explain", str(folder), "--count", str(arguments.count), *data) for _ in range(arguments.repeats)
        ]
        report = [timed("report", str(folder)) for _ in range(arguments.repeats)]
        page = folder / "report.html"
        results = {
            "machine": machine(),
            "run": {key: getattr(Run(folder).config, key) for key in ("data", "split", "recipe", "loss")},
            "count": arguments.count,
            "explain_seconds": summary(explained),
            "report_seconds": summary(report),
            "report_bytes": page.stat().st_size,
            "opening_seconds": opening(page, arguments.repeats),
            "splits": arguments.splits,
            "traits": traits_that_hold(Run(folder), arguments.splits, arguments.data_dir),
        }
    write("explanations", results)


if __name__ == "__main__":
    main()
