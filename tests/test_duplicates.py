"""Near-duplicates: what counts as one, the search against plain loops, the file that keeps it, the real CIFAR-100."""

import io
from collections.abc import Callable
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from runs import tiny_images
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from scipy.fft import dctn

from kinwise import load
from kinwise.data import duplicates, kept_duplicates
from kinwise.data.duplicates import MOST_DISTANCE, clustered, exact_kinds, find_duplicates
from kinwise.data.kept_duplicates import duplicates_of
from kinwise.errors import InputError

SOME = tiny_images().pixels[::4]  # 96 drawn pictures, no two of them alike


def moved(picture: np.ndarray, down: int, right: int) -> np.ndarray:
    wide = np.pad(picture, ((0, 0), (2, 2), (2, 2)), mode="edge")
    return wide[:, 2 + down : 34 + down, 2 + right : 34 + right]


def compressed(picture: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(picture.transpose(1, 2, 0)).save(file, "JPEG", quality=80)
    return np.asarray(Image.open(file)).transpose(2, 0, 1)


def noisy(picture: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 3, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


# --- what counts as a near-duplicate ---------------------------------------------------------------------------------


def test_pictures_that_differ_are_no_near_duplicates() -> None:
    found = find_duplicates(SOME)
    assert found.pairs.shape == (0, 2)
    assert sorted(found.clusters) == list(range(96))


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: (picture * 0.6 + 70).astype(np.uint8),
        lambda picture: (picture * np.array([0.7, 1, 0.8])[:, None, None]).astype(np.uint8),
        lambda picture: moved(picture, 1, -1),
        lambda picture: picture[:, :, ::-1],
        noisy,
    ],
    ids=["brighter and duller", "another colour cast", "moved", "mirrored", "noisy"],
)
def test_a_picture_changed_like_this_is_found(change: Callable[[np.ndarray], np.ndarray]) -> None:
    changed = np.stack([change(picture) for picture in SOME])
    found = find_duplicates(np.concatenate([SOME, changed]))
    twins = {(first, first + len(SOME)) for first in range(len(SOME))}
    pairs = set(map(tuple, found.pairs.tolist()))
    assert pairs <= twins, "nothing but twins"
    assert len(pairs) >= 0.9 * len(twins), f"{len(pairs)} of {len(twins)}"
    assert (found.distances <= MOST_DISTANCE).all()


def test_copies_are_paired_with_the_first_of_their_kind_at_distance_0() -> None:
    found = find_duplicates(SOME[[3, 5, 3, 3, 8]])
    assert found.pairs.tolist() == [[0, 2], [0, 3]]
    assert found.distances.tolist() == [0, 0]
    assert found.clusters.tolist() == [0, 1, 0, 0, 2]


