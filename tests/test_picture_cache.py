"""The cache of decoded pictures: known by content, made once, safe from others, whole or not there."""

import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hostile import picture, saved, write_hostile_folder
from PIL import Image

from kinwise.data.folder import cache, store
from kinwise.data.folder.cache import Kept, kept_pixels, side_for
from kinwise.data.folder.decode import decode
from kinwise.data.rows import Rows
from kinwise.errors import InputError

SIDE = 16
LONG_AGO = time.time() - 1000


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Twelve files of twelve contents, none changed of late."""
    return [write(tmp_path / "photos" / f"{number}.png", number) for number in range(12)]


def write(path: Path, number: int, when: float = LONG_AGO) -> Path:
    path.parent.mkdir(exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (20 + number, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    os.utime(path, (when, when))
    return path


class Decoded:
    """How many files were decoded since it was last asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count, real = 0, cache.decode_sized

        def counted(data: bytes, side: int, fit: str) -> tuple[np.ndarray, tuple[int, int]]:
            self.count += 1
            return real(data, side, fit)

        monkeypatch.setattr(cache, "decode_sized", counted)

    def __call__(self) -> int:
        count, self.count = self.count, 0
        return count


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Decoded:
    return Decoded(monkeypatch)


def keep(files: list[Path], side: int = SIDE, fit: str = "squash", said: list[str] | None = None) -> Kept:
    """``kept_pixels`` beside the folder of the first file; what is kept must be what is decoded anew."""
    say = (lambda _: None) if said is None else said.append
    kept = kept_pixels(files, folder=files[0].parent.parent, side=side, fit=fit, say=say)
    for at, file in enumerate(files):
        if at in kept.reasons:
            assert kept.rows[at] == -1
            assert kept.sizes[at].tolist() == [0, 0]
        else:
            np.testing.assert_array_equal(kept.store[kept.rows[at]], decode(file, side, fit), err_msg=str(file))
            with Image.open(file) as image:
                assert kept.sizes[at].tolist() == [image.height, image.width]
    return kept


def folders(photos: list[Path]) -> list[str]:
    """The names in the folder of the cache that are no files of its own house-keeping."""
    inside = photos[0].parent.parent / "pictures"
    return sorted(path.name for path in inside.iterdir() if path.is_dir())


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_pictures_are_decoded_once_and_read_from_a_map_afterwards(photos: list[Path], decoded: Decoded) -> None:
    said: list[str] = []
    kept = keep(photos, said=said)
    assert decoded() == 12
    assert (type(kept.store), kept.store.dtype, kept.store.shape) == (np.memmap, np.uint8, (12, 3, SIDE, SIDE))
    assert (kept.rows.dtype, kept.sizes.dtype, kept.reasons) == (np.int64, np.int32, {})
    (folder,) = folders(photos)
    assert folder.startswith("16-squash-")
    assert len(said) == 1
    assert said[0].startswith("Decoded 12 pictures to 16 px in ")
    assert said[0].endswith(f"(0 MB in {photos[0].parent.parent / 'pictures' / folder})")
    again = keep(photos, said=said)
    assert (decoded(), len(said)) == (0, 1)
    assert again.content == kept.content
    np.testing.assert_array_equal(again.rows, kept.rows)


