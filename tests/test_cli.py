"""The command line as a person meets it: help, output, exit status."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import FILES, TINY, TINY_OPTIONS, contents, status, stopped_at, tiny_images
from safetensors.torch import load_file

from kinwise import cli
from kinwise.commands import RUN
from kinwise.experiment import Interrupted, train
from kinwise.hierarchy import Hierarchy
from kinwise.judge.decide import RULES
from kinwise.learn.network import Network
from kinwise.recipes import NAMES
from kinwise.run import Run
from kinwise.taxonomy import write
from kinwise.verbs import VERBS

pytest_plugins = ["run_fixtures"]

Output = pytest.CaptureFixture[str]
KINWISE = [sys.executable, "-m", "kinwise"]
TINY_PROGRAM = """
import sys
from kinwise import cli, data
from kinwise.data.shapes import shapes
data.DATA_SETS["shapes"] = lambda _: shapes(train=8, test=4)
cli.main(sys.argv[1:])
sys.exit("the compiler was loaded" if "torch._dynamo" in sys.modules else 0)  # which takes as long as torch itself
"""


def run_program(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*KINWISE, *arguments], text=True, timeout=60, check=False, **options)


# --- help -----------------------------------------------------------------------------------------------------------


def test_help_lists_every_verb(capsys: Output) -> None:
    assert status("--help") == 0
    page = capsys.readouterr().out
    assert [verb for verb in VERBS if f"• {verb} " not in page] == []


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_every_verb_shows_examples_that_parse(verb: str, capsys: Output) -> None:
    assert status(verb, "--help") == 0
    page = capsys.readouterr().out
    assert "None" not in page, "defaults are told in words"
    examples = [line.split()[1:] for line in page.splitlines() if line.startswith(f"  kinwise {verb}")]
    assert examples
    for words in examples:
        assert isinstance(cli.parse(words), VERBS[verb])


def test_help_needs_neither_torch_nor_numpy() -> None:
    program = (
        "import sys\nfrom kinwise import cli\ntry: cli.main(['train', '--help'])\n"
        "except SystemExit: sys.exit(bool({'torch', 'numpy', 'plotly', 'kinwise.commands'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_verb_does_something() -> None:
    assert set(RUN) == set(VERBS.values())


# --- train ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_tiny_shapes")
def test_train_writes_a_run_and_says_where(trained: Path, tmp_path: Path, capsys: Output) -> None:
    assert status("train", "shapes", *TINY_OPTIONS, "--out", tmp_path / "mine") == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert captured.err == ""
    assert lines[0].startswith("Training on ")
    assert lines[-2] == f"Run:    {tmp_path / 'mine'}"
    assert lines[-1] == f"Report: {tmp_path / 'mine' / 'report.html'}"
    assert sum(line.startswith("step ") for line in lines) <= 21, "a line for every 5 % is enough"
    assert "NOT COMPARABLE" not in captured.out
    assert sorted(os.listdir(tmp_path / "mine")) == sorted(FILES)
    weights, again = (load_file(folder / "weights.safetensors") for folder in (trained, tmp_path / "mine"))
    assert all(weights[name].equal(again[name]) for name in weights), "as from Python"


@pytest.mark.usefixtures("_tiny_shapes")
def test_every_output_of_a_new_split_says_that_it_is_not_comparable(tmp_path: Path, capsys: Output) -> None:
    folder = tmp_path / "run"
    assert status("train", "shapes", *TINY_OPTIONS, "--epochs", "1", "--split", "80:20", "--out", folder) == 0
    assert "NOT COMPARABLE with scores on the official split" in capsys.readouterr().out
    assert json.loads((folder / "scores.json").read_text("utf-8"))["split"] == "80:20"
    assert "Not comparable with scores on the official split" in (folder / "report.html").read_text("utf-8")
    assert status("evaluate", folder) == 0
    assert "NOT COMPARABLE" in capsys.readouterr().out
    assert status("data", "shapes", "--split", "80:20") == 0
    assert "not comparable" in capsys.readouterr().out


@pytest.mark.usefixtures("_tiny_shapes")
def test_options_stand_above_the_recipe_and_above_set(tmp_path: Path) -> None:
    options = ("--set", "seed=1", "--seed", "5", "--epochs", "0.5", "--device", "cpu", "--recipe", "standard")
    assert status("train", "shapes", *TINY_OPTIONS, *options, "--out", tmp_path / "run") == 0
    config = Run(tmp_path / "run").config
    assert (config.recipe, config.seed, config.epochs, config.device) == ("standard", 5, 0.5, "cpu")
    assert config.widths == (8, 8, 8)


@pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals on this system")
def test_on_a_terminal_there_is_a_bar_that_fits_into_a_line(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-c", TINY_PROGRAM, "train", "shapes", *TINY_OPTIONS, "--out", str(tmp_path / "run")]
    environment = os.environ | {"COLUMNS": "80", "TERM": "xterm"}
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment) as training:
        os.close(theirs)
        seen = b""
        while piece := _read(ours):
            seen += piece
    os.close(ours)
    assert training.returncode == 0
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode()))
    first, bars = lines[0], [line for line in lines if line.startswith("step ")]
    assert first.startswith("Training on"), "no bar before the first step"
    assert "━" in bars[-1]
    assert re.search(r" 12/12 epoch 3\.00  loss \d\.\d+  class \d+\.\d%  [\d,]+ pictures/s  0:00 left *$", bars[-1])
    assert max(map(len, bars)) <= 80
    assert lines[-2] == f"Report: {tmp_path / 'run' / 'report.html'}"


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux's way to say that nobody writes to it any more
        return b""


def test_ctrl_c_stops_cleanly_and_says_how_to_resume(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-u", "-c", TINY_PROGRAM, "train", "shapes", *TINY_OPTIONS]
    with subprocess.Popen(
        [*command, "--epochs", "5000", "--out", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as training:
        assert training.stdout
        assert training.stdout.readline().startswith("Training on")
        assert training.stdout.readline().startswith("The last steps see pictures of 20 px")
        assert training.stdout.readline().startswith("step ")
        training.send_signal(signal.SIGINT)
        _, told = training.communicate(timeout=60)
    assert training.returncode == 130
    assert told.startswith("kinwise: Stopped at step ")
    assert told.endswith(f"Go on: kinwise train --resume {folder}.partial\n")
    assert told.count("\n") == 1, "no traceback"
    assert sorted(os.listdir(tmp_path)) == ["run.partial"]
    assert (tmp_path / "run.partial" / "state.pt").is_file()


def test_ctrl_c_before_the_training_leaves_nothing(tmp_path: Path) -> None:
    slow = TINY_PROGRAM.replace(
        "lambda _: shapes(train=8, test=4)", "lambda _: (print('loading', flush=True), __import__('time').sleep(60))"
    )
    command = [sys.executable, "-c", slow, "train", "shapes", "--out", str(tmp_path / "run")]
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as training:
        assert training.stdout
        assert training.stdout.readline() == "loading\n"
        training.send_signal(signal.SIGINT)
        _, told = training.communicate(timeout=50)
    assert (training.returncode, told) == (130, "kinwise: stopped\n")
    assert time.monotonic() - started < 50, "at once"
    assert os.listdir(tmp_path) == []


@pytest.mark.usefixtures("_tiny_shapes")
def test_resume_goes_on_by_command(trained: Path, tmp_path: Path, capsys: Output) -> None:
    with pytest.raises(Interrupted) as stopped:
        train(tiny_images(), config=TINY, out=tmp_path / "run", watchers=stopped_at(5))
    told = str(stopped.value).partition("Go on: ")[2].split()
    assert told[0] == "kinwise"
    assert status(*told[1:]) == 0
    assert f"Run:    {tmp_path / 'run'}" in capsys.readouterr().out
    weights, again = (load_file(folder / "weights.safetensors") for folder in (trained, tmp_path / "run"))
    assert all(weights[name].equal(again[name]) for name in weights)


# --- evaluate -------------------------------------------------------------------------------------------------------


@pytest.fixture
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network may not be run, nor even read."""

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(Network, "forward", forbidden)
    monkeypatch.setattr("kinwise.learn.weights.load_network", forbidden)


