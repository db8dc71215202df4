"""kinwise compare and kinwise.compare: what they take, how they name it, and the folder they write."""

import csv
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from runs import Refused, contents, files_of_at_most, status
from zoo import LABELS, PROBABILITIES, ZOO

import kinwise
from kinwise.errors import InputError
from kinwise.files import write_json
from kinwise.judge.predictions import Predictions
from kinwise.run import Run
from kinwise.side_by_side import write_comparison

pytest_plugins = ["run_fixtures"]
pytestmark = pytest.mark.usefixtures("_other_shapes")

Output = pytest.CaptureFixture[str]


@pytest.fixture
def changed(run_folder: Path) -> Path:
    """A second run beside ``run_folder``, whose answers to the first 40 pictures are those to other pictures."""
    folder = run_folder.with_name("changed")
    shutil.copytree(run_folder, folder)
    saved = Run(folder).predictions()
    order = np.concatenate([np.arange(40)[::-1], np.arange(40, len(saved))])
    replace(saved, probabilities=tuple(level[order] for level in saved.probabilities)).save(
        folder / "predictions.safetensors"
    )
    return folder


def changed_file(folder: Path, path: Path) -> Path:
    """The predictions of a run as an npz file, its ids with them."""
    saved = Run(folder).predictions()
    np.savez(path, probabilities=saved.probabilities[-1], labels=saved.labels, ids=saved.ids)
    return path


# --- the command ------------------------------------------------------------------------------------------------------


def test_compare_prints_tables_and_writes_nothing(run_folder: Path, changed: Path, capsys: Output) -> None:
    before = contents(run_folder.parent)
    assert status("compare", run_folder, changed) == 0
    assert capsys.readouterr().out == kinwise.compare(run_folder, changed).text() + "\n"
    assert contents(run_folder.parent) == before


def test_compare_writes_a_folder(run_folder: Path, changed: Path, capsys: Output) -> None:
    out = run_folder.with_name("compared")
    assert status("compare", run_folder, changed, "--out", out) == 0
    assert capsys.readouterr().out.endswith(f"\nPage:   {out / 'comparison.html'}\n")
    assert sorted(os.listdir(out)) == ["classes.csv", "comparison.html", "comparison.json", "pictures.csv"]
    comparison = kinwise.compare(run_folder, changed)
    assert json.loads((out / "comparison.json").read_text("utf-8")) == comparison.to_dict()
    page = (out / "comparison.html").read_text("utf-8")
    assert "changed against run" in page
    assert 'id="training"' in page, "with the curves of both"
    wrong = np.flatnonzero(comparison.sides[0].severity | comparison.sides[1].severity)
    with (out / "pictures.csv").open(encoding="utf-8", newline="") as file:
        pictures = list(csv.DictReader(file))
    assert [int(line["row"]) for line in pictures] == wrong.tolist()
    assert [line["id"] for line in pictures] == comparison.ids[wrong].tolist()
    for line in pictures:
        assert (line["answer run"] == line["true"]) == (line["severity run"] == "0")
        assert (line["outcome changed"] == "mended") == (line["answer changed"] == line["true"] != line["answer run"])
    with (out / "classes.csv").open(encoding="utf-8", newline="") as file:
        classes = list(csv.DictReader(file))
    assert [line["class"] for line in classes] == [one.name for one in comparison.differences[0].classes]
    for line in classes:
        change = float(line["accuracy changed"]) - float(line["accuracy run"])
        assert float(line["difference changed"]) == pytest.approx(change)


