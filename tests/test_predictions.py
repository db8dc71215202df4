"""Predictions: what is refused, that saving and loading is the identity, and that a node has its classes' sum."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file
from strategies import hierarchies
from zoo import LABELS, PROBABILITIES, ZOO, random_predictions

from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.judge.predictions import Predictions, sum_upward


def test_coarser_levels_are_sums_of_their_classes() -> None:
    group, superclass, classes = Predictions.from_classes(PROBABILITIES, LABELS, ZOO).probabilities
    assert ZOO.level_names(1) == ("fish", "tools", "dog")
    assert group == pytest.approx(np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.4, 0.6], [0.3, 0.7]]))
    assert superclass[:2] == pytest.approx(np.array([[0.8, 0.1, 0.1], [0.6, 0.2, 0.2]]))
    assert classes == pytest.approx(PROBABILITIES)


@given(hierarchies(), st.integers(0, 2**32 - 1))
def test_every_level_sums_to_one_and_a_parent_to_its_children(hierarchy: Hierarchy, seed: int) -> None:
    levels = sum_upward(random_predictions(hierarchy, 3, seed).probabilities[-1], hierarchy)
    for probabilities in levels:
        assert probabilities.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    for above, below, nodes, finer in zip(
        levels, levels[1:], hierarchy.level_nodes, hierarchy.level_nodes[1:], strict=False
    ):
        for index, node in enumerate(nodes):
            children = hierarchy.children(node) if len(hierarchy.children(node)) else np.array([node])
            total = below[:, np.isin(finer, children)].sum(axis=1)
            assert above[:, index] == pytest.approx(total, abs=1e-5)


def test_saving_and_loading_is_the_identity(tmp_path: Path) -> None:
    before = random_predictions(ZOO, 20, 0)
    before = Predictions(
        probabilities=before.probabilities,
        labels=before.labels,
        ids=np.array([f"bärs/{index} \u2028.png" for index in range(20)]),
        hierarchy=ZOO,
        split="80:20",
        source="shapes",
        near_duplicate=np.arange(20) % 3 == 0,
    )
    before.save(tmp_path / "predictions.safetensors")
    after = Predictions.load(tmp_path / "predictions.safetensors")
    for mine, theirs in zip(before.probabilities, after.probabilities, strict=True):
        assert np.array_equal(mine, theirs)
    assert np.array_equal(before.labels, after.labels)
    assert np.array_equal(before.ids, after.ids)
    assert (after.hierarchy, after.split, after.source) == (ZOO, "80:20", "shapes")
    assert not after.comparable
    assert after.near_duplicate is not None
    assert after.near_duplicate.tolist() == [index % 3 == 0 for index in range(20)]
    random_predictions(ZOO, 20, 0).save(tmp_path / "outside.safetensors")
    assert Predictions.load(tmp_path / "outside.safetensors").near_duplicate is None


def test_judging_under_another_tree_keeps_every_class_by_its_name() -> None:
    flat = Hierarchy(parents=np.array([-1, 0, 0, 0, 0, 0]), names=("root", "axe", "dog", "ray", "saw", "shark"))
    under = Predictions.from_classes(PROBABILITIES, LABELS, ZOO).under(flat)
    assert under.hierarchy.levels == ("class",)
    assert under.hierarchy.classes == ZOO.classes
    assert under.probabilities[0] == pytest.approx(PROBABILITIES)
    other = Hierarchy(parents=np.array([-1, 0, 0]), names=("root", "shark", "cat"))
    with pytest.raises(InputError, match="in the data but not in the hierarchy"):
        Predictions.from_classes(PROBABILITIES, LABELS, ZOO).under(other)


@pytest.mark.parametrize("near_duplicate", [np.zeros(4, bool), np.zeros(5, int), np.zeros((5, 1), bool)])
def test_near_duplicates_are_one_bool_for_every_picture(near_duplicate: np.ndarray) -> None:
    predictions = Predictions.from_classes(PROBABILITIES, LABELS, ZOO)
    with pytest.raises(InputError, match=r"near_duplicate: expected one bool per picture \(5\), got "):
        replace(predictions, near_duplicate=near_duplicate)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([1, 2, 3, 4, 5], "picture 1 has a minimum of 1 and a sum of 15; raw scores need a softmax first"),
        ([-0.5, 0.5, 0.5, 0.5, 0.0], "picture 1 has a minimum of -0.5 and a sum of 1"),
        ([np.nan, 0.5, 0.5, 0, 0], "picture 1 has a minimum of nan"),
        ([1e300, 0, 0, 0, 0], "picture 1 has a minimum of 0 and a sum of inf"),
        ([np.inf, -np.inf, 1, 0, 0], "picture 1 has a minimum of -inf"),
    ],
)
def test_what_is_no_probability_is_refused(row: list[float], message: str) -> None:
    array = np.vstack([PROBABILITIES[0], row])
    with pytest.raises(InputError, match=message):
        Predictions.from_classes(array, np.zeros(2, int), ZOO)


@pytest.mark.parametrize(
    ("array", "labels", "message"),
    [
        (PROBABILITIES[:, :4], LABELS, r"expected class probabilities of shape \(pictures, 5\), got \(5, 4\)"),
        (PROBABILITIES[0], LABELS, r"got \(5,\)"),
        (PROBABILITIES, LABELS[:4], r"expected shape \(4, 2\), got \(5, 2\)"),
        (PROBABILITIES, LABELS + 1, r"labels must be class indices in 0\.\.4, got 1\.\.5"),
        (PROBABILITIES, LABELS - 1, r"got -1\.\.3"),
        (PROBABILITIES, LABELS + 0.5, "one whole number .* per picture, got float64"),
        (PROBABILITIES, [*LABELS[:4], np.nan], "one whole number .* per picture"),
        (PROBABILITIES, ["shark"] * 5, "one whole number .* per picture, got <U5"),
        (PROBABILITIES, LABELS[:, None], r"one whole number .* per picture, got int64 of shape \(5, 1\)"),
        (PROBABILITIES[:0], LABELS[:0], "no predictions to judge"),
    ],
)
def test_shapes_and_labels_that_do_not_fit_are_refused(array: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Predictions.from_classes(array, labels, ZOO)


def test_files_that_hold_no_predictions_are_refused(tmp_path: Path) -> None:
    whole = tmp_path / "whole.safetensors"
    random_predictions(ZOO, 20, 0).save(whole)
    broken = tmp_path / "broken.safetensors"
    for content in (b"", b"hello", whole.read_bytes()[:-7]):
        broken.write_bytes(content)
        with pytest.raises(InputError, match=r"broken\.safetensors is damaged or holds no predictions"):
            Predictions.load(broken)
    save_file({"weight": np.zeros(3)}, broken)
    with pytest.raises(InputError, match="is damaged or holds no predictions"):
        Predictions.load(broken)
    with pytest.raises(InputError, match="no predictions at"):
        Predictions.load(tmp_path / "nowhere.safetensors")
    with pytest.raises(InputError, match="damaged or holds no predictions"):
        Predictions.load(tmp_path)
