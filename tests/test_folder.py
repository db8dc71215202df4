"""From a folder to Images: what is kept, what is left out and why, what is said, and how a training takes it."""

import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile import write_hostile_folder
from photos import photograph, photographs
from runs import TINY_OPTIONS, status

import kinwise
from kinwise.config import Config
from kinwise.data import load, read
from kinwise.data.folder import Survey, pictures, survey
from kinwise.data.folder.describe import describe_survey, survey_text
from kinwise.data.folder.names import printable
from kinwise.data.folder.progress import decoding_progress
from kinwise.data.images import Images, split
from kinwise.data.kept_duplicates import duplicates_of
from kinwise.data.options import ReadOptions
from kinwise.errors import InputError

pytest_plugins = ["run_fixtures"]

Output = pytest.CaptureFixture[str]
NAMES = [
    f"{part}/{name}/{number}.png" for part in ("train", "test") for name in ("a/x", "a/y", "b") for number in (1, 2)
]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two pictures of each of the classes x, y (below a) and b in each part."""
    return photographs(tmp_path / "photos", NAMES)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder, for the command line as well."""
    monkeypatch.setenv("KINWISE_DATA", str(tmp_path / "kept"))
    return tmp_path / "kept"


def damage(photos: Path, *names: str) -> None:
    for name in names:
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_bytes(b"no picture")


def told(path: Path, cache: Path, **options: Any) -> tuple[Images, list[str]]:
    said: list[str] = []
    images = pictures(path, ReadOptions(**options), cache=cache, say=said.append)
    return images, [line for line in said if not line.startswith("Decoded")]


# --- Images -----------------------------------------------------------------------------------------------------------


def test_a_folder_becomes_images(photos: Path, cache: Path) -> None:
    images, said = told(photos, cache, size=8)
    assert images.ids.tolist() == sorted(NAMES)
    assert images.parts.tolist() == ["test"] * 6 + ["train"] * 6
    assert images.hierarchy.classes == ("x", "y", "b")
    assert images.labels.tolist() == [0, 0, 1, 1, 2, 2] * 2
    assert (images.name, images.split, images.nodes) == (str(photos), "official", None)
    assert (images.pixels.shape, images.pixels.dtype) == ((12, 3, 8, 8), np.uint8)
    assert images.pixels[:][:, 0, 4, 4].tolist() == [40 * NAMES.index(name) % 256 for name in sorted(NAMES)]
    assert images.content
    assert said == []


def test_relative_names_home_and_links_lead_there(photos: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photos.parent)
    monkeypatch.setenv("HOME", str(photos.parent))
    for name in ("photos/", "./photos", "photos", Path("photos"), "~/photos"):
        assert load(name, data_dir=cache, size=8).name == str(photos)


def test_labels_that_stop_at_inner_nodes_are_learnt_from(photos: Path, cache: Path) -> None:
    photograph(photos / "train" / "a" / "9.png", 1000)
    photograph(photos / "test" / "a" / "9.png", 2000)
    images, said = told(photos, cache, size=8)
    assert len(images) == 13
    at = images.ids.tolist().index("train/a/9.png")
    assert images.nodes is not None
    assert (images.labels[at], images.hierarchy.names[images.nodes[at]]) == (-1, "a")
    assert said == [
        "1 of 14 pictures is left out: test/a/9.png (its label stops at a; a picture of the test part needs a class); "
        f"kinwise data {photos} lists all"
    ]


def test_files_that_are_no_pictures_are_left_out_or_refused(photos: Path, cache: Path) -> None:
    damage(photos, *(f"train/b/bad{number}.jpg" for number in range(4)))
    images, said = told(photos, cache, size=8)
    assert images.ids.tolist() == sorted(NAMES)
    assert len(said) == 1
    assert said[0].startswith("4 of 16 pictures are left out: train/b/bad0.jpg (")
    assert said[0].endswith(f" and 1 more; kinwise data {photos} lists all")
    with pytest.raises(InputError, match=r"^4 of 16 pictures are left out: train/b/bad0\.jpg \("):
        pictures(photos, ReadOptions(size=8, strict=True), cache=cache)
    with pytest.raises(InputError, match=r"^4 of 16 pictures are left out"):
        load(photos, data_dir=cache, size=8, strict=True)


