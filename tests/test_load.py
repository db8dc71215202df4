"""``load`` and the data folder: names, paths and splits it knows, and where data sets are kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from runs import tiny_images

from kinwise import load
from kinwise.data import DATA_SETS, data_folder
from kinwise.data.images import Images, split
from kinwise.errors import InputError


def test_an_unknown_name_lists_the_names_and_the_closest() -> None:
    with pytest.raises(InputError, match=r"unknown data set 'cifar-10'; there are cifar100 and shapes; did you mean"):
        load("cifar-10")
    with pytest.raises(InputError, match=r"there are cifar100 and shapes$"):
        load("zzz")


@pytest.mark.parametrize("name", ["pictures/birds", "birds.csv", "."])
def test_a_path_is_told_what_this_version_reads(name: str) -> None:
    with pytest.raises(InputError, match="does not read pictures of your own yet; it has the data sets cifar100 and"):
        load(name)


def test_an_unknown_split_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown split '50:50'; there are official, 70:30"):
        load("cifar100", data_dir=tmp_path / "empty", split="50:50")


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
