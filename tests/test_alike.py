"""Similar pictures: feature vectors against the network itself, and the search against looking at every pair."""

import numpy as np
import pytest
import torch
from easy import CONFIG, CPU, TREE, easy_images
from hypothesis import given
from hypothesis import strategies as st

from kinwise.data.augment import channel_statistics, normalise
from kinwise.data.images import Images
from kinwise.errors import InputError
from kinwise.examine import alike
from kinwise.examine.alike import features, nearest
from kinwise.learn.network import Network, build

IMAGES = easy_images(train=20, others=0)


def network(images: Images = IMAGES) -> Network:
    return build(CONFIG, TREE, channel_statistics(images.pixels), 18, seed=0)


def test_features_are_the_backbones_at_unit_length() -> None:
    untrained = network().eval()
    with torch.no_grad():
        vectors = untrained.backbone(normalise(torch.from_numpy(IMAGES.pixels), untrained.statistics)).numpy()
    found = features(untrained, IMAGES, CPU)
    assert found.dtype == np.float32
    assert found == pytest.approx(vectors / np.sqrt((vectors**2).sum(axis=1, keepdims=True)), abs=1e-6)
    assert (found**2).sum(axis=1) == pytest.approx(1)


def test_batches_do_not_change_features(monkeypatch: pytest.MonkeyPatch) -> None:
    untrained = network()
    at_once = features(untrained, IMAGES, CPU)
    monkeypatch.setattr(alike, "_BATCH", 7)
    assert features(untrained, IMAGES, CPU) == pytest.approx(at_once, abs=1e-6)


def test_asking_for_features_changes_nothing() -> None:
    training = network().train()
    training.backbone.groups[0].eval()
    modes = [module.training for module in training.modules()]
    weights = {name: tensor.clone() for name, tensor in training.state_dict().items()}
    features(training, IMAGES, CPU)
    assert [module.training for module in training.modules()] == modes
    assert all(torch.equal(tensor, weights[name]) for name, tensor in training.state_dict().items())


def every_pair(queries: np.ndarray, pictures: np.ndarray, k: int) -> list[list[int]]:
    rows = []
    for query in queries.astype(np.float64):
        similar = [float(query @ picture) for picture in pictures.astype(np.float64)]
        rows.append(sorted(range(len(pictures)), key=lambda place: (-similar[place], place))[:k])
    return rows


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("block", [1, 200, 2**24])
def test_nearest_is_what_looking_at_every_pair_finds(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alike, "_BLOCK", block)
    draw = np.random.default_rng(0)
    queries, pictures = unit(draw.normal(size=(23, 12))), unit(draw.normal(size=(60, 12)))
    indices, similarities = nearest(queries, pictures, 7)
    assert indices.tolist() == every_pair(queries, pictures, 7)
    assert similarities == pytest.approx(np.take_along_axis(queries @ pictures.T, indices, axis=1), abs=1e-6)
    assert (similarities.dtype, indices.dtype) == (np.float32, np.int64)


@given(
    queries=st.lists(st.integers(0, 5), max_size=4),
    pictures=st.lists(st.integers(0, 5), min_size=1, max_size=12),
    k=st.integers(1, 14),
)
def test_of_equally_similar_pictures_the_first_comes_first(queries: list[int], pictures: list[int], k: int) -> None:
    axes = np.concatenate([np.eye(3), -np.eye(3)]).astype(np.float32)  # similarities are -1, 0 and 1
    asked, among = axes[np.array(queries, dtype=int)], axes[pictures]
    indices, similarities = nearest(asked, among, k)
    assert indices.shape == similarities.shape == (len(queries), min(k, len(pictures)))
    assert indices.tolist() == every_pair(asked, among, k)


def test_a_picture_is_most_similar_to_itself() -> None:
    found = features(network(), IMAGES, CPU)
    indices, similarities = nearest(found, found, 1)
    assert indices[:, 0].tolist() == list(range(len(IMAGES)))
    assert similarities[:, 0] == pytest.approx(1)
    assert similarities.max() <= 1


def test_no_pictures_to_choose_among_gives_none() -> None:
    indices, similarities = nearest(np.eye(3, dtype=np.float32), np.empty((0, 3), np.float32), 2)
    assert indices.shape == similarities.shape == (3, 0)


def test_less_than_one_similar_picture_is_refused() -> None:
    with pytest.raises(InputError, match="at least 1 similar picture, got k = 0"):
        nearest(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32), 0)