def test_a_class_without_a_readable_picture_is_left_out_of_the_tree(photos: Path, cache: Path) -> None:
    damage(photos, "train/a/z/1.jpg")
    images, said = told(photos, cache, size=8)
    assert images.hierarchy.classes == ("x", "y", "b")
    assert said[0] == "Note: not in the tree, as no picture of them can be used: z"


def test_a_folder_of_files_that_are_no_pictures_is_refused(tmp_path: Path, cache: Path) -> None:
    damage(tmp_path, "a/1.jpg", "b/2.jpg")
    with pytest.raises(InputError, match=r"^no picture can be used: 2 of 2 pictures are left out: a/1\.jpg \("):
        pictures(tmp_path, ReadOptions(), cache=cache)
    photograph(tmp_path / "c" / "3.png", 1)
    with pytest.raises(InputError, match=r"one class only \(c\)"):
        pictures(tmp_path, ReadOptions(), cache=cache)


def test_an_inner_node_of_the_taxonomy_may_be_a_class_to_judge_by(tmp_path: Path, cache: Path) -> None:
    photographs(tmp_path / "photos", ["train/a/1.png", "train/b/2.png", "test/a/3.png", "test/b/4.png"])
    (tmp_path / "tree.json").write_text('{"a": ["x", "y"], "b": ["z"]}', "utf-8")
    images, said = told(tmp_path / "photos", cache, hierarchy=str(tmp_path / "tree.json"), size=8)
    assert (len(images), images.hierarchy.classes) == (4, ("a", "b"))
    assert said[-1] == "Note: classes themselves, as nothing below them has pictures: a, b"


def test_decoding_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    now = iter([0.0, 4.0, 10.0, 10.0, 12.0, 20.5, 20.5])
    monkeypatch.setattr("kinwise.data.folder.progress.monotonic", lambda: next(now))
    with decoding_progress(said.append) as progress:
        for done in (1_000, 2_000, 3_000, 4_000):
            progress(done, 5_000)
    assert said == ["Decoded 2,000 of 5,000 pictures", "Decoded 4,000 of 5,000 pictures"]


def test_on_a_terminal_decoding_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", terminal)
    said: list[str] = []
    with decoding_progress(said.append) as progress:
        progress(3, 5)
    assert "Decoding pictures" in terminal.getvalue()
    assert "3/5" in terminal.getvalue()
    assert said == []


def test_an_unknown_fit_is_refused(photos: Path, cache: Path) -> None:
    with pytest.raises(InputError, match="unknown fit 'stretch'; there are squash, crop, pad"):
        pictures(photos, ReadOptions(fit="stretch"), cache=cache)


def test_without_parts_a_fifth_is_drawn(tmp_path: Path, cache: Path) -> None:
    names = [f"{name}/{number}.png" for name in "ab" for number in range(10)]
    photographs(tmp_path / "photos", names)
    images = load(tmp_path / "photos", data_dir=cache, size=8, seed=1, near_duplicates="apart")
    assert (images.split, images.comparable) == ("drawn 80:20", True)
    assert np.bincount(images.test.labels).tolist() == [2, 2]
    assert read(tmp_path / "photos", ReadOptions(size=8), data_dir=cache).split == "official", "nothing is drawn yet"


def test_copies_stay_on_one_side_of_a_split_that_is_drawn(tmp_path: Path, cache: Path) -> None:
    names = [f"{name}/{number}.png" for name in "ab" for number in range(10)]
    photographs(tmp_path / "photos", names)
    for number in range(10):
        shutil.copy(tmp_path / "photos" / "a" / f"{number}.png", tmp_path / "photos" / "a" / f"copy{number}.png")
    images = load(tmp_path / "photos", data_dir=cache, size=8)
    test = {name.removeprefix("a/copy").removeprefix("a/") for name in images.test.ids if name.startswith("a/")}
    assert len(test) == 2, "two pictures and their copies"
    assert np.bincount(images.test.labels).tolist() == [4, 2]


