"""What a training tells of its own pictures: shares of those whose label is known."""

import pytest
import torch
from easy import TREE

from kinwise.config import Config
from kinwise.learn.losses import UNKNOWN, loss_context
from kinwise.learn.tally import Tally


def scores_for(*answers: tuple[int, int]) -> tuple[torch.Tensor, ...]:
    """Scores of both levels of ``TREE`` whose best are these: (superclass, class) of each picture."""
    return tuple(torch.eye(size)[[answer[level] for answer in answers]] for level, size in enumerate(TREE.level_sizes))


def test_a_level_that_is_not_known_is_no_mistake_at_it() -> None:
    """Two warm and two cold classes. Five pictures: right; right; wrong within its superclass; two known to be warm."""
    tally = Tally(TREE.levels, loss_context(Config(), TREE, torch.device("cpu")))
    first, second = (int(TREE.class_index[name]) for name in TREE.classes[:2])
    above = [int(TREE.level_labels[label, 0]) for label in (first, second)]
    assert above[0] == above[1], "siblings"
    labels = torch.tensor(
        [[above[0], first], [above[0], second], [above[0], first], [above[0], UNKNOWN], [above[0], UNKNOWN]]
    )
    answers = [(above[0], first), (above[0], second), (above[0], second), (above[0], first), (1 - above[0], second)]
    tally.add(torch.tensor(2.0), scores_for(*answers[:2]), labels[:2])
    tally.add(torch.tensor(1.0), scores_for(*answers[2:]), labels[2:])
    figures = tally.figures()
    assert figures.accuracy == {TREE.levels[0]: pytest.approx(4 / 5), TREE.levels[1]: pytest.approx(2 / 3)}
    assert figures.average_severity == pytest.approx(1 / 3)  # one step off, in three pictures of a known class
    assert figures.loss == pytest.approx((2 * 2 + 3 * 1) / 5)


def test_nothing_added_is_nothing_told() -> None:
    figures = Tally(TREE.levels, loss_context(Config(), TREE, torch.device("cpu"))).figures()
    assert (figures.loss, figures.average_severity, set(figures.accuracy.values())) == (0, 0, {0})