def test_plain_colours_are_near_duplicates_of_their_copies_alone() -> None:
    plain = np.array([0, 9, 255, 9], np.uint8)[:, None, None, None] * np.ones((1, 3, 32, 32), np.uint8)
    assert find_duplicates(plain).pairs.tolist() == [[1, 3]]


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 45, 80), (4, 32, 20), (2, 7, 5)])
def test_pictures_of_every_size_and_number_of_channels_are_compared(shape: tuple[int, int, int]) -> None:
    coarse = np.random.default_rng(0).integers(0, 200, size=(20, shape[0], 8, 8), dtype=np.uint8)
    rows, columns = (np.arange(side) * 8 // side for side in shape[1:])
    pixels = coarse[:, :, rows[:, None], columns]
    found = find_duplicates(np.concatenate([pixels, pixels[:5] + 20]))
    assert found.pairs.tolist() == [[first, 20 + first] for first in range(5)]


@pytest.mark.parametrize("count", [0, 1])
def test_no_picture_or_one_has_no_near_duplicates(count: int) -> None:
    found = find_duplicates(SOME[:count])
    assert (found.pairs.shape, found.distances.shape, found.clusters.tolist()) == ((0, 2), (0,), [0] * count)
    assert (found.pairs.dtype, found.distances.dtype, found.clusters.dtype) == (np.int64, np.float32, np.int64)


@pytest.mark.parametrize("pixels", [SOME.astype(np.float32), SOME[0]])
def test_what_are_no_pictures_is_refused(pixels: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"pixels must be uint8 of shape \(pictures, channels, height, width\), got"):
        find_duplicates(pixels)


# --- clusters --------------------------------------------------------------------------------------------------------


def test_clusters_are_chains_of_pairs() -> None:
    pairs = np.array([[4, 6], [1, 2], [0, 1]])
    found = clustered(pairs, np.array([0.3, 0.2, 0.1], np.float32), 7)
    assert found.pairs.tolist() == [[0, 1], [1, 2], [4, 6]]
    assert found.distances.tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert found.clusters.tolist() == [0, 0, 0, 1, 2, 3, 2]
    assert found.beside(np.array([2, 3])).tolist() == [True, True, True, True, False, False, False]
    assert not found.beside(np.array([], int)).any()


@settings(max_examples=10)
@given(st.permutations(range(30)))
def test_the_order_of_the_pictures_changes_nothing(order: list[int]) -> None:
    pixels = np.concatenate([SOME[:12], SOME[:12] // 2 + 60, SOME[:6, :, :, ::-1]])
    plain, turned = find_duplicates(pixels).clusters, find_duplicates(pixels[order]).clusters
    for first, second in combinations(range(30), 2):
        assert (turned[first] == turned[second]) == (plain[order[first]] == plain[order[second]])


def test_equal_pictures_have_equal_kinds() -> None:
    kinds = exact_kinds(SOME[[0, 1, 0, 2, 1]])
    assert kinds[0] == kinds[2]
    assert kinds[1] == kinds[4]
    assert len(set(kinds.tolist())) == 3


# --- the search, against plain loops ---------------------------------------------------------------------------------


def test_candidates_are_all_pairs_with_near_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_ROWS", 7)
    monkeypatch.setattr(duplicates, "_COLUMNS", 13)
    generator = np.random.default_rng(0)
    bits = generator.random((4, 100, 128)) < 0.5
    bits[1:, :50] = bits[0, ::2][None] ^ (generator.random((3, 50, 128)) < 0.3)
    hashes = [np.ascontiguousarray(np.packbits(one, axis=1).view(np.uint64).T) for one in bits]
    expected = [
        [first, second]
        for first, second in combinations(range(100), 2)
        if min((query[first] != bits[0][second]).sum() for query in bits[1:]) <= duplicates._MOST_BITS
    ]
    assert len(expected) > 10
    assert duplicates._near(hashes[1:], hashes[0]).tolist() == expected


def test_a_hash_has_the_signs_of_the_128_lowest_frequencies() -> None:
    grey = np.random.default_rng(0).normal(size=(5, 30, 30))
    waves = dctn(grey, axes=(1, 2))
    places = sorted(product(range(16), repeat=2), key=sum)[1:129]
    expected = np.packbits([[wave[place] > 0 for place in places] for wave in waves], axis=1)
    hashes = duplicates._hashes(grey.astype(np.float32))
    np.testing.assert_array_equal(np.ascontiguousarray(hashes.T).view(np.uint8), expected)


@pytest.mark.parametrize("mirror", [False, True])
def test_distances_are_those_of_the_best_shift(mirror: bool) -> None:
    details = np.random.default_rng(1).normal(size=(4, 3, 32, 32)).astype(np.float16)
    details[1, :, 1:, :-2] = details[0, :, :-1, 2:]  # one down and two to the left
    details[2] = details[0, :, :, ::-1]
    pairs = np.array(list(combinations(range(4), 2)))
    found = duplicates._distances(details, duplicates._lengths(details), pairs, mirror=mirror)
    for (first, second), distance in zip(pairs, found, strict=True):
        one = details[first, :, 2:-2, 2:-2].astype(np.float64)
        other = details[second].astype(np.float64)[:, :, :: -1 if mirror else 1]
        windows = [other[:, down : down + 28, right : right + 28] for down, right in product(range(5), repeat=2)]
        unit = one / np.linalg.norm(one)
        assert distance == pytest.approx(min(np.linalg.norm(unit - w / np.linalg.norm(w)) for w in windows), abs=2e-3)
    alike = pairs[found < 0.5].tolist()
    assert alike == ([[0, 2], [1, 2]] if mirror else [[0, 1]])


# --- what is kept ----------------------------------------------------------------------------------------------------


@pytest.fixture
def _worth_keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_duplicates, "KEPT_FROM", 1)


TWINS = SOME[[0, 1, 2, 0, 1]]


def _of_version_0(file: Path) -> str:
    with safe_open(file, framework="numpy") as kept:
        return str(kept.metadata()["of"]).replace("version 1", "version 0")


def searched(folder: Path, pixels: np.ndarray = TWINS) -> bool:
    """Whether the pictures had to be compared; what was found is right either way."""
    said: list[str] = []
    found = duplicates_of(pixels, folder, said.append)
    expected = find_duplicates(pixels)
    np.testing.assert_array_equal(found.pairs, expected.pairs)
    np.testing.assert_array_equal(found.distances, expected.distances)
    np.testing.assert_array_equal(found.clusters, expected.clusters)
    assert not said or said[0] == f"Looking for near-duplicates among {len(pixels)} pictures; this is done once"
    return bool(said)


@pytest.mark.usefixtures("_worth_keeping")
def test_the_same_pictures_are_compared_once(tmp_path: Path) -> None:
    assert searched(tmp_path)
    (file,) = tmp_path.iterdir()
    before = file.read_bytes()
    assert not searched(tmp_path)
    assert file.read_bytes() == before
    assert searched(tmp_path, TWINS[::-1]), "others are compared by themselves"
    assert len(list(tmp_path.iterdir())) == 2
    assert not searched(tmp_path)


@pytest.mark.usefixtures("_worth_keeping")
@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(file.read_bytes()[:-3]),
        lambda file: file.write_bytes(b""),
        lambda file: save_file(load_file(file), file, metadata={"of": "version 1 of others"}),
        lambda file: save_file(load_file(file), file, metadata={"of": _of_version_0(file)}),
    ],
    ids=["cut off", "empty", "of other pictures", "of another version"],
)
def test_a_file_of_no_use_is_replaced(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    assert searched(tmp_path)
    (file,) = tmp_path.iterdir()
    before = file.read_bytes()
    damage(file)
    assert searched(tmp_path)
    assert file.read_bytes() == before


@pytest.mark.usefixtures("_worth_keeping")
def test_a_folder_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "nowhere"):
        assert searched(folder)
        assert searched(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_few_pictures_are_compared_anew_and_nothing_is_said_or_kept(tmp_path: Path) -> None:
    assert not searched(tmp_path)
    assert list(tmp_path.iterdir()) == []


# --- the real thing --------------------------------------------------------------------------------------------------

# Some of the test pictures, with the training picture each is a near-duplicate of by the judgement of people
# (Barz and Denzler 2020, the list published with their paper).
SAME_SHOT = """
8688 41141  661 13221  4999 11011  4453 13389  2627 49155  3605 9108  5633 29503  7971 22411  6958 36157  9200 28412
1706 22404  4148 732  4340 42117  3226 43585  6042 39358  1555 29235  7065 5690  3591 15177  8369 4922  1501 33656
"""


def test_most_near_duplicates_that_people_found_in_cifar100_are_found(cifar_folder: Path) -> None:
    pixels = load("cifar100", data_dir=cifar_folder).pixels
    chosen = np.array([50_000, 0]) + np.array(SAME_SHOT.split(), int).reshape(20, 2)
    found = find_duplicates(pixels[[*chosen.ravel(), *range(0, 50_000, 20)]])
    test, train = found.clusters[:40].reshape(20, 2).T
    assert (test == train).sum() >= 16, "of 20"
    assert len(found.pairs) < 60, "of 3 million pairs"
    assert np.bincount(found.clusters).max() < 8


def test_photographs_compressed_anew_are_found(cifar_folder: Path) -> None:
    photographs = load("cifar100", data_dir=cifar_folder).pixels[:20_000:100]
    found = find_duplicates(np.concatenate([photographs, [compressed(picture) for picture in photographs]]))
    twins = [first + len(photographs) == second for first, second in found.pairs]
    assert sum(twins) >= 0.9 * len(photographs)
    assert all(twins)


def test_among_too_many_pictures_only_exact_copies_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    one, other = draw.integers(0, 200, (2, 3, 32, 32), dtype=np.uint8)
    pixels = np.stack([one, other, one, one + 9])  # the last is the first, brighter
    monkeypatch.setattr(kept_duplicates, "KEPT_FROM", 1)
    assert kept_duplicates.duplicates_of(pixels, tmp_path / "all").pairs.tolist() == [[0, 2], [0, 3]]
    monkeypatch.setattr(kept_duplicates, "MOST_COMPARED", 3)
    said: list[str] = []
    found = kept_duplicates.duplicates_of(pixels, tmp_path / "copies", said.append)
    assert found.pairs.tolist() == [[0, 2]]
    assert found.clusters.tolist() == [0, 1, 0, 2]
    assert "exact copies" in said[0]
