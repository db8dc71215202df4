"""The charts of a judged study: class accuracy against average severity, one for each set of rows that compare."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kinwise.show.front_charts import Point, accuracy_against_severity, front_of
from kinwise.show.paper import write_drawings
from kinwise.show.sections import Chart
from kinwise.show.tallies import display
from kinwise.studies.cells import JUDGED_BY
from kinwise.studies.table import MARK, Row
from kinwise.taxonomy import SHUFFLED

if TYPE_CHECKING:
    from kinwise.show.paper.style import Drawing

SEVERITY = "average_severity"
APART = ("data", "split")
"""Axes on which rows have other test pictures: they do not share a chart."""


@dataclass(frozen=True, kw_only=True)
class Front:
    """The rows of one chart: the same pictures, the same tree.

    Attributes:
        apart: the data set and the split, where the study has such axes.
        tree: the name of the tree; empty: the one that the pictures come with.
        key: of the accuracy at the finest level.
        comparable: whether all were judged on the official test pictures.
        points: a point per row.
    """

    apart: tuple[str, ...]
    tree: str
    key: str
    comparable: bool
    points: tuple[Point, ...]

    @property
    def level(self) -> str:
        """The name of the finest level."""
        return display(self.key.removeprefix("accuracy "))

    @property
    def heading(self) -> str:
        """What its rows have in common."""
        said = ", ".join([*self.apart, *([f"judged by the tree {self.tree}"] if self.tree else [])])
        return said[:1].upper() + said[1:] if not self.apart else said


def fronts(rows: Sequence[Row]) -> list[Front]:
    """A chart for each tree and each set of test pictures for which anything is complete."""
    groups: dict[tuple[str, ...], list[tuple[int, Row]]] = {}
    for number, row in enumerate(rows, start=1):
        if row.n:
            apart = tuple(row.place[axis] for axis in APART if axis in row.place)
            groups.setdefault((*apart, row.tree, finest(row)), []).append((number, row))
    return [
        Front(
            apart=key[:-2],
            tree=key[-2],
            key=key[-1],
            comparable=all(row.comparable for _, row in shown),
            points=tuple(_point(number, row, key[-1]) for number, row in shown),
        )
        for key, shown in groups.items()
    ]


def finest(row: Row) -> str:
    """The key of the accuracy at the finest level, which comes last."""
    return [key for key in row.figures if key.startswith("accuracy ")][-1]


def _point(number: int, row: Row, key: str) -> Point:
    right, far = row.figures[key], row.figures[SEVERITY]
    apart = (*APART, JUDGED_BY)
    return Point(
        name=", ".join(text for axis, text in row.place.items() if axis not in apart) or "every run",
        number=number,
        accuracy=right.mean,
        accuracy_half=None if right.high is None else right.high - right.mean,
        severity=far.mean,
        severity_half=None if far.high is None else far.high - far.mean,
        baseline=row.baseline,
        stops=row.stops,
    )


def front_charts(found: Sequence[Front]) -> Iterator[Chart]:
    """The charts for a page, with their numbers: the front first, the most accurate on top."""
    for place, one in enumerate(found, start=1):
        front = front_of(one.points)
        others = sorted(set(range(len(one.points))) - set(front), key=lambda index: -one.points[index].accuracy)
        lines = [
            ["yes" if index in front else "", str(point.number), point.name, *point.told()]
            for index in (*front, *others)
            for point in (one.points[index],)
        ]
        yield Chart(
            name=f"front-{place}",
            heading=one.heading if one.comparable else f"{one.heading} {MARK}",
            description=f"{one.level} accuracy against average severity of {len(one.points)} rows of the table; on the "
            f"Pareto front: {'; '.join(one.points[index].name for index in front)}",
            figure=accuracy_against_severity(one.points, one.level),
            rows=[["on the front", "no.", "what", f"{one.level} accuracy", "average severity"], *lines],
        )


def write_fronts(folder: Path, found: Sequence[Front]) -> list[Path]:
    """Write the charts for a paper, NAME.png and NAME.svg, and captions.md; none where nothing is complete."""

    def draw() -> list["Drawing"]:
        from kinwise.show.paper.captions import plain
        from kinwise.show.paper.front import front

        return [
            front(one.points, one.level, name=name, told=plain(f"{one.heading}.") if one.heading else "")
            for one, name in zip(found, _names(found), strict=True)
        ]

    return write_drawings(folder, draw) if found else []


def _names(found: Sequence[Front]) -> list[str]:
    """What tells each chart's file from the others'; a number where that is not enough."""
    trees = [one.tree.removesuffix(SHUFFLED) for one in found]
    marks = [one.tree[len(tree) :] for one, tree in zip(found, trees, strict=True)]
    stems = [Path(tree).stem + mark for tree, mark in zip(trees, marks, strict=True)]
    plain = ["-".join(filter(None, (*one.apart, stem))) for one, stem in zip(found, stems, strict=True)]
    return [f"{place} {name}" if plain.count(name) > 1 else name for place, name in enumerate(plain, start=1)]
