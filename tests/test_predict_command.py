"""kinwise predict: files, folders and names from standard input; what is printed, written and refused."""

import csv
import io
import json
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hostile import write_hostile_folder
from PIL import Image
from runs import TINY, Refused, status, tiny_images
from zoo import PROBABILITIES, ZOO

from kinwise.answering import files as answer_files
from kinwise.answering.answers import Answerer, answers_from
from kinwise.answering.files import PictureFile, picture_files
from kinwise.answering.text import Lines, shown
from kinwise.data.images import hold_out
from kinwise.experiment import train
from kinwise.run import Run

pytest_plugins = ["run_fixtures"]

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny run with pictures held out of its training."""
    found = train(hold_out(tiny_images(), 0.25), config=TINY, out=tmp_path_factory.mktemp("c") / "run")
    assert found is not None
    return found.folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twelve pictures in nested folders, one file that is none, one that is not looked at, and a hidden one."""
    folder = tmp_path / "photos"
    (folder / "inner").mkdir(parents=True)
    pixels = tiny_images().test.pixels
    for row in range(12):
        name = f"inner/{row:02d}.PNG" if row % 2 else f"{row:02d}.jpg"
        Image.fromarray(pixels[row].transpose(1, 2, 0)).save(folder / name)
    (folder / "05 broken.png").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("no picture")
    shutil.copy(folder / "00.jpg", folder / ".hidden.jpg")
    return folder


EXPECTED = [*(f"{row:02d}.jpg" for row in (0, 2, 4)), "05 broken.png", *(f"{row:02d}.jpg" for row in (6, 8, 10))]
EXPECTED += [f"inner/{row:02d}.PNG" for row in range(1, 12, 2)]


def paths(named: list[str], lines: Iterable[bytes] = ()) -> list[Path]:
    found = picture_files(named, lines)
    assert not any(file.fault for file in found)
    return [file.path for file in found]


def test_files_folders_and_names_from_standard_input(photos: Path) -> None:
    inside = [photos / name for name in EXPECTED]
    assert paths([str(photos)]) == inside
    assert paths(["b.xyz", str(photos), "a.png"]) == [Path("b.xyz"), *inside, Path("a.png")]
    lines = [b" one.png\r\n", b"\n", b"-\n", f"{photos}\n".encode(), b"last \xff.png"]
    found = paths(["first.png", "-"], lines)
    assert found == [Path("first.png"), Path(" one.png"), *inside, Path("last \udcff.png")]


def test_links_that_go_in_circles_end(photos: Path) -> None:
    (photos / "inner" / "again").symlink_to(photos)
    assert len(picture_files([str(photos)])) == len(EXPECTED)


def test_a_folder_without_pictures_is_named(tmp_path: Path, run: Path, capsys: Output) -> None:
    assert status("predict", run, tmp_path) == 2
    assert f"{tmp_path}: a folder without picture files\n" in capsys.readouterr().err


def test_json_has_a_line_for_every_file_in_order(run: Path, photos: Path, capsys: Output) -> None:
    assert status("predict", run, photos, "--json", "--device", "cpu") == 0
    out, err = capsys.readouterr()
    told = [json.loads(line) for line in out.splitlines()]
    assert [one["file"] for one in told] == [str(photos / name) for name in EXPECTED]
    assert err.startswith(f"{photos / '05 broken.png'}: ")
    broken = told.pop(3)
    assert set(broken) == {"file", "error"}
    answers = Answerer(Run(run), device="cpu").predict([one["file"] for one in told])
    assert told == [{"file": one["file"], **answers.to_dict(row)} for row, one in enumerate(told)]
    assert [[step["level"] for step in one["path"]] for one in told] == [list(answers.hierarchy.levels)] * 12


def test_batches_of_any_size_give_the_same(run: Path, photos: Path) -> None:
    answerer = Answerer(Run(run), device="cpu")
    files = picture_files([str(photos)])
    whole, *none = answer_files.answer_files(answerer, files)
    parts = list(answer_files.answer_files(answerer, files, batch=2))
    assert not none
    assert [file for part in parts for file, _ in part.rows()] == [one.path for one in files]
    assert [bool(part.unreadable) for part in parts] == [False, True, *[False] * 5]
    np.testing.assert_allclose(
        np.concatenate([part.answers.probabilities[-1] for part in parts]), whole.answers.probabilities[-1], atol=1e-5
    )


