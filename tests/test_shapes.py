"""The embedded data set: its tree, that it is the same every time, and what its pictures are like."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinwise import load
from kinwise.data.figures import TREE, UPRIGHT, Figure
from kinwise.data.images import Images
from kinwise.data.shapes import shapes, shapes_hierarchy
from kinwise.errors import InputError

FIGURES = {name: figure for group in TREE.values() for family in group.values() for name, figure in family.items()}


@pytest.fixture(scope="module")
def small() -> Images:
    return shapes(seed=0, train=6, test=2)


def inside(figure: Figure, a: float, b: float, side: int = 200) -> np.ndarray:
    """Where a figure is, on a grid from -1.5 to 1.5."""
    u, v = np.meshgrid(np.linspace(-1.5, 1.5, side), np.linspace(-1.5, 1.5, side))
    proportions = (np.full((1, 1, 1), value) for value in (a, b))
    return figure(u[None], v[None], *proportions)[0] < 0


def area(name: str, a: float = 0.5, b: float = 0.5) -> float:
    return float(inside(FIGURES[name], a, b).mean() * 9)


def test_the_tree_has_three_levels_and_families_of_three_or_more() -> None:
    tree = shapes_hierarchy()
    assert tree.levels == ("group", "superclass", "class")
    assert tree.level_sizes == (4, 10, 32)
    assert set(TREE) == set(tree.level_names(0))
    for group, families in TREE.items():
        for family, figures in families.items():
            assert len(figures) >= 3
            for name in figures:
                path = tree.paths[tree.class_index[name]]
                assert [tree.names[node] for node in path] == [group, family, name]
    assert set(tree.level_names(1)) >= UPRIGHT


def test_pictures_labels_ids_and_parts_agree(small: Images) -> None:
    assert small.pixels.shape == (32 * 8, 3, 32, 32)
    assert small.pixels.dtype == np.uint8
    for part, count in (("train", 6), ("test", 2)):
        chosen = small.take(small.where(part))
        assert np.bincount(chosen.labels).tolist() == [count] * 32
        expected = [f"shapes/{part}/{name}/{number}" for name in small.hierarchy.classes for number in range(count)]
        assert chosen.ids.tolist() == expected
        assert [name.split("/")[2] for name in chosen.ids] == [small.hierarchy.classes[c] for c in chosen.labels]


def test_the_same_seed_draws_the_same_bytes_and_another_does_not(small: Images) -> None:
    np.testing.assert_array_equal(shapes(seed=0, train=6, test=2).pixels, small.pixels)
    assert (shapes(seed=1, train=6, test=2).pixels != small.pixels).any(axis=(1, 2, 3)).all()


def test_test_pictures_do_not_depend_on_the_number_of_training_pictures(small: Images) -> None:
    np.testing.assert_array_equal(shapes(train=0, test=2).pixels, small.test.pixels)


def test_all_pictures_differ(small: Images) -> None:
    assert len(np.unique(small.pixels.reshape(len(small), -1), axis=0)) == len(small)


def test_pictures_use_the_whole_range_of_colours(small: Images) -> None:
    means = small.pixels.mean(axis=(2, 3))
    assert (small.pixels.min(axis=(0, 2, 3)) < 10).all()
    assert (small.pixels.max(axis=(0, 2, 3)) > 245).all()
    assert (means.std(axis=0) > 40).all()  # no colour gives the class away: pictures differ widely
    assert (small.pixels.std(axis=(2, 3)).max(axis=1) > 3).all()  # no picture is one flat colour


@given(st.sampled_from(sorted(FIGURES)), st.floats(0, 1), st.floats(0, 1))
def test_every_figure_stays_near_the_circle_it_is_drawn_in(name: str, a: float, b: float) -> None:
    there = inside(FIGURES[name], a, b, side=90)
    assert 0.03 < there.mean() < 0.5
    assert not there[[0, -1]].any()
    assert not there[:, [0, -1]].any()


def test_areas_worked_out_by_hand() -> None:
    # proportions 0: a regular polygon with its corners on the circle of radius 1, a disc of radius 0.8
    for corners, name in ((3, "triangle"), (4, "square"), (5, "pentagon"), (6, "hexagon")):
        exact = corners / 2 * np.sin(2 * np.pi / corners)
        assert area(name, a=0) == pytest.approx(exact, rel=0.02)
    assert area("disc", a=0) == pytest.approx(np.pi * 0.64, rel=0.02)
    assert area("ring", a=0, b=0) == pytest.approx(np.pi * (0.84**2 - 0.6**2), rel=0.02)
    assert area("plus", a=0) == pytest.approx(2 * 1.9 * 0.36 - 0.36**2, rel=0.02)
    # a star is as many kites as it has points: tip at 1, valley at 0.85 * 0.42
    assert area("five_pointed_star", a=0) == pytest.approx(5 * 0.85 * 0.42 * np.sin(np.pi / 5), rel=0.02)


def test_siblings_share_most_of_their_area_with_each_other() -> None:
    there = {name: inside(figure, 0.5, 0.5) for name, figure in FIGURES.items()}

    def overlap(a: str, b: str) -> float:
        return float((there[a] & there[b]).sum() / (there[a] | there[b]).sum())

    assert overlap("pentagon", "hexagon") > 0.85 > overlap("pentagon", "wave")
    assert overlap("smiling_face", "frowning_face") > 0.8 > overlap("smiling_face", "ring")
    assert overlap("plus", "latin_cross") > 0.4 > overlap("plus", "ring")


@pytest.mark.parametrize("wrong", [{"train": -1}, {"seed": -3}, {"train": 0, "test": 0}])
def test_impossible_numbers_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="numbers of pictures that are not negative"):
        shapes(**wrong)


def test_a_linear_classifier_is_far_from_solving_it() -> None:
    from sklearn.linear_model import RidgeClassifier

    images = shapes(train=20, test=5)
    flat = images.pixels.reshape(len(images), -1) / 255.0
    train, test = images.where("train"), images.where("test")
    model = RidgeClassifier(alpha=100.0).fit(flat[train], images.labels[train])
    assert model.score(flat[test], images.labels[test]) < 0.2


def test_load_divides_the_same_pictures_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinwise.data.shapes.shapes", lambda: shapes(train=8, test=2))
    official, again = load("shapes"), load("shapes", split="70:30", seed=5)
    np.testing.assert_array_equal(official.pixels, again.pixels)
    assert np.bincount(again.test.labels).tolist() == [3] * 32
    assert official.comparable
    assert not again.comparable
