"""The table of a study: a row for every place on its axes, with means and t intervals over seeds."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kinwise.judge.bootstrap import Figure
from kinwise.judge.scores import MEASURES, Scores
from kinwise.show.tallies import display

CONFIDENCE = 0.95
SIDE_BY_SIDE = 4
MARK = "†"
NOT_COMPARABLE = (
    f"{MARK} Training and test pictures were merged and split again: not comparable with scores on the official split."
)
MAY_STOP = (
    "may stop at an inner node: read these rows with their coverage; they stand on no front and are not compared with "
    "the baseline."
)
ALONE = "One seed alone has no interval."


class Column(NamedTuple):
    """A figure of the table: its key, its name in words, which way is better, and how it is written."""

    key: str
    title: str
    better: str
    unit: str = ""
    digits: int = 3

    @property
    def name(self) -> str:
        """The title with the unit: "class accuracy, %"."""
        return f"{self.title}, {self.unit}" if self.unit else self.title

    @property
    def heading(self) -> str:
        """The name with the direction that is better: "class accuracy, % ↑"."""
        return f"{self.name} {'↑' if self.better == 'higher' else '↓'}"

    @property
    def factor(self) -> float:
        """What a figure is multiplied with to be written."""
        return 100.0 if self.unit == "%" else 1.0


STOPPING = (
    Column("coverage", "coverage", "higher", "%", 2),
    Column("accuracy_of_answers", "accuracy of answers given", "higher", "%", 2),
    Column("specificity", "specificity", "higher", "%", 2),
)
"""Of decision rules alone whose answers may stop at an inner node."""


class Spread(NamedTuple):
    """The mean of a figure over runs that differ in the seed alone, and its 95 % t interval; of one run there is none.

    It shows how far other seeds would move the mean on the same pictures, not what other pictures would do.
    """

    mean: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, kw_only=True)
class Row:
    """All runs at one place, seeds apart.

    Attributes:
        place: the value on every axis but the seed.
        planned: how many runs the study has there.
        n: how many of them are complete.
        failed: the names of those that failed.
        figures: of the complete runs: key of the column -> mean and interval; a figure that is undefined is left out.
        comparable: whether all were judged on the official test pictures.
        decision: the rule that their answers come from; empty: the one they were judged by when they were trained.
        data: the name of the data set; empty where the study names none.
        split: the name of the split.
        tree: the name of the tree they were judged by; empty: the one that their pictures come with.
        baseline: whether others are held against it.
        stops: whether its answers may stop at an inner node.
        rules: those that the answers of its runs come from.
    """

    place: dict[str, str]
    planned: int
    n: int
    failed: tuple[str, ...] = ()
    figures: dict[str, Spread]
    comparable: bool = True
    decision: str = ""
    data: str = ""
    split: str = ""
    tree: str = ""
    baseline: bool = False
    stops: bool = False
    rules: tuple[str, ...] = ()


def spread(values: Sequence[float]) -> Spread:
    """mean +- t * s / sqrt(n): s^2 = sum (x - mean)^2 / (n - 1), t the 97.5 % quantile of n - 1 degrees of freedom.

    Student, Biometrika 1908. In the unit of ``values``, of which there is at least one; it takes them for normal, so
    the interval of a share may reach beyond 0 or 1.
    """
    from scipy.special import stdtrit

    numbers = np.asarray(values, dtype=np.float64)
    mean, n = float(numbers.mean()), len(numbers)
    if n == 1:
        return Spread(mean, None, None, n)
    half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2) * numbers.std(ddof=1) / np.sqrt(n))
    return Spread(mean, mean - half, mean + half, n)


def columns(scores: Sequence[Scores]) -> tuple[Column, ...]:
    """The figures that a table of these scores shows: accuracy of every level, the finest first, then the tree's."""
    levels = {name: None for one in scores for name in reversed(one.levels)}
    others = (
        "average_severity",
        "mistake_severity",
        "full_path_accuracy",
        "inconsistent_paths",
        "hierarchical_distance_at_5",
        "calibration_error",
    )
    stopping = STOPPING if any(map(may_stop, scores)) else ()
    return (
        *map(accuracy_column, levels),
        *map(figure_column, others),
        *stopping,
        Column("seconds", "training", "lower", "s", 1),
    )


def may_stop(scores: Scores) -> bool:
    """Whether these are the scores of answers that may stop at an inner node."""
    return getattr(scores, "stopping", None) is not None


def accuracy_column(level: str) -> Column:
    """The column of the accuracy at a level."""
    return Column(f"accuracy {level}", f"{display(level)} accuracy", "higher", "%", 2)


def figure_column(key: str) -> Column:
    """The column of a key of ``MEASURES``."""
    measure = MEASURES[key]
    share = {"unit": "%", "digits": 2} if measure.share else {}
    return Column(key, measure.title, measure.better, **share)  # type: ignore[arg-type]