# --- kinwise data -----------------------------------------------------------------------------------------------------


def awkward(photos: Path, cache: Path) -> Survey:
    """One of everything: sizes, a picture twice under two labels and in two parts, damage, inner labels, others."""
    photograph(photos / "train" / "b" / "wide.png", 5000, (40, 10))
    photograph(photos / "train" / "b" / "tall.png", 5001, (20, 30))
    photograph(photos / "train" / "a" / "inner.png", 5002)
    shutil.copy(photos / "train" / "b" / "wide.png", photos / "train" / "a" / "x" / "wide.png")
    shutil.copy(photos / "train" / "b" / "tall.png", photos / "test" / "b" / "tall.png")
    photograph(photos / "train" / "a" / "only" / "1.png", 5003)
    damage(photos, "train/b/bad.jpg", "test/list.txt")
    return survey(photos, ReadOptions(size=8), cache=cache)


def test_describe_a_folder(photos: Path, cache: Path) -> None:
    found = awkward(photos, cache)
    facts = describe_survey(found, found.images)
    assert json.loads(json.dumps(facts)) == facts
    assert facts["pictures"] == {"train": 11, "validation": 0, "test": 7}
    assert facts["sizes"] == {
        "smallest": {"width": 8, "height": 6, "picture": "test/a/x/1.png"},
        "median": {"width": 8, "height": 6, "picture": "train/a/x/2.png"},
        "largest": {"width": 20, "height": 30, "picture": "train/b/tall.png"},
        "portrait": 2,
        "landscape": 16,
        "square": 0,
    }
    by_path = {"/".join(node["path"]): (node["class"], node["pictures"], node["stop_here"]) for node in facts["nodes"]}
    assert by_path == {
        "": (False, {"train": 11, "validation": 0, "test": 7}, 0),
        "a": (False, {"train": 7, "validation": 0, "test": 4}, 1),
        "a/only": (True, {"train": 1, "validation": 0, "test": 0}, 1),
        "a/x": (True, {"train": 3, "validation": 0, "test": 2}, 5),
        "a/y": (True, {"train": 2, "validation": 0, "test": 2}, 4),
        "b": (True, {"train": 4, "validation": 0, "test": 3}, 7),
    }
    assert [one["picture"] for one in facts["left_out"]] == ["train/b/bad.jpg"]
    assert facts["others"] == {".txt": 1}
    assert facts["classes_without"] == {"train": [], "test": ["only"]}
    assert facts["duplicates"]["across"] == {"train/validation": 0, "train/test": 1, "validation/test": 0}
    assert [sorted(ids) for ids in facts["duplicates"]["examples"]] == [["train/a/x/wide.png", "train/b/wide.png"]]


def test_a_folder_described_as_text(photos: Path, cache: Path) -> None:
    found = awkward(photos, cache)
    lines = survey_text(describe_survey(found, found.images)).splitlines()
    left_out = lines.index("left out    1")
    assert lines[:left_out] == [
        f"data        {photos}",
        "split       official",
        "pictures    11 train, 7 test; 8 x 8, colour",
        "levels      superclass (2) > class (4)",
        "train       1 (only) to 4 (b) pictures, imbalance 4.0, as varied as 3.6 even classes",
        "test        0 (only) to 3 (b) pictures",
        "duplicates  2 exact copies, 1 of them across parts",
        "files       8 x 6 to 20 x 30, the median 8 x 6 (width x height); 11% portrait, 89% landscape",
        "inner nodes labels stop at a (1); these pictures are learnt from as far as that",
        "others      files that are no pictures: 1 .txt",
        "",
    ]
    assert lines[left_out + 1].startswith("  train/b/bad.jpg: ")
    tree = lines[-8:]
    assert lines[left_out + 2 : -8] == [
        "",
        "warning: 1 of 4 classes have no test pictures: only",
        "warning: 1 test pictures stand in the train part as well, byte for byte",
        "warning: 1 train pictures repeat another one, byte for byte",
        "warning: 1 pictures carry more than one label, for example train/a/x/wide.png = train/b/wide.png",
    ]
    assert tree == [
        "",
        "               train        test",
        "root              11           7",
        "  a                7           4",
        "    only           1           0",
        "    x              3           2",
        "    y              2           2",
        "  b                4           3",
    ]


