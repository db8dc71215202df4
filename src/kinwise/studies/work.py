"""The work of a study on this machine: each run in a process of its own that may die without harm to the others."""

import os
import shutil
import signal
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING

from kinwise.config import Config
from kinwise.errors import InputError

if TYPE_CHECKING:  # a worker says how many threads it may use before anything that has threads is imported
    from kinwise.data.images import Images
    from kinwise.data.options import ReadOptions


STUDY = "study.json"
"""In the folder of a study: what it was made of."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A run to be done: its name, its config, and the folder that holds it in the end."""

    name: str
    config: Config
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a job.

    Attributes:
        name: the job's.
        trouble: why there is no complete run, a message or a traceback; empty when there is one.
        ours: whether the trouble is a fault of kinwise or of the machine, rather than of the input.
    """

    name: str
    trouble: str = ""
    ours: bool = False

    @property
    def reason(self) -> str:
        """The trouble in one line: of a traceback the last one."""
        return self.trouble.strip().splitlines()[-1 if self.ours else 0]


def run_here(
    jobs: Sequence[Job], *, workers: int = 1, images: "Images | None" = None, data_dir: Path | None = None
) -> Generator[Outcome]:
    """Do all jobs in ``workers`` fresh processes, and say of each what came of it as soon as it is known.

    The processors are divided among the workers, and on CUDA the workers among the GPUs. A worker loads a data set
    when the one before was another. One that dies costs its run only. When the iterator is closed, by Ctrl-C for
    example, the workers save what they have and end.

    Args:
        jobs: in this order.
        workers: how many at a time; at least 1.
        images: the pictures; without them, those that each config names are loaded.
        data_dir: where data sets are kept.
    """
    import torch

    threads = max(1, torch.get_num_threads() // workers)
    waiting = list(reversed(jobs))
    crew = [_Worker(number, threads, images, data_dir) for number in range(min(workers, len(jobs)))]
    try:
        for worker in crew:
            worker.begin(waiting.pop())
        while busy := {worker.line: worker for worker in crew if worker.job}:
            for line in wait(list(busy)):
                worker = busy[line]  # type: ignore[index] # of the lines that were given
                outcome = worker.outcome()
                if waiting:
                    worker.begin(waiting.pop())
                yield outcome
    finally:
        _end(crew)


class _Worker:
    """A process that does one job after the other; when it dies, the next job finds a new one."""

    def __init__(self, number: int, threads: int, images: "Images | None", data_dir: Path | None) -> None:
        self.given = (number, threads, images, data_dir)
        self.job: Job | None = None
        self._start()

    def _start(self) -> None:
        context = get_context("spawn")
        self.line, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, *self.given))
        self.process.start()
        theirs.close()

    def begin(self, job: Job) -> None:
        if not self.process.is_alive():
            self.line.close()
            self._start()
        self.job = job
        with suppress(OSError):  # dead within this moment: its outcome will say so
            self.line.send(job)

    def outcome(self) -> Outcome:
        assert self.job
        name, self.job = self.job.name, None
        try:
            return self.line.recv()
        except (EOFError, OSError):
            self.process.join()
            return Outcome(name=name, trouble=_death(self.process.exitcode or 0), ours=True)


def _death(status: int) -> str:
    if status < 0:
        hint = "; the system kills what takes too much memory" if -status == signal.SIGKILL else ""
        return f"the worker process was killed by {signal.Signals(-status).name}{hint}"
    return f"the worker process ended by itself with status {status}"


def _end(crew: Sequence[_Worker]) -> None:
    """Hang up, which tells workers to save and end, and wait for them; whoever presses Ctrl-C again does not wait."""
    try:
        for worker in crew:
            worker.line.close()
        for worker in crew:
            worker.process.join()
    finally:
        for worker in crew:
            worker.process.terminate()


# --- inside a worker ------------------------------------------------------------------------------------------------


def _work(line: Connection, number: int, threads: int, images: "Images | None", data_dir: Path | None) -> None:
    """Do the jobs that come over ``line`` until nobody is there any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent hears it and hangs up
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import torch

    torch.set_num_threads(threads)
    os.environ["LOCAL_RANK"] = str(number % max(1, torch.cuda.device_count()))  # the GPU to take
    pictures = Pictures(images, data_dir)
    with suppress(EOFError, OSError):
        while True:
            job: Job = line.recv()
            outcome = carry_out(job, pictures, stop=line.poll)  # while a job is done, only hanging up can be heard
            if outcome is None:
                return
            line.send(outcome)


class Pictures:
    """The official pictures of a data set, kept until another is asked for; or those given, with the tree asked for."""

    def __init__(self, images: "Images | None" = None, data_dir: Path | None = None) -> None:
        self.images, self.data_dir = images, data_dir
        self.given = images is not None
        self.form: tuple[str, ReadOptions] | None = None

    def named_by(self, config: Config) -> "Images":
        """The pictures that ``config`` names, in the form that it wants."""
        from kinwise.data import read_for, under
        from kinwise.data.options import options_of

        if self.given and self.images is not None:
            return under(self.images, config.hierarchy)
        form = (config.data, options_of(config))
        if self.images is None or self.form != form:
            self.images = None  # two data sets may not have room
            self.images, self.form = read_for(config, self.data_dir), form
        return self.images


def carry_out(
    job: Job, pictures: Pictures, *, stop: Callable[[], bool] = lambda: False, command: str = ""
) -> Outcome | None:
    """Train ``job``, or go on where it was broken off; None when it was stopped and can go on later.

    A failure is an outcome too: nothing is raised but what ends the process.
    """
    from kinwise import experiment, run_folder

    watchers = experiment.Watchers(stop=stop)
    try:
        images = pictures.named_by(job.config)
        partial = run_folder.partial_of(job.folder)
        if (partial / run_folder.STATE).is_file() or (partial / run_folder.DONE).is_file():
            experiment.resume(job.folder, images, data_dir=pictures.data_dir, watchers=watchers)
        else:
            if partial.exists():  # broken off before anything was saved
                shutil.rmtree(partial)
            experiment.train(
                images,
                config=job.config,
                out=job.folder,
                data_dir=pictures.data_dir,
                command=command,
                watchers=watchers,
            )
    except experiment.Interrupted:
        return None
    except InputError as error:
        return Outcome(name=job.name, trouble=str(error))
    except Exception:
        return Outcome(name=job.name, trouble=traceback.format_exc(), ours=True)
    return Outcome(name=job.name)
