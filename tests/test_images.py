"""Images: parts, splits, held-out pictures, weights; and what ``describe`` says about them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinwise.data.describe import describe, description_text, exact_duplicates, pairs_csv, tree_lines
from kinwise.data.duplicates import clustered, find_duplicates
from kinwise.data.images import Images, class_weights, evenly, hold_out, split
from kinwise.data.rows import Rows
from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.splits import RESPLITS

# root > a (0, 1), b (2, 3)
TREE = Hierarchy(parents=np.array([-1, 0, 0, 1, 1, 2, 2]), names=("root", "a", "b", "ant", "ape", "bee", "bug"))


def pictures(counts: list[int], parts: list[str] | None = None) -> Images:
    """One-pixel pictures, all different, ``counts`` of each class, in a scrambled order."""
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts))
    number = np.arange(len(labels))
    return Images(
        pixels=number.astype("<u4").view(np.uint8).reshape(-1, 4, 1, 1),
        labels=labels,
        ids=np.array([f"p{index}" for index in number], dtype=str),
        parts=np.array(parts if parts is not None else ["train"] * len(labels), dtype="U10"),
        hierarchy=TREE,
        name="numbers",
    )


def per_class(images: Images, part: str) -> np.ndarray:
    return np.bincount(images.labels[images.where(part)], minlength=4)


counts_per_class = st.lists(st.integers(0, 60), min_size=4, max_size=4).filter(any)


# --- taking pictures -------------------------------------------------------------------------------------------------


@given(counts_per_class, st.data())
def test_take_keeps_every_picture_with_its_label_id_and_part(counts: list[int], data: st.DataObject) -> None:
    images = pictures(counts)
    chosen = np.array(data.draw(st.lists(st.integers(0, len(images) - 1))), dtype=int)
    taken = images.take(chosen)
    assert len(taken) == len(chosen)
    np.testing.assert_array_equal(taken.pixels, images.pixels[chosen])
    np.testing.assert_array_equal(taken.labels, images.labels[chosen])
    np.testing.assert_array_equal(taken.ids, images.ids[chosen])


def test_take_shares_memory_where_pictures_stand_side_by_side() -> None:
    images = pictures([3, 3, 3, 3])
    assert np.shares_memory(images.take(np.arange(4, 9)).pixels, images.pixels)
    assert not np.shares_memory(images.take(np.array([4, 6, 5])).pixels, images.pixels)


def test_parts() -> None:
    images = pictures([1, 1, 1, 1], ["train", "test", "validation", "train"])
    assert images.train.ids.tolist() == ["p0", "p3"]
    assert images.validation.ids.tolist() == ["p2"]
    assert images.test.ids.tolist() == ["p1"]
    with pytest.raises(InputError, match="no part 'dev'; there are train, validation, test"):
        images.where("dev")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pixels": np.zeros((4, 4, 1, 1), np.float32)}, "pixels must be uint8"),
        ({"pixels": np.zeros((4, 4), np.uint8)}, r"got uint8 \(4, 4\)"),
        ({"labels": np.array([0, 1, 2])}, "labels must have one entry per picture"),
        ({"labels": np.array([0, 1, 2, 4])}, r"labels must lie in 0\.\.3, got 0\.\.4"),
        ({"labels": np.array([-1, 1, 2, 3])}, r"got -1\.\.3"),
        ({"ids": np.array(["a"])}, "ids must have one entry"),
        (
            {"parts": np.array(["train", "test", "dev", "train"])},
            "parts must be among train, validation, test, got .*dev",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, np.ndarray], message: str) -> None:
    good = pictures([1, 1, 1, 1])
    fields = {name: getattr(good, name) for name in ("pixels", "labels", "ids", "parts", "hierarchy", "name")}
    with pytest.raises(InputError, match=message):
        Images(**(fields | change))


# --- splits ----------------------------------------------------------------------------------------------------------


@given(counts_per_class, st.sampled_from(sorted(RESPLITS)), st.integers(0, 2**32))
def test_a_split_is_stratified_seeded_and_complete(counts: list[int], name: str, seed: int) -> None:
    images = pictures(counts)
    divided = split(images, name, seed)
    train, test = per_class(divided, "train"), per_class(divided, "test")
    np.testing.assert_array_equal(train + test, counts)  # disjoint, and nothing is lost
    assert (abs(test - RESPLITS[name] * np.array(counts)) < 1).all()
    assert (train[np.array(counts) > 0] > 0).all()
    np.testing.assert_array_equal(split(images, name, seed).parts, divided.parts)
    np.testing.assert_array_equal(divided.pixels, images.pixels)


def test_another_seed_draws_other_pictures() -> None:
    images = pictures([40, 40, 40, 40])
    assert (split(images, "80:20", 0).parts != split(images, "80:20", 1).parts).any()


def test_every_picture_can_be_drawn() -> None:
    images = pictures([5, 5, 5, 5])
    drawn = [split(images, "70:30", seed).where("test") for seed in range(60)]
    assert len(np.unique(np.concatenate(drawn))) == len(images)


def test_the_official_split_is_left_alone() -> None:
    images = pictures([1, 1, 1, 1], ["train", "test", "test", "train"])
    assert split(images, "official") is images
    assert images.comparable
    with pytest.raises(InputError, match="unknown split '60:40'; there are official, 70:30, 80:20, 90:10"):
        split(images, "60:40")


def test_pictures_without_a_test_part_are_split() -> None:
    divided = split(pictures([10, 10, 5, 5]), "official")
    assert (divided.split, divided.comparable) == ("drawn 80:20", True)
    assert per_class(divided, "test").tolist() == [2, 2, 1, 1]


@pytest.mark.parametrize("name", RESPLITS)
def test_only_what_had_a_test_part_is_no_longer_comparable(name: str) -> None:
    had, had_none = (pictures([10] * 4, [part] + ["train"] * 39) for part in ("test", "train"))
    again, drawn = split(had, name), split(had_none, name)
    assert (again.split, again.comparable) == (name, False)
    assert (drawn.split, drawn.comparable) == (f"drawn {name}", True)
    np.testing.assert_array_equal(again.parts, drawn.parts)
    for divided in (again, drawn):
        with pytest.raises(InputError, match=f"these pictures are split {divided.split} already"):
            split(divided, name)


@given(counts_per_class, st.floats(0, 0.99), st.integers(0, 2**32))
def test_held_out_pictures_come_from_the_training_part_alone(counts: list[int], fraction: float, seed: int) -> None:
    images = split(pictures(counts), "70:30", 3)
    held = hold_out(images, fraction, seed)
    np.testing.assert_array_equal(held.where("test"), images.where("test"))
    before, train, validation = per_class(images, "train"), per_class(held, "train"), per_class(held, "validation")
    np.testing.assert_array_equal(train + validation, before)
    assert (train[before > 0] > 0).all()
    wanted = np.minimum(fraction * before, np.maximum(before - 1, 0))
    assert (abs(validation - wanted) <= 0.5 + 1e-9).all()
    np.testing.assert_array_equal(hold_out(images, fraction, seed).parts, held.parts)


@given(counts_per_class, st.sampled_from(sorted(RESPLITS)), st.integers(0, 2**32), st.data())
def test_clusters_stay_on_one_side_and_no_class_gives_more(
    counts: list[int], name: str, seed: int, data: st.DataObject
) -> None:
    images = pictures(counts)
    clusters = np.array(data.draw(st.lists(st.integers(0, 60), min_size=len(images), max_size=len(images))), dtype=int)
    divided = split(images, name, seed, clusters)
    train, test = (set(clusters[divided.where(part)]) for part in ("train", "test"))
    assert not train & test
    wanted = per_class(split(images, name, seed), "test")
    assert (per_class(divided, "test") <= wanted).all()
    np.testing.assert_array_equal(split(images, name, seed, clusters).parts, divided.parts)


@given(st.integers(0, 2**32), st.integers(2, 5))
def test_with_small_clusters_every_class_gives_its_share(seed: int, size: int) -> None:
    images = pictures([40, 30, 60, 50])
    by_class = np.argsort(images.labels, kind="stable")
    clusters = np.arange(len(images))
    for first in range(0, len(images), 10):  # in every ten pictures of a class one cluster
        clusters[by_class[first : first + size]] = by_class[first]
    divided = split(images, "80:20", seed, clusters)
    assert per_class(divided, "test").tolist() == [8, 6, 12, 10]
    held = hold_out(divided, 0.25, seed, clusters)
    assert per_class(held, "validation").tolist() == [8, 6, 12, 10]
    sides = [set(clusters[held.where(part)]) for part in ("train", "validation", "test")]
    assert sum(map(len, sides)) == len(set(clusters))


def test_a_cluster_that_does_not_fit_stays_in_training() -> None:
    images = pictures([10, 10, 10, 10])
    clusters = np.where(images.labels == 0, 0, 1 + np.arange(40))  # all of class 0 belong together
    assert per_class(split(images, "70:30", 0, clusters), "test").tolist() == [0, 3, 3, 3]


def test_a_cluster_is_drawn_as_often_as_a_picture() -> None:
    images = pictures([50, 50, 50, 50])
    twins = np.flatnonzero(images.labels == 2)[:2]
    clusters = np.arange(200)
    clusters[twins[1]] = twins[0]
    drawn = [split(images, "70:30", seed, clusters).parts[twins[0]] == "test" for seed in range(400)]
    assert np.mean(drawn) == pytest.approx(0.3, abs=0.07)  # three standard errors


def test_without_clusters_the_drawing_is_that_of_every_version() -> None:
    images = pictures([5, 10, 15, 20])
    divided = split(images, "80:20", 3)
    assert divided.where("test").tolist() == [2, 3, 11, 17, 23, 25, 28, 32, 38, 41]
    assert hold_out(divided, 0.1, 4).where("validation").tolist() == [20, 40, 45, 49]
    by_itself = split(images, "80:20", 3, np.arange(50)[::-1])
    np.testing.assert_array_equal(by_itself.parts, divided.parts)


@pytest.mark.parametrize("fraction", [-0.1, 1.0, float("nan")])
def test_an_impossible_fraction_is_refused(fraction: float) -> None:
    with pytest.raises(InputError, match=r"must be in \[0, 1\)"):
        hold_out(pictures([2, 2, 2, 2]), fraction)


# --- weights ---------------------------------------------------------------------------------------------------------


def test_class_weights_by_hand() -> None:
    # two classes are present: the three pictures of class 0 share a half, the one of class 2 has the other half
    np.testing.assert_allclose(class_weights(np.array([0, 2, 0, 0]), 4), [1 / 6, 1 / 2, 1 / 6, 1 / 6])


@given(counts_per_class)
def test_class_weights_give_every_class_the_same_share(counts: list[int]) -> None:
    labels = pictures(counts).labels
    weights = class_weights(labels, 4)
    share = np.bincount(labels, weights=weights, minlength=4)
    present = np.array(counts) > 0
    np.testing.assert_allclose(share[present], 1 / present.sum())
    assert weights.sum() == pytest.approx(1)


# --- describe --------------------------------------------------------------------------------------------------------


def awkward() -> Images:
    """Six pictures: p0 = p3 (train, test), p1 = p2 with two labels, no test picture of bee, none at all of bug."""
    content = np.array([7, 8, 8, 7, 9, 10], dtype=np.uint8)
    return Images(
        pixels=np.broadcast_to(content[:, None, None, None], (6, 3, 2, 5)),
        labels=np.array([0, 0, 1, 0, 2, 1]),
        ids=np.array([f"p{index}" for index in range(6)]),
        parts=np.array(["train", "train", "train", "test", "train", "test"]),
        hierarchy=TREE,
        name="awkward",
        split="80:20",
    )


def test_describe_by_hand() -> None:
    facts = describe(awkward())
    assert facts["pictures"] == {"train": 4, "validation": 0, "test": 2}
    assert (facts["channels"], facts["height"], facts["width"], facts["classes"]) == (3, 2, 5, 4)
    assert facts["levels"] == {"superclass": 2, "class": 4}
    assert facts["per_class"]["train"] == {
        "smallest": {"class": "bug", "pictures": 0},
        "largest": {"class": "ant", "pictures": 2},
        "imbalance": None,
        "effective": pytest.approx(2**1.5),  # shares 1/2, 1/4, 1/4: an entropy of 1.5 bits
    }
    assert facts["classes_without"] == {"train": ["bug"], "test": ["bee", "bug"]}
    assert facts["duplicates"] == {
        "copies": 2,
        "within": {"train": 1, "validation": 0, "test": 0},
        "across": {"train/validation": 0, "train/test": 1, "validation/test": 0},
        "two_labels": 1,
        "examples": [["p1", "p2"]],
    }
    assert json.loads(json.dumps(facts)) == facts


def test_every_flaw_is_a_warning() -> None:
    assert describe(awkward())["warnings"] == [
        "1 of 4 classes have no train pictures: bug",
        "2 of 4 classes have no test pictures: bee, bug",
        "1 test pictures stand in the train part as well, byte for byte",
        "1 train pictures repeat another one, byte for byte",
        "1 pictures carry more than one label, for example p1 = p2",
        "split 80:20: scores are not comparable with those on the official split",
    ]


def test_an_uneven_part_is_a_warning_with_its_ratio() -> None:
    facts = describe(pictures([10, 5, 4, 2]))
    assert facts["per_class"]["train"]["imbalance"] == 5.0
    assert "the train part is uneven: the largest class has 5.0 times the smallest" in facts["warnings"]
    assert not any("uneven" in warning for warning in describe(pictures([9, 5, 4, 2]))["warnings"])


def test_near_duplicates_are_counted_by_hand() -> None:
    images = replace(awkward(), parts=np.array(["train", "train", "train", "test", "test", "test"]))
    # p0 = p3 at 0.5 and p4 = p5 at 0.1; p1 = p2 are copies. Labels: 0 0 1 0 2 1.
    pairs = clustered(np.array([[0, 3], [1, 2], [4, 5]]), np.array([0.5, 0.0, 0.1], np.float32), 6)
    facts = describe(images, pairs)
    near = facts["near_duplicates"]
    assert near["pairs"] == 3
    assert near["within"] == {"train": 1, "validation": 0, "test": 1}
    assert near["across"] == {"train/validation": 0, "train/test": 1, "validation/test": 0}
    assert (near["test_beside_train"], near["clusters"], near["largest"], near["two_labels"]) == (1, 3, 2, 2)
    assert near["examples"] == [
        {"pictures": ["p0", "p3"], "labels": ["ant", "ant"], "distance": 0.5},
        {"pictures": ["p4", "p5"], "labels": ["bee", "ape"], "distance": 0.1},
        {"pictures": ["p1", "p2"], "labels": ["ant", "ape"], "distance": 0.0},
    ]
    assert json.loads(json.dumps(facts)) == facts
    assert description_text(facts).splitlines()[7:14] == [
        "near        3 pairs of near-duplicates: 1 within train, 1 within test, 1 across train and test",
        "            1 test pictures (33.3 %) have one in the training part",
        "            3 clusters, the largest of 2 pictures",
        "            2 pairs have two different labels",
        "            p0 (ant) = p3 (ant), distance 0.50",
        "            p4 (bee) = p5 (ape), distance 0.10",
        "            p1 (ant) = p2 (ape), distance 0.00",
    ]
    assert pairs_csv(images, pairs).splitlines() == [
        "first,second,first_label,second_label,distance",
        "p0,p3,ant,ant,0.5",
        "p1,p2,ant,ape,0.0",
        "p4,p5,bee,ape,0.1",
    ]


def test_a_coarser_label_does_not_contradict_a_finer_one_above_which_it_stands() -> None:
    # One picture under each pair of labels: a and ant (one path), a and b, ant and ape, ant and bug under a coarser a.
    nodes = np.array([1, 3, 1, 2, 3, 4, 1, 3, 6])
    labels = np.array([-1, 0, -1, -1, 0, 1, -1, 0, 3])
    content = np.array([0, 0, 1, 1, 2, 2, 3, 3, 3], np.uint8)
    images = replace(
        pictures([9, 0, 0, 0]), pixels=np.repeat(content, 4).reshape(-1, 4, 1, 1), labels=labels, nodes=nodes
    )
    found = exact_duplicates(images)
    assert (found["copies"], found["two_labels"]) == (5, 3)
    assert sorted(found["examples"]) == [["p2", "p3"], ["p4", "p5"], ["p6", "p7", "p8"]]
    pairs = clustered(np.array([[0, 1], [2, 3], [4, 5], [7, 8]]), np.full(4, 0.5, np.float32), 9)
    facts = describe(images, pairs)
    assert facts["near_duplicates"]["two_labels"] == 3
    assert facts["near_duplicates"]["examples"][0]["labels"] == ["a", "ant"]
    assert facts["per_class"]["train"]["largest"] == {"class": "ant", "pictures": 3}


def test_a_data_set_without_near_duplicates_says_so() -> None:
    images = awkward().take(np.array([0, 1]))
    facts = describe(images, find_duplicates(images.pixels))
    assert facts["near_duplicates"]["largest"] == 1
    assert "near        0 pairs of near-duplicates\n            0 test pictures have one" in description_text(facts)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from(["train", "test"])), max_size=30))
def test_duplicates_agree_with_a_count_one_by_one(rows: list[tuple[int, int, str]]) -> None:
    content, labels, parts = ([row[i] for row in rows] for i in range(3))
    images = Images(
        pixels=np.array(content, dtype=np.uint8).reshape(-1, 1, 1, 1),
        labels=np.array(labels, dtype=np.int64),
        ids=np.array([str(index) for index in range(len(rows))], dtype=str),
        parts=np.array(parts, dtype="U10"),
        hierarchy=TREE,
        name="drawn",
    )
    found = exact_duplicates(images)
    train = [c for c, part in zip(content, parts, strict=True) if part == "train"]
    test = [c for c, part in zip(content, parts, strict=True) if part == "test"]
    assert found["copies"] == len(content) - len(set(content))
    assert found["within"]["train"] == len(train) - len(set(train))
    assert found["across"]["train/test"] == sum(c in train for c in test)
    assert found["two_labels"] == sum(
        len({label for c, label in zip(content, labels, strict=True) if c == one}) > 1 for one in set(content)
    )


def test_the_text_has_the_facts_the_warnings_and_the_tree() -> None:
    assert description_text(describe(awkward())).splitlines() == [
        "data        awkward",
        "split       80:20",
        "pictures    4 train, 2 test; 2 x 5, colour",
        "levels      superclass (2) > class (4)",
        "train       0 (bug) to 2 (ant) pictures",
        "test        0 (bee) to 1 (ant) pictures",
        "duplicates  2 exact copies, 1 of them across parts",
        "",
        *(f"warning: {warning}" for warning in describe(awkward())["warnings"]),
        "",
        "root",
        "  a: ant, ape",
        "  b: bee, bug",
    ]


def test_a_long_list_of_classes_is_cut_short() -> None:
    flat = Hierarchy(parents=np.array([-1] + [0] * 15), names=("all", *(f"c{index}" for index in range(15))))
    assert tree_lines(flat) == ["all: " + ", ".join(f"c{index}" for index in range(12)) + " and 3 more"]


def test_classes_beside_inner_nodes_stay_on_their_parents_line() -> None:
    ragged = Hierarchy(parents=np.array([-1, 0, 0, 2, 2]), names=("top", "lone", "pair", "x", "y"))
    assert tree_lines(ragged) == ["top: lone", "  pair: x, y"]


# --- labels that stop at an inner node -------------------------------------------------------------------------------


def partly_labelled(parts: list[str] | None = None) -> Images:
    """An ant, an a, a b, a bug; the tree: root > a (ant, ape), b (bee, bug)."""
    return replace(pictures([1, 1, 1, 1], parts), labels=np.array([0, -1, -1, 3]), nodes=np.array([3, 1, 2, 6]))


def test_a_label_that_stops_earlier_is_known_as_far_as_it_goes() -> None:
    assert partly_labelled().level_labels.tolist() == [[0, 0], [0, -1], [1, -1], [1, 3]]


def test_pictures_with_such_labels_are_only_learnt_from() -> None:
    images = partly_labelled()
    assert set(split(images, "80:20").parts[1:3]) == {"train"}
    assert set(hold_out(images, 0.9).parts[1:3]) == {"train"}
    with pytest.raises(InputError, match="can only be learnt from"):
        partly_labelled(["train", "test", "train", "train"])


def test_a_label_must_be_that_of_its_node() -> None:
    with pytest.raises(InputError, match="picture 3: its label and its node"):
        replace(partly_labelled(), nodes=np.array([3, 1, 2, 5]))


# --- pictures in a file ----------------------------------------------------------------------------------------------


def test_rows_of_a_file_are_the_pictures_they_stand_for(tmp_path: Path) -> None:
    store = np.random.default_rng(0).integers(0, 256, (5, 3, 2, 2), dtype=np.uint8)
    np.save(tmp_path / "store.npy", store)
    rows = Rows(np.load(tmp_path / "store.npy", mmap_mode="r"), np.array([4, 0, 0, 2]))
    assert (rows.shape, rows.dtype, rows.ndim, rows.nbytes, len(rows)) == ((4, 3, 2, 2), np.uint8, 4, 48, 4)
    np.testing.assert_array_equal(rows[:], store[[4, 0, 0, 2]])
    np.testing.assert_array_equal(rows[1:3], store[[0, 0]])
    np.testing.assert_array_equal(rows[np.array([[0, 3], [1, 1]])], store[np.array([[4, 2], [0, 0]])])
    np.testing.assert_array_equal(rows.take(np.array([3, 0]))[np.array([1, 0])], store[[4, 2]])
    np.testing.assert_array_equal(np.stack(list(rows)), rows[:])
    rows[0][:] = 0  # what was read is one's own
    np.testing.assert_array_equal(rows[0], store[4])


def test_images_in_a_file_take_without_reading(tmp_path: Path) -> None:
    images = pictures([3, 3, 3, 3])
    np.save(tmp_path / "store.npy", images.pixels)
    kept = replace(images, pixels=Rows(np.load(tmp_path / "store.npy", mmap_mode="r"), np.arange(12)), content="key")
    taken = kept.take(np.array([7, 1]))
    assert isinstance(taken.pixels, Rows)
    assert taken.content == ""
    np.testing.assert_array_equal(taken.pixels[:], images.pixels[[7, 1]])


# --- some of many ----------------------------------------------------------------------------------------------------


def test_of_many_pictures_every_class_keeps_its_share() -> None:
    images = pictures([40, 40, 20, 20])
    chosen = evenly(images, 30)
    assert np.bincount(chosen.labels).tolist() == [10, 10, 5, 5]
    assert len(set(chosen.ids.tolist())) == 30
    assert evenly(images, 120) is images
