"""The charts of a comparison, each with a description and, where no table below has them, its numbers."""

from collections.abc import Sequence

import numpy as np

from kinwise.judge.bootstrap import Figure
from kinwise.judge.comparison import Comparison, Row, direction
from kinwise.judge.comparison_text import change
from kinwise.judge.scores import MEASURES
from kinwise.show import comparison_charts as charts
from kinwise.show.comparison_charts import History
from kinwise.show.glossary import interval, percent, title, value
from kinwise.show.sections import Chart
from kinwise.show.tallies import display, severity_names

MOST_CLASSES = 12


def difference_charts(comparison: Comparison, which: int, rows: Sequence[Row]) -> list[Chart]:
    """The differences of shares and, in another unit, those of all other figures."""
    found = []
    for share, name, heading in ((True, "shares", "Shares, in points"), (False, "others", "Other figures")):
        chosen = [row for row in rows if row.difference and MEASURES[row.key].share == share]
        found.append(_differences_of(comparison, f"{name}-{which + 1}", heading, chosen, 100 if share else 1))
    return found


def _differences_of(comparison: Comparison, name: str, heading: str, rows: Sequence[Row], scale: float) -> Chart:
    names = [f"{title(row.key)}, {row.where}" if row.where else title(row.key) for row in rows]
    shown = [change(row.key, row.difference) for row in rows]
    directions = [row.direction for row in rows]
    return Chart(
        name=f"differences-{name}",
        heading=heading,
        description=f"{heading}: {directions.count('better')} better, {directions.count('worse')} worse, "
        f"{directions.count('')} with an interval that holds 0; the table of all figures has the numbers",
        figure=charts.differences(
            names,
            [_scaled(row.difference, scale) for row in rows if row.difference],
            directions,
            shown,
            height=int(comparison.hierarchy.heights[0]),
        ),
        rows=[],
    )


def _scaled(figure: Figure, scale: float) -> Figure:
    return Figure(scale * figure.value, scale * figure.low, scale * figure.high)


def class_chart(comparison: Comparison, which: int) -> Chart:
    """The classes that gained and lost most, from the one that gained most down."""
    order = comparison.differences[which].classes_by_change()[::-1]
    chosen = order if len(order) <= 2 * MOST_CLASSES else [*order[:MOST_CLASSES], *order[-MOST_CLASSES:]]
    return Chart(
        name=f"classes-{which + 1}",
        heading="The classes that changed most, in points" if len(chosen) < len(order) else "Change in points",
        description=f"Change in accuracy of {len(chosen)} classes, from {display(chosen[0].name)} "
        f"{change('accuracy', chosen[0].difference)} to {display(chosen[-1].name)} "
        f"{change('accuracy', chosen[-1].difference)}; the table below holds all classes",
        figure=charts.differences(
            [one.name for one in chosen],
            [_scaled(one.difference, 100) for one in chosen],
            [direction("accuracy", one.difference) for one in chosen],
            [change("accuracy", one.difference) for one in chosen],
            height=int(comparison.hierarchy.heights[0]),
        ),
        rows=[],
    )


def severities(comparison: Comparison) -> list[Chart]:
    """How severe the answers of every run are, over its mistakes and over all pictures."""
    names = [display(name) for name in severity_names(comparison.hierarchy)]
    sides = comparison.sides
    found = []
    for first, what in ((1, "mistakes"), (0, "pictures")):
        counts = [np.array(side.scores.severity_histogram[first:]) for side in sides]
        if not any(one.sum() for one in counts):
            continue
        rows = [
            [name, *(f"{one[index]:,} ({percent(one[index] / max(one.sum(), 1))})" for one in counts)]
            for index, name in enumerate(names[first:])
        ]
        found.append(
            Chart(
                name=f"severity-{what}",
                heading=f"Of the {what}",
                description=f"Share of the {what} per severity, for each run",
                figure=charts.severities(sides, names, first=first),
                rows=[["severity", *(side.name for side in sides)], *rows],
            )
        )
    return found


def front(comparison: Comparison) -> Chart:
    """Accuracy and average severity of every run."""
    level, rows = comparison.hierarchy.levels[-1], []
    for side in comparison.sides:
        found = ("accuracy", side.scores.level[level]["accuracy"]), ("average_severity", side.average_severity)
        rows.append([side.name, *(f"{value(key, one)} ({interval(key, one)})" for key, one in found)])
    return Chart(
        name="front",
        heading="Accuracy against average severity",
        description="; ".join(f"{name}: accuracy {right}, average severity {far}" for name, right, far in rows),
        figure=charts.accuracy_and_severity(comparison.sides, level),
        rows=[["run", f"{display(level)} accuracy", "average severity"], *rows],
    )


def training(names: Sequence[str], histories: Sequence[History]) -> list[Chart]:
    """Loss and accuracy over the epochs; of validation pictures where every run has them."""
    if not any(histories):
        return []
    known = [row["accuracy"] for history in histories for row in history]
    part = "validation" if all("validation" in accuracy for accuracy in known) else "train"
    return [
        Chart(
            name="curve-loss",
            heading="Training loss",
            description="Training loss over the epochs, for each run",
            figure=charts.losses(names, histories),
            rows=[],
        ),
        Chart(
            name="curve-accuracy",
            heading=f"Class accuracy on {'validation' if part == 'validation' else 'training'} pictures",
            description="Accuracy over the epochs, for each run",
            figure=charts.accuracies(names, histories, part),
            rows=[],
        ),
    ]
