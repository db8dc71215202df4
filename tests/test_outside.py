"""Predictions of any framework: each format by hand, and one clear message for each thing that can be wrong."""

import builtins
import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from zoo import LABELS, PROBABILITIES, ZOO, random_predictions

from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.judge.metrics import score
from kinwise.judge.outside import read_predictions
from kinwise.judge.predictions import Predictions, sum_upward

CLASSES = list(ZOO.classes)
HEADER = "label," + ",".join(CLASSES)
TURNED = [3, 0, 4, 2, 1]


def save(folder: Path, content: str | bytes, name: str = "answers.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def npz(folder: Path, **arrays: Any) -> Path:
    path = folder / "answers.npz"
    np.savez(path, **arrays)
    return path


def table(delimiter: str = ",", **columns: Any) -> str:
    rows = zip(*columns.values(), strict=True)
    return "\n".join(delimiter.join(map(str, row)) for row in [columns.keys(), *rows]) + "\n"


def by_class(array: np.ndarray = PROBABILITIES) -> dict[str, Any]:
    return dict(zip(CLASSES, array.T, strict=True))


def assert_is_the_zoo(predictions: Predictions) -> None:
    assert predictions.probabilities[-1] == pytest.approx(PROBABILITIES, abs=1e-6)
    for mine, sums in zip(predictions.probabilities, sum_upward(PROBABILITIES, ZOO), strict=True):
        assert mine == pytest.approx(sums, abs=1e-6)
    assert predictions.labels.tolist() == LABELS.tolist()
    assert predictions.hierarchy == ZOO


# --- what can be read ------------------------------------------------------------------------------------------------

NAMES = [CLASSES[label] for label in LABELS]


@pytest.mark.parametrize(
    "arrays",
    [
        {"probabilities": PROBABILITIES, "labels": LABELS},
        {"probabilities": PROBABILITIES.astype(np.float16), "labels": LABELS.astype(np.uint8)},
        {"probabilities": PROBABILITIES, "labels": LABELS.astype(float)},
        {"probabilities": PROBABILITIES, "labels": NAMES},
        {"probabilities": PROBABILITIES, "labels": np.array(NAMES, dtype="S")},
        {"probabilities_class": PROBABILITIES, "labels": LABELS},
        {"logits": np.log(PROBABILITIES + 1e-12) + 700, "labels": LABELS},
        {"scores": np.log(PROBABILITIES + 1e-12) - 7, "labels": LABELS},
    ],
)
def test_npz_files_of_every_kind(tmp_path: Path, arrays: dict[str, Any]) -> None:
    predictions = read_predictions(npz(tmp_path, **arrays), ZOO)
    assert predictions.probabilities[-1] == pytest.approx(PROBABILITIES, abs=1e-3)
    assert predictions.labels.tolist() == LABELS.tolist()
    assert predictions.ids.tolist() == ["0", "1", "2", "3", "4"]
    assert predictions.source == "answers.npz"


def test_columns_of_an_npz_file_are_found_by_name_and_indices_count_them(tmp_path: Path) -> None:
    turned_labels = np.argsort(TURNED)[LABELS]
    path = npz(
        tmp_path,
        probabilities=PROBABILITIES[:, TURNED],
        classes=np.array(CLASSES)[TURNED],
        labels=turned_labels,
        ids=["a", "b", "c", "d", "ä"],
    )
    predictions = read_predictions(path, ZOO)
    assert_is_the_zoo(predictions)
    assert predictions.ids.tolist() == ["a", "b", "c", "d", "ä"]


def test_a_level_with_a_head_of_its_own_keeps_it(tmp_path: Path) -> None:
    group = np.array([[0.25, 0.75]] * 5)
    path = npz(
        tmp_path,
        probabilities=PROBABILITIES,
        labels=LABELS,
        probabilities_group=group,
        classes_group=["things", "animals"],
        logits_superclass=np.zeros((5, 3)),
    )
    first, second, third = read_predictions(path, ZOO).probabilities
    assert first == pytest.approx(group[:, ::-1])
    assert second == pytest.approx(np.full((5, 3), 1 / 3))
    assert third == pytest.approx(PROBABILITIES)


@pytest.mark.parametrize(
    "text",
    [
        table(label=NAMES, **by_class()),
        table(label=LABELS, **by_class()),
        table(";", **by_class(), label=NAMES),
        table("\t", **{name: by_class()[name] for name in reversed(CLASSES)}, label=NAMES),
        "\ufeff" + table(label=NAMES, **by_class()).replace("\n", "\r\n\r\n"),
        table(label=NAMES, **by_class()).replace(",", " , "),
        table(label=NAMES, **by_class(PROBABILITIES * 1.009)),
    ],
)
def test_csv_files_of_every_kind(tmp_path: Path, text: str) -> None:
    assert_is_the_zoo(read_predictions(save(tmp_path, text), ZOO))


def test_names_from_a_csv_file_find_the_pictures_again(tmp_path: Path) -> None:
    path = save(tmp_path, table(id=["a.png", "b.png", "7", "", "x y"], label=NAMES, **by_class()))
    assert read_predictions(path, ZOO).ids.tolist() == ["a.png", "b.png", "7", "", "x y"]


def test_answers_without_probabilities_are_judged_as_answers(tmp_path: Path) -> None:
    answers = ["shark", "ray", "shark", "dog", "axe"]
    predictions = read_predictions(save(tmp_path, table(label=NAMES, prediction=answers), "a.csv"), ZOO)
    assert predictions.source.startswith("a.csv (answers only")
    scores, expected = score(predictions, resamples=1), score(PROBABILITIES, LABELS, ZOO, resamples=1)
    for name in ("mistakes", "mistake_severity", "full_path_accuracy", "hierarchical_f1"):
        assert getattr(scores, name) == getattr(expected, name)


def test_classes_whose_names_are_numbers_are_names_and_no_indices(tmp_path: Path) -> None:
    tree = Hierarchy(parents=np.array([-1, 0, 0]), names=("root", "1", "0"))
    path = save(tmp_path, "label,0,1\n0,0.9,0.1\n1,0.2,0.8\n")
    predictions = read_predictions(path, tree)
    assert predictions.labels.tolist() == [1, 0]
    assert predictions.probabilities[-1] == pytest.approx(np.array([[0.1, 0.9], [0.8, 0.2]]))


def test_what_kinwise_saved_is_read_with_and_without_a_tree(tmp_path: Path) -> None:
    path = tmp_path / "predictions.safetensors"
    random_predictions(ZOO, 6, 0).save(path)
    assert read_predictions(path).hierarchy == ZOO
    assert read_predictions(str(path), ZOO).hierarchy == ZOO
    flat = Hierarchy(parents=np.array([-1, 0, 0, 0, 0, 0]), names=("root", *CLASSES))
    assert read_predictions(path, flat).hierarchy.levels == ("class",)


def test_parquet_files(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="parquet files need pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")

    def written(**columns: Any) -> Path:
        path = tmp_path / "answers.parquet"
        parquet.write_table(pyarrow.table(columns), path)
        return path

    assert_is_the_zoo(read_predictions(written(id=list("abcde"), label=NAMES, **by_class()), ZOO))
    assert_is_the_zoo(read_predictions(written(label=LABELS, **by_class()), ZOO))
    coded = pyarrow.array(NAMES).dictionary_encode()
    assert_is_the_zoo(read_predictions(written(label=coded, **by_class()), ZOO))
    for columns, message in [
        ({"label": [None, *NAMES[1:]], **by_class()}, "row 0: '' is no class"),
        ({"label": NAMES, **by_class(), "dog": [0.1, None, 0, 0, 0]}, "row 1: column 'dog' has nan"),
        ({"label": NAMES, **by_class(), "dog": list("abcde")}, "row 0: column 'dog' has 'a', expected a probability"),
        ({"label": pyarrow.array([], "string"), **by_class(PROBABILITIES[:0])}, "a row per picture, got none"),
    ]:
        with pytest.raises(InputError, match=message):
            read_predictions(written(**columns), ZOO)
    with pytest.raises(InputError, match=r"a\.parquet is damaged or no parquet file"):
        read_predictions(save(tmp_path, "nothing", "a.parquet"), ZOO)


# --- what is refused -------------------------------------------------------------------------------------------------

GOOD = {"probabilities": PROBABILITIES, "labels": LABELS}


def changed(row: int, column: int, value: float) -> np.ndarray:
    array = PROBABILITIES.copy()
    array[row, column] = value
    return array


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"labels": LABELS}, r"expected the arrays 'probabilities' .*\(pictures, 5\).* got: labels"),
        ({"probabilities": PROBABILITIES}, "and 'labels', got: probabilities"),
        ({}, "got: none"),
        (GOOD | {"probabilities": PROBABILITIES[:, :4]}, r"one column per class, got float64 of shape \(5, 4\)"),
        (GOOD | {"probabilities": PROBABILITIES[0]}, r"got float64 of shape \(5,\)"),
        (GOOD | {"probabilities": PROBABILITIES.astype(str)}, "probabilities: expected numbers of shape"),
        (GOOD | {"probabilities": PROBABILITIES[:0]}, "expected a row per picture, got none"),
        (GOOD | {"probabilities": PROBABILITIES[:3]}, "labels: expected 3 rows as in the class probabilities, got 5"),
        (GOOD | {"ids": ["a"]}, "ids: expected 5 rows as in the class probabilities, got 1"),
        (GOOD | {"probabilities_group": np.ones((4, 2)) / 2}, "group: expected 5 rows .* got 4"),
        (GOOD | {"logits": PROBABILITIES}, "'probabilities' and 'logits' say the same thing twice"),
        (GOOD | {"probabilities_class": PROBABILITIES}, "'probabilities' and 'probabilities_class' are the same"),
        (GOOD | {"probabilities_supercls": PROBABILITIES}, "'probabilities_supercls' belongs to no level; .* group,"),
        (GOOD | {"probabilities": changed(1, 2, np.nan)}, "probabilities: row 1: column 'dog' has nan"),
        (GOOD | {"probabilities": changed(1, 2, np.inf)}, "probabilities: row 1: column 'dog' has inf"),
        ({"logits": changed(4, 0, -np.inf), "labels": LABELS}, "logits: row 4: column 'shark' has -inf"),
        (GOOD | {"probabilities": changed(3, 0, -0.1)}, "row 3: column 'shark' has -0.1, expected a probability"),
        (GOOD | {"probabilities": changed(2, 0, 7)}, r"row 2: the values sum to 7\.7, expected 1; .*logits"),
        (GOOD | {"classes": CLASSES[:4]}, "classes: nothing for 'axe'; every class of the hierarchy needs a column"),
        (GOOD | {"classes": ["shrak", *CLASSES[1:]]}, "classes: 'shrak' is no class .* did you mean 'shark'"),
        (GOOD | {"classes": [*CLASSES, "ray"]}, "classes: the column 'ray' stands twice"),
        (GOOD | {"labels": [0, 1, 2, 3, 5]}, r"labels: row 4: 5 is no class index; expected 0\.\.4"),
        (GOOD | {"labels": [0, -1, 2, 3, 4]}, "labels: row 1: -1 is no class index"),
        (GOOD | {"labels": [0, 1, 2.5, 3, 4]}, "labels: row 2: 2.5 is no class index"),
        (GOOD | {"labels": [0, 1, 2, np.nan, 4]}, "labels: row 3: nan is no class index"),
        (GOOD | {"labels": ["shark", "cow", "dog", "saw", "axe"]}, "labels: row 1: 'cow' is no class"),
        (GOOD | {"labels": LABELS[:, None]}, r"one class name or index per picture, got int64 of shape \(5, 1\)"),
        (
            GOOD | {"labels": np.array(NAMES)[:, None]},
            r"one class name or index per picture, got <U5 of shape \(5, 1\)",
        ),
    ],
)
def test_npz_files_that_are_wrong(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_predictions(npz(tmp_path, **arrays), ZOO)
    assert "answers.npz" in str(caught.value)


def test_npz_files_that_are_damaged_or_something_else(tmp_path: Path) -> None:
    whole = npz(tmp_path, **GOOD).read_bytes()
    bare = io.BytesIO()
    np.save(bare, PROBABILITIES)
    middle = whole.index(b"NUMPY") + 200
    for content, message in [
        (b"", "damaged or no npz file"),
        (b"hello", "no npz file"),
        (whole[:-30], "damaged or no npz file"),
        (whole[:middle] + b"garbage" + whole[middle + 7 :], "damaged or no npz file"),
        (bare.getvalue(), "one bare array"),
        (pickle.dumps({"probabilities": 1}), "pickles are not opened"),
    ]:
        with pytest.raises(InputError, match=message):
            read_predictions(save(tmp_path, content, "a.npz"), ZOO)
    with pytest.raises(InputError, match="pickles are not opened because they can run code"):
        read_predictions(npz(tmp_path, **GOOD | {"labels": np.array([*NAMES[:4], None])}), ZOO)


ROW = "\nshark,.2,.2,.2,.2,.2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a header and a row per picture, got 0 lines"),
        (HEADER, "got 1 lines that are not blank"),
        ("\n\n" + HEADER + "\n\n", "got 1 lines"),
        ("truth,shark\ndog,1", "expected a column 'label', got the columns: truth, shark"),
        (HEADER + ROW + "\ndog,1,0,0,0", "line 3: expected 6 cells as in the header, got 5"),
        (HEADER + ROW + "\n\ndog,1,0,0,0,0,0", "line 4: expected 6 cells as in the header, got 7"),
        (HEADER + ",dog" + ROW + ",.2", "the column 'dog' stands twice in the header"),
        (HEADER + ",cow" + ROW + ",0", "'cow' is no class of the hierarchy, which has 'shark', 'ray' and so on"),
        (HEADER.replace("saw,", "") + "\ndog,.25,.25,.25,.25", "nothing for 'saw'"),
        ("label,dog\ndog,1", "nothing for 'shark', 'ray', 'saw' and 1 more"),
        (HEADER + ROW + "\ncow,1,0,0,0,0", "line 3: 'cow' is no class"),
        (HEADER + ROW + "\nshrak,1,0,0,0,0", "line 3: 'shrak' is no class of the hierarchy; did you mean 'shark'"),
        (HEADER + ROW + "\n,1,0,0,0,0", "line 3: '' is no class"),
        (HEADER + "\n5,1,0,0,0,0", "line 2: 5 is no class index; expected 0..4"),
        (HEADER + "\n--5,1,0,0,0,0", "line 2: '--5' is no class"),
        (HEADER + ROW + "\ndog,1,0,none,0,0", "line 3: column 'dog' has 'none', expected a probability"),
        (HEADER + ROW + "\ndog,1,0,,0,0", "line 3: column 'dog' has '', expected a probability"),
        (HEADER + ROW + "\ndog,1,0,nan,0,0", "line 3: column 'dog' has nan"),
        (HEADER + ROW + "\ndog,1,-1,1,0,0", "line 3: column 'ray' has -1, expected a probability >= 0; .*logits"),
        (HEADER + ROW + "\ndog,4,3,2,0,0", "line 3: the values sum to 9, expected 1; .* softmax"),
        ("label,prediction\ndog,cow", "line 2: 'cow' is no class"),
        ("label,prediction,dog\ndog,dog,1", "has a column 'prediction' and probabilities"),
        (HEADER.encode() + b"\nsh\xe4rk,1,0,0,0,0", "cannot be read as a CSV file in UTF-8"),
        (HEADER + '\n"dog,1,0,0,0,0' + "x" * 200_000, "cannot be read as a CSV file"),
    ],
)
def test_csv_files_that_are_wrong(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_predictions(save(tmp_path, text), ZOO)
    assert "answers.csv" in str(caught.value)


def test_a_missing_library_is_named_with_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = builtins.__import__

    def without_pyarrow(name: str, *others: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return genuine(name, *others)

    monkeypatch.setattr(builtins, "__import__", without_pyarrow)
    with pytest.raises(InputError, match=r"a\.parquet: parquet files need pyarrow; install it with: pip install pyarr"):
        read_predictions(save(tmp_path, b"PAR1", "a.parquet"), ZOO)


def test_files_that_are_no_predictions(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no file .*nowhere\.csv"):
        read_predictions(tmp_path / "nowhere.csv", ZOO)
    with pytest.raises(InputError, match=r"expected a file of predictions \(\.npz, .*\), got suffix '\.txt'"):
        read_predictions(save(tmp_path, "hello", "a.txt"), ZOO)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match="there is no file"):
        read_predictions(tmp_path / "folder.csv", ZOO)
    with pytest.raises(InputError, match="holds no hierarchy; name one"):
        read_predictions(npz(tmp_path, **GOOD))
    with pytest.raises(InputError, match="damaged or holds no predictions"):
        read_predictions(save(tmp_path, b"hello", "a.safetensors"))