@pytest.mark.usefixtures("_no_network")
@pytest.mark.parametrize("rule", [rule for rule, one in RULES.items() if not one.fitted])
def test_evaluate_by_every_rule(trained: Path, rule: str, capsys: Output) -> None:
    before = contents(trained)
    assert status("evaluate", trained, "--decision", rule, "--json") == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["decision"] == rule
    assert set(scores) == set(json.loads((trained / "scores.json").read_text("utf-8")))
    assert contents(trained) == before, "evaluating writes nothing"


@pytest.mark.usefixtures("_no_network")
def test_evaluate_under_another_tree(trained: Path, tmp_path: Path, capsys: Output) -> None:
    classes = Run(trained).hierarchy.classes
    two = {"names": ["all", *classes], "parents": [-1] + [0] * len(classes), "levels": ["class"]}
    write(Hierarchy.from_dict(two), tmp_path / "flat.json")
    assert status("evaluate", trained, "--hierarchy", tmp_path / "flat.json", "--json") == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["levels"] == ["class"]
    assert scores["hierarchy"]["mistake_severity"]["value"] == 1
    saved = json.loads((trained / "scores.json").read_text("utf-8"))
    assert scores["level"]["class"] == saved["level"]["class"]


def test_evaluate_prints_the_same_table_as_train(trained: Path, capsys: Output) -> None:
    assert status("evaluate", trained) == 0
    assert capsys.readouterr().out == Run(trained).saved_scores().text() + "\n"