def test_names_from_standard_input(run: Path, photos: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{photos / '00.jpg'}\n".encode())))
    assert status("predict", run, "-", "--json") == 0
    assert json.loads(capsys.readouterr().out)["file"] == str(photos / "00.jpg")


def test_the_table_has_a_line_for_every_picture(run: Path, photos: Path, capsys: Output) -> None:
    assert status("predict", run, photos) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    tree = Run(run).hierarchy
    assert head.split() == ["picture", *tree.levels]
    assert [line.split()[0] for line in lines] == [str(photos / name) for name in EXPECTED if "broken" not in name]
    assert all(line.count("%") == len(tree.levels) for line in lines)
    assert "\x1b" not in "".join(lines), "no colours where nobody sees them"


def test_the_table_by_hand() -> None:
    files = [PictureFile(path=Path(name)) for name in ("a.png", "b.png", "line\nbreak.png", "d.png", "e.png")]
    answers = answers_from(PROBABILITIES, ZOO, temperature=1.0, threshold=0.5)
    lines = Lines(files, ZOO)
    printed = [lines.head().plain, *(lines.line(file.path, answers, row).plain for row, file in enumerate(files))]
    assert printed == [
        "picture          group           superclass    class",
        "a.png            animals 90 %    fish 80 %     shark 60 %",
        "b.png            animals 80 %    fish 60 %     ray 50 %",
        "line\\nbreak.png  animals 60 %    stops at animals: fish 40 %, dog 20 %",
        "d.png            no answer: things 60 %, animals 40 %",
        "e.png            things 70 %     tools 70 %    axe 60 %",
    ], "\n".join(printed)


def test_csv_holds_every_file_and_every_level(run: Path, photos: Path, tmp_path: Path, capsys: Output) -> None:
    strange = photos / 'a "b",\nc=<b>.png'
    shutil.copy(photos / "00.jpg", strange)
    table = tmp_path / "answers.csv"
    assert status("predict", run, photos, "--csv", table) == 0
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [*EXPECTED[:-6], shown('a "b",\nc=<b>.png'), *EXPECTED[-6:]]
    assert [row["file"] for row in rows] == [str(photos / name) for name in names]
    assert len(table.read_text("utf-8").splitlines()) == len(rows) + 1
    tree = Run(run).hierarchy
    for row in rows:
        assert bool(row["error"]) == ("broken" in row["file"])
        assert bool(row["answer"]) != bool(row["error"])
        if row["answer"]:
            assert row["answer"] == row[tree.levels[-1]]
            assert float(row["confidence"]) == float(row[f"{tree.levels[-1]} confidence"])
    assert "\\n" in capsys.readouterr().out


def test_names_that_are_no_text(
    run: Path, photos: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    odd = photos / "\udcff\x1b[31m.jpg"
    try:
        shutil.copy(photos / "00.jpg", odd)
    except (OSError, UnicodeEncodeError):
        pytest.skip("this system has no such names")
    assert status("predict", run, odd, "--csv", tmp_path / "a.csv") == 0
    assert b"\\xff\\u001b[31m.jpg" in capfdbinary.readouterr().out
    assert "\\xff\\u001b[31m.jpg" in (tmp_path / "a.csv").read_text("utf-8")
    assert status("predict", run, odd, "--json") == 0
    assert json.loads(capfdbinary.readouterr().out)["file"] == str(odd)


def test_a_promise_that_cannot_be_made_is_said_and_keeps_silent(run: Path, photos: Path, capsys: Output) -> None:
    assert status("predict", run, photos / "00.jpg", "--promise", "0.99", "--json") == 0
    out, err = capsys.readouterr()
    assert "0.99 cannot be promised: it takes 230 sure answers on validation pictures" in err
    assert json.loads(out)["answer"] is None
    assert json.loads(out)["reason"].startswith("no answer: ")


def test_what_is_refused(run: Path, trained: Path, photos: Path, refused: Refused, capsys: Output) -> None:
    assert "which pictures?" in refused("predict", run)
    assert "between 0 and 1, 0.95 for example" in refused("predict", run, photos / "00.jpg", "--promise", "95")
    assert "--set validation=0.1" in refused("predict", trained, photos / "00.jpg", "--promise", "0.9")
    assert "no run at" in refused("predict", "nowhere", photos / "00.jpg")
    assert status("predict", run, photos / "05 broken.png", photos / "absent.png") == 2
    err = capsys.readouterr().err.splitlines()
    assert err[-1] == "kinwise: none of 2 files holds a picture that can be read"
    assert [line.split(": ")[0] for line in err[:-1]] == [str(photos / "05 broken.png"), str(photos / "absent.png")]


def test_hostile_files_are_named_with_their_reasons_and_the_others_answered(
    run: Path, tmp_path: Path, capsys: Output
) -> None:
    files = write_hostile_folder(tmp_path / "hostile")
    assert status("predict", run, tmp_path / "hostile", "--json", "--csv", tmp_path / "answers.csv") == 0
    out, err = capsys.readouterr()
    told = {Path(one["file"]): one for one in map(json.loads, out.splitlines())}
    assert len(told) == len(out.splitlines())
    for file in files:
        found = told.pop(file.path)
        assert ("error" not in found) == file.readable, found
        assert file.reason in found.get("error", "")
        assert (f"{shown(file.path)}: " in err) != file.readable
    assert not told, "nothing else is answered"
    with (tmp_path / "answers.csv").open(encoding="utf-8", newline="") as table:
        assert len(list(csv.reader(table))) == len(files) + 1


# --- evaluate -------------------------------------------------------------------------------------------------------


def test_evaluate_says_what_became_of_a_promise(run: Path, capsys: Output) -> None:
    assert status("evaluate", run, "--promise", "0.5") == 0
    out = capsys.readouterr().out
    assert "\npromise 50 %: " in out
    assert "from 64 validation pictures" in out
    assert status("evaluate", run, "--promise", "0.5", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["promise"]["threshold"]["pictures"] == 64
    assert told["promise"]["kept"]["pictures"] == told["n"]


def test_evaluate_needs_pictures_held_out(trained: Path, refused: Refused) -> None:
    assert "--set validation=0.1" in refused("evaluate", trained, "--promise", "0.5")
