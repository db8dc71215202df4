"""Own pictures, the whole way: a folder with some bad files, a training, and every command on what came of it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from easy import TREE, easy_images
from PIL import Image
from runs import contents, status

from kinwise.judge.metrics import score
from kinwise.predict import predictions_of
from kinwise.run import Run

Output = pytest.CaptureFixture[str]
PER_CLASS = 30


def write_photos(root: Path) -> Path:
    """warm/sun, warm/tiger, cold/sky, cold/sea: 30 pictures each; 10 known to be warm only; one cut off, one empty."""
    images = easy_images(train=4 * PER_CLASS + 10, others=0, size=32)
    for number, (pixels, label) in enumerate(zip(images.pixels, images.labels, strict=True)):
        path = [TREE.names[node] for node in TREE.paths[label]] if number < 4 * PER_CLASS else ["warm"]
        folder = root.joinpath(*path)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.transpose(1, 2, 0)).save(folder / f"{number}.png")
    whole = (root / "warm" / "sun" / "0.png").read_bytes()
    (root / "cold" / "sky" / "cut off.png").write_bytes(whole[: len(whole) // 2])
    (root / "cold" / "sky" / "empty.jpg").touch()
    return root


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photos(tmp_path_factory.mktemp("own") / "photos")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def run(photos: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "own"
    values = ("widths=8,8,16", "epochs=2", "device=cpu", "explained=4", "batch=16")
    assert status("train", photos, "--set", *values, "--out", out, "--data-dir", cache) == 0
    return Run(out)


def test_what_is_learnt_from_and_judged(run: Run, photos: Path) -> None:
    assert run.config.data == str(photos.resolve())
    assert (run.config.size, run.config.split, run.config.validation) == (32, "80:20", 0.15)
    assert len(run.predictions()) == 4 * PER_CLASS // 5  # a fifth of each class
    validation = run.validation()
    assert validation is not None
    assert np.bincount(validation.labels).tolist() == [4] * 4  # 15 % of 24
    assert len(run.saved_scores().training["logit_adjustment"]) == 5
    assert run.saved_scores().accuracy["superclass"] > 0.7  # warm or cold is a matter of colour


def test_nothing_is_said_of_an_official_split_where_there_is_none(run: Run, tmp_path: Path, capsys: Output) -> None:
    scores = run.saved_scores()
    assert (scores.split, scores.comparable) == ("drawn 80:20", True)
    shutil.copytree(run.folder, tmp_path / "again")
    assert status("report", tmp_path / "again") == 0
    assert status("evaluate", tmp_path / "again") == 0
    assert status("evaluate", tmp_path / "again", "--decision", "all") == 0
    assert status("compare", run.folder, tmp_path / "again", "--out", tmp_path / "both") == 0
    told = capsys.readouterr()
    pages = [tmp_path / "again" / "report.html", tmp_path / "both" / "comparison.html"]
    for text in (told.out, told.err, *(page.read_text("utf-8") for page in pages)):
        assert "official" not in text.lower()
    assert "split drawn 80:20" in told.out
    for page in pages:
        assert "split drawn 80:20" in page.read_text("utf-8")


def test_bad_files_are_named(photos: Path, cache: Path, tmp_path: Path, capsys: Output) -> None:
    assert status("train", photos, "--epochs", "1", "--strict", "--data-dir", cache, "--out", tmp_path / "run") == 2
    message = capsys.readouterr().err
    assert "cold/sky/cut off.png" in message
    assert "cold/sky/empty.jpg" in message
    assert contents(tmp_path) == {}


def test_other_pictures_without_a_test_part_are_judged_whole(run: Run, cache: Path, tmp_path: Path) -> None:
    others = write_photos(tmp_path / "photos")
    (others / "warm" / "sun" / "0.png").unlink()
    found = predictions_of(run, str(others), cache)
    assert (len(found), found.split, found.comparable) == (4 * PER_CLASS - 1, "all pictures", True)
    assert "split all pictures" in score(found).text()


def test_classes_of_three_pictures_are_learnt_though_none_can_be_held_out(
    cache: Path, tmp_path: Path, capsys: Output
) -> None:
    images = easy_images(train=12, others=0, size=32)
    for number, (pixels, label) in enumerate(zip(images.pixels, images.labels, strict=True)):
        folder = tmp_path / "photos" / TREE.classes[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.transpose(1, 2, 0)).save(folder / f"{number}.png")
    brief = ("widths=8,8,16", "epochs=1", "device=cpu", "explained=0", "batch=4")
    given = ("train", tmp_path / "photos", "--data-dir", cache, "--out", tmp_path / "run", "--set", *brief)
    assert status(*given, "logit_adjustment=validation", "validation=0.1") == 2
    assert "and none are; validation=0.1 of each class is less than one" in capsys.readouterr().err
    assert status(*given) == 0
    config = Run(tmp_path / "run").config
    assert (config.validation, config.logit_adjustment) == (0, "none")


def test_every_command_takes_such_a_run(run: Run, photos: Path, cache: Path, tmp_path: Path, capsys: Output) -> None:
    copied = shutil.copytree(run.folder, tmp_path / "run")
    new = photos / "warm" / "sun"
    assert status("explain", copied, "--count", "2", "--data-dir", cache) == 0
    assert status("evaluate", copied, "--promise", "0.6") == 0
    capsys.readouterr()
    assert status("evaluate", copied, "--data", photos, "--data-dir", cache, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["n"], found["split"]) == (len(run.predictions()), "drawn 80:20"), "none that it learnt from"
    assert status("predict", copied, new, "--json") == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(answers) == PER_CLASS
    assert "<script" in (copied / "report.html").read_text("utf-8")


def test_pictures_of_the_folder_and_the_saved_predictions_agree(run: Run, photos: Path) -> None:
    """A file asked about by itself gets the very probabilities that the training saved of it, calibrated."""
    predictions = run.predictions()
    found = run.predict([photos / str(name) for name in predictions.ids])
    np.testing.assert_array_equal(found.probabilities[-1].argmax(1), predictions.probabilities[-1].argmax(1))


def decoded(cache: Path) -> dict[Path, int]:
    """The files of decoded pixels and when they were written."""
    return {path: path.stat().st_mtime_ns for path in cache.rglob("pixels.uint8")}


def test_looking_again_decodes_nothing(run: Run, photos: Path, cache: Path, capsys: Output) -> None:
    before = decoded(cache)
    assert len(before) == 1
    capsys.readouterr()
    assert status("data", photos, "--data-dir", cache) == 0
    assert "Decoded" not in capsys.readouterr().err
    assert decoded(cache) == before
    assert run.folder.is_dir()
