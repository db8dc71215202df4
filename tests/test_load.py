"""``load`` and the data folder: names, paths and splits it knows, and where data sets are kept."""

from pathlib import Path

import pytest

from kinwise import load
from kinwise.data import data_folder
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
