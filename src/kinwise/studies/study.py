"""A study from beginning to end: what is planned is set beside what is there, the rest is done, the table kept."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

from filelock import FileLock, Timeout

from kinwise import run_folder
from kinwise.config import Config
from kinwise.data.images import Images
from kinwise.errors import InputError
from kinwise.experiment import Interrupted, silent
from kinwise.files import read_json, write_json, write_text, writing
from kinwise.judge.scores import Scores
from kinwise.record import CONFIG, config_of
from kinwise.run import Run
from kinwise.show.glossary import clock, percent
from kinwise.studies.alike import alike
from kinwise.studies.cluster import run_on_cluster
from kinwise.studies.differences import comma_separated
from kinwise.studies.fit import fitted
from kinwise.studies.fronts import write_fronts
from kinwise.studies.judged import Judged, judged
from kinwise.studies.page import study_page
from kinwise.studies.plan import Plan, Source, read_plan
from kinwise.studies.result import Study, gather
from kinwise.studies.work import STUDY, Job, Outcome, run_here

RUNS = "runs"
FAILURES = "failures"
JUDGED = "judged"
DIFFERENCES = "differences.csv"
LOCK = ".lock"
TRACEBACK = "Traceback "
"""So begins what is noted of a fault that is not the input's; its last line says what it was."""


def study(
    source: Source,
    images: Images | None = None,
    *,
    out: Path | str | None = None,
    workers: int = 1,
    cluster: str = "",
    data_dir: Path | None = None,
    say: Callable[[str], None] = silent,
) -> Study:
    """Train every combination that a study file names, and keep a table of means over seeds.

    Runs that are complete are taken as they are, unfinished ones go on where they were broken off, and those that
    failed are tried again; so a study that was stopped goes on when it is called again. A run that fails is noted
    under ``failures`` and in the table, and the others go on. The table is written anew after every run. Where the
    file has a section [judge], each complete run is judged by its rules and trees, and what comes of it is kept under
    ``judged``; charts for a paper are written at the end.

    A worker is a fresh interpreter: a script that calls this needs ``if __name__ == "__main__":`` around the call.
    The peak memory that a run notes is that of its worker up to then.

    Args:
        source: a TOML file, or a mapping of the same shape; ``read_plan`` says what stands in it.
        images: pictures with the official split; without them, those that each run names are loaded.
        out: the folder for runs and table; without it, ``runs/`` and the name of the file.
        workers: how many runs at a time on each machine; its processors are divided among them.
        cluster: the address of a Ray cluster that does the work, or "local" to start one here; empty: no Ray.
        data_dir: where data sets are kept.
        say: called with a line of text for every run.

    Raises:
        InputError: for anything wrong in the file or in what the folder holds, before anything is trained.
        Interrupted: when Ctrl-C stopped it; what was under way is kept.
    """
    if workers < 1:
        raise InputError(f"workers: expected at least 1, got {workers}")
    plan, jobs = prepare(source, images, out=out, data_dir=data_dir)
    folder = jobs[0].folder.parents[1]
    with _alone(folder):
        mark = uuid4().hex  # by which a machine of the cluster knows this folder
        settings: dict[str, Any] = {"file": plan.source, "axes": list(plan.axes), "set": plan.fixed}
        settings |= {"judge": plan.judging.to_dict()} if plan.judging else {}
        write_json(folder / STUDY, {"mark": mark, **settings, "runs": {run.name: run.settings for run in plan.runs}})
        book = _Book(plan, folder, say)
        waiting = {job.name: job for job in jobs if not book.enter(job)}
        say(f"{plan.name}: {len(jobs)} runs, {len(jobs) - len(waiting)} of them complete")
        given: dict[str, Any] = {"workers": workers, "images": images, "data_dir": data_dir}
        todo = list(waiting.values())
        outcomes = run_on_cluster(todo, cluster, mark, **given) if cluster else run_here(todo, **given)
        try:
            book.judge()
            with closing(outcomes):
                for outcome in outcomes:
                    book.note(waiting.pop(outcome.name), outcome, left=len(waiting))
        except KeyboardInterrupt as stop:
            done = sum(map(book.enter, jobs))  # some were completed after the last one was noted
            told = f"Stopped: {done} of {len(jobs)} runs are complete; what was under way is kept."
            raise Interrupted(told) from stop
        finally:
            found = book.write()
        write_fronts(folder, alike(found.rows) if found.judging else [])
    return found


def prepare(
    source: Source, images: Images | None = None, *, out: Path | str | None = None, data_dir: Path | None = None
) -> tuple[Plan, list[Job]]:
    """The plan of a study and its jobs, each checked against what its folder holds; nothing is written.

    Raises:
        InputError: for anything wrong in the file, or when the folder holds other runs of the same names.
    """
    plan = read_plan(source)
    folder = Path(out) if out else Path("runs") / plan.name
    if folder.exists() and not (folder / STUDY).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there already and is no study; choose another --out")
    try:
        configs = fitted(plan.runs, images, data_dir, plan.judging.trees if plan.judging else {})
    except InputError as error:
        raise InputError(f"{plan.source}: {error}") from error
    jobs = [Job(name=name, config=config, folder=folder / RUNS / name) for name, config in configs.items()]
    for job in jobs:
        _require_same(job, plan.source)
    return plan, jobs