def test_the_second_start_opens_no_picture(photos: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    keep(photos)

    def refuse(*_: object) -> None:
        raise AssertionError("read")

    monkeypatch.setattr(cache, "read", refuse)
    monkeypatch.setattr(cache, "alone", refuse)  # so a training need not wait for one that decodes other sizes
    folder = photos[0].parent.parent
    assert (kept_pixels(photos, folder=folder, side=SIDE, fit="squash").rows >= 0).all()


@pytest.mark.parametrize(("side", "fit"), [(8, "squash"), (SIDE, "crop"), (SIDE, "pad")])
def test_another_size_or_fit_is_decoded_by_itself(photos: list[Path], decoded: Decoded, side: int, fit: str) -> None:
    first = keep(photos).content
    assert decoded() == 12
    assert keep(photos, side, fit).content != first
    assert decoded() == 12
    assert keep(photos).content == first
    assert decoded() == 0


def test_moved_and_renamed_files_are_not_decoded_again(photos: list[Path], decoded: Decoded) -> None:
    kept = keep(photos)
    assert decoded() == 12
    other = photos[0].parent.parent / "others"
    other.mkdir()
    moved = [Path(shutil.copy(file, other / f"{at % 3}-{at}.jpg")) for at, file in enumerate(photos)]
    again = keep(moved)
    assert (decoded(), len(folders(photos))) == (0, 1)
    assert again.content == kept.content, "the same pictures in the same order"
    assert keep(moved[::-1]).content != kept.content, "in another order"
    assert decoded() == 0


def test_the_name_of_the_content_is_that_of_the_pictures_that_are_left(photos: list[Path]) -> None:
    kept = keep(photos)
    write(photos[0].parent / "empty.png", 1).write_bytes(b"")
    assert keep([photos[0].parent / "empty.png", *photos]).content == kept.content
    assert keep(photos[1:]).content != kept.content


def test_files_of_equal_content_share_a_row(photos: list[Path], decoded: Decoded) -> None:
    copy = photos[0].parent / "copy.png"
    shutil.copy(photos[3], copy)
    kept = keep([*photos, copy, photos[3]])
    assert kept.store.shape[0] == 12
    assert kept.rows[12] == kept.rows[13] == kept.rows[3]
    assert decoded() in (12, 13, 14), "two threads may decode equal ones at once"


def test_a_file_that_changes_is_decoded_again_and_no_other(photos: list[Path], decoded: Decoded) -> None:
    before = keep(photos)
    decoded()
    write(photos[5], 99)
    said: list[str] = []
    assert keep(photos, said=said).content != before.content
    assert decoded() == 1
    assert "Decoded 1 pictures to 16 px" in said[0]
    assert ", took 11 from an earlier cache" in said[0]


def test_a_file_changed_shortly_before_it_was_read_is_read_again(photos: list[Path]) -> None:
    """Its time cannot tell another change in the same moment."""
    now = time.time()
    write(photos[5], 100, now)
    keep(photos)
    before = photos[5].stat()
    content = photos[6].read_bytes()
    photos[5].write_bytes(content + bytes(before.st_size - len(content)))  # a PNG may be followed by anything
    os.utime(photos[5], (now, now))
    after = photos[5].stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    keep(photos)  # compares with what is decoded anew


def test_of_pictures_that_were_added_only_those_are_decoded(photos: list[Path], decoded: Decoded) -> None:
    keep(photos[:8])
    assert decoded() == 8
    keep(photos)
    assert decoded() == 4
    keep(photos[2:])
    assert (decoded(), len(folders(photos))) == (0, 2), "the larger cache serves the smaller set"


def test_a_cache_is_made_of_several_earlier_ones(photos: list[Path], decoded: Decoded) -> None:
    keep(photos[:4])
    keep(photos[4:8])
    decoded()
    said: list[str] = []
    keep(photos[2:6], said=said)
    assert decoded() == 0
    assert "Decoded 0 pictures" in said[0]
    assert "took 4 from" in said[0]


def test_no_pictures_at_all(tmp_path: Path) -> None:
    for files in ([], [tmp_path / "nothing.jpg"]):
        kept = kept_pixels(files, folder=tmp_path, side=SIDE, fit="crop")
        assert (kept.store.shape, kept.rows.tolist()) == ((0, 3, SIDE, SIDE), [-1] * len(files))
        assert list(kept.reasons.values()) == ["there is no such file"] * len(files)


def test_rows_of_the_cache_become_tensors_without_a_warning(photos: list[Path]) -> None:
    kept = keep(photos)
    assert not kept.store.flags.writeable
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pixels = torch.from_numpy(Rows(kept.store, kept.rows)[2:5])
    pixels += 1
    np.testing.assert_array_equal(Rows(kept.store, kept.rows)[2] + np.uint8(1), pixels[0].numpy())


@pytest.mark.parametrize("content", [b"", b"\x89PNG and nothing more", b"text"])
def test_what_gives_no_picture_is_looked_at_once(photos: list[Path], decoded: Decoded, content: bytes) -> None:
    photos[3].write_bytes(content)
    os.utime(photos[3], (LONG_AGO, LONG_AGO))
    reasons = keep(photos).reasons
    assert list(reasons) == [3]
    decoded()
    assert (keep(photos).reasons, decoded()) == (reasons, 0)


def test_hostile_files_are_survived_each_with_its_reason(tmp_path: Path) -> None:
    hostile = write_hostile_folder(tmp_path / "hostile")
    for _ in range(2):
        kept = kept_pixels([one.path for one in hostile], folder=tmp_path, side=SIDE, fit="crop")
        wrong = [
            f"{one.path.name!r}: {kept.reasons.get(at)}"
            for at, one in enumerate(hostile)
            if one.readable != (kept.rows[at] >= 0) or one.reason not in kept.reasons.get(at, "")
        ]
        assert wrong == []


def test_progress_counts_every_file_in_the_calling_thread(photos: list[Path]) -> None:
    seen: list[tuple[int, int]] = []
    kept_pixels(photos, folder=photos[0].parent, side=SIDE, progress=lambda *counts: seen.append(counts))
    assert seen == [(done, 12) for done in range(1, 13)]


# --- what may go wrong -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: os.truncate(folder / store.PIXELS, 100),
        lambda folder: (folder / store.PIXELS).unlink(),
        lambda folder: (folder / store.CONTENTS).write_bytes(b"no tensors"),
        lambda folder: (folder / store.CONTENTS).unlink(),
        lambda folder: (folder / store.PIXELS).write_bytes(bytes(12 * 3 * SIDE * SIDE)),
        shutil.rmtree,
    ],
    ids=["cut off", "no pixels", "contents damaged", "no contents", "zeros", "gone"],
)
def test_a_damaged_cache_is_made_anew(photos: list[Path], decoded: Decoded, damage: Callable[[Path], object]) -> None:
    keep(photos)
    decoded()
    (name,) = folders(photos)
    damage(photos[0].parent.parent / "pictures" / name)
    keep(photos)
    assert (decoded(), folders(photos)) == (12, [name])
    keep(photos)
    assert decoded() == 0


