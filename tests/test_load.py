"""``load`` and the data folder: names, paths and splits it knows, and where data sets are kept."""

import inspect
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from runs import tiny_images

from kinwise import load
from kinwise.config import Config
from kinwise.data import DATA_SETS, data_folder, whole_name
from kinwise.data.images import Images, split
from kinwise.data.options import ReadOptions, options_of
from kinwise.errors import InputError

pytest_plugins = ["run_fixtures"]


def test_an_unknown_name_lists_the_names_and_the_closest() -> None:
    with pytest.raises(InputError, match=r"unknown data set 'cifar-10'; there are cifar100 and shapes; did you mean"):
        load("cifar-10")
    with pytest.raises(InputError, match=r"there are cifar100 and shapes, and no folder or file is called so here$"):
        load("zzz")


@pytest.mark.parametrize("name", ["pictures/birds", "birds.csv", "./shapes", Path("shapes")])
def test_a_path_that_leads_nowhere_is_told(name: str | Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"there is no {tmp_path / name}; expected a folder of pictures or a table"):
        load(name)


@pytest.mark.usefixtures("_tiny_shapes")
def test_the_name_of_a_data_set_wins_unless_it_is_written_with_a_slash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shapes").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load("shapes").name == "shapes"
    with pytest.raises(InputError, match=f"there are no pictures in {tmp_path / 'shapes'}"):
        load("shapes/")


@pytest.mark.usefixtures("_tiny_shapes")
def test_another_tree_over_the_same_classes(tmp_path: Path) -> None:
    images = load("shapes")
    lines = [f"{'ab'[index % 2]},{name}" for index, name in enumerate(images.hierarchy.classes)]
    (tmp_path / "two.csv").write_text("\n".join(["half,class", *sorted(lines)]), "utf-8")
    other = load("shapes", hierarchy=str(tmp_path / "two.csv"))
    assert other.hierarchy.classes == images.hierarchy.classes
    assert other.hierarchy.levels == ("half", "class")
    np.testing.assert_array_equal(other.labels, images.labels)
    assert other.hierarchy.level_labels[:4, 0].tolist() == [0, 1, 0, 1]
    with pytest.raises(InputError, match="classes in the data but not in the hierarchy"):
        load("shapes", hierarchy="cifar100")


def test_what_load_can_be_asked_for_a_config_can_say_and_both_begin_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[ReadOptions] = []

    def read(_: str, options: ReadOptions, **others: object) -> None:  # noqa: ARG001
        asked.append(options)
        raise InputError("that is enough")

    monkeypatch.setattr("kinwise.data.read", read)
    others = {"hierarchy": "tree.csv", "size": 24, "fit": "pad", "strict": True}
    assert set(others) == set(asdict(ReadOptions())), "a new option is to be named here"
    with pytest.raises(InputError, match="that is enough"):
        load("shapes", **others)  # type: ignore[arg-type]
    assert asked == [ReadOptions(**others)]  # type: ignore[arg-type]
    changes = [f"{key}={value}" for key, value in others.items() if key != "strict"]
    assert options_of(Config().changed(changes), strict=True) == asked[0]

    assert options_of(Config()) == ReadOptions()
    first = {name: given.default for name, given in inspect.signature(load).parameters.items()}
    assert {name: first[name] for name in others} == asdict(ReadOptions())


def test_a_name_understood_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tree.csv").touch()
    (tmp_path / "cifar100").touch()
    assert whole_name("tree.csv") == str(tmp_path / "tree.csv")
    assert [whole_name(name) for name in ("", "cifar100", "shapes", "nowhere.csv")] == [
        "",
        "cifar100",
        "shapes",
        "nowhere.csv",
    ]


def test_an_unknown_split_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown split '50:50'; there are official, 70:30"):
        load("cifar100", data_dir=tmp_path / "empty", split="50:50")


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_seed_out_of_range_is_refused_before_anything_is_fetched(seed: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"seed: expected 0\.\.2147483647, got {seed}"):
        load("cifar100", data_dir=tmp_path / "empty", seed=seed)


def test_near_duplicates_stay_together_unless_asked_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    images = tiny_images()
    twice = replace(images, pixels=images.pixels[np.arange(len(images)) // 2 * 2])  # every second one a copy
    monkeypatch.setitem(DATA_SETS, "shapes", lambda _: twice)
    clusters = np.arange(len(images)) // 2

    def torn(divided: Images) -> int:
        return len(set(clusters[divided.where("train")]) & set(clusters[divided.where("test")]))

    assert torn(load("shapes", split="70:30", seed=1)) == 0
    apart = load("shapes", split="70:30", seed=1, near_duplicates="apart")
    assert torn(apart) > 20
    np.testing.assert_array_equal(apart.parts, split(twice, "70:30", 1).parts)
    assert load("shapes") is twice, "the official parts are what they are"
    with pytest.raises(InputError, match="near_duplicates: expected together or apart, got 'either'"):
        load("shapes", near_duplicates="either")


def test_the_data_folder_is_argument_then_environment_then_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINWISE_DATA", "/from/environment")
    assert data_folder(Path("/given")) == Path("/given")
    assert data_folder() == Path("/from/environment")
    monkeypatch.setenv("KINWISE_DATA", "")
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    for platform, folder in (
        ("linux", "/home/someone/.cache/kinwise"),
        ("darwin", "/home/someone/Library/Caches/kinwise"),
        ("win32", "/home/someone/AppData/Local/kinwise"),
    ):
        monkeypatch.setattr("kinwise.data.sys.platform", platform)
        assert data_folder() == Path(folder)
    monkeypatch.setattr("kinwise.data.sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert data_folder() == Path("/cache/kinwise")
