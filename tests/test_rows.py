"""Rows: pictures of a file, read through the file or through its map, are those of the array."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinwise.data import rows as reading
from kinwise.data.rows import Rows
from kinwise.errors import InputError

PICTURES = np.random.default_rng(0).integers(0, 256, (9, 3, 4, 5), dtype=np.uint8)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """The same pictures as a whole file, as a part of one, backwards in one, and in memory."""
    folder = tmp_path_factory.mktemp("rows")
    (folder / "whole").write_bytes(PICTURES.tobytes())
    (folder / "part").write_bytes(bytes(60) + PICTURES.tobytes() + bytes(120))
    (folder / "backwards").write_bytes(PICTURES[::-1].tobytes())
    return {
        "whole": np.memmap(folder / "whole", np.uint8, "r", shape=PICTURES.shape),
        "part": np.memmap(folder / "part", np.uint8, "r", shape=(12, 3, 4, 5))[1:10],
        "backwards": np.memmap(folder / "backwards", np.uint8, "r", shape=PICTURES.shape)[::-1],
        "memory": PICTURES,
    }


def test_only_a_map_of_a_whole_file_is_read_through_the_file(stores: dict[str, np.ndarray]) -> None:
    expected = {"whole": hasattr(os, "preadv"), "part": False, "backwards": False, "memory": False}
    assert {name: Rows(one, np.arange(9))._pages.file is not None for name, one in stores.items()} == expected


@pytest.mark.parametrize("name", ["whole", "part", "backwards", "memory"])
@given(index=st.lists(st.integers(-9, 8), max_size=30), chosen=st.data())
def test_rows_are_those_of_the_array(
    stores: dict[str, np.ndarray], name: str, index: list[int], chosen: st.DataObject
) -> None:
    rows, expected = Rows(stores[name], np.array(index, np.int64)), PICTURES[np.array(index, np.int64)]
    assert (rows.shape, len(rows), rows.nbytes, rows.dtype, rows.ndim) == (
        *(expected.shape, len(expected), expected.nbytes),
        *(expected.dtype, 4),
    )
    np.testing.assert_array_equal(rows[:], expected)
    np.testing.assert_array_equal(rows[1:7:2], expected[1:7:2])
    np.testing.assert_array_equal(rows[np.array(index) > 3], expected[np.array(index) > 3])
    if index:
        some = np.array(chosen.draw(st.lists(st.integers(-len(index), len(index) - 1), max_size=9)), np.int64)
        np.testing.assert_array_equal(rows[some], expected[some])
        np.testing.assert_array_equal(rows.take(some)[:], expected[some])
        np.testing.assert_array_equal(rows[-1], expected[-1])
        np.testing.assert_array_equal(np.stack(list(rows)), expected)


@pytest.mark.parametrize("name", ["whole", "part", "memory"])
def test_what_was_read_may_be_written_to_and_changes_nothing_else(stores: dict[str, np.ndarray], name: str) -> None:
    rows = Rows(stores[name], np.arange(9))
    for chosen in (3, slice(2, 5), np.array([1, 3])):
        found = rows[chosen]
        assert type(found) is np.ndarray
        found += 1
    np.testing.assert_array_equal(rows[:], PICTURES)


@pytest.mark.parametrize("row", [9, -10])
@pytest.mark.parametrize("name", ["whole", "part", "memory"])
def test_a_row_that_is_not_there_is_an_index_error(stores: dict[str, np.ndarray], name: str, row: int) -> None:
    with pytest.raises(IndexError):
        Rows(stores[name], np.array([0, row]))[:]


def test_a_file_that_was_cut_off_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "pixels").write_bytes(PICTURES.tobytes())
    rows = Rows(np.memmap(tmp_path / "pixels", np.uint8, "r", shape=PICTURES.shape), np.arange(9))
    os.truncate(tmp_path / "pixels", 400)
    np.testing.assert_array_equal(rows[:6], PICTURES[:6])
    with pytest.raises(InputError, match="was cut off while it was in use; start again"):
        rows[:]


def test_many_readers_of_one_file_hold_it_open_once_and_close_it(tmp_path: Path) -> None:
    (tmp_path / "pixels").write_bytes(PICTURES.tobytes())
    store = np.memmap(tmp_path / "pixels", np.uint8, "r", shape=PICTURES.shape)
    rows = Rows(store, np.arange(9))
    taken = [rows.take(np.array([one])) for one in range(9)]
    file = rows._pages.file
    assert {one._pages.file for one in taken} == {file}
    del rows, taken
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(file)


PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from kinwise.data.rows import Rows

some = Rows(np.memmap(sys.argv[1], np.uint8, "r", shape=(2000, 3, 256, 256)), np.arange(2000))
order = np.random.default_rng(0).permutation(2000)
for start in range(0, 2000, 128):
    some[order[start : start + 128]]
status = Path("/proc/self/status").read_text().splitlines()
print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell how much memory was used")
def test_reading_a_large_file_takes_little_memory(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2000 * 3 * 256**2)  # 393 MB that take no room on the disk
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path / "large"], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 200_000, "KiB"


def test_a_map_gives_its_pages_back(stores: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "RELEASED_AFTER", 100)
    rows = Rows(stores["part"], np.arange(9))
    for _ in range(3):
        np.testing.assert_array_equal(rows[:], PICTURES)
    assert rows._pages.bytes_read == 0
