"""A study of tiny trainings, two of which fail; the fixture on it is in ``study_fixtures``."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runs import tiny_images

import kinwise
from kinwise.studies.result import Study

TINY = {
    "widths": [8, 8, 8],
    "resolutions": "16:0.5,20:1",
    "epochs": 3,
    "batch": 64,
    "learning_rate": 0.1,
    "device": "cpu",
    "explained": 1,
}
VARIANTS = [{"name": "tame", "other_learning_rate": 0.7}, {"name": "wild", "other_learning_rate": 1e30, "warmup": 0}]
PLAN: dict[str, Any] = {"axes": {"split": ["80:20"], "seed": [0, 1]}, "variants": VARIANTS, "set": TINY}
TAME = {**PLAN, "variants": VARIANTS[:1]}
GOOD = [f"split=80-20,seed={seed},variant=tame" for seed in (0, 1)]
BAD = [f"split=80-20,seed={seed},variant=wild" for seed in (0, 1)]


def tiny_study(plan: Any, out: Path, **options: Any) -> Study:
    return kinwise.study(plan, tiny_images(), out=out, **options)


@contextmanager
def when(happened: Callable[[], bool], then: Callable[[], None]) -> Iterator[None]:
    """Calls ``then`` from another thread as soon as ``happened``."""

    def watch() -> None:
        while not happened() and not over.is_set():
            time.sleep(0.002)
        if not over.is_set():
            then()

    over = threading.Event()
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
