"""Near-duplicates among pictures of a file: the same as in memory, and never all of them read at once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from runs import tiny_images

from kinwise.data import duplicates, kept_duplicates
from kinwise.data.describe import exact_duplicates
from kinwise.data.duplicates import Duplicates, exact_kinds, find_duplicates
from kinwise.data.kept_duplicates import duplicates_of
from kinwise.data.rows import Rows

SOME = tiny_images().pixels[::4]  # 96 drawn pictures, no two of them alike
TWINS = np.concatenate(
    [SOME, SOME[3:9, :, :, ::-1], SOME[:5], np.clip(SOME[20:30] * 0.8 + 20, 0, 255).astype(np.uint8)]
)


def on_disk(pixels: np.ndarray, folder: Path) -> Rows:
    """The same pictures as rows of a file, where they lie in another order."""
    order = np.random.default_rng(0).permutation(len(pixels))
    (folder / "pixels").write_bytes(pixels[order].tobytes())
    store = np.memmap(folder / "pixels", np.uint8, "r", shape=pixels.shape)
    return Rows(store, np.argsort(order))


def assert_same(found: Duplicates, expected: Duplicates) -> None:
    for name in ("pairs", "distances", "clusters"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


@pytest.mark.parametrize("most_in_memory", [0, 2**29])
def test_rows_of_a_file_have_the_near_duplicates_of_an_array(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_in_memory: int
) -> None:
    expected = find_duplicates(TWINS)
    assert len(expected.pairs) >= 20, "mirrored, copied and darker ones"
    monkeypatch.setattr(duplicates, "_MOST_IN_MEMORY", most_in_memory)
    monkeypatch.setattr(duplicates, "_BATCH", 50)  # several batches, the last one smaller
    assert_same(find_duplicates(on_disk(TWINS, tmp_path)), expected)


def test_pictures_that_agree_in_every_byte_are_found_batch_by_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = on_disk(TWINS, tmp_path)
    monkeypatch.setattr(duplicates, "_BATCH", 7)
    kinds = exact_kinds(rows)
    _, expected = np.unique(TWINS.reshape(len(TWINS), -1), axis=0, return_inverse=True)
    same, same_expected = (np.equal.outer(one, one) for one in (kinds, expected.ravel()))
    np.testing.assert_array_equal(same, same_expected)


class Counted(Rows):
    """Rows that remember how many were asked for at once."""

    most = 0

    def __getitem__(self, chosen: int | slice | np.ndarray) -> np.ndarray:
        found = super().__getitem__(chosen)
        self.most = max(self.most, len(found))
        return found


@pytest.mark.parametrize("content", ["", "a name"])
def test_no_more_than_a_batch_is_read_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    monkeypatch.setattr(kept_duplicates, "KEPT_FROM", 1)
    monkeypatch.setattr(kept_duplicates, "_READ_AT_ONCE", 16)
    monkeypatch.setattr(duplicates, "_BATCH", 16)
    rows = Counted(SOME, np.arange(len(SOME)))
    duplicates_of(rows, tmp_path, content=content)
    assert rows.most == 16


def test_exact_duplicates_of_rows_are_those_of_the_array(tmp_path: Path) -> None:
    images = tiny_images()
    expected = exact_duplicates(images)
    assert exact_duplicates(replace(images, pixels=on_disk(images.pixels, tmp_path))) == expected


class NeverRead(Rows):
    """Rows that may not be read."""

    def __getitem__(self, chosen: int | slice | np.ndarray) -> np.ndarray:
        raise AssertionError(f"read {chosen}")


def test_what_was_found_among_pictures_with_a_name_is_taken_without_reading_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_duplicates, "KEPT_FROM_WITH_NAME", 1)
    expected = duplicates_of(TWINS, tmp_path, content="twins")
    unread = NeverRead(TWINS, np.arange(len(TWINS)))
    assert_same(duplicates_of(unread, tmp_path, content="twins"), expected)
    with pytest.raises(AssertionError, match="read"):
        duplicates_of(unread, tmp_path, content="others")
    with pytest.raises(AssertionError, match="read"):
        duplicates_of(NeverRead(TWINS, np.arange(len(TWINS) - 1)), tmp_path, content="twins")


def test_few_pictures_are_compared_anew_though_they_have_a_name(tmp_path: Path) -> None:
    assert_same(duplicates_of(TWINS, tmp_path, content="twins"), find_duplicates(TWINS))
    assert list(tmp_path.iterdir()) == []


def test_rows_without_a_name_are_known_by_their_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_duplicates, "KEPT_FROM", 1)
    duplicates_of(TWINS, tmp_path)
    assert kept_duplicates._key(on_disk(TWINS, tmp_path)) == kept_duplicates._key(TWINS)
