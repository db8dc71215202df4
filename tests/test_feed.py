"""Feed: which pictures a step gets. Every picture here is of one colour that says its number."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from kinwise.config import Config
from kinwise.data.augment import Statistics
from kinwise.data.images import Images
from kinwise.data.rows import Rows
from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.learn.feed import Feed
from kinwise.learn.processes import Processes

TREE = Hierarchy(parents=np.array([-1, 0, 1, 1, 0]), names=("root", "X", "a", "b", "c"))
AS_THEY_ARE = Statistics(mean=(0.0,), std=(1 / 255,))
CONFIG = Config(batch=8, epochs=3.0, resolutions=((16, 1.0),), translate=1, seed=5)


def numbered(count: int, size: int = 16, others: int = 7) -> Images:
    """``count`` training pictures in the colours 0, 1, ..., among ``others`` test pictures in the colour 255."""
    is_train = np.random.default_rng(0).permutation(np.arange(count + others) < count)
    colours = np.full(count + others, 255, dtype=np.uint8)
    colours[is_train] = np.arange(count)
    labels = np.where(is_train, colours % 3, 2).astype(np.int64)
    return Images(
        pixels=np.broadcast_to(colours[:, None, None, None], (count + others, 1, size, size)).copy(),
        labels=labels,
        ids=np.arange(count + others).astype(str),
        parts=np.where(is_train, "train", "test"),
        hierarchy=TREE,
        name="numbered",
    )


def feed_of(images: Images, config: Config = CONFIG, processes: Processes | None = None) -> Feed:
    return Feed(images, config, AS_THEY_ARE, torch.device("cpu"), processes or Processes())


def numbers(pictures: Tensor) -> list[int]:
    """The numbers of one-coloured pictures."""
    return pictures[:, 0, 0, 0].round().int().tolist()


def epoch_numbers(feed: Feed, epoch: int) -> list[int]:
    first = epoch * feed.steps_per_epoch
    return [number for step in range(first, first + feed.steps_per_epoch) for number in numbers(feed.at(step)[0])]


# --- which pictures --------------------------------------------------------------------------------------------------


def test_an_epoch_shows_every_training_picture_at_most_once_and_no_other() -> None:
    feed = feed_of(numbered(43))
    assert (feed.batch, feed.steps_per_epoch, feed.steps) == (8, 5, 15)
    orders = [epoch_numbers(feed, epoch) for epoch in range(3)]
    for order in orders:
        assert len(order) == len(set(order)) == 40
        assert max(order) < 43
    assert orders[0] != orders[1] != orders[2]
    assert len(set().union(*orders)) == 43  # another three are left over in every epoch


def test_labels_belong_to_the_pictures() -> None:
    pictures, labels = feed_of(numbered(24)).at(1)
    assert pictures.shape == (8, 1, 16, 16)
    assert labels[:, 1].tolist() == [number % 3 for number in numbers(pictures)]
    assert labels[:, 0].tolist() == [[0, 0, 1][number % 3] for number in numbers(pictures)]


def test_a_batch_larger_than_the_training_part_is_all_of_it() -> None:
    feed = feed_of(numbered(5))
    assert (feed.batch, feed.steps_per_epoch, feed.steps) == (5, 1, 3)
    assert sorted(epoch_numbers(feed, 1)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("epochs", "steps"), [(0.01, 1), (0.5, 2), (1.5, 8), (3, 15)])
def test_epochs_need_not_be_whole(epochs: float, steps: int) -> None:
    assert feed_of(numbered(43), replace(CONFIG, epochs=epochs)).steps == steps


def test_the_order_comes_from_the_seed() -> None:
    images = numbered(40)
    assert epoch_numbers(feed_of(images), 0) == epoch_numbers(feed_of(images), 0)
    assert epoch_numbers(feed_of(images), 0) != epoch_numbers(feed_of(images, replace(CONFIG, seed=6)), 0)


def test_the_balanced_sampler_draws_every_class_equally_often() -> None:
    images = numbered(240)
    uneven = np.where(np.arange(len(images)) % 12 == 0, 0, 1)  # one a to eleven b, no c
    feed = feed_of(replace(images, labels=uneven), replace(CONFIG, sampler="balanced"))
    drawn = torch.cat([feed.at(step)[1][:, 1] for step in range(10 * feed.steps_per_epoch)])
    assert len(drawn) == 2400
    assert drawn.float().mean() == pytest.approx(0.5, abs=0.05)  # five standard deviations
    assert 255 not in epoch_numbers(feed, 0)
    assert epoch_numbers(feed, 0) != epoch_numbers(feed, 1)


# --- how they look ---------------------------------------------------------------------------------------------------


def halves(count: int) -> Images:
    """Numbered pictures whose right half is black."""
    images = numbered(count)
    pixels = images.pixels + (images.parts == "train")[:, None, None, None].astype(np.uint8)  # 0 is for the black
    pixels[:, :, :, 8:] = 0
    return replace(images, pixels=pixels)


def test_two_epochs_in_a_row_show_both_sides_of_every_picture() -> None:
    feed = feed_of(halves(40), replace(CONFIG, translate=0))
    seen = []
    for epoch in (0, 1):
        batches = [feed.at(epoch * 5 + step)[0] for step in range(5)]
        corners = torch.cat(batches)[:, 0, 0, [0, -1]].round().int().tolist()
        seen.append({max(pair): pair[0] > 0 for pair in corners})
    first, second = seen
    assert len(first) == 40
    assert {number: not side for number, side in first.items()} == second
    assert 5 < sum(first.values()) < 35


def test_pictures_are_moved_by_up_to_translate_pixels() -> None:
    feed = feed_of(halves(240), replace(CONFIG, translate=2, flip="none"))
    widths = torch.cat([(feed.at(step)[0][:, 0, 8] > 0.5).sum(1) for step in range(feed.steps_per_epoch)])
    assert sorted(set(widths.tolist())) == [6, 7, 8, 9, 10]


def test_the_resolution_follows_the_steps() -> None:
    config = replace(CONFIG, epochs=2.0, resolutions=((16, 0.25), (20, 0.5), (24, 1.0)))
    feed = feed_of(numbered(32, size=32), config)
    assert feed.steps == 8
    assert [feed.size_at(step) for step in range(8)] == [16, 16, 20, 20, 24, 24, 24, 24]
    assert [feed.at(step)[0].shape[2:] for step in (0, 2, 4)] == [(16, 16), (20, 20), (24, 24)]
    assert sorted(epoch_numbers(feed, 0)) == list(range(32))  # one colour stays one colour


def test_the_resolution_is_never_above_that_of_the_pictures() -> None:
    config = replace(CONFIG, resolutions=((16, 0.5), (32, 1.0)))
    feed = feed_of(numbered(32, size=20), config)
    assert [feed.size_at(step) for step in (0, feed.steps - 1)] == [16, 20]


def test_pixels_are_normalised() -> None:
    feed = Feed(numbered(8), CONFIG, Statistics(mean=(0.5,), std=(0.25,)), torch.device("cpu"), Processes())
    colours = feed.at(0)[0][:, 0, 0, 0].sort().values
    np.testing.assert_allclose(colours, (np.arange(8) / 255 - 0.5) / 0.25, atol=1e-5)


# --- the same again, and among several processes ---------------------------------------------------------------------


@pytest.mark.parametrize("sampler", ["shuffle", "balanced"])
def test_a_step_is_the_same_whatever_came_before(sampler: str) -> None:
    images = halves(43)
    config = CONFIG.changed([f"sampler={sampler}", "flip=random"])
    used, fresh = feed_of(images, config), feed_of(images, config)
    in_order = [used.at(step) for step in range(used.steps)]
    for step in (7, 3, 14):
        assert all(torch.equal(*pair) for pair in zip(fresh.at(step), in_order[step], strict=True))


def test_two_processes_share_a_batch_without_overlap() -> None:
    images = halves(43)
    whole = feed_of(images)
    shares = [feed_of(images, processes=Processes(rank=rank, count=2)) for rank in (0, 1)]
    assert [share.steps for share in shares] == [whole.steps] * 2
    for step in (0, 6):
        pictures, labels = whole.at(step)
        for rank, share in enumerate(shares):
            its_pictures, its_labels = share.at(step)
            assert len(its_pictures) == 4
            assert torch.equal(its_pictures, pictures[rank::2])
            assert torch.equal(its_labels, labels[rank::2])


def test_a_batch_must_divide_among_the_processes() -> None:
    with pytest.raises(InputError, match="a batch of 8 pictures does not divide among 3 processes"):
        feed_of(numbered(20), processes=Processes(rank=0, count=3))


def test_there_must_be_something_to_train_on() -> None:
    images = numbered(8)
    with pytest.raises(InputError, match="numbered has no training pictures"):
        feed_of(replace(images, parts=np.full(len(images), "test")))


# --- pictures in a file, windows and colours -------------------------------------------------------------------------


def test_pictures_in_a_file_make_the_same_batches(tmp_path: Path) -> None:
    images = numbered(43)
    np.save(tmp_path / "store.npy", images.pixels)
    rows = Rows(np.load(tmp_path / "store.npy", mmap_mode="r"), np.arange(len(images)))
    one, other = feed_of(images), feed_of(replace(images, pixels=rows))
    for step in (0, 3, 11):
        for a, b in zip(one.at(step), other.at(step), strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize("changes", [{"crop": 0.5}, {"jitter": 0.3}, {"crop": 0.5, "jitter": 0.3}])
def test_windows_and_colours_come_from_the_seed_and_the_step(changes: dict[str, float]) -> None:
    draw = np.random.default_rng(0)
    images = replace(numbered(32), pixels=draw.integers(0, 256, (39, 3, 16, 16), dtype=np.uint8))
    thirds = Statistics(mean=(0.0,) * 3, std=(1.0,) * 3)

    def batch(config: Config) -> Tensor:
        return Feed(images, config, thirds, torch.device("cpu"), Processes()).at(5)[0]

    changed = replace(CONFIG, **changes)
    assert torch.equal(batch(changed), batch(changed))
    assert not torch.equal(batch(changed), batch(CONFIG))
    assert not torch.equal(batch(changed), batch(replace(changed, seed=6)))
    assert batch(changed).min() >= 0
    assert batch(changed).max() <= 1


def test_labels_that_stop_earlier_reach_the_loss_as_unknown() -> None:
    images = numbered(16)
    nodes = np.where(images.labels == 1, 1, images.hierarchy.leaves[images.labels])  # every b is only known to be an X
    labels = np.where(images.labels == 1, -1, images.labels)
    feed = feed_of(replace(images, labels=labels, nodes=nodes, parts=np.full(len(images), "train")))
    seen = torch.cat([feed.at(step)[1] for step in range(feed.steps_per_epoch)])
    known = torch.tensor(images.hierarchy.level_labels)
    assert {tuple(row) for row in seen.tolist()} == {tuple(known[0].tolist()), (0, -1), tuple(known[2].tolist())}
