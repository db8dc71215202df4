"""The run folder: what is in it, how it is written, and what a Run reads from it."""

import json
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from runs import FILES, STEPS, TINY, files_of_at_most, tiny_images
from safetensors import safe_open

import kinwise
from kinwise.config import Config
from kinwise.errors import InputError
from kinwise.experiment import train
from kinwise.files import WriteError, write_file, write_json, write_text
from kinwise.hierarchy import Hierarchy
from kinwise.judge.predictions import Predictions
from kinwise.learn.machine import look_at_machine
from kinwise.learn.network import predict
from kinwise.run import Run

pytest_plugins = ["run_fixtures"]

LEVEL = {
    "accuracy",
    "precision_macro",
    "recall_macro",
    "f1_macro",
    "negative_log_likelihood",
    "brier",
    "calibration_error",
}
ON_TREE = {
    "mistakes",
    "mistake_severity",
    "average_severity",
    "hierarchical_distance_at_5",
    "hierarchical_distance_at_20",
    "full_path_accuracy",
    "inconsistent_paths",
    "hierarchical_precision",
    "hierarchical_recall",
    "hierarchical_f1",
    "severity_histogram",
}
COUNTS = {"mistakes", "severity_histogram"}


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text("utf-8"))


# --- what is in it --------------------------------------------------------------------------------------------------


def test_it_holds_these_files_and_no_others(trained: Path) -> None:
    assert sorted(os.listdir(trained)) == sorted(FILES)
    assert os.listdir(trained.parent) == ["run"], "nothing temporary stays beside it"


def test_files_have_the_permissions_of_any_new_file(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "any").touch()
    usual = stat.S_IMODE((tmp_path / "any").stat().st_mode)
    assert {name: stat.S_IMODE((trained / name).stat().st_mode) for name in FILES} == dict.fromkeys(FILES, usual)


def test_scores_have_the_keys_of_the_contract(trained: Path) -> None:
    scores = read(trained, "scores.json")
    assert set(scores) == {
        "n",
        "decision",
        "split",
        "levels",
        "level",
        "hierarchy",
        "model",
        "training",
        "reference",
        "without_near_duplicates",
        "temperatures",
        "note",
        "stopping",
    }
    assert (scores["n"], scores["decision"], scores["split"]) == (128, "argmax", "official")
    assert scores["levels"] == ["group", "superclass", "class"]
    assert {name: set(figures) for name, figures in scores["level"].items()} == dict.fromkeys(scores["levels"], LEVEL)
    assert set(scores["hierarchy"]) == ON_TREE
    assert set(scores["model"]) == {"parameters", "trainable_parameters", "forward_flops"}
    keys = {"seconds", "epochs", "images_per_second", "peak_memory_bytes", "device", "parts"}
    assert set(scores["training"]) == keys
    assert set(scores["training"]["parts"]) == {"train"}


def test_every_figure_lies_within_its_interval(trained: Path) -> None:
    scores = read(trained, "scores.json")
    figures = [figure for level in scores["level"].values() for figure in level.values()]
    figures += [figure for key, figure in scores["hierarchy"].items() if key not in COUNTS]
    assert len(figures) == 3 * len(LEVEL) + len(ON_TREE - COUNTS)
    for figure in figures:
        assert set(figure) == {"value", "low", "high"}
        assert figure["low"] <= figure["value"] <= figure["high"]


def test_counts_add_up(trained: Path) -> None:
    scores = read(trained, "scores.json")
    histogram = scores["hierarchy"]["severity_histogram"]
    assert sum(histogram) == scores["n"]
    assert histogram[0] == scores["n"] - scores["hierarchy"]["mistakes"]
    assert scores["level"]["class"]["accuracy"]["value"] == pytest.approx(histogram[0] / scores["n"])


def test_near_duplicates_are_known_to_the_scores_by_every_rule(trained: Path) -> None:
    level = {name: {"accuracy": figures["accuracy"]} for name, figures in read(trained, "scores.json")["level"].items()}
    assert read(trained, "scores.json")["without_near_duplicates"] == {"n": 128, "left_out": 0, "level": level}
    scores = Run(trained).scores(decision="top-down")
    assert scores.without_near_duplicates is not None
    assert scores.without_near_duplicates.n == 128