def row(place: Mapping[str, str], *, planned: int, scores: Sequence[Scores], failed: Sequence[str] = ()) -> Row:
    """The row at ``place``, whose complete runs have these ``scores``."""
    found = [figures(one) for one in scores]
    keys = {key: None for one in found for key in one}
    return Row(
        place=dict(place),
        planned=planned,
        n=len(scores),
        failed=tuple(failed),
        figures={key: spread([one[key] for one in found if key in one]) for key in keys},
        comparable=all(one.comparable for one in scores),
        stops=any(map(may_stop, scores)),
        rules=tuple(dict.fromkeys(one.decision for one in scores)),
    )


def figures(scores: Scores) -> dict[str, float]:
    """The figures of one run by their column's key; those that are undefined are left out."""
    found = {f"accuracy {name}": accuracy for name, accuracy in scores.accuracy.items()}
    finest = scores.level[scores.levels[-1]]
    known = {key: one.value for key, one in {**scores.hierarchy, **finest}.items() if isinstance(one, Figure)}
    if may_stop(scores):
        found_by_key = {column.key: getattr(scores.stopping, column.key) for column in STOPPING}
        known |= {key: one.value for key, one in found_by_key.items() if one}
    known |= {key: float(number) for key, number in (scores.training or {}).items() if key == "seconds"}
    return found | {column.key: known[column.key] for column in columns([scores]) if column.key in known}


# --- writing --------------------------------------------------------------------------------------------------------


def cell(column: Column, found: Spread | None) -> str:
    """A figure with half its interval: "67.74 ± 0.44", or "67.74" of one seed; empty where there is none."""
    if found is None:
        return ""
    shown = f"{column.factor * found.mean:.{column.digits}f}"
    if found.high is None:
        return shown
    return f"{shown} ± {column.factor * (found.high - found.mean):.{column.digits}f}"


def grid(rows: Sequence[Row], shown: Sequence[Column]) -> list[list[str]]:
    """The table as texts, the first line its head."""
    axes = list(rows[0].place) if rows else []
    lines = [[*axes, "seeds", *(column.heading for column in shown)]]
    for one in rows:
        count = str(one.n) if one.n == one.planned else f"{one.n} of {one.planned}"
        mark = "" if one.comparable else f" {MARK}"
        cells = [cell(column, one.figures.get(column.key)) for column in shown]
        lines.append([*one.place.values(), count + mark, *cells])
    return lines


def notes(rows: Sequence[Row]) -> list[str]:
    """What has to be said below the table."""
    said = ["Means over seeds ± half the 95 % t interval over them."]
    if any(one.n == 1 for one in rows):
        said.append(ALONE)
    if not all(one.comparable for one in rows):
        said.append(NOT_COMPARABLE)
    return said


def markdown(rows: Sequence[Row], shown: Sequence[Column]) -> str:
    """The table in Markdown, without its notes."""
    return markdown_of(grid(rows, shown), words=len(rows[0].place) if rows else 0)


def markdown_of(lines: Sequence[Sequence[str]], *, words: int) -> str:
    """Lines of texts, the first the head, in Markdown; the first ``words`` columns hold no numbers.

    What would end a cell is escaped.
    """
    escaped = [[text.replace("|", r"\|").replace("\n", " ") for text in line] for line in lines]
    rule = [":--" if place < words else "--:" for place in range(len(lines[0]))]
    return "".join(f"| {' | '.join(line)} |\n" for line in (escaped[0], rule, *escaped[1:]))


def plain(rows: Sequence[Row], shown: Sequence[Column]) -> str:
    """The table for a terminal: a few columns at a time, one below the other, each with the axes before it."""
    starts = range(0, max(len(shown), 1), SIDE_BY_SIDE)
    return "\n\n".join(aligned(grid(rows, shown[start : start + SIDE_BY_SIDE])) for start in starts)


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Lines of texts as columns that stand below each other."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


def comma_separated(rows: Sequence[Row], shown: Sequence[Column]) -> str:
    """The table as CSV: the axes, then plain numbers; of each figure mean, low, high and n. Shares are 0..1."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    axes = list(rows[0].place) if rows else []
    writer.writerow(
        [*axes, "runs", "planned", "failed", "comparable"]
        + [f"{column.key.replace(' ', '_')}_{part}" for column in shown for part in Spread._fields]
    )
    for one in rows:
        numbers = [
            "" if number is None else repr(number)
            for column in shown
            for number in one.figures.get(column.key, (None, None, None, 0))
        ]
        facts = [one.n, one.planned, " ".join(one.failed), str(one.comparable).lower()]
        writer.writerow([*one.place.values(), *facts, *numbers])
    return text.getvalue()
