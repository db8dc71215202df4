"""kinwise explain, and what a training and a comparison say about failures: from pictures to files and pages."""

import csv
import importlib.util
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from runs import TINY, Refused, contents, status, tiny_images

import kinwise
from kinwise.data.augment import normalise
from kinwise.examine.explanations import Explanations
from kinwise.examine.hypothesis import TRUTHLESS, usual_among
from kinwise.examine.maps import AGAINST
from kinwise.experiment import Watchers, train
from kinwise.judge.predictions import Predictions
from kinwise.run import Run

pytest_plugins = ["run_fixtures"]

Output = pytest.CaptureFixture[str]
THREE = ("failures.csv", "failures.json", "failures.safetensors")


@pytest.fixture
def explained(run_folder: Path, _tiny_shapes: None) -> tuple[Path, Explanations]:
    """A run and ten of its failures."""
    return run_folder, kinwise.explain(run_folder, count=10)


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_tiny_shapes")
def test_explain_writes_its_files_and_the_report_and_says_so(run_folder: Path, capsys: Output) -> None:
    for name in THREE:
        (run_folder / name).unlink()
    before = contents(run_folder)
    assert status("explain", run_folder, "--count", 10) == 0
    after = contents(run_folder)
    assert {name for name in after if after[name] != before.get(name)} == {*THREE, "report.html"}
    out = capsys.readouterr().out
    assert "10 failures looked at" in out
    assert f"Report:   {run_folder / 'report.html'}\n" in out
    with (run_folder / "failures.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 10
    assert (run_folder / "report.html").read_text("utf-8").count('class="case"') == 10


@pytest.mark.usefixtures("_tiny_shapes")
def test_explain_prints_json(run_folder: Path, capsys: Output) -> None:
    assert status("explain", run_folder, "--count", 3, "--map", "grad-cam", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((run_folder / "failures.json").read_text("utf-8"))
    assert printed["method"] == "grad-cam"
    assert len(printed["cases"]) == 3


@pytest.mark.usefixtures("_tiny_shapes")
def test_what_cannot_be_explained_is_refused_and_nothing_changes(run_folder: Path, refused: Refused) -> None:
    before = contents(run_folder)
    assert "1 or more, got 0" in refused("explain", run_folder, "--count", 0)
    assert "layer-cam, grad-cam" in refused("explain", run_folder, "--map", "cam")
    assert "no run at" in refused("explain", run_folder / "nowhere")
    assert contents(run_folder) == before
    right = Run(run_folder).predictions()
    perfect = Predictions.from_classes(np.eye(32)[right.labels], right.labels, right.hierarchy, ids=right.ids)
    perfect.save(run_folder / "predictions.safetensors")
    assert "made no mistake on its 128 test pictures" in refused("explain", run_folder)


@pytest.mark.usefixtures("_other_shapes")
def test_other_pictures_are_refused(run_folder: Path, refused: Refused) -> None:
    assert "on other pictures, or with another tree, than shapes has now" in refused("explain", run_folder)


# --- what is measured -------------------------------------------------------------------------------------------------


def test_cases_say_what_the_predictions_say(explained: tuple[Path, Explanations]) -> None:
    folder, found = explained
    saved, images = Run(folder).predictions(), tiny_images().test
    assert len({case.failure.row for case in found.cases}) == 10
    for place, case in enumerate(found.cases):
        row, last = case.failure.row, case.failure.path[-1]
        assert case.failure.id == saved.ids[row]
        assert last.true == saved.hierarchy.classes[saved.labels[row]]
        assert last.answered == saved.hierarchy.classes[saved.probabilities[-1][row].argmax()] != last.true
        assert last.confidence == pytest.approx(saved.probabilities[-1][row].max())
        np.testing.assert_array_equal(found.pictures[place], images.pixels[row])
        assert [one.target for one in case.maps] == [*saved.hierarchy.levels, AGAINST]
        assert case.maps[-2].faithfulness.whole == pytest.approx(last.confidence, abs=1e-4)
        assert case.stability.copies == 9
    assert found.maps.shape[:2] == (10, 4)
    assert found.maps.max() == 255


def test_neighbours_are_those_of_the_networks_features(explained: tuple[Path, Explanations]) -> None:
    """Beside features taken straight from the backbone, and a comparison of all pairs."""
    folder, found = explained
    network, images = Run(folder).network(), tiny_images()

    def features(pixels: np.ndarray) -> torch.Tensor:
        with torch.no_grad():
            return F.normalize(network.backbone(normalise(torch.from_numpy(pixels), network.statistics)), dim=1)

    alike = features(found.pictures) @ features(images.train.pixels).T
    for place, case in enumerate(found.cases):
        best = alike[place].topk(len(case.neighbours))
        assert [one.similarity for one in case.neighbours] == pytest.approx(best.values.tolist(), abs=1e-5)
        nearest = int(best.indices[0])
        assert case.neighbours[0].id == images.train.ids[nearest]
        assert case.neighbours[0].label == images.hierarchy.classes[images.train.labels[nearest]]
        np.testing.assert_array_equal(found.neighbours[place, 0], images.train.pixels[nearest])


def test_the_album_holds_every_mistake_and_right_answers_of_every_class(explained: tuple[Path, Explanations]) -> None:
    folder, found = explained
    saved = Run(folder).predictions()
    right = saved.probabilities[-1].argmax(axis=1) == saved.labels
    rows = np.array(found.album.rows)
    assert set(np.flatnonzero(~right)) <= set(rows)
    kept = np.bincount(saved.labels[rows[right[rows]]], minlength=32)
    np.testing.assert_array_equal(kept, np.minimum(np.bincount(saved.labels[right], minlength=32), 4))


def test_the_same_run_is_explained_the_same(explained: tuple[Path, Explanations]) -> None:
    folder, _ = explained
    before = contents(folder)
    kinwise.explain(folder, count=10)
    assert contents(folder) == before


def test_what_right_answers_show_as_often_is_no_explanation(explained: tuple[Path, Explanations]) -> None:
    _, found = explained
    case = found.cases[0]
    answered = case.failure.path[-1].answered
    alike = tuple(replace(one, label=answered) for one in case.neighbours)
    steady = replace(case, neighbours=alike, copies=(), stability=replace(case.stability, same=9))
    fickle = replace(steady, stability=replace(case.stability, same=1))
    assert usual_among([steady] * 19) == {}, "19 say nothing"
    usual = usual_among([steady] * 15 + [fickle] * 5)
    assert usual == dict.fromkeys(TRUTHLESS, 0.0) | {"neighbours": 1.0, "shift": 0.25}


# --- with a training --------------------------------------------------------------------------------------------------


def test_a_training_explains_as_many_as_it_is_told(trained: Path) -> None:
    found = Run(trained).explanations()
    assert found is not None
    assert len(found.cases) == TINY.explained == 6


def test_a_training_explains_none_where_none_are_wanted(tmp_path: Path) -> None:
    run = train(tiny_images(), config=replace(TINY, explained=0, epochs=1), out=tmp_path / "run")
    assert run is not None
    assert run.explanations() is None
    page = (run.folder / "report.html").read_text("utf-8")
    assert 'id="failures"' in page, "those that can be chosen from the predictions are listed"
    assert "heat map for" not in page


def test_a_training_needs_neither_torchcam_nor_plotly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    missing = ("torchcam", "plotly")
    monkeypatch.setattr("kinwise.results.find_spec", lambda name: None if name in missing else find_spec(name))
    said: list[str] = []
    run = train(tiny_images(), config=replace(TINY, epochs=1), out=tmp_path / "run", watchers=Watchers(say=said.append))
    assert run is not None
    assert not {*THREE, "report.html"} & set(contents(run.folder))
    for name in missing:
        assert any(f"pip install {name}" in line for line in said), name


# --- with a comparison ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_tiny_shapes")
def test_a_comparison_follows_failures_with_pictures_and_maps(run_folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(run_folder, other)
    saved = Run(other).predictions()
    mended = np.arange(0, len(saved), 2)  # every second picture gets its class
    levels = [level.copy() for level in saved.probabilities]
    for level, place in zip(levels, saved.hierarchy.level_labels[saved.labels].T, strict=True):
        level[mended] = np.eye(level.shape[1])[place[mended]]
    replace(saved, probabilities=tuple(levels)).save(other / "predictions.safetensors")
    assert status("compare", run_folder, other, "--out", tmp_path / "compared") == 0
    page = (tmp_path / "compared" / "comparison.html").read_text("utf-8")
    cases = page.count('<li class="case"')
    assert cases == min(60, int(np.sum(saved.probabilities[-1].argmax(axis=1) != saved.labels)))
    assert page.count('alt="heat map for') >= 2 * cases, "one or more for each run"
    assert "heat map for" in page


@pytest.mark.usefixtures("_other_shapes")
def test_without_pictures_a_comparison_says_why_and_is_written(
    run_folder: Path, tmp_path: Path, capsys: Output
) -> None:
    other = tmp_path / "other"
    shutil.copytree(run_folder, other)
    assert status("compare", run_folder, other, "--out", tmp_path / "compared") == 0
    assert "without pictures: " in capsys.readouterr().err
    assert "heat map for" not in (tmp_path / "compared" / "comparison.html").read_text("utf-8")
