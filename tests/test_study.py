"""Studies: what is complete is kept, what was broken off goes on, what fails costs nothing else."""

import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from runs import Refused, contents, status, tiny_images
from safetensors.torch import load_file
from studies import BAD, GOOD, PLAN, TAME, TINY, tiny_study, when

from kinwise.config import Config
from kinwise.data.options import ReadOptions
from kinwise.errors import InputError
from kinwise.experiment import Interrupted
from kinwise.experiment import train as train_once
from kinwise.run import Run
from kinwise.studies import cluster, study, work
from kinwise.studies.result import Study
from kinwise.studies.work import Job, Outcome, Pictures, carry_out

pytest_plugins = ["run_fixtures", "study_fixtures"]


@pytest.fixture
def begun(studied: Study, tmp_path: Path) -> Path:
    """The study to do with as one likes."""
    return Path(shutil.copytree(studied.folder, tmp_path / "study"))


def same_weights(one: Path, other: Path) -> bool:
    a, b = (load_file(folder / "weights.safetensors") for folder in (one, other))
    return a.keys() == b.keys() and all(a[name].equal(b[name]) for name in a)


# --- two workers ----------------------------------------------------------------------------------------------------


def test_runs_that_fail_are_told_and_the_others_are_complete(studied: Study) -> None:
    assert sorted(os.listdir(studied.folder / "runs")) == sorted(GOOD)
    assert (studied.planned, studied.complete, [one.name for one in studied.failed]) == (4, 2, BAD)
    assert not any(one.ours for one in studied.failed)
    for name in BAD:
        assert "the loss is not finite" in (studied.folder / "failures" / f"{name}.txt").read_text("utf-8")
    assert [(row.place["variant"], row.n, row.planned, row.failed) for row in studied.rows] == [
        ("tame", 2, 2, ()),
        ("wild", 0, 2, tuple(BAD)),
    ]


def test_a_run_of_a_study_is_the_run_of_train(studied: Study, tmp_path: Path) -> None:
    run = Run(studied.folder / "runs" / GOOD[1])
    alone = train_once(tiny_images(), config=run.config, out=tmp_path / "alone")
    assert alone is not None
    assert (run.config.seed, run.config.split, run.config.widths) == (1, "80:20", (8, 8, 8))
    assert same_weights(run.folder, alone.folder)
    assert run.record["command"].endswith(f"--out {run.folder}")


def test_the_processors_are_divided_among_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    monkeypatch.setattr("torch.get_num_threads", lambda: 8)

    class Idle:
        job = None

        def __init__(self, *options: int) -> None:
            given.append(options[1])

    monkeypatch.setattr(work, "_Worker", Idle)
    monkeypatch.setattr(work, "_end", lambda _: None)
    jobs = [Job(name=str(place), config=Config(), folder=Path()) for place in range(3)]
    for workers in (1, 3, 16):
        with pytest.raises(AttributeError):  # an idle worker cannot begin
            next(work.run_here(jobs, workers=workers))
    assert given == [8] + [2] * 3 + [1] * 3


# --- going on -------------------------------------------------------------------------------------------------------


def test_started_again_nothing_is_trained_twice(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "_Worker", forbidden)
    before = contents(begun / "runs")
    said: list[str] = []
    found = tiny_study(TAME, begun, say=said.append)
    assert said == ["study: 2 runs, 2 of them complete"]
    assert (found.complete, found.failed) == (2, ())
    assert contents(begun / "runs") == before
    assert FileLock(begun / ".lock").acquire(timeout=0), "free for the next"


def forbidden(*_: object) -> None:
    raise AssertionError("a worker was started")


def test_killed_and_stopped_studies_go_on_to_the_same_weights(tmp_path: Path) -> None:
    plan = {**TAME, "set": {**TINY, "epochs": 6, "validation": 0.1}}
    first, second = (tmp_path / "study" / "runs" / name for name in GOOD)

    def kill() -> None:
        (worker,) = multiprocessing.active_children()
        os.kill(worker.pid or 0, signal.SIGKILL)
        assert not first.is_dir()

    said: list[str] = []
    with (
        when(lambda: (tmp_path / "study" / "runs" / f"{GOOD[0]}.partial" / "state.pt").is_file(), kill),
        when(
            lambda: (tmp_path / "study" / "runs" / f"{GOOD[1]}.partial" / "state.pt").is_file(),
            lambda: os.kill(os.getpid(), signal.SIGINT),
        ),
        pytest.raises(Interrupted, match=r"^Stopped: 0 of 2 runs are complete"),
    ):
        tiny_study(plan, tmp_path / "study", say=said.append)
    assert multiprocessing.active_children() == []
    assert len(said) == 2
    assert f"1/2  {GOOD[0]}: FAILED: the worker process was killed by SIGKILL" in said[1]
    assert sorted(os.listdir(tmp_path / "study" / "runs")) == [f"{name}.partial" for name in GOOD]

    found = tiny_study(plan, tmp_path / "study", say=said.append)
    assert (found.complete, found.failed, os.listdir(tmp_path / "study" / "failures")) == (2, (), [])
    alone = train_once(tiny_images(), config=Run(second).config, out=tmp_path / "alone")
    assert alone is not None
    assert same_weights(second, alone.folder)
    for folder in (first, second):
        history = Run(folder).history
        assert [entry["step"] for entry in history] == sorted({entry["step"] for entry in history})