@pytest.mark.parametrize("content", ["", "[]", '{"version": 1, "files": {"a": 3}}', '{"version": 0, "files": {}}'])
def test_a_damaged_index_costs_reading_not_decoding(photos: list[Path], decoded: Decoded, content: str) -> None:
    keep(photos)
    decoded()
    (index,) = (photos[0].parent.parent / "pictures").glob("files-*.json")
    before = index.read_text()
    index.write_text(content)
    keep(photos)
    assert (decoded(), index.read_text()) == (0, before)


def test_another_version_of_decoding_decodes_anew(
    photos: list[Path], decoded: Decoded, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(photos)
    decoded()
    monkeypatch.setattr(store, "VERSION", "0")
    keep(photos)
    assert decoded() == 12


@pytest.mark.parametrize("broken", ["file in the way", "full disk", "nearly full disk"])
def test_a_cache_that_cannot_be_written_is_one_clear_message(
    photos: list[Path], monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    folder = photos[0].parent.parent / "cache"
    if broken == "file in the way":
        folder.write_text("")
        reason = "cannot write .*: Not a directory"
    elif broken == "full disk":
        reason = r"cannot write .*: No space left on device \(.* MiB free there\)"

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(store.os, "fsync", full)
    else:
        reason = "12 pictures of 16 px need 0 MB, and 0 MB are free there; make room, or name another data folder"
        monkeypatch.setattr(cache.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9000, 0, 9000))
    with pytest.raises(InputError, match=reason):
        kept_pixels(photos, folder=folder, side=SIDE)
    monkeypatch.undo()
    if folder.is_dir():
        assert [path.name for path in (folder / "pictures").iterdir() if path.is_dir()] == [], "nothing is left behind"
        assert (kept_pixels(photos, folder=folder, side=SIDE).rows >= 0).all()


def test_ctrl_c_leaves_nothing_behind(photos: list[Path]) -> None:
    def press(done: int, _total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept_pixels(photos, folder=photos[0].parent.parent, side=SIDE, progress=press)
    assert folders(photos) == []
    keep(photos)


def test_a_file_that_changes_between_being_listed_and_read_is_what_was_read(
    photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = cache.read

    def read_late(path: str) -> tuple[bytes, os.stat_result]:
        if path == str(photos[4]):
            write(photos[4], 200)
        found = real(path)
        if path == str(photos[4]):
            write(photos[4], 201, LONG_AGO + 5)
        return found

    monkeypatch.setattr(cache, "read", read_late)
    folder = photos[0].parent.parent
    kept = kept_pixels(photos, folder=folder, side=SIDE)
    monkeypatch.undo()
    expected = decode(write(folder / "as it was.png", 200), SIDE)
    np.testing.assert_array_equal(kept.store[kept.rows[4]], expected)
    keep(photos)  # the next start sees what it is now


# --- several processes -----------------------------------------------------------------------------------------------

PROGRAM = """
import sys, time
from pathlib import Path
from kinwise.data.folder.cache import kept_pixels

def slowly(done, total):
    if done == 1:
        print("begun", flush=True)
    time.sleep(float(sys.argv[2]))

files = sorted(Path(sys.argv[1]).joinpath("photos").iterdir())
kept = kept_pixels(files, folder=Path(sys.argv[1]), side=16, say=lambda text: print(text, flush=True), progress=slowly)
print(kept.content, int(kept.rows.min()))
"""


def start(folder: Path, pause: float) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", PROGRAM, str(folder), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def begun(process: "subprocess.Popen[str]") -> "subprocess.Popen[str]":
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def test_of_two_processes_one_decodes_and_the_other_waits_and_uses_it(photos: list[Path]) -> None:
    folder = photos[0].parent.parent
    with begun(start(folder, 0.2)) as first, start(folder, 0) as second:
        said = [process.communicate(timeout=60)[0].splitlines() for process in (first, second)]
    assert said[0][0].startswith("Decoded 12 pictures")
    assert said[1][0] == "Another process decodes these pictures; waiting for it"
    assert said[1][1:] == said[0][1:], "the second decodes nothing and has the same content"
    assert said[0][1].endswith(" 0")


def test_what_a_killed_process_left_behind_is_removed_by_the_next(photos: list[Path]) -> None:
    folder = photos[0].parent.parent
    with begun(start(folder, 5)) as process:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    (left,) = folders(photos)
    assert left.startswith("making-")
    (folder / "elsewhere").mkdir()
    other = write(folder / "elsewhere" / "a.png", 77)
    keep([other])
    assert not any(name.startswith("making-") for name in folders(photos)), "also by one that needs other pictures"
    assert keep(photos).store.shape[0] == 12


def test_what_another_process_is_making_is_left_alone(photos: list[Path]) -> None:
    folder = photos[0].parent.parent
    with begun(start(folder, 0.1)) as process:
        (folder / "elsewhere").mkdir()
        keep([write(folder / "elsewhere" / "a.png", 77)])
        assert process.communicate(timeout=60)[0].startswith("Decoded 12 pictures")


# --- which size ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shorter", "expected"),
    [
        ([20, 20, 30], 32),
        ([32], 32),
        ([47, 47, 90], 32),
        ([48], 48),
        ([63, 64, 64], 64),
        ([9, 70, 400], 64),
        ([], 32),
    ],
)
def test_the_side_is_the_largest_that_most_pictures_reach(tmp_path: Path, shorter: list[int], expected: int) -> None:
    files = [tmp_path / f"{at}.png" for at in range(len(shorter))]
    for at, (file, side) in enumerate(zip(files, shorter, strict=True)):
        file.write_bytes(saved(picture(*((side, side + 9) if at % 2 else (side + 9, side))), "PNG"))
    (tmp_path / "broken.png").write_bytes(b"broken")
    assert side_for([*files, tmp_path / "broken.png"]) == expected


def test_the_side_is_at_most_what_may_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(saved(picture(500, 400), "PNG"))
    for most, expected in ((64, 64), (100, 96), (1000, 128)):
        monkeypatch.setattr(cache, "LARGEST_CHOSEN", most)
        assert side_for([tmp_path / "a.png"]) == expected


def test_some_files_tell_the_side_of_all(photos: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Path] = []
    monkeypatch.setattr(cache, "size_of", lambda path: looked.append(path) or (64, 64))
    side_for(photos * 1000)
    assert len(looked) == 500
    assert (looked[0], looked[-1]) == (photos[0], photos[-1])
