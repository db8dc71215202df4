"""A tiny training, and the command line called as a function; the fixtures on them are in ``run_fixtures``."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from kinwise.cli import main
from kinwise.config import Config
from kinwise.data.images import Images
from kinwise.data.shapes import shapes
from kinwise.experiment import Watchers
from kinwise.learn.train import Progress

FILES = (
    "config.json",
    "hierarchy.json",
    "metrics.jsonl",
    "weights.safetensors",
    "state.pt",
    "predictions.safetensors",
    "failures.json",
    "failures.csv",
    "failures.safetensors",
    "scores.json",
    "report.html",
    "done.json",
)
TINY = Config(widths=(8, 8, 8), resolutions=((16, 0.5), (20, 1.0)), epochs=3, batch=64, device="cpu", explained=6)
TINY_OPTIONS = (
    *("--set", "widths=8,8,8", "resolutions=16:0.5,20:1", "batch=64", "epochs=3", "device=cpu", "explained=1"),
    *("learning_rate=0.1", "other_learning_rate=0.7"),  # the command would fit them to the few pictures
)
STEPS = 12  # of TINY on tiny_images: 3 epochs of 256 pictures in batches of 64

Refused = Callable[..., str]


@cache
def tiny_images() -> Images:
    """256 training and 128 test pictures in 32 classes."""
    return shapes(train=8, test=4)


def stopped_at(step: int) -> Watchers:
    """Watchers that end a training after ``step`` steps."""
    done = [0]

    def count(progress: Progress) -> None:
        done[0] = progress.step

    return Watchers(progress=count, stop=lambda: done[0] >= step)


def contents(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder: path -> bytes, or None for a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """The system refuses to let any file grow beyond ``size`` bytes: a real failure in the middle of writing."""
    resource = pytest.importorskip("resource", reason="no limits on file sizes on this system")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)


def status(*arguments: object) -> int:
    """The exit status of ``kinwise ARGUMENTS``, run in this process."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0
