"""Faithfulness: a network that is understood, masks, random masks, border shares and means by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from easy import CONFIG, TREE
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from quadrant import PIXELS, SIDE, QuadrantNetwork

from kinwise.data.augment import unit_statistics
from kinwise.examine import faithfulness as module
from kinwise.examine.cases import Faithfulness
from kinwise.examine.faithfulness import RANDOM_MASKS, border_shares, faithfulness, hottest, mean_faithfulness
from kinwise.learn.network import build

IN_QUADRANT = np.zeros((SIDE, SIDE), np.float32)
IN_QUADRANT[:4, :4] = 1
ANSWERED, TRUE = np.array([[0, 0]]), np.array([[1, 2]])
ONES = torch.ones(1, 1, SIDE, SIDE)


def measured(heat: np.ndarray, pictures: int = 1, seed: int = 0) -> list[tuple[Faithfulness, ...]]:
    maps = np.broadcast_to(heat, (pictures, 3, *heat.shape)).copy()
    every = ONES.expand(pictures, -1, -1, -1)
    answered, true = (np.repeat(nodes, pictures, axis=0) for nodes in (ANSWERED, TRUE))
    return faithfulness(QuadrantNetwork(), every, maps, answered, true, seed=seed)  # type: ignore[arg-type]


# --- a network that is understood ------------------------------------------------------------------------------------


def test_scores_without_and_with_the_hottest_part_alone_by_hand() -> None:
    # A fifth of 64 pixels is 13. All lie in the quadrant, so 3 of its 16 ones are left when they are blanked.
    [(group, class_, against)] = measured(IN_QUADRANT)
    for value, others in ((group, 1), (class_, 3), (against, 1)):
        assert value.whole == pytest.approx(2**PIXELS / (2**PIXELS + others))
        assert value.empty == pytest.approx(1 / (1 + others))
        assert value.blanked == pytest.approx(2**3 / (2**3 + others))
        assert value.kept == pytest.approx(2**13 / (2**13 + others))
    assert class_.fall == pytest.approx(65536 / 65539 - 8 / 11)
    assert class_.rise == pytest.approx(8192 / 8195 - 1 / 4)


def test_a_map_that_points_elsewhere_neither_lowers_nor_raises_the_score() -> None:
    for value in measured(np.flip(IN_QUADRANT).copy())[0]:
        assert value.fall == pytest.approx(0, abs=1e-6)
        assert value.rise == pytest.approx(0, abs=1e-6)


def test_random_masks_say_what_chance_does() -> None:
    """A mask moved anywhere has 13 / 4 of its pixels in the quadrant on average."""
    network = QuadrantNetwork()
    maps = np.broadcast_to(IN_QUADRANT, (200, 3, SIDE, SIDE)).copy()
    answered, true = np.repeat(ANSWERED, 200, axis=0), np.repeat(TRUE, 200, axis=0)
    found = faithfulness(network, ONES.expand(200, -1, -1, -1), maps, answered, true, seed=1)  # type: ignore[arg-type]
    kept = [seen for seen in network.seen if len(seen) == 200 and (seen.sum((1, 2, 3)) == 13).all()]
    assert len(kept) == 3 * (1 + RANDOM_MASKS)
    in_quadrant = np.mean([float(seen[:, 0, :4, :4].sum((1, 2)).mean()) for seen in kept if not _is_own(seen)])
    assert in_quadrant == pytest.approx(13 / 4, abs=0.3)
    assert np.mean([one.fall - one.random_fall for one, _, _ in found]) > 0.1
    assert np.mean([one.rise - one.random_rise for one, _, _ in found]) > 0.1


def _is_own(seen: torch.Tensor) -> bool:
    return bool((seen[:, 0] <= torch.from_numpy(IN_QUADRANT)).all())


def test_random_masks_are_the_maps_own_moved_and_mirrored() -> None:
    heat = np.random.default_rng(3).random((SIDE, SIDE)).astype(np.float32)
    own = hottest(torch.from_numpy(heat)[None, None], (SIDE, SIDE))[0, 0].numpy()
    moved = {
        np.roll(form, (down, right), axis=(0, 1)).tobytes()
        for form in (own, own[::-1], own[:, ::-1], own[::-1, ::-1])
        for down in range(SIDE)
        for right in range(SIDE)
    }
    network = QuadrantNetwork()
    pictures, count = ONES.expand(20, -1, -1, -1), 20
    maps = np.broadcast_to(heat, (count, 3, SIDE, SIDE)).copy()
    nodes = [np.repeat(one, count, axis=0) for one in (ANSWERED, TRUE)]
    faithfulness(network, pictures, maps, *nodes, seed=0)  # type: ignore[arg-type]
    masks = [picture[0].numpy() == 1 for seen in network.seen for picture in seen]
    kept = [mask for mask in masks if mask.sum() == 13]
    blanked = [~mask for mask in masks if mask.sum() == 64 - 13]
    assert len(kept) == len(blanked) == count * 3 * (1 + RANDOM_MASKS)
    assert {mask.tobytes() for mask in kept} <= moved
    assert sorted(mask.tobytes() for mask in kept) == sorted(mask.tobytes() for mask in blanked), "the same masks"
    assert len({mask.tobytes() for mask in kept}) > 100, "and they differ"


def test_the_same_seed_gives_the_same_values_however_many_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    found = measured(IN_QUADRANT, pictures=7)
    assert measured(IN_QUADRANT, pictures=7, seed=5) != found
    monkeypatch.setattr(module, "_BATCH", 3)
    assert measured(IN_QUADRANT, pictures=7) == found
    assert measured(IN_QUADRANT, pictures=4) == found[:4]


def test_no_pictures_have_no_values() -> None:
    maps, nodes = np.zeros((0, 3, SIDE, SIDE), np.float32), np.zeros((0, 2), np.int64)
    assert faithfulness(QuadrantNetwork(), ONES[:0], maps, nodes, nodes, seed=0) == []  # type: ignore[arg-type]


def test_measuring_changes_nothing_about_the_network() -> None:
    network = build(CONFIG, TREE, unit_statistics(3), 18, seed=0).train()
    network.backbone.groups[1].eval()
    modes = [one.training for one in network.modules()]
    weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    pictures, maps = torch.rand(2, 3, 18, 18), np.random.default_rng(0).random((2, 3, 7, 7), np.float32)
    found = faithfulness(network, pictures, maps, np.zeros((2, 2), int), np.ones((2, 2), int), seed=0)
    assert [one.training for one in network.modules()] == modes
    assert all(torch.equal(tensor, weights[name]) for name, tensor in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert len(found) == 2


# --- the hottest part ------------------------------------------------------------------------------------------------


@given(
    heat=arrays(np.float32, (2, 2, 3, 4), elements=st.sampled_from([0, 0.25, 0.5, 1])),
    height=st.integers(3, 20),
    width=st.integers(4, 20),
)
def test_always_as_many_pixels_and_none_left_out_is_hotter(heat: np.ndarray, height: int, width: int) -> None:
    masks = hottest(torch.from_numpy(heat), (height, width))
    assert masks.shape == (2, 2, height, width)
    assert (masks.sum((2, 3)) == round(0.2 * height * width)).all()
    enlarged = torch.nn.functional.interpolate(torch.from_numpy(heat), size=(height, width), mode="bilinear")
    for mask, hot in zip(masks.flatten(0, 1), enlarged.flatten(0, 1), strict=True):
        if mask.any():
            assert hot[mask].min() >= hot[~mask].max()


def test_of_equally_hot_pixels_the_first_are_taken() -> None:
    masks = hottest(torch.zeros(1, 1, 3, 3), (5, 5))
    assert masks[0, 0].tolist() == [[True] * 5, *[[False] * 5] * 4]


# --- the share at the border -----------------------------------------------------------------------------------------


def share(heat: list[list[float]]) -> float:
    return float(border_shares(np.array(heat, np.float32)[None, None])[0, 0])


def test_border_shares_by_hand() -> None:
    # The inner half reaches from .14645 to .85355. Of four cells in a line it holds all of the middle two and
    # (.25 - .14645) / .25 = sqrt(2) - 1 of the outer ones; of three all of the middle one.
    root = np.sqrt(2)
    assert share([[0, 0, 0], [0, 5, 0], [0, 0, 0]]) == pytest.approx(0)
    assert share([[1, 0, 0, 0], *[[0] * 4] * 3]) == pytest.approx(1 - (root - 1) ** 2)
    assert share([[0, 1, 0, 0], *[[0] * 4] * 3]) == pytest.approx(2 - root)
    assert share([[1, 0, 0, 0], [0, 3, 0, 0], *[[0] * 4] * 2]) == pytest.approx((1 - (root - 1) ** 2) / 4)
    third = 3 * (1 / 3 - (1 - np.sqrt(0.5)) / 2)
    assert share([[0, 0, 0], [2, 0, 0], [0, 0, 0]]) == pytest.approx(1 - third)


@given(height=st.integers(1, 40), width=st.integers(1, 40))
def test_an_even_map_has_half_of_its_heat_at_the_border(height: int, width: int) -> None:
    assert border_shares(np.full((2, 3, height, width), 0.7)) == pytest.approx(0.5)


def test_a_map_without_heat_counts_as_even() -> None:
    assert border_shares(np.zeros((1, 2, 5, 5), np.float32)).tolist() == [[0.5, 0.5]]


# --- means -----------------------------------------------------------------------------------------------------------

ONE = Faithfulness(whole=0.9, empty=0.1, blanked=0.5, kept=0.4, random_blanked=0.8, random_kept=0.2)
TWO = replace(ONE, blanked=0.7, random_blanked=0.6, kept=0.6)


def test_means_by_hand() -> None:
    first, second = mean_faithfulness([(ONE, TWO), (TWO, TWO)], seed=0)
    assert first["fall"].value == pytest.approx((0.4 + 0.2) / 2)
    assert first["random_fall"].value == pytest.approx((0.1 + 0.3) / 2)
    assert first["rise"].value == pytest.approx((0.3 + 0.5) / 2)
    assert first["random_rise"].value == pytest.approx(0.1)
    assert first["fall_beyond_random"].value == pytest.approx((0.3 - 0.1) / 2)
    assert first["rise_beyond_random"].value == pytest.approx((0.2 + 0.4) / 2)
    # Two pictures drawn from two: both the same in every other resample, so the interval spans them.
    assert (first["fall_beyond_random"].low, first["fall_beyond_random"].high) == pytest.approx((-0.1, 0.3))
    alike = second["fall_beyond_random"]
    assert (alike.value, alike.low, alike.high) == pytest.approx((-0.1, -0.1, -0.1))
