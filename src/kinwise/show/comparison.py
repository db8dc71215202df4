"""The page of a comparison: what each of the others does better and worse than the baseline, in one HTML file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kinwise.examine.explanations import Explanations
from kinwise.judge.comparison import ClassDifference, Comparison, Difference, Row
from kinwise.judge.comparison_text import CAVEAT, chance, change, verdict
from kinwise.judge.scores import MEASURES
from kinwise.show.comparison_charts import History, direction_colour
from kinwise.show.comparison_sections import class_chart, difference_charts, front, severities, training
from kinwise.show.glossary import SPACE, title, value
from kinwise.show.page import render
from kinwise.show.same_failures import same_failures
from kinwise.show.sections import Chart, Rows
from kinwise.show.tables import Part, Tile, cell, terms
from kinwise.show.tallies import display

FAILURES = {
    "most_confident": "The baseline's most confident mistakes",
    "most_severe": "Of its other mistakes the most severe",
}


class FigureLine(NamedTuple):
    """A figure in a table: its name, which way is better, a cell per run and for the difference, how that is."""

    title: str
    better: str
    cells: list[str]
    direction: str


class ClassLine(NamedTuple):
    """A class in a table: its numbers, how its change and its p are written, and its ancestors."""

    numbers: ClassDifference
    change: str
    p: str
    kin: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Figures that stand together in a table: a level, or the tree."""

    name: str
    lines: list[FigureLine]


@dataclass(frozen=True, kw_only=True)
class Against:
    """Everything the page says about one of the others."""

    name: str
    verdict: str
    tiles: list[Tile]
    outcomes: list[Part]
    differences: list[Chart]
    changed: Chart
    tests: Rows
    classes: list[ClassLine]
    figures: list[Group]


def comparison_html(
    comparison: Comparison,
    *,
    commands: Mapping[str, str] | None = None,
    histories: Sequence[History] = (),
    explained: Sequence[Explanations] = (),
) -> str:
    """One self-contained HTML page; the same input gives the same text.

    Args:
        comparison: what ``compare`` found.
        commands: what to type to compare again, label by shell command.
        histories: for each of the sides one row per epoch, as in ``metrics.jsonl``, or none.
        explained: for each of the sides the explanations of the same pictures, failures of the baseline; or none.

    Raises:
        InputError: when the explanations are not of every side, or not of the same pictures.
    """
    names = [side.name for side in comparison.sides]
    others = [_against(comparison, which) for which in range(len(comparison.differences))]
    common = {"severity": [*severities(comparison), front(comparison)], "training": training(names, histories)}
    shown = [chart for one in others for chart in (*one.differences, one.changed)]
    height = int(comparison.hierarchy.heights[0])
    return render(
        "comparison.html.j2",
        comparison.hierarchy,
        [*shown, *common["severity"], *common["training"]],
        runs=len(names),
        title=f"{', '.join(names[1:])} against {names[0]}",
        comparison=comparison,
        names=names,
        others=others,
        groups=common,
        same=same_failures(comparison, explained),
        failures=[
            (FAILURES[why], [comparison.failure(index) for index in found.tolist()])
            for why, found in comparison.failures().items()
        ],
        sections=_contents(comparison, bool(common["training"]), bool(commands)),
        terms=terms(comparison.sides[0].scores),
        caveat=CAVEAT,
        commands=commands or {},
        colour_of={name: direction_colour(name, height) for name in ("better", "worse", "")},
    )


def _contents(comparison: Comparison, training: bool, commands: bool) -> list[tuple[str, str, bool]]:
    """The sections of the page: id, label, and whether it is there."""
    several = len(comparison.differences) > 1
    own = [
        (f"{kind}-{index}", f"{label}: {one.name}" if several else label, True)
        for index, one in enumerate(comparison.differences, start=1)
        for kind, label in (("differences", "Differences"), ("classes", "Classes"))
    ]
    return [
        *own,
        ("severity", "Mistakes", True),
        ("failures", "The same failures", True),
        ("training", "Training", training),
        ("scores", "All figures", True),
        ("again", "Compare again", commands),
    ]


