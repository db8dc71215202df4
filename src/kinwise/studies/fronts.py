"""The charts of a judged study: class accuracy against average severity, one for each set of rows that compare."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kinwise.show.front_charts import Point, accuracy_against_severity, front_of
from kinwise.show.paper import CAPTIONS, write_drawings
from kinwise.show.sections import Chart
from kinwise.studies.alike import SEVERITY, Alike, name_among
from kinwise.studies.table import MARK, Row
from kinwise.taxonomy import SHUFFLED

if TYPE_CHECKING:
    from kinwise.show.paper.style import Drawing


def points_of(one: Alike) -> list[Point]:
    """A point per row."""
    return [_point(number, row, one.key) for number, row in one.numbered]


def _point(number: int, row: Row, key: str) -> Point:
    right, far = row.figures[key], row.figures[SEVERITY]
    return Point(
        name=name_among(row.place),
        number=number,
        accuracy=right.mean,
        accuracy_half=None if right.high is None else right.high - right.mean,
        severity=far.mean,
        severity_half=None if far.high is None else far.high - far.mean,
        baseline=row.baseline,
        stops=row.stops,
    )


def front_charts(found: Sequence[Alike]) -> Iterator[Chart]:
    """The charts for a page, with their numbers: the front first, the most accurate on top."""
    for place, one in enumerate(found, start=1):
        points = points_of(one)
        front = front_of(points)
        names = "; ".join(points[index].name for index in front) or "nothing, as all may stop at an inner node"
        others = sorted(set(range(len(points))) - set(front), key=lambda index: -points[index].accuracy)
        lines = [
            ["yes" if index in front else "", str(point.number), point.name, *point.told()]
            for index in (*front, *others)
            for point in (points[index],)
        ]
        yield Chart(
            name=f"front-{place}",
            heading=one.heading if one.comparable else f"{one.heading} {MARK}",
            description=f"{one.level} accuracy against average severity of {len(points)} rows of the table; on the "
            f"Pareto front: {names}",
            figure=accuracy_against_severity(points, one.level),
            rows=[["on the front", "no.", "what", f"{one.level} accuracy", "average severity"], *lines],
        )


def write_fronts(folder: Path, found: Sequence[Alike]) -> list[Path]:
    """Write the charts for a paper, NAME.png and NAME.svg, and captions.md; none where nothing is complete.

    Those that captions.md names and that are no longer there are removed.
    """

    def draw() -> list["Drawing"]:
        from kinwise.show.paper.captions import plain
        from kinwise.show.paper.front import front

        return [
            front(points_of(one), one.level, name=name, told=plain(f"{one.heading}.") if one.heading else "")
            for one, name in zip(found, _names(found), strict=True)
        ]

    before = _written(folder)
    written = write_drawings(folder, draw) if found else []
    for path in before:
        if path not in written:
            path.unlink(missing_ok=True)
    return written


def _written(folder: Path) -> list[Path]:
    """The charts in a folder, as captions.md names them, and that file."""
    captions = folder / CAPTIONS
    if not captions.is_file():
        return []
    names = re.findall(r"^## (front[a-z0-9-]*)$", captions.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [*(folder / f"{name}.{kind}" for name in names for kind in ("png", "svg")), captions]


def _names(found: Sequence[Alike]) -> list[str]:
    """What tells each chart's file from the others'; a number where that is not enough."""
    from kinwise.show.paper.style import file_name

    plain = [_name(one) for one in found]
    files = [file_name("front", name) for name in plain]
    numbered = [f"{place} {name}" for place, name in enumerate(plain, start=1)]
    names = [long if files.count(file) > 1 else name for long, file, name in zip(numbered, files, plain, strict=True)]
    return names if len({file_name("front", name) for name in names}) == len(names) else numbered


def _name(one: Alike) -> str:
    """The pictures and the tree of a chart, without the folders that they lie in."""
    tree = one.tree.removesuffix(SHUFFLED)
    stem = Path(tree).stem + one.tree[len(tree) :]
    return "-".join(filter(None, (*(Path(text).name for text in one.apart), stem)))