def test_a_run_that_saved_nothing_is_begun_again(begun: Path) -> None:
    folder = begun / "runs" / GOOD[0]
    config = Run(folder).config
    partial = folder.rename(folder.with_name(f"{folder.name}.partial"))
    for path in partial.iterdir():
        if path.name != "config.json":
            path.unlink()
    outcome = carry_out(Job(name=GOOD[0], config=config, folder=folder), Pictures(tiny_images()))
    assert outcome == Outcome(name=GOOD[0])
    assert Run(folder).history[-1]["epoch"] == 3


def test_what_failed_before_is_told_until_it_is_tried_again(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    tables: list[str] = []

    def run_here(jobs: Sequence[Job], **_: object) -> Iterator[Outcome]:
        assert [job.name for job in jobs] == BAD
        yield Outcome(name=BAD[0], trouble="another reason")
        tables.append((begun / "table.md").read_text("utf-8"))
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "run_here", run_here)
    (begun / "failures" / f"{GOOD[0]}.txt").write_text("of long ago")
    (begun / "failures" / f"{BAD[1]}.txt").write_text("Traceback (most recent call last):\nKeyError: 'x'\n")
    (begun / "differences.csv").write_text("of a baseline that was removed")
    with pytest.raises(Interrupted):
        tiny_study(PLAN, begun, say=told.append)
    for table in (*tables, (begun / "table.md").read_text("utf-8")):
        assert f"- {BAD[0]}: `another reason`" in table
        assert f"- {BAD[1]}: `KeyError: 'x'`" in table
        assert "of long ago" not in table
    assert told[-1].startswith("3/4 ")
    assert not (begun / "differences.csv").exists()


def test_a_changed_file_does_not_mix_with_what_is_there(begun: Path) -> None:
    before = contents(begun)
    longer = {**PLAN, "set": {**TINY, "epochs": 4}}
    with pytest.raises(InputError, match=r"the study says otherwise than when .*epochs=3.0, now 4.0.*another --out"):
        tiny_study(longer, begun)
    shorter = {**PLAN, "set": {key: value for key, value in TINY.items() if key != "epochs"}}
    with pytest.raises(InputError, match=r"epochs=3.0, now"):
        tiny_study(shorter, begun)
    assert contents(begun) == before


def test_two_studies_do_not_work_in_one_folder(begun: Path) -> None:
    with FileLock(begun / ".lock"), pytest.raises(InputError, match="another kinwise study is at work in"):
        tiny_study(TAME, begun)


def test_a_folder_that_is_no_study_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    for folder in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(InputError, match="is there already and is no study"):
            tiny_study(TAME, folder)
    assert contents(tmp_path) == {"thesis.txt": b"mine"}