def _against(comparison: Comparison, which: int) -> Against:
    difference, rows = comparison.differences[which], list(comparison.rows(which))
    return Against(
        name=difference.name,
        verdict=verdict(comparison, which),
        tiles=_tiles(comparison, rows),
        outcomes=_outcomes(difference, int(comparison.hierarchy.heights[0])),
        differences=difference_charts(comparison, which, rows),
        changed=class_chart(comparison, which),
        figures=_figure_groups(rows),
        tests=_tests(difference),
        classes=_classes(comparison, difference),
    )


# --- one against the baseline ------------------------------------------------------------------------------------


def _tiles(comparison: Comparison, rows: Sequence[Row]) -> list[Tile]:
    """The key differences: accuracy of every level, the finest first, then the severities."""
    height = int(comparison.hierarchy.heights[0])
    keys = [(level, "accuracy") for level in comparison.hierarchy.levels[::-1]]
    wanted = [*keys, ("", "average_severity"), ("", "mistake_severity")]
    found = {(row.where, row.key): row for row in rows}
    return [_tile(found[place], height) for place in wanted if found[place].difference]


def _tile(row: Row, height: int) -> Tile:
    shown, limits = _two_lines(change(row.key, row.difference)).split("\n")
    unit = f"{SPACE}points" if MEASURES[row.key].share else ""
    return Tile(
        name=f"{display(row.where)} accuracy" if row.where else MEASURES[row.key].title,
        value=shown,
        interval=f"{limits}{unit}",
        remark=f"{value(row.key, row.baseline)} → {value(row.key, row.other)}",
        colour=direction_colour(row.direction, height),
    )


def _outcomes(difference: Difference, height: int) -> list[Part]:
    colours = {
        "both_right": "var(--line-strong)",
        "mended": "var(--severity-0)",
        "new_mistake": f"var(--severity-{height})",
        "milder": _tinted("var(--severity-0)"),
        "as_severe": "var(--random)",
        "graver": _tinted(f"var(--severity-{height})"),
    }
    names = {"both_right": "right in both", "milder": "wrong in both, milder", "new_mistake": "new mistakes"}
    total = len(difference.outcomes)
    return [
        Part(name=names.get(key, display(key)), share=count / total, shown=f"{count:,}", colour=colours[key])
        for key, count in difference.counts.items()
    ]


def _tinted(colour: str) -> str:
    return f"color-mix(in srgb, {colour} 45%, var(--random))"


def _figure_groups(rows: Sequence[Row]) -> list[Group]:
    groups: dict[str, list[FigureLine]] = {}
    for row in rows:
        cells = [cell(row.key, row.baseline), cell(row.key, row.other), _two_lines(change(row.key, row.difference))]
        line = FigureLine(title(row.key), MEASURES[row.key].better, cells, row.direction)
        groups.setdefault(row.where, []).append(line)
    return [Group(name=display(name) or "on the tree", lines=lines) for name, lines in groups.items()]


def _two_lines(written: str) -> str:
    """A difference, as ``change`` writes it, above its interval."""
    shown, _, limits = written.partition(" ")
    return f"{shown}\n{limits.strip('[]').replace(', ', ' to ')}"


def _tests(difference: Difference) -> Rows:
    head = ["level", "mended", "new mistakes", "p"]
    tests = reversed(difference.tests.items())
    return [head, *([display(n), f"{t.mended:,}", f"{t.new_mistakes:,}", chance(t.p)] for n, t in tests)]


def _classes(comparison: Comparison, difference: Difference) -> list[ClassLine]:
    tree, lines = comparison.hierarchy, []
    for one in difference.classes:
        above = tree.ancestors(int(tree.leaves[tree.class_index[one.name]]))[1:-1]
        shown = _two_lines(change("accuracy", one.difference))
        lines.append(ClassLine(one, shown, chance(one.p_holm), tuple(tree.names[node] for node in above)))
    return lines