def test_a_run_from_before_near_duplicates_were_known_is_read(run_folder: Path) -> None:
    scores, record = read(run_folder, "scores.json"), read(run_folder, "config.json")
    del scores["without_near_duplicates"], record["config"]["near_duplicates"]
    write_json(run_folder / "scores.json", scores)
    write_json(run_folder / "config.json", record)
    path = run_folder / "predictions.safetensors"
    write_file(path, replace(Predictions.load(path), near_duplicate=None).save)
    run = Run(run_folder)
    assert run.config.near_duplicates == "apart", "then every picture was drawn by itself"
    assert run.saved_scores().without_near_duplicates is None
    assert run.scores().without_near_duplicates is None
    assert "near-duplicate among" not in run.report().read_text("utf-8")


def test_config_says_all_that_is_needed_to_run_it_again(trained: Path) -> None:
    record = read(trained, "config.json")
    assert set(record) == {"config", "command", "started", "machine", "versions", "commit", "pictures", "tree"}
    assert set(record["versions"]) == {"kinwise", "torch", "numpy", "python"}
    assert record["versions"]["torch"] == torch.__version__
    assert Config.from_dict(record["config"]) == TINY
    assert record["command"].startswith("kinwise train shapes ")


def test_there_is_a_line_for_every_epoch(trained: Path) -> None:
    history = Run(trained).history
    for line in history:
        assert set(line) == {
            "epoch",
            "step",
            "seconds",
            "loss",
            "learning_rate",
            "images_per_second",
            "accuracy",
            "average_severity",
        }
        assert set(line["accuracy"]) == {"train"}
        assert set(line["accuracy"]["train"]) == {"group", "superclass", "class"}
    assert [line["epoch"] for line in history] == [1, 2, 3]
    assert [line["step"] for line in history] == [4, 8, STEPS]
    assert history[0]["seconds"] < history[1]["seconds"] < history[2]["seconds"]


def test_done_says_how_long_it_took_and_how_much_memory(trained: Path) -> None:
    done = read(trained, "done.json")
    assert set(done) == {"seconds", "peak_memory_bytes"}
    assert done["seconds"] == Run(trained).history[-1]["seconds"]
    assert done["peak_memory_bytes"] > 2**20


def test_the_hierarchy_is_that_of_the_pictures(trained: Path) -> None:
    assert set(read(trained, "hierarchy.json")) == {"names", "parents", "levels"}
    assert Run(trained).hierarchy == tiny_images().hierarchy


def test_weights_describe_themselves(trained: Path) -> None:
    with safe_open(trained / "weights.safetensors", framework="pt") as file:
        header = file.metadata()
    assert Config.from_dict(json.loads(header["config"])) == TINY
    assert Hierarchy.from_dict(json.loads(header["hierarchy"])) == tiny_images().hierarchy


def test_the_saved_network_gives_the_saved_predictions_again(trained: Path) -> None:
    run = Run(trained)
    again = predict(run.network(), tiny_images().test, look_at_machine(TINY))
    saved = run.predictions()
    assert [np.array_equal(a, b) for a, b in zip(again, saved.probabilities, strict=True)] == [True] * 3
    assert np.array_equal(saved.labels, tiny_images().test.labels)
    assert saved.ids.tolist() == tiny_images().test.ids.tolist()
    assert (saved.split, saved.source) == ("official", "shapes")


def test_the_state_holds_tensors_and_plain_values_only(trained: Path) -> None:
    state = torch.load(trained / "state.pt", weights_only=True)
    assert state["step"] == STEPS


def test_the_report_is_one_page_about_this_run(trained: Path) -> None:
    page = (trained / "report.html").read_text("utf-8")
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert read(trained, "config.json")["command"] in page
    assert "Not comparable" not in page