def test_a_split_of_a_folder_without_parts_is_compared_with_nothing(tmp_path: Path, cache: Path) -> None:
    names = [f"{name}/{number}.png" for name in "ab" for number in range(5)]
    found = survey(photographs(tmp_path / "photos", names), ReadOptions(size=8), cache=cache)
    facts = describe_survey(found, split(found.images, "70:30"))
    assert (facts["split"], facts["pictures"]["test"], facts["comparable"]) == ("drawn 70:30", 4, True)
    assert facts["warnings"] == []
    with_parts = survey(photographs(tmp_path / "parts", NAMES), ReadOptions(size=8), cache=cache)
    warnings = describe_survey(with_parts, split(with_parts.images, "70:30"))["warnings"]
    assert warnings == ["split 70:30: scores are not comparable with those on the official split"]


def test_a_large_tree_shows_some_classes_of_each_node(tmp_path: Path, cache: Path) -> None:
    names = [f"few/{number}/1.png" for number in range(3)] + [f"many/{number:03}/1.png" for number in range(100)]
    found = survey(photographs(tmp_path / "photos", names), ReadOptions(size=8), cache=cache)
    tree = describe_survey(found, found.images)["tree"]
    assert len(tree) == 1 + 1 + 1 + 3 + 1 + 12 + 1
    assert tree[-1] == "    and 88 more"
    assert tree[4].split() == ["1", "1"]


def test_near_duplicates_of_a_folder_are_counted_where_asked(photos: Path, cache: Path) -> None:
    found = awkward(photos, cache)
    facts = describe_survey(found, found.images, duplicates_of(found.images.pixels, cache))
    assert facts["near_duplicates"]["pairs"] >= 2
    assert "exact copies" in survey_text(facts)


# --- the command line -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("cache")
def test_kinwise_data_describes_a_folder(photos: Path, tmp_path: Path, capsys: Output) -> None:
    damage(photos, "train/b/bad.jpg")
    assert status("data", photos) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith(f"data        {photos}\n")
    assert "left out    1\n  train/b/bad.jpg: " in captured.out
    assert status("data", photos, "--json", "--split", "70:30", "--seed", "3") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["split"], facts["left_out"][0]["picture"]) == ("70:30", "train/b/bad.jpg")
    assert status("data", photos, "--strict") == 2
    assert "kinwise: 1 of 13 pictures is left out: train/b/bad.jpg (" in capsys.readouterr().err
    (tmp_path / "tree.csv").write_text("kind,class\none,x\ntwo,y\ntwo,b\n", "utf-8")
    assert status("data", photos, "--hierarchy", tmp_path / "tree.csv") == 0
    assert "levels      kind (2) > class (3)" in capsys.readouterr().out
    assert status("data", photos, "--hierarchy", "cifar100") == 2
    assert "has classes that cifar100 does not have" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX systems")