def test_pictures_are_loaded_once_for_runs_on_the_same_data(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    def load(name: str, options: ReadOptions, **_: object) -> Any:
        asked.append((name, options.size))
        return replace(tiny_images(), name=name)

    monkeypatch.setattr("kinwise.data.read", load)
    pictures = Pictures()
    for name, size in (("a", 0), ("a", 0), ("b", 0), ("b", 32), ("b", 32), ("a", 0)):
        assert pictures.named_by(Config(data=name, size=size)).name == name
    assert asked == [("a", 0), ("b", 0), ("b", 32), ("a", 0)]


# --- a cluster ------------------------------------------------------------------------------------------------------


def test_a_local_ray_does_what_is_left(studied: Study, begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="no Ray: pip install kinwise[cluster]")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # else its workers wait for everything else on the machine
    shutil.rmtree(begun / "runs" / GOOD[1])
    found = tiny_study(PLAN, begun, cluster="local")
    assert (found.complete, [one.name for one in found.failed]) == (2, BAD)
    assert same_weights(begun / "runs" / GOOD[1], studied.folder / "runs" / GOOD[1])


def test_a_machine_that_does_not_see_the_folder_sends_the_run(studied: Study, tmp_path: Path) -> None:
    run = Run(studied.folder / "runs" / GOOD[0])
    job = Job(name=GOOD[0], config=run.config, folder=tmp_path / "study" / "runs" / GOOD[0])
    outcome, files = cluster.train_on_machine(job, tiny_images(), None, mark="of the study")
    assert outcome == Outcome(name=job.name)
    assert contents(tmp_path) == {}
    cluster._receive(files, job.folder)
    assert same_weights(Run(job.folder).folder, run.folder)
    assert Run(job.folder).record["command"].endswith(f"--out {job.folder}")


def test_a_missing_ray_is_one_message(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r'--cluster needs Ray: pip install "kinwise\[cluster\]"'):
        tiny_study(PLAN, begun, cluster="local")


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are done here, on the tiny pictures: quicker than a worker."""

    def run_here(jobs: Sequence[Job], **_: object) -> Iterator[Outcome]:
        for job in jobs:
            outcome = carry_out(job, Pictures(tiny_images()))
            assert outcome
            yield outcome

    monkeypatch.setattr(study, "run_here", run_here)


LINES = """
[axes]
seed = [0, 1]
[set]
data = "shapes"
epochs = 1
device = "cpu"
explained = 1
batch = 64
resolutions = "16:1"
widths = "8,8,8"
"""


@pytest.mark.usefixtures("_tiny_shapes", "_in_this_process")
def test_the_command_prints_the_table_and_says_how_it_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text(LINES)
    assert status("study", "mine.toml", "--dry-run") == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["seed=0  not begun", "seed=1  not begun"]
    assert os.listdir(tmp_path) == ["mine.toml"]
    assert status("study", "mine.toml") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "mine: 2 runs, 0 of them complete"
    assert out[1].startswith("1/2  seed=0: class ")
    assert " left" in out[1]
    assert " left" not in out[2]
    assert out[-1] == f"Table: {tmp_path / 'runs' / 'mine' / 'table.html'}"
    assert status("study", "mine.toml", "--dry-run") == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["seed=0  complete", "seed=1  complete"]


@pytest.mark.usefixtures("_tiny_shapes")
@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome(name="seed=0", trouble="the loss is not finite"), 2),
        (Outcome(name="seed=0", trouble="Traceback:\n  in a line\nKeyError: 'x'\n", ours=True), 1),
    ],
)
def test_the_exit_status_tells_whose_fault_it_was(
    outcome: Outcome,
    expected: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wrong = Outcome(name="seed=1", trouble="a wrong value")
    monkeypatch.setattr(study, "run_here", lambda *_, **__: (one for one in (outcome, wrong)))
    (tmp_path / "mine.toml").write_text(LINES)
    assert status("study", tmp_path / "mine.toml", "--out", tmp_path / "out") == expected
    told = capsys.readouterr()
    assert f"FAILED seed=0: {outcome.reason}\n" in told.out
    failures = tmp_path / "out" / "failures"
    assert told.err == f"kinwise: 2 runs failed; {failures} says why, the same command tries again\n"
    assert (failures / "seed=0.txt").read_text("utf-8").strip() == outcome.trouble.strip()


@pytest.mark.usefixtures("_tiny_shapes")
def test_ctrl_c_by_command_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object, **__: object) -> Iterator[Outcome]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(study, "run_here", stop)
    monkeypatch.setattr(sys, "argv", ["kinwise", "study", "mine.toml"])
    (tmp_path / "mine.toml").write_text(LINES)
    assert status("study", tmp_path / "mine.toml", "--out", tmp_path / "out") == 130
    told = capsys.readouterr().err
    assert (
        told
        == "kinwise: Stopped: 0 of 2 runs are complete; what was under way is kept. Go on: kinwise study mine.toml\n"
    )


@pytest.mark.usefixtures("_tiny_shapes")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("study {here}/nothing.toml", "there is no file {here}/nothing.toml"),
        ("study {here}/mine.toml --workers 0", "workers: expected at least 1, got 0"),
        ("study {here}/mine.toml --out {here}", "{here} is there already and is no study"),
        ("study {here}/flat.toml", "{here}/flat.toml: unknown loss 'flatt'"),
        ("study {here}/data.toml", "{here}/data.toml: unknown data set 'shapse'"),
    ],
)
def test_a_wrong_study_is_one_message(
    arguments: str, expected: str, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(LINES)
    (tmp_path / "flat.toml").write_text(LINES + 'loss = "flatt"\n')
    (tmp_path / "data.toml").write_text(LINES.replace("shapes", "shapse"))
    before = contents(tmp_path)
    assert expected.format(here=tmp_path) in refused(*arguments.format(here=tmp_path).split())
    assert contents(tmp_path) == before
