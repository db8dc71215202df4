"""A comparison in words and plain tables."""

import textwrap
from collections.abc import Sequence

from kinwise.judge.bootstrap import Figure
from kinwise.judge.comparison import ClassDifference, Comparison, Difference, Row
from kinwise.judge.scores import MEASURES, not_comparable

MOST_CLASSES = 5
CAVEAT = (
    "The intervals say how much other pictures would change a difference, not how much another seed of the training "
    "would; and where nothing differs, one interval in 20 excludes 0 by chance."
)

_WIDTH = 120


def comparison_text(comparison: Comparison) -> str:
    """Plain tables: what each of the others does better and worse than the baseline."""
    lines = [
        f"{comparison.n:,} pictures, decision rule {comparison.decision}, split {comparison.split}; baseline "
        f"{comparison.sides[0].name}; 95 % paired intervals in brackets"
    ]
    if not comparison.comparable:
        lines.append(not_comparable(comparison.split))
    for which, difference in enumerate(comparison.differences):
        lines += ["", textwrap.fill(verdict(comparison, which), _WIDTH)]
        lines += ["", *_figure_lines(list(comparison.rows(which)), comparison.sides[0].name, difference.name)]
        lines += ["", *_test_lines(difference), "", *_class_lines(difference), "", *_picture_lines(difference)]
    return "\n".join([*lines, "", textwrap.fill(CAVEAT, _WIDTH)])


def verdict(comparison: Comparison, which: int) -> str:
    """The result in one sentence: which has the right class more often, and whose answers are further off."""
    rows = {(row.where, row.key): row for row in comparison.rows(which)}
    level = comparison.hierarchy.levels[-1]
    right, severity = rows[level, "accuracy"], rows["", "average_severity"]
    baseline, other = comparison.sides[0].name, comparison.differences[which].name
    often = {"better": "more often than", "worse": "less often than"}.get(right.direction, "about as often as")
    far = {"better": "less severe", "worse": "more severe"}.get(severity.direction, "about as severe")
    return (
        f"{other} gets the right {level} {often} {baseline}: {_instead(right)}; on average its answers are {far}: "
        f"{_instead(severity)}."
    )


def _instead(row: Row) -> str:
    difference = change(row.key, row.difference, " points" if MEASURES[row.key].share else "")
    return f"{_value(row.key, row.other)} instead of {_value(row.key, row.baseline)} ({difference})"


def change(key: str, difference: Figure | None, unit: str = "") -> str:
    """A difference with its interval, shares in points (hundredths): ``+5.49 [+4.57, +6.41]``."""
    if difference is None:
        return "none"
    scale, digits = (100, 2) if MEASURES[key].share else (1, 3)
    value, low, high = (f"{scale * part:+z.{digits}f}" for part in (difference.value, difference.low, difference.high))
    return f"{value}{unit} [{low}, {high}]"


def chance(p: float) -> str:
    """A p value to four digits."""
    return f"{p:.4f}" if p >= 0.0001 else "< 0.0001"


def _value(key: str, figure: Figure | None) -> str:
    if figure is None:
        return "none"
    return f"{100 * figure.value:.2f} %" if MEASURES[key].share else f"{figure.value:.3f}"


def _figure_lines(rows: Sequence[Row], baseline: str, other: str) -> list[str]:
    before, after = (max(12, len(name) + 2) for name in (baseline, other))
    lines: list[str] = []
    for index, row in enumerate(rows):
        if index == 0 or rows[index - 1].where != row.where:
            head = f"{row.where or 'on the tree':<30}{baseline:<{before}}{other:<{after}}"
            lines += [*([""] if lines else []), f"{head}{'difference (of shares in points)':<34}".rstrip()]
        cells = f"{_value(row.key, row.baseline):<{before}}{_value(row.key, row.other):<{after}}"
        line = f"  {MEASURES[row.key].title:<28}{cells}{change(row.key, row.difference):<34}{row.direction}"
        lines.append(line.rstrip())
    return lines


def _test_lines(difference: Difference) -> list[str]:
    lines = [f"{'McNemar (exact, two-sided)':<30}{'mended':<12}{'new mistakes':<16}p"]
    for level, test in difference.tests.items():
        lines.append(f"  {level:<28}{test.mended:<12,}{test.new_mistakes:<16,}{chance(test.p)}")
    return lines


def _class_lines(difference: Difference) -> list[str]:
    order = difference.classes_by_change()
    gained = [one for one in order[::-1] if one.difference.value > 0][:MOST_CLASSES]
    lost = [one for one in order if one.difference.value < 0][:MOST_CLASSES]
    lines = []
    for what, classes in (("classes that gained most", gained), ("classes that lost most", lost)):
        lines.append(f"{what:<30}{'mended':<12}{'new mistakes':<16}{'p (Holm)':<12}difference in points")
        lines += [_class_line(one) for one in classes] or ["  none"]
    return lines


def _class_line(one: ClassDifference) -> str:
    cells = f"{one.test.mended:<12,}{one.test.new_mistakes:<16,}{chance(one.p_holm):<12}"
    return f"  {one.name:<28}{cells}{change('accuracy', one.difference)}"


def _picture_lines(difference: Difference) -> list[str]:
    counts = difference.counts
    both_wrong = counts["milder"] + counts["as_severe"] + counts["graver"]
    return [
        f"pictures: {counts['both_right']:,} right in both, {counts['mended']:,} mended, "
        f"{counts['new_mistake']:,} new mistakes, {both_wrong:,} wrong in both",
        f"of the {both_wrong:,} wrong in both: {counts['milder']:,} milder, {counts['as_severe']:,} as severe, "
        f"{counts['graver']:,} graver",
    ]