def state(job: Job) -> str:
    """How far a run is: complete, unfinished, or not begun."""
    if (job.folder / run_folder.DONE).is_file():
        return "complete"
    return "unfinished" if (run_folder.partial_of(job.folder) / run_folder.STATE).is_file() else "not begun"


def _require_same(job: Job, source: str) -> None:
    """Refuse a folder that holds, complete or not, a training by another config."""
    for folder in (job.folder, run_folder.partial_of(job.folder)):
        if not (folder / CONFIG).is_file():
            continue
        there = config_of(read_json(folder / CONFIG), folder)
        keys = [field.name for field in fields(Config) if getattr(there, field.name) != getattr(job.config, field.name)]
        if keys:
            told = ", ".join(f"{key}={there.text_of(key)}, now {job.config.text_of(key)}" for key in keys)
            raise InputError(f"{source} says otherwise than when {folder} was trained ({told}); choose another --out")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Make the folder of a study, and keep others out of it meanwhile."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise InputError(f"another kinwise study is at work in {folder}; let it end first") from error
    try:
        yield
    finally:
        lock.release()


class _Book:
    """What is known of the runs of a study while they are being done."""

    def __init__(self, plan: Plan, folder: Path, say: Callable[[str], None]) -> None:
        self.plan, self.folder, self.say = plan, folder, say
        self.scores: dict[str, Scores] = {}
        self.failed = _failed_before(plan, folder)
        self.judged: dict[str, list[Judged]] = {}
        self.noted, self.started = 0, monotonic()

    def enter(self, job: Job) -> bool:
        """Whether the run is complete; if so, its scores are entered."""
        if (job.folder / run_folder.DONE).is_file() and job.name not in self.scores:
            self.scores[job.name] = Run(job.folder).saved_scores()
            self.failed.pop(job.name, None)
        return job.name in self.scores

    def judge(self) -> None:
        """Judge what is complete by the rules and trees of the plan, if it names any; what was kept is read."""
        waiting = [name for name in self.scores if self.plan.judging and name not in self.judged]
        if len(waiting) > 1 and self.plan.judging:
            self.say(f"Judging {len(waiting)} runs in {len(self.plan.judging.ways)} ways each")
        for name in waiting:
            assert self.plan.judging
            kept = self.folder / JUDGED / f"{name}.json"
            self.judged[name] = judged(Run(self.folder / RUNS / name), self.plan.judging, kept)

    def note(self, job: Job, outcome: Outcome, *, left: int) -> None:
        """Enter what came of a run, say so, and write the tables."""
        path = self.folder / FAILURES / f"{job.name}.txt"
        if outcome.trouble:
            self.failed[job.name] = outcome
            with writing(path):
                path.parent.mkdir(exist_ok=True)
            write_text(path, f"{outcome.trouble}\n")
            told = f"FAILED: {outcome.reason}"
        else:
            self.enter(job)
            self.judge()
            path.unlink(missing_ok=True)
            told = headline(self.scores[job.name])
        self.noted += 1
        place = f"{len(self.plan.runs) - left}/{len(self.plan.runs)}"
        rest = f"; about {clock((monotonic() - self.started) / self.noted * left)} left" if left else ""
        self.say(f"{place}  {job.name}: {told}{rest}")
        self.write()

    def write(self) -> Study:
        """Write the tables of what is known so far."""
        found = gather(self.plan, self.folder, self.scores, self.failed, self.judged)
        write_text(self.folder / "table.md", found.markdown())
        write_text(self.folder / "table.csv", found.csv())
        if found.differences:
            write_text(self.folder / DIFFERENCES, comma_separated(found.differences, found.compared))
        else:
            (self.folder / DIFFERENCES).unlink(missing_ok=True)
        write_text(self.folder / "table.html", study_page(found))
        return found


def _failed_before(plan: Plan, folder: Path) -> dict[str, Outcome]:
    """The runs that failed when they were last tried, by name, from what was noted then."""
    found = {}
    for run in plan.runs:
        path = folder / FAILURES / f"{run.name}.txt"
        if path.is_file():
            trouble = path.read_text(encoding="utf-8", errors="replace").strip() or "no reason was noted"
            found[run.name] = Outcome(name=run.name, trouble=trouble, ours=trouble.startswith(TRACEBACK))
    return found


def headline(scores: Scores) -> str:
    """The main figures of a run in one line."""
    accuracies = (f"{name} {percent(share)}" for name, share in reversed(scores.accuracy.items()))
    seconds = (scores.training or {}).get("seconds", 0.0)
    return f"{', '.join(accuracies)}, average severity {scores.average_severity:.3f}, {clock(seconds)}"