def test_compare_prints_json_and_takes_rule_and_tree(run_folder: Path, changed: Path, capsys: Output) -> None:
    tree = run_folder.parent / "flat.json"
    classes = Run(run_folder).hierarchy.classes
    write_json(tree, {"all": list(classes)})
    assert status("compare", run_folder, changed, "--decision", "top-down", "--hierarchy", tree, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    expected = kinwise.compare(run_folder, changed, decision="top-down", hierarchy=tree)
    assert found == expected.to_dict()
    assert found["decision"] == "top-down"
    assert len(found["levels"]) == len(expected.hierarchy.levels) == 2


def test_compare_takes_files_of_predictions(run_folder: Path, changed: Path, capsys: Output) -> None:
    file = changed_file(changed, changed.with_name("other.npz"))
    tree = run_folder / "hierarchy.json"
    assert status("compare", run_folder, file, "--hierarchy", tree, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["baseline"] == "run"
    assert [one["name"] for one in found["differences"]] == ["other.npz"]
    both = kinwise.compare(run_folder, changed, hierarchy=tree).to_dict()
    assert found["differences"][0]["pictures"] == both["differences"][0]["pictures"]
    out = run_folder.with_name("compared")
    assert status("compare", run_folder, file, "--hierarchy", tree, "--out", out) == 0
    assert (out / "comparison.html").is_file(), "with the curve of the one that has a history"


def test_compare_of_a_new_split_says_that_it_is_not_comparable(run_folder: Path, changed: Path, capsys: Output) -> None:
    for folder in (run_folder, changed):
        replace(Run(folder).predictions(), split="80:20").save(folder / "predictions.safetensors")
    out = run_folder.with_name("compared")
    assert status("compare", run_folder, changed, "--out", out) == 0
    assert "NOT COMPARABLE with scores on the official split: the split is 80:20" in capsys.readouterr().out
    assert "Not comparable with scores on the official split" in (out / "comparison.html").read_text("utf-8")
    assert json.loads((out / "comparison.json").read_text("utf-8"))["split"] == "80:20"


def test_compare_refuses_what_cannot_be_compared(run_folder: Path, changed: Path, refused: Refused) -> None:
    here = run_folder.parent
    (here / "there").mkdir()
    before = contents(here)
    assert "which runs? kinwise compare RUN RUN..., the baseline first" in refused("compare", run_folder)
    again = run_folder / ".." / "run"
    assert f"{again} is there twice" in refused("compare", run_folder, changed, again)
    assert f"{here / 'there'} is there already" in refused("compare", run_folder, changed, "--out", here / "there")
    assert f"{here / 'there'} is no complete run" in refused("compare", run_folder, here / "there")
    numbers = Run(changed).predictions()
    replace(numbers, ids=np.arange(len(numbers)).astype(str)).save(changed / "predictions.safetensors")
    told = refused("compare", run_folder, changed)
    assert "run and changed have different test pictures: 128 of 128 only in run ('shapes/test/" in told
    assert "changed seems to have no ids but the numbers of its rows" in told
    shutil.copy(run_folder / "predictions.safetensors", changed / "predictions.safetensors")
    assert contents(here).keys() == before.keys()


def test_a_comparison_that_cannot_be_written_leaves_nothing(run_folder: Path, changed: Path) -> None:
    before = contents(run_folder.parent)
    with files_of_at_most(2**20):
        assert status("compare", run_folder, changed, "--out", run_folder.with_name("compared")) == 2
    assert contents(run_folder.parent) == before


# --- from Python ------------------------------------------------------------------------------------------------------


def test_runs_folders_files_and_predictions_are_compared_alike(run_folder: Path, changed: Path) -> None:
    file = changed / "predictions.safetensors"
    expected = kinwise.compare(run_folder, changed, names=("a", "b"), resamples=5).to_dict()
    for other in (Run(changed), str(changed), file, Run(changed).predictions()):
        assert kinwise.compare(Run(run_folder), other, names=("a", "b"), resamples=5).to_dict() == expected


def test_names_are_the_shortest_ends_of_paths_that_differ(run_folder: Path, changed: Path, tmp_path: Path) -> None:
    twin = tmp_path / "other" / "run"
    shutil.copytree(changed, twin)
    assert [side.name for side in kinwise.compare(run_folder, changed, resamples=1).sides] == ["run", "changed"]
    names = [side.name for side in kinwise.compare(run_folder, twin, resamples=1).sides]
    assert names == [f"{tmp_path.name}/run", "other/run"]
    loose = [Run(folder).predictions() for folder in (run_folder, changed)]
    assert [side.name for side in kinwise.compare(*loose, resamples=1).sides] == ["predictions 1", "predictions 2"]


def test_what_python_may_get_wrong() -> None:
    one = Predictions.from_classes(PROBABILITIES, LABELS, ZOO)
    with pytest.raises(InputError, match="two or more predictions, the baseline first, got 0"):
        kinwise.compare()
    with pytest.raises(InputError, match="predictions 2 is the same as one before it"):
        kinwise.compare(one, one)
    with pytest.raises(InputError, match="expected 2 names"):
        kinwise.compare(one, replace(one), names=["a"])


def test_a_folder_that_is_there_is_kept(tmp_path: Path) -> None:
    one = Predictions.from_classes(PROBABILITIES, LABELS, ZOO)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="mine is there already"):
        write_comparison(kinwise.compare(one, replace(one), resamples=1), tmp_path / "mine")
    assert os.listdir(tmp_path / "mine") == ["notes.txt"]
