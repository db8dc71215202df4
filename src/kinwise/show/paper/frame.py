"""Where a confusion matrix and its names stand on the paper, in inches."""

from collections.abc import Iterator
from dataclasses import dataclass

from kinwise.hierarchy import Hierarchy
from kinwise.show.paper.names import LEADING, Names, names_of_level
from kinwise.show.paper.style import ONE_COLUMN, TWO_COLUMNS

_LARGEST_CELL = 0.4
_TITLE, _GAP, _LEADER_GAP = 0.2, 0.05, 0.17


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A square matrix with names on its left, those of coarser nodes on its right, and those of its nodes below.

    Attributes:
        size: how many nodes the matrix has.
        width: of the figure.
        left: from the figure's edge to the matrix.
        side: of the matrix.
        beside: the names on the left; none where no level's names fit.
        further: the names on the right.
        below: how much room the names below need.
    """

    size: int
    width: float
    left: float
    side: float
    beside: Names | None
    further: Names | None
    below: float

    @property
    def cell(self) -> float:
        """The side of a cell."""
        return self.side / self.size


def frame_of(tree: Hierarchy, level: int, *, most_below: int) -> Frame:
    """One column where the names of all nodes fit, else two, with the names of the finest level that does.

    Up to ``most_below`` nodes are named below the matrix as well.
    """
    size = tree.level_sizes[level]
    for width, beside, further in _choices(tree, level):
        left = _TITLE + beside.width + (_LEADER_GAP if beside.level < level else _GAP)
        right = further.width + _LEADER_GAP if further else _GAP
        side = min(width - left - right, _LARGEST_CELL * size)
        names = max(len(beside.texts), len(further.texts) if further else 0)
        if side >= LEADING * names:
            below = beside.width + _GAP if beside.level == level and size <= most_below else 0
            left += (width - left - right - side) / 2
            return Frame(size=size, width=width, left=left, side=side, beside=beside, further=further, below=below)
    side = min(TWO_COLUMNS - _TITLE - _GAP, _LARGEST_CELL * size)
    return Frame(size=size, width=TWO_COLUMNS, left=_TITLE, side=side, beside=None, further=None, below=0)


def _choices(tree: Hierarchy, level: int) -> Iterator[tuple[float, Names, Names | None]]:
    """Widths and names, the best first: the finest names, then a narrow figure, then coarser names on the right."""
    for named in range(level, -1, -1):
        beside = names_of_level(tree, level, named)
        if named == level:
            yield ONE_COLUMN, beside, None
        further = names_of_level(tree, level, named - 1, without=named) if named else None
        if further and further.texts:
            yield TWO_COLUMNS, beside, further
        yield TWO_COLUMNS, beside, None