@pytest.mark.usefixtures("_tiny_shapes")
def test_evaluate_runs_the_network_on_other_data(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    asked, forward = [], Network.forward

    def ask(network: Network, pictures: Any) -> Any:
        asked.append(len(pictures))
        return forward(network, pictures)

    monkeypatch.setattr(Network, "forward", ask)
    assert status("evaluate", trained, "--data", "shapes", "--json") == 0
    scores = json.loads(capsys.readouterr().out)
    assert sum(asked) == 128
    assert scores["level"] == json.loads((trained / "scores.json").read_text("utf-8"))["level"]


# --- score, report, data, recipes -----------------------------------------------------------------------------------


def test_score_judges_a_file_and_writes_its_report(trained: Path, tmp_path: Path, capsys: Output) -> None:
    saved = Run(trained).predictions()
    np.savez(tmp_path / "mine.npz", probabilities=saved.probabilities[-1], labels=saved.labels)
    tree = trained / "hierarchy.json"
    assert status("score", tmp_path / "mine.npz", "--hierarchy", tree) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"Report: {tmp_path / 'mine.html'}"
    assert (tmp_path / "mine.html").read_text("utf-8").startswith("<!doctype html>")
    assert status("score", tmp_path / "mine.npz", "--hierarchy", tree, "--report", tmp_path / "r.html", "--json") == 0
    scores = json.loads(capsys.readouterr().out)
    assert (scores["model"], scores["training"]) == (None, None)
    assert scores["n"] == 128
    assert sorted(os.listdir(tmp_path)) == ["mine.html", "mine.npz", "r.html"]


def test_report_writes_every_report_again(run_folder: Path, capsys: Output) -> None:
    second = run_folder.with_name("second")
    shutil.copytree(run_folder, second)
    assert status("report", run_folder, second) == 0
    assert capsys.readouterr().out.splitlines() == [f"Report: {f / 'report.html'}" for f in (run_folder, second)]
    assert all("the old report" not in (f / "report.html").read_text("utf-8") for f in (run_folder, second))


@pytest.mark.usefixtures("_tiny_shapes")
def test_data_describes_a_data_set(capsys: Output) -> None:
    assert status("data", "shapes") == 0
    assert "shapes" in capsys.readouterr().out
    assert status("data", "shapes", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["pictures"] == {"train": 256, "validation": 0, "test": 128}


@pytest.mark.usefixtures("_tiny_shapes")
def test_data_counts_near_duplicates_where_asked(tmp_path: Path, capsys: Output) -> None:
    assert status("data", "shapes", "--duplicates") == 0
    assert "\nnear        0 pairs of near-duplicates\n" in capsys.readouterr().out
    assert status("data", "shapes", "--json", "--duplicates-csv", tmp_path / "pairs.csv") == 0
    assert json.loads(capsys.readouterr().out)["near_duplicates"]["pairs"] == 0
    assert (tmp_path / "pairs.csv").read_text("utf-8") == "first,second,first_label,second_label,distance\n"
    assert status("data", "shapes", "--json") == 0
    assert "near_duplicates" not in json.loads(capsys.readouterr().out)
    assert status("data", "shapes", "--duplicates-csv", tmp_path / "nowhere" / "pairs.csv") == 2
    assert "cannot write" in capsys.readouterr().err


def test_recipes_are_listed(capsys: Output) -> None:
    assert status("recipes") == 0
    page = capsys.readouterr().out
    for name in NAMES:
        assert f"kinwise train cifar100 --recipe {name}\n" in page
    assert status("recipes", "--json") == 0
    assert [recipe["name"] for recipe in json.loads(capsys.readouterr().out)] == list(NAMES)


# --- where the output goes ------------------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_output_onto_a_full_disk_is_told() -> None:
    with open("/dev/full", "w") as full:
        done = run_program("recipes", stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (2, "kinwise: cannot write the output: No space left on device\n")


def test_a_reader_that_has_gone_is_no_error() -> None:
    end, start = os.pipe()
    os.close(end)
    with os.fdopen(start, "w") as pipe:
        done = run_program("recipes", stdout=pipe, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, "")
