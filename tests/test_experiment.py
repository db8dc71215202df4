"""An experiment from Python: what can be asked for, and that stopping and resuming loses nothing."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from runs import FILES, STEPS, TINY, contents, files_of_at_most, stopped_at, tiny_images
from safetensors.torch import load_file

import kinwise
from kinwise.config import Config
from kinwise.data.images import Images, fingerprint, fingerprints, is_of, split
from kinwise.errors import InputError
from kinwise.experiment import Interrupted, Watchers, pictures_of, resume, train
from kinwise.files import WriteError
from kinwise.hierarchy import Hierarchy
from kinwise.predict import predictions_of
from kinwise.run import Run

pytest_plugins = ["run_fixtures"]

UNEXPLAINED = replace(TINY, explained=0)
BRIEF = replace(TINY, explained=1)


def weights(run: Run | None) -> dict[str, torch.Tensor]:
    assert run is not None
    return load_file(run.folder / "weights.safetensors")


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


# --- from Python ----------------------------------------------------------------------------------------------------


def test_the_public_functions_work_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = kinwise.train(
        tiny_images(), recipe="quick", seed=3, changes=["widths=8,8,8", "epochs=0.5", "resolutions=16:1", "explained=1"]
    )
    assert run.folder.parent == Path("runs")
    assert run.folder.name.startswith("shapes-quick-seed3-")
    assert (run.config.seed, run.config.widths, run.config.epochs) == (3, (8, 8, 8), 0.5)
    scores = run.scores(decision="top-down")
    assert 0 <= scores.accuracy["class"] <= scores.accuracy["group"] <= 1
    assert 1 <= scores.mistake_severity <= 3
    assert run.report() == run.folder / "report.html"


def test_the_same_seed_gives_the_same_run_and_another_does_not(trained: Path, tmp_path: Path) -> None:
    again = train(tiny_images(), config=UNEXPLAINED, out=tmp_path / "again")
    other = train(tiny_images(), config=replace(UNEXPLAINED, seed=1), out=tmp_path / "other")
    assert same(weights(again), weights(Run(trained)))
    assert not same(weights(other), weights(Run(trained)))


def test_watchers_hear_of_every_step_and_stage(tmp_path: Path) -> None:
    said: list[str] = []
    steps: list[int] = []
    train(
        tiny_images(),
        config=BRIEF,
        out=tmp_path / "run",
        watchers=Watchers(say=said.append, progress=lambda progress: steps.append(progress.step)),
    )
    assert steps == list(range(1, STEPS + 1))
    stages = ["Training", "The", "Judging", "Predicted", "Explained"]  # "The last steps see pictures of 20 px"
    assert [line.split()[0] for line in said] == stages


def test_validation_pictures_are_judged_after_every_epoch(tmp_path: Path) -> None:
    run = train(tiny_images(), config=replace(UNEXPLAINED, validation=0.25, epochs=2), out=tmp_path / "run")
    assert run is not None
    assert [set(line["accuracy"]) for line in run.history] == [{"train", "validation"}] * 2
    for line in run.history:
        shares = line["accuracy"]["validation"]
        assert set(shares) == {"group", "superclass", "class"}
        assert all(share * 64 == int(share * 64) for share in shares.values()), "2 of 8 pictures of 32 classes"
    assert run.history[-1]["step"] == 2 * (192 // 64)
    assert len(run.predictions()) == 128


def test_pictures_may_come_split_anew_and_the_report_says_so(tmp_path: Path) -> None:
    images = split(tiny_images(), "80:20", seed=0)
    run = train(images, config=replace(UNEXPLAINED, split="80:20", epochs=1), out=tmp_path / "run")
    assert run is not None
    assert run.config.split == "80:20"
    assert run.scores().split == "80:20"
    assert not run.scores().comparable
    assert "NOT COMPARABLE" in run.scores().text()
    assert "Not comparable with scores on the official split" in (run.folder / "report.html").read_text("utf-8")


def with_twins() -> Images:
    """The tiny pictures, every fourth test picture a darker twin of a training picture."""
    images, pixels = tiny_images(), tiny_images().pixels.copy()
    test = images.where("test")[::4]
    pixels[test] = pixels[test - 256] // 2
    return replace(images, pixels=pixels)


def test_scores_tell_accuracy_without_near_duplicates_of_training_pictures(tmp_path: Path) -> None:
    run = train(with_twins(), config=replace(UNEXPLAINED, epochs=1), out=tmp_path / "run")
    assert run is not None
    saved = run.saved_scores().without_near_duplicates
    assert saved is not None
    assert (saved.n, saved.left_out) == (96, 32)
    predictions = run.predictions()
    right = predictions.probabilities[-1].argmax(axis=1) == predictions.labels
    assert saved.level["class"]["accuracy"].value == pytest.approx(right[np.arange(128) % 4 > 0].mean())
    assert run.scores().without_near_duplicates == saved
    assert "32 of the 128 test pictures have a near-duplicate" in (run.folder / "report.html").read_text("utf-8")


@pytest.mark.parametrize(("choice", "torn"), [("together", False), ("apart", True)])
def test_near_duplicates_stay_on_one_side_of_a_new_split(tmp_path: Path, choice: str, torn: bool) -> None:
    changes = [f"near_duplicates={choice}", "split=70:30", "validation=0.3", "epochs=1"]
    run = train(with_twins(), config=UNEXPLAINED.changed(changes), out=tmp_path / "run")
    assert run is not None
    without = run.saved_scores().without_near_duplicates
    assert without is not None
    assert (without.left_out > 0) == torn


def test_pictures_without_a_test_part_are_split(tmp_path: Path) -> None:
    run = train(tiny_images().train, config=UNEXPLAINED, out=tmp_path / "run")
    assert run is not None
    assert (run.config.split, run.saved_scores().split) == ("80:20", "drawn 80:20")


def test_given_pictures_are_learnt_under_the_tree_asked_for(tmp_path: Path) -> None:
    images = tiny_images()
    flat = tmp_path / "flat.csv"
    flat.write_text("class\n" + "\n".join(images.hierarchy.classes) + "\n", encoding="utf-8")
    found, _ = pictures_of(replace(UNEXPLAINED, hierarchy=str(flat)), images)
    assert found.hierarchy.levels == ("class",)
    assert found.hierarchy.classes == images.hierarchy.classes
    assert pictures_of(UNEXPLAINED, images)[0].hierarchy == images.hierarchy


def test_pictures_that_are_not_square_are_refused_before_anything_is_learnt(tmp_path: Path) -> None:
    wide = replace(tiny_images(), pixels=tiny_images().pixels.repeat(2, axis=3)[..., :48])
    said: list[str] = []
    with pytest.raises(InputError, match=r"shapes: expected square pictures, got 32 px high and 48 px wide"):
        train(wide, config=UNEXPLAINED, out=tmp_path / "run", watchers=Watchers(say=said.append))
    assert said == []
    assert contents(tmp_path) == {}


def test_too_few_pictures_for_a_test_part_are_refused(tmp_path: Path) -> None:
    images = tiny_images().train
    few = images.take(np.unique(images.labels, return_index=True)[1])  # one of each class
    with pytest.raises(InputError, match="no test pictures"):
        train(few, config=UNEXPLAINED, out=tmp_path / "run")
    assert contents(tmp_path) == {}


# --- stopping and going on ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "named"),
    [(0, "run"), (3, "run.partial"), (4, "run"), (9, "run.partial")],
    ids=["at the start", "in an epoch", "between epochs", "twice"],
)
def test_a_stopped_training_goes_on_to_the_same_weights(trained: Path, tmp_path: Path, step: int, named: str) -> None:
    with pytest.raises(Interrupted, match=rf"^Stopped at step {step} of {STEPS}. Go on: kinwise train --resume "):
        train(tiny_images(), config=UNEXPLAINED, out=tmp_path / "run", watchers=stopped_at(step))
    assert [path.name for path in tmp_path.iterdir()] == ["run.partial"]
    if step == 9:
        with pytest.raises(Interrupted, match="at step 10"):
            resume(tmp_path / named, tiny_images(), watchers=stopped_at(10))
    run = resume(tmp_path / named, tiny_images())
    assert run is not None
    assert run.folder == tmp_path / "run"
    assert same(weights(run), weights(Run(trained)))
    facts = [(line["epoch"], line["step"], line["loss"], line["accuracy"]) for line in run.history]
    assert facts == [(line["epoch"], line["step"], line["loss"], line["accuracy"]) for line in Run(trained).history]
    assert not (tmp_path / "run.partial").exists()


def test_going_on_needs_the_same_pictures(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train(tiny_images(), config=UNEXPLAINED, out=tmp_path / "run", watchers=stopped_at(2))
    before = contents(tmp_path)
    darker = replace(tiny_images(), pixels=tiny_images().pixels // 2)
    with pytest.raises(InputError, match="was trained on other pictures"):
        resume(tmp_path / "run", darker)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("what", ["pixels", "labels", "parts"])
def test_the_fingerprint_tells_other_pictures(what: str) -> None:
    images = tiny_images()
    assert fingerprint(replace(images)) == fingerprint(images)
    changed: dict[str, np.ndarray] = {
        "pixels": np.where(np.arange(32) == 5, images.pixels ^ 1, images.pixels).astype(np.uint8),
        "labels": np.roll(images.labels, 1),
        "parts": np.roll(images.parts, 1),
    }
    assert fingerprint(replace(images, **{what: changed[what]})) != fingerprint(images)  # type: ignore[arg-type]


def test_a_training_does_not_go_on_with_another_tree(tmp_path: Path) -> None:
    images = tiny_images()
    with pytest.raises(Interrupted):
        train(images, config=TINY, out=tmp_path / "run", watchers=stopped_at(2))
    names = list(images.hierarchy.names)
    parents = images.hierarchy.parents.copy()
    first, last = images.hierarchy.leaves[0], images.hierarchy.leaves[-1]
    parents[[first, last]] = parents[[last, first]]  # the same classes in the same order, two of them moved
    moved = Hierarchy(parents=parents, names=names, levels=images.hierarchy.levels)
    assert moved.classes == images.hierarchy.classes
    with pytest.raises(InputError, match="or with another tree, than shapes has now"):
        resume(tmp_path / "run", replace(images, hierarchy=moved))
    record = fingerprints(images)
    assert is_of(record, images)
    assert not is_of(record, replace(images, hierarchy=moved))
    assert is_of({"pictures": record["pictures"]}, replace(images, hierarchy=moved)), "written before trees were"
    assert not is_of({}, images)


def test_it_is_said_when_the_last_resolution_is_not_that_of_the_pictures(tmp_path: Path) -> None:
    told: list[str] = []
    for last, expected in ((20, 1), (32, 0)):
        told.clear()
        config = replace(TINY, resolutions=((16, 0.5), (last, 1.0)))
        watchers = replace(stopped_at(1), say=told.append)
        with pytest.raises(Interrupted):
            train(tiny_images(), config=config, out=tmp_path / str(last), watchers=watchers)
        assert (
            sum("last steps see pictures of 20 px, but the network is judged by them" in one for one in told)
            == expected
        )


def test_ctrl_c_within_a_step_keeps_the_last_epoch(tmp_path: Path) -> None:
    def press(progress: object) -> None:
        if getattr(progress, "step") == 6:  # noqa: B009
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="Go on from the last epoch: kinwise train --resume"):
        train(tiny_images(), config=UNEXPLAINED, out=tmp_path / "run", watchers=Watchers(progress=press))
    assert torch.load(tmp_path / "run.partial" / "state.pt", weights_only=True)["step"] == 4


def test_broken_off_before_anything_is_saved_leaves_nothing(tmp_path: Path) -> None:
    def press(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tiny_images(), config=UNEXPLAINED, out=tmp_path / "run", watchers=Watchers(progress=press))
    assert contents(tmp_path) == {}


def test_a_loss_that_is_not_finite_leaves_nothing_and_says_what_to_try(tmp_path: Path) -> None:
    wild = replace(UNEXPLAINED, other_learning_rate=1e30, warmup=0.0)
    with pytest.raises(InputError, match=r"not finite at step \d+ of 12 \(learning rate .*Try"):
        train(tiny_images(), config=wild, out=tmp_path / "run")
    assert contents(tmp_path) == {}


def test_broken_off_between_the_last_file_and_the_renaming(run_folder: Path) -> None:
    run_folder.rename(run_folder.with_name("run.partial"))
    run = resume(run_folder)
    assert run is not None
    assert run.folder == run_folder
    assert run.scores().n == 128


# --- full disks -----------------------------------------------------------------------------------------------------


def test_no_room_for_the_first_state_leaves_nothing(tmp_path: Path) -> None:
    with files_of_at_most(20_000), pytest.raises(WriteError, match=r"cannot write .*state\.pt: File too large"):
        train(tiny_images(), config=UNEXPLAINED, out=tmp_path / "run")
    assert contents(tmp_path) == {}


def test_a_disk_that_fills_up_keeps_the_last_good_state(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train(tiny_images(), config=UNEXPLAINED, out=tmp_path / "run", watchers=stopped_at(5))
    before = contents(tmp_path)
    with (
        files_of_at_most(5_000),
        pytest.raises(WriteError, match=r"cannot write .*state\.pt: .*\n.*Go on: kinwise train"),
    ):
        resume(tmp_path / "run", tiny_images())
    assert contents(tmp_path) == before
    assert same(weights(resume(tmp_path / "run", tiny_images())), weights(Run(trained)))


@pytest.mark.parametrize("name", ["weights.safetensors", "report.html", "done.json"])
def test_no_room_at_the_end_loses_no_training(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    replace_file = os.replace
    done: list[int] = []

    def full(old: Path, new: Path) -> None:
        if Path(new).name == name and done:
            raise OSError(28, "No space left on device")
        done.extend([1] if Path(new).name == "metrics.jsonl" else [])
        replace_file(old, new)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(WriteError, match=rf"cannot write .*{name}: No space left .*\n.*Go on: kinwise train --resume"):
        train(tiny_images(), config=BRIEF, out=tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["run.partial"]
    monkeypatch.undo()
    run = resume(tmp_path / "run", tiny_images())
    assert same(weights(run), weights(Run(trained)))
    assert sorted(contents(tmp_path / "run")) == sorted(FILES)


def test_a_report_that_finds_no_room_leaves_the_old_one(run_folder: Path) -> None:
    before = contents(run_folder)
    with files_of_at_most(100_000), pytest.raises(WriteError, match=r"cannot write .*report\.html"):
        Run(run_folder).report()
    assert contents(run_folder) == before


# --- other pictures for a trained network ---------------------------------------------------------------------------


def test_predictions_on_another_data_set_with_the_same_classes(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, tiny_images())
    again = predictions_of(Run(trained), "shapes")
    saved = Run(trained).predictions()
    assert all(np.array_equal(a, b) for a, b in zip(again.probabilities, saved.probabilities, strict=True))


def test_labels_follow_the_names_of_the_classes(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = tiny_images()
    order = images.hierarchy.classes[::-1]
    turned = replace(images, hierarchy=images.hierarchy.with_class_order(order), labels=31 - images.labels)
    give(monkeypatch, turned)
    again = predictions_of(Run(trained), "shapes")
    assert again.hierarchy == Run(trained).hierarchy
    assert np.array_equal(again.labels, images.test.labels)


def test_other_classes_are_refused(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = tiny_images()
    tree = images.hierarchy.to_dict() | {"names": [f"other {name}" for name in images.hierarchy.names]}
    give(monkeypatch, replace(images, hierarchy=kinwise.Hierarchy.from_dict(tree)))
    with pytest.raises(InputError, match="shapes has other classes than the network was trained on"):
        predictions_of(Run(trained), "shapes")


def test_pictures_of_another_size_are_refused(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, replace(tiny_images(), pixels=tiny_images().pixels[..., ::2, ::2]))
    with pytest.raises(InputError, match="the network was made for pictures of 32 px"):
        predictions_of(Run(trained), "shapes")


def give(monkeypatch: pytest.MonkeyPatch, images: Images) -> None:
    monkeypatch.setitem(kinwise.data.DATA_SETS, "shapes", lambda _: images)


def test_the_record_does_not_depend_on_how_the_config_was_given(trained: Path) -> None:
    record = json.loads((trained / "config.json").read_text("utf-8"))
    assert Config.from_dict(record["config"]) == Run(trained).config
    assert {key: record[key] for key in ("pictures", "tree")} == fingerprints(tiny_images())
