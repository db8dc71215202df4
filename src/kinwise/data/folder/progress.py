"""What a person sees while pictures are decoded: a bar on a terminal, now and then a line elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

EVERY = 10.0
"""Seconds between two lines."""


@contextmanager
def decoding_progress(say: Callable[[str], None]) -> Iterator[Callable[[int, int], None]]:
    """A function to be called with the number of files that are done and of those to do; fast work shows nothing."""
    if not sys.stderr.isatty():
        yield _lines(say)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("[progress.description]{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True))
    task = bar.add_task("Decoding pictures", total=None)

    def show(done: int, wanted: int) -> None:
        bar.start()
        bar.update(task, completed=done, total=wanted)

    try:
        yield show
    finally:
        bar.stop()


def _lines(say: Callable[[str], None]) -> Callable[[int, int], None]:
    told = monotonic()

    def show(done: int, wanted: int) -> None:
        nonlocal told
        if monotonic() - told >= EVERY:
            told = monotonic()
            say(f"Decoded {done:,} of {wanted:,} pictures")

    return show
