"""What a person sees while a training runs: a progress bar on a terminal, plain lines elsewhere; and Ctrl-C."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from kinwise.learn.train import Progress

PLAIN_EVERY = 0.05
FEW = 100
"""So many files are answered before a bar is of use."""


def say(text: str) -> None:
    """Print one line of text at once."""
    print(text, flush=True)


@contextmanager
def training_progress() -> Iterator[Callable[[Progress], None]]:
    """A function that shows the progress given to it: a bar on a terminal, else a line for every 5 % of the steps."""
    if not sys.stdout.isatty():
        yield _PlainLines()
        return
    bar_column = BarColumn(bar_width=None)  # as wide as the other columns leave room for
    columns = (TextColumn("{task.description}"), bar_column, MofNCompleteColumn(), TextColumn("{task.fields[text]}"))
    bar = Bar(*columns, expand=True)
    task = bar.add_task("step", text="", total=None)

    def show(progress: Progress) -> None:
        bar.start()  # with the first step, not before: a download shows a bar of its own
        bar.update(task, completed=progress.step, total=progress.steps, text=progress_text(progress))

    try:
        yield show
    finally:
        bar.stop()


@contextmanager
def answering_progress(count: int) -> Iterator[tuple[Callable[..., None], Callable[[int], None]]]:
    """Two functions: one prints lines, in colours on a terminal; the other is told how many more files are done.

    A bar below the lines, or alone on standard error where they go elsewhere, shows the way through ``count`` files.
    """
    out = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
    place = out if out.is_terminal else Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=None), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Bar(*columns, console=place, expand=True, transient=True, disable=not place.is_terminal or count < FEW)
    task = bar.add_task("pictures", total=count)

    def show(*lines: Text | str) -> None:
        if lines and out.is_terminal:
            out.print(*lines, sep="\n")
        elif lines:
            print(*lines, sep="\n", flush=True)

    with bar:
        yield show, lambda done: bar.advance(task, done)


class _PlainLines:
    """Prints progress whenever another part of the training is done."""

    def __init__(self) -> None:
        self.next_share = 0.0

    def __call__(self, progress: Progress) -> None:
        if progress.step < progress.steps and progress.step / progress.steps < self.next_share:
            return
        self.next_share = progress.step / progress.steps + PLAIN_EVERY
        say(f"step {progress.step}/{progress.steps}  {progress_text(progress)}")


def progress_text(progress: Progress) -> str:
    """Epoch, loss, accuracy of the finest level, pictures per second and time left, in one line."""
    level, accuracy = list(progress.accuracy.items())[-1]
    minutes, seconds = divmod(round(progress.seconds_left), 60)
    return (
        f"epoch {progress.epoch:.2f}  loss {progress.loss:.3f}  {level} {accuracy:.1%}  "
        f"{progress.images_per_second:,.0f} pictures/s  {minutes}:{seconds:02d} left"
    )


@contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """A function that says whether Ctrl-C was pressed since it was first asked; a second Ctrl-C ends the program.

    Before it is first asked, while pictures are loaded for example, Ctrl-C ends the program as ever.
    """
    pressed = asked = False
    previous = signal.getsignal(signal.SIGINT)

    def note(_number: int, _frame: object) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, previous)

    def stop() -> bool:
        nonlocal asked
        if not asked:
            asked = True
            signal.signal(signal.SIGINT, note)
        return pressed

    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, previous)
