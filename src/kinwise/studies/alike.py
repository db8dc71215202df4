"""Rows of a study that compare: judged on the same pictures, by the same tree, down to a level of the same name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kinwise.show.tallies import display
from kinwise.studies.cells import JUDGED_BY
from kinwise.studies.table import Row

SEVERITY = "average_severity"
PICTURES = ("data", "split")
"""What decides on which pictures a run is judged."""


@dataclass(frozen=True, kw_only=True)
class Alike:
    """Rows that compare.

    Attributes:
        apart: the data set and the split, each where not all rows of the study share it, or where it is an axis.
        tree: the name of the tree; empty: the one that the pictures come with.
        by: which tree it is, in words; empty where all rows have the one that the pictures come with.
        key: of the accuracy at the finest level.
        numbered: the rows, each with its number in the table.
    """

    apart: tuple[str, ...]
    tree: str
    by: str
    key: str
    numbered: tuple[tuple[int, Row], ...]

    @property
    def level(self) -> str:
        """The name of the finest level."""
        return display(self.key.removeprefix("accuracy "))

    @property
    def heading(self) -> str:
        """What its rows have in common."""
        said = ", ".join([*self.apart, *([f"judged by {self.by}"] if self.by else [])])
        return said[:1].upper() + said[1:] if not self.apart else said

    @property
    def where(self) -> str:
        """The same at the start of a sentence."""
        pictures = f"on {', '.join(self.apart)}," if self.apart else ""
        return " ".join(filter(None, (pictures, f"by {self.by}" if self.by else "")))

    @property
    def comparable(self) -> bool:
        """Whether all were judged on the official test pictures."""
        return all(row.comparable for _, row in self.numbered)


def alike(rows: Sequence[Row], apart: Sequence[str] = PICTURES) -> list[Alike]:
    """The rows for which anything is complete, put together as they compare, in the order of the table.

    ``apart`` names which of ``PICTURES`` keep rows apart.
    """
    said = [
        key for key in apart if any(key in row.place for row in rows) or len({getattr(row, key) for row in rows}) > 1
    ]
    several = len({row.tree for row in rows}) > 1
    groups: dict[tuple[str, ...], list[tuple[int, Row]]] = {}
    for number, row in enumerate(rows, start=1):
        if row.n:
            pictures = [getattr(row, key) for key in apart]
            groups.setdefault((*pictures, row.tree, finest(row)), []).append((number, row))
    found = []
    for (*_, tree, key), numbered in groups.items():
        own = "the tree that the pictures come with" if several else ""
        first = numbered[0][1]
        one = Alike(
            apart=tuple(filter(None, (getattr(first, name) for name in said))),
            tree=tree,
            by=f"the tree {tree}" if tree else own,
            key=key,
            numbered=tuple(numbered),
        )
        found.append(one)
    return found


def finest(row: Row) -> str:
    """The key of the accuracy at the finest level, which comes last."""
    return [key for key in row.figures if key.startswith("accuracy ")][-1]


def name_among(place: Mapping[str, str]) -> str:
    """A place in words among those that compare with it."""
    return ", ".join(text for axis, text in place.items() if axis not in (*PICTURES, JUDGED_BY)) or "every run"