@pytest.mark.usefixtures("cache")
def test_a_hostile_folder_is_described_with_a_reason_for_every_bad_file(photos: Path, capsys: Output) -> None:
    hostile = write_hostile_folder(photos / "train" / "b")
    assert status("data", photos, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    left_out = {one["picture"]: one["reason"] for one in facts["left_out"]}
    bad = {f"train/b/{printable(one.path.name)}" for one in hostile if not one.readable}
    assert set(left_out) == bad | {"train/b/again"}
    assert left_out["train/b/again"] == "leads to a folder that was read already: train/b"
    assert facts["pictures"]["train"] == 6 + sum(one.readable for one in hostile)
    assert status("data", photos) == 0
    text = capsys.readouterr().out
    assert f"left out    {len(left_out)}\n" in text
    assert all(line.isprintable() for line in text.splitlines())


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("name", "message"),
    [("nowhere/", "there is no "), ("photos.zip", "is an archive; unpack it first"), ("nowhere", "unknown data set")],
)
def test_kinwise_data_says_what_is_no_folder(
    name: str, message: str, tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos.zip").touch()
    assert status("data", name) == 2
    captured = capsys.readouterr()
    assert (captured.out, message in captured.err, captured.err.count("\n")) == ("", True, 1)


@pytest.mark.usefixtures("_tiny_shapes")
def test_kinwise_data_takes_another_tree_for_a_data_set(capsys: Output) -> None:
    assert status("data", "shapes", "--hierarchy", "cifar100") == 2
    assert "classes in the data but not in the hierarchy" in capsys.readouterr().err


# --- training ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("cache")
def test_a_training_takes_a_folder_as_its_config_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    photographs(tmp_path / "photos", [f"{name}/{number}.png" for name in ("x", "y", "z") for number in range(10)])
    damage(tmp_path / "photos", "x/bad.jpg")
    (tmp_path / "tree.csv").write_text("kind,class\nwarm,x\ncold,y\ncold,z\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    asked: list[tuple[Config, Images]] = []

    def prepare(config: Config, images: Images, *_: object) -> None:
        asked.append((config, images))
        raise InputError("that is enough")

    monkeypatch.setattr("kinwise.experiment._prepare", prepare)
    values = ("hierarchy=tree.csv", "size=24", "fit=pad", "device=cpu", "near_duplicates=apart", "validation=0")
    assert status("train", "photos", "--set", *values, "--seed", "4") == 2
    captured = capsys.readouterr()
    assert captured.err == "kinwise: that is enough\n"
    assert "1 of 31 pictures is left out: x/bad.jpg (" in captured.out
    assert (
        "Note: there is no test part: of each class a fifth of the pictures is drawn, unless --split says otherwise"
        in captured.out
    )
    ((config, images),) = asked
    assert (config.data, config.hierarchy) == (str(tmp_path / "photos"), str(tmp_path / "tree.csv"))
    assert (config.split, images.split, config.size, config.fit) == ("80:20", "drawn 80:20", 24, "pad")
    assert images.hierarchy.levels == ("kind", "class")
    assert images.pixels.shape == (30, 3, 24, 24)
    with_that_seed = load("photos", size=24, fit="pad", hierarchy="tree.csv", seed=4, near_duplicates="apart")
    np.testing.assert_array_equal(images.parts, with_that_seed.parts)
    other = load("photos", size=24, fit="pad", seed=5, near_duplicates="apart")
    assert (images.parts != other.parts).any()


@pytest.mark.usefixtures("cache")
def test_a_folder_whose_name_ends_in_a_space_is_recorded_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{name}/{number}.png" for name in ("x", "y") for number in range(5)]
    photographs(tmp_path / "photos ", names)
    photographs(tmp_path / "photos", names)
    monkeypatch.chdir(tmp_path)
    asked: list[Config] = []

    def prepare(config: Config, *_: object) -> None:
        asked.append(config)
        raise InputError("that is enough")

    monkeypatch.setattr("kinwise.experiment._prepare", prepare)
    assert status("train", "photos ", "--size", "16") == 2
    with pytest.raises(InputError, match="that is enough"):
        kinwise.train(load("photos ", size=16))
    assert [config.data for config in asked] == [str(tmp_path / "photos ")] * 2


@pytest.mark.usefixtures("cache")
def test_a_folder_without_a_part_to_learn_from_is_not_trained_on(tmp_path: Path, capsys: Output) -> None:
    photographs(tmp_path / "photos", ["test/a/1.png", "test/b/2.png"])
    assert status("train", tmp_path / "photos", *TINY_OPTIONS, "--out", tmp_path / "run") == 2
    assert "has no train pictures to learn from" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