def test_done_is_written_last_and_then_the_folder_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed, replace = [], os.replace

    def note(old: Path, new: Path) -> None:
        renamed.append(Path(new).name)
        replace(old, new)

    monkeypatch.setattr(os, "replace", note)
    train(tiny_images(), config=TINY, out=tmp_path / "mine")
    assert renamed[-2:] == ["done.json", "mine"]
    assert set(renamed) == {*FILES, "mine"}, "every file gets its name when it is whole"


# --- what a Run reads -----------------------------------------------------------------------------------------------


def test_scores_of_the_rule_argmax_are_the_saved_ones(trained: Path) -> None:
    run = Run(trained)
    assert run.scores().to_dict() == read(trained, "scores.json") == run.saved_scores().to_dict()
    assert run.scores().accuracy["class"] == read(trained, "scores.json")["level"]["class"]["accuracy"]["value"]


def test_scores_by_another_rule_and_another_tree(trained: Path) -> None:
    run = Run(trained)
    assert run.scores(decision="top-down").decision == "top-down"
    two = Hierarchy.from_dict(
        {
            "names": ["all", *run.hierarchy.classes],
            "parents": [-1] + [0] * len(run.hierarchy.classes),
            "levels": ["class"],
        }
    )
    flat = run.scores(hierarchy=two)
    assert flat.levels == ("class",)
    assert flat.mistake_severity == 1
    assert flat.accuracy["class"] == run.scores().accuracy["class"]


def test_kinwise_score_judges_the_same_numbers_the_same(trained: Path) -> None:
    run = Run(trained)
    saved = run.predictions()
    scores = kinwise.score(saved.probabilities[-1], saved.labels, run.hierarchy)
    assert scores.level["class"] == run.scores().level["class"]


def test_a_report_written_again_is_the_same(run_folder: Path, trained: Path) -> None:
    path = Run(run_folder).report()
    assert path == run_folder / "report.html"
    before = (trained / "report.html").read_text("utf-8")
    for verb in ("evaluate", "explain"):
        before = before.replace(f"{verb} {trained}", f"{verb} {run_folder}")
    assert path.read_text("utf-8") == before


def test_a_run_can_be_moved(run_folder: Path, tmp_path: Path) -> None:
    moved = run_folder.rename(tmp_path / "elsewhere with a space")
    assert Run(moved).scores().n == 128
    assert f"kinwise evaluate &#39;{moved}&#39;" in Run(moved).report().read_text("utf-8")


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no run at .*; kinwise train writes one"):
        Run(tmp_path / "nothing")
    with pytest.raises(InputError, match=r"is no complete run: it has no done\.json"):
        Run(tmp_path)


@pytest.mark.parametrize("asked", ["run", "run.partial"])
def test_an_unfinished_run_says_how_to_finish_it(run_folder: Path, asked: str) -> None:
    (run_folder / "done.json").unlink()
    run_folder.rename(run_folder.with_name("run.partial"))
    with pytest.raises(InputError, match=r"is not complete. Finish it: kinwise train --resume .*run\.partial$"):
        Run(run_folder.with_name(asked))


# --- how files are written ------------------------------------------------------------------------------------------


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, "before")

    def half(temporary: Path) -> None:
        temporary.write_text("aft")
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match=r"cannot write .*file: No space left on device \([\d,]+ MiB free there\)$"):
        write_file(path, half)
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["file"]


def test_what_other_libraries_cannot_write_is_told_the_same_way(trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "predictions.safetensors"
    with (
        files_of_at_most(1000),
        pytest.raises(WriteError, match=r"cannot write .*safetensors: .*too large"),
    ):
        write_file(path, Run(trained).predictions().save)
    assert os.listdir(tmp_path) == []


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("before")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_text(tmp_path / "link", "after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "after"


def test_a_pipe_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_json(pipe, {"a": 1})
        assert json.loads(os.read(reader, 100)) == {"a": 1}
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_predictions_survive_the_disk(trained: Path, tmp_path: Path) -> None:
    saved = Run(trained).predictions()
    write_file(tmp_path / "again.safetensors", saved.save)
    again = Predictions.load(tmp_path / "again.safetensors")
    assert all(np.array_equal(a, b) for a, b in zip(again.probabilities, saved.probabilities, strict=True))
