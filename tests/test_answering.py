"""Answers: paths, reasons and calibration worked out by hand on the zoo, and a tiny network that gives them."""

import json
from pathlib import Path

import numpy as np
import pytest
from easy import CONFIG, TREE, easy_images
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from strategies import hierarchies
from zoo import PROBABILITIES, ZOO, random_predictions

from kinwise.answering.answers import Answerer, answers_from, percent
from kinwise.errors import InputError
from kinwise.experiment import train
from kinwise.hierarchy import Hierarchy
from kinwise.judge.calibrate import calibrate, temperature_for
from kinwise.judge.climb import climb, threshold_for
from kinwise.run import Run

ANSWERS = answers_from(PROBABILITIES, ZOO, temperature=1.0, threshold=0.65)  # fish, animals, no answer twice, tools


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A tiny run with 200 pictures held out of its training."""
    found = train(
        easy_images(200, 200), config=CONFIG.changed(["device=cpu"]), out=tmp_path_factory.mktemp("c") / "run"
    )
    assert found is not None
    return found


# --- by hand --------------------------------------------------------------------------------------------------------


def test_paths_by_hand() -> None:
    assert [[name for _, name, _ in ANSWERS.path(row)] for row in range(5)] == [
        ["animals", "fish"],
        ["animals"],
        [],
        [],
        ["things", "tools"],
    ]
    levels, _, sure = zip(*ANSWERS.path(0), strict=True)
    assert levels == ("group", "superclass")
    assert sure == pytest.approx((0.9, 0.8), abs=1e-3)


def test_a_class_stands_once_and_at_the_last_level_wherever_its_branch_ends() -> None:
    steps = ANSWERS.likeliest(3)
    assert [(level, name) for level, name, _ in steps] == [("group", "animals"), ("class", "dog")]
    assert [sure for *_, sure in steps] == pytest.approx([0.4, 0.4], abs=1e-3)


def test_reasons_by_hand() -> None:
    assert ANSWERS.reasons == (
        "stops at fish: shark 60 %, ray 20 %",
        "stops at animals: fish 60 %, dog 20 %",
        "no answer: animals 60 %, things 40 %",
        "no answer: things 60 %, animals 40 %",
        "stops at tools: axe 60 %, saw 10 %",
    )
    assert answers_from(PROBABILITIES, ZOO, temperature=1.0).reasons == ("",) * 5


def test_what_is_nearly_certain_is_not_called_certain() -> None:
    shares = (0, 0.009, 0.01, 0.48, 0.99, 0.991, 1)
    assert [percent(share) for share in shares] == ["0 %", "< 1 %", "1 %", "48 %", "99 %", "> 99 %", "100 %"]


def test_as_json_by_hand() -> None:
    told = json.loads(json.dumps(ANSWERS.to_dict(1)))
    assert (told["answer"], told["level"], told["confidence"]) == ("animals", "group", pytest.approx(0.8, abs=1e-3))
    assert [step["name"] for step in told["likeliest"]] == ["animals", "fish", "ray"]
    assert told["reason"] == "stops at animals: fish 60 %, dog 20 %"
    silent = ANSWERS.to_dict(2)
    assert (silent["answer"], silent["level"], silent["confidence"], silent["path"]) == (None, None, None, [])


@settings(max_examples=50)
@given(hierarchies(), st.integers(0, 100), st.sampled_from([0.0, 0.4, 0.8]))
def test_paths_grow_less_sure_downwards_and_stop_where_the_threshold_says(
    hierarchy: Hierarchy, seed: int, threshold: float
) -> None:
    classes = random_predictions(hierarchy, 8, seed).probabilities[-1]
    found = answers_from(classes, hierarchy, 0.7, threshold)
    for row in range(len(found)):
        path, likeliest = found.path(row), found.likeliest(row)
        sure = [confidence for *_, confidence in likeliest]
        assert sure == sorted(sure, reverse=True)
        assert path == likeliest[: len(path)]
        assert len(path) == sum(confidence >= threshold for confidence in sure)
        assert bool(found.reasons[row]) == (len(path) < len(likeliest))


# --- with a network -------------------------------------------------------------------------------------------------


def test_a_training_with_pictures_held_out_keeps_what_is_said_about_them(run: Run) -> None:
    validation = run.validation()
    assert validation is not None
    assert validation.ids.tolist() == easy_images(200, 200).validation.ids.tolist()
    assert np.array_equal(validation.labels, easy_images(200, 200).validation.labels)


def test_answers_are_those_of_the_calibrated_predictions(run: Run) -> None:
    validation, test = run.validation(), run.predictions()
    assert validation is not None
    temperature = temperature_for(validation.probabilities[-1], validation.labels)
    sure, judged = calibrate(validation, temperature), calibrate(test, temperature)
    threshold = threshold_for(0.8, sure.probabilities, sure.labels, TREE)
    found = run.predict(easy_images(200, 200).test, promise=0.8)
    assert found.threshold == threshold.value
    assert found.note == threshold.note
    for level, expected in zip(found.probabilities, judged.probabilities, strict=True):
        np.testing.assert_allclose(level, expected, atol=1e-5)
    assert np.array_equal(found.nodes, climb(judged.probabilities, TREE, threshold.value))


def test_without_a_promise_every_answer_is_a_class(run: Run) -> None:
    found = run.predict(easy_images(200, 200).test.pixels)
    assert set(found.nodes) <= set(TREE.leaves)
    assert np.array_equal(found.nodes, TREE.leaves[run.predictions().probabilities[-1].argmax(axis=1)])
    assert found.threshold == 0


def test_arrays_and_files_of_the_same_pictures_get_the_same_answers(run: Run, tmp_path: Path) -> None:
    pixels = easy_images(200, 200).test.pixels[:5]
    paths = [tmp_path / f"{row}.png" for row in range(5)]
    for path, picture in zip(paths, pixels, strict=True):
        Image.fromarray(picture.transpose(1, 2, 0)).save(path)
    expected, found = run.predict(pixels), run.predict([paths[0], *map(str, paths[1:])])
    np.testing.assert_allclose(found.probabilities[-1], expected.probabilities[-1], atol=1e-6)


def test_no_pictures_have_no_answers(run: Run) -> None:
    answerer = Answerer(run, device="cpu")
    assert len(answerer.predict([])) == 0
    assert len(answerer.answer(np.zeros((0, 3, 18, 18), np.uint8))) == 0


def test_an_answerer_says_what_it_is(run: Run) -> None:
    answerer = Answerer(run, promise=0.7, device="cpu")
    assert (answerer.size, answerer.fit, answerer.calibrated) == (18, "squash", True)
    assert answerer.threshold is not None
    assert (answerer.threshold.promise, answerer.threshold.pictures) == (0.7, 200)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((2, 18, 18, 3), np.uint8),
        np.zeros((2, 3, 20, 20), np.uint8),
        np.zeros((3, 18, 18), np.uint8),
        np.zeros((2, 3, 18, 18), np.float32),
    ],
    ids=["channels last", "another size", "a single picture", "floats"],
)
def test_other_arrays_are_refused(run: Run, pixels: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"expected pictures as uint8 of shape \(pictures, 3, 18, 18\), got"):
        run.predict(pixels)


def test_a_file_that_is_no_picture_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("no picture")
    with pytest.raises(InputError, match=r"notes\.png: "):
        run.predict([tmp_path / "notes.png"])


def test_a_run_without_validation_pictures_promises_nothing(run: Run, tmp_path: Path) -> None:
    for file in run.folder.iterdir():
        if file.name != "validation.safetensors":
            (tmp_path / file.name).symlink_to(file)
    bare = Run(tmp_path)
    assert bare.validation() is None
    assert not Answerer(bare, device="cpu").calibrated
    np.testing.assert_allclose(
        bare.predict(easy_images(200, 200).test).probabilities[-1], run.predictions().probabilities[-1], atol=1e-5
    )
    with pytest.raises(InputError, match="held out of its training"):
        bare.predict(easy_images().test, promise=0.9)


def test_the_report_says_what_became_of_promises(run: Run) -> None:
    page = (run.folder / "report.html").read_text("utf-8")
    assert '<section id="unsure"' in page
    assert "learned from 200 validation pictures" in page
