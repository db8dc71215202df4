"""Names beside a matrix: those of its nodes, or of their families, moved apart where they would touch."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from kinwise.hierarchy import Hierarchy
from kinwise.show.paper.style import MUTED, SMALL, fitted, width_of
from kinwise.show.tallies import blocks, level_order

LEADING = 7.4 / 72
"""The least distance between the middles of two names, in inches."""
_WIDEST = 1.7
_LEADER = 0.12


@dataclass(frozen=True, kw_only=True)
class Names:
    """Names of the nodes of one level beside a matrix of the same or of a finer one.

    Attributes:
        level: whose nodes are named.
        texts: their names, in the order of the matrix.
        centres: the middle of each node's rows, counted in rows from the first one's middle.
    """

    level: int
    texts: tuple[str, ...]
    centres: tuple[float, ...]

    @property
    def width(self) -> float:
        """Of the longest name, in inches."""
        return max((width_of(text, SMALL) for text in self.texts), default=0.0)


def names_of_level(tree: Hierarchy, level: int, named: int, *, without: int | None = None) -> Names:
    """The names of level ``named`` for the rows of a matrix of ``level``, but for nodes that level ``without`` has too.

    In a ragged tree a class that ends early stands for itself at the levels below.
    """
    order = level_order(tree, level)
    parents = tree.level_parents(level, named)[order]
    nodes = tree.level_nodes[named][parents]
    known = set() if without is None else set(tree.level_nodes[without].tolist())
    families = [(start, end) for start, end in blocks(parents) if nodes[start] not in known]
    return Names(
        level=named,
        texts=tuple(fitted(tree.names[nodes[start]], _WIDEST) for start, _ in families),
        centres=tuple((start + end - 1) / 2 for start, end in families),
    )


def draw_names(axes: Axes, names: Names, side: float, *, leaders: bool, right: bool = False) -> None:
    """Write the names beside the rows of a matrix of ``side`` inches; leaders lead to where they belong."""
    gap = (_LEADER if leaders else 0.04) / side
    edge, place = (1, 1 + gap) if right else (0, -gap)
    rows = axes.get_ylim()[0] + 0.5
    places = spread(names.centres, LEADING * rows / side, rows)
    where = axes.get_yaxis_transform()
    for text, centre, shown in zip(names.texts, names.centres, places, strict=True):
        axes.text(
            place, shown, text, transform=where, size=SMALL, va="center_baseline", ha="left" if right else "right"
        )
        if leaders:
            inner, outer = edge + (place - edge) * 0.1, edge + (place - edge) * 0.8
            axes.plot([inner, outer], [centre, shown], transform=where, color=MUTED, linewidth=0.4, clip_on=False)


def spread(centres: tuple[float, ...], apart: float, rows: float) -> list[float]:
    """Places as near to rising ``centres`` as may be, ``apart`` from each other, from -.5 to ``rows`` - .5.

    Names that would touch form a group, whose middle is the mean of where they belong. They must fit:
    len(centres) * apart <= rows.
    """
    groups: list[list[float]] = []  # where each name belongs, less its distance to the first of its group
    for centre in centres:
        groups.append([centre])
        while len(groups) > 1 and _end(groups[-2], apart, rows) > _start(groups[-1], apart, rows):
            last = groups.pop()
            groups[-1] += [one - apart * len(groups[-1]) for one in last]
    return [_start(group, apart, rows) + apart * index for group in groups for index in range(len(group))]


def _start(group: list[float], apart: float, rows: float) -> float:
    """Where the first name of a group stands: the mean, kept inside."""
    half = apart / 2
    return float(np.clip(np.mean(group), -0.5 + half, rows - 0.5 + half - apart * len(group)))


def _end(group: list[float], apart: float, rows: float) -> float:
    """Where the first name after a group may stand."""
    return _start(group, apart, rows) + apart * len(group)
