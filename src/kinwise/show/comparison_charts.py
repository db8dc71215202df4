"""Charts of a comparison: differences with their intervals, and severities and trainings side by side.

Better is coloured like a right answer, worse like the worst mistake, and what chance may explain is grey. Each run has
the colour ``var(--run-INDEX)``, the baseline the first.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from kinwise.judge.bootstrap import Figure
from kinwise.judge.comparison import Side
from kinwise.show.charts import curve, shares_axis
from kinwise.show.glossary import interval, percent, value
from kinwise.show.theme import figure, names_axis, text

History = Sequence[Mapping[str, Any]]

_DASHES = ("solid", "dash", "dot", "dashdot")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star")
_MOST_TEXTS = 9  # numbers on bars beside each other; more of them would overlap


def direction_colour(direction: str, height: int) -> str:
    """The colour of "better", of "worse", and of a difference that is neither, in a tree of that height."""
    return {"better": "var(--severity-0)", "worse": f"var(--severity-{height})"}.get(direction, "var(--random)")


def differences(
    names: Sequence[str], found: Sequence[Figure], directions: Sequence[str], shown: Sequence[str], *, height: int
) -> go.Figure:
    """Differences as points with their intervals, the first on top; the line is no difference.

    One name, figure, direction and text for pointing at it per difference, all in one unit; ``height`` of the tree.
    """
    names, points = [text(name) for name in names], []
    for direction in dict.fromkeys(directions):
        at = [index for index, one in enumerate(directions) if one == direction]
        colour = direction_colour(direction, height)
        points.append(
            go.Scatter(
                x=[found[i].value for i in at],
                y=at,
                mode="markers",
                marker={"color": colour, "size": 9},
                error_x={
                    "array": [found[i].high - found[i].value for i in at],
                    "arrayminus": [found[i].value - found[i].low for i in at],
                    "color": colour,
                    "thickness": 2.5,
                    "width": 0,
                },
                customdata=[[names[i], shown[i], direction or "possibly chance"] for i in at],
                hovertemplate="%{customdata[0]}<br><b>%{customdata[1]}</b><br>%{customdata[2]}<extra></extra>",
            )
        )
    line = {"type": "line", "x0": 0, "x1": 0, "yref": "paper", "y0": 0, "y1": 1, "line": {"color": "var(--muted)"}}
    return figure(
        *points,
        height=56 + 25 * len(names),
        showlegend=False,
        shapes=[{**line, "layer": "below"}],
        yaxis={
            "tickvals": list(range(len(names))),  # their places: two names may read the same
            "ticktext": names,
            "automargin": True,
            "tickfont": {"color": "var(--text)", "size": 12},
            "range": [len(names) - 0.4, -0.6],
        },
        margin={"l": 20, "r": 16, "t": 6, "b": 34},
        meta={"narrow": {"yaxis.tickfont.size": 10.5}},
    )


def severities(sides: Sequence[Side], names: Sequence[str], *, first: int) -> go.Figure:
    """How severe the answers of each run are: shares of what is left from severity ``first`` on."""
    counts = [np.array(side.scores.severity_histogram[first:], dtype=np.float64) for side in sides]
    shares = [one / max(one.sum(), 1) for one in counts]
    labels = [text(name) for name in names[first:]]
    bars = [
        go.Bar(
            x=labels,
            y=share,
            name=text(side.name),
            marker={"color": f"var(--run-{index})"},
            text=[f"{100 * part:.1f}" for part in share] if len(labels) * len(sides) <= _MOST_TEXTS else None,
            textposition="outside",
            textfont={"size": 11},
            constraintext="none",
            cliponaxis=False,
            customdata=[[f"{count:,.0f}", percent(part)] for count, part in zip(one, share, strict=True)],
            hovertemplate="%{x}<br><b>%{customdata[1]}</b>, %{customdata[0]} pictures<extra>%{fullData.name}</extra>",
        )
        for index, (side, one, share) in enumerate(zip(sides, counts, shares, strict=True))
    ]
    high = min(1.14 * max(float(share.max()) for share in shares), 1.14)
    return figure(
        *bars,
        height=330,
        showlegend=False,
        bargap=0.22,
        bargroupgap=0.06,
        yaxis=shares_axis(max(high, 0.1)),
        xaxis=names_axis(labels),
        margin={"l": 48, "r": 8, "b": 44, "t": 8},
        meta={"narrow": {"xaxis.tickfont.size": 10}},
    )


def accuracy_and_severity(sides: Sequence[Side], level: str) -> go.Figure:
    """Accuracy of the classes against average severity, with intervals; up and to the left is better."""
    points = []
    for index, side in enumerate(sides):
        right, far = side.scores.level[level]["accuracy"], side.average_severity
        lines = {"color": f"var(--run-{index})", "thickness": 1.5, "width": 5}
        points.append(
            go.Scatter(
                x=[far.value],
                y=[right.value],
                name=text(side.name),
                mode="markers",
                marker={"color": f"var(--run-{index})", "size": 12, "symbol": _SYMBOLS[index % len(_SYMBOLS)]},
                error_x={"array": [far.high - far.value], "arrayminus": [far.value - far.low], **lines},
                error_y={"array": [right.high - right.value], "arrayminus": [right.value - right.low], **lines},
                customdata=[[_told("accuracy", right), _told("average_severity", far)]],
                hovertemplate="accuracy %{customdata[0]}<br>average severity %{customdata[1]}"
                "<extra>%{fullData.name}</extra>",
            )
        )
    return figure(
        *points,
        height=340,
        showlegend=False,
        xaxis={"title": {"text": "average severity"}},
        yaxis={"title": {"text": f"{text(level)} accuracy"}, "tickformat": ".1~%"},
        margin={"l": 66, "r": 16, "t": 10, "b": 48},
    )


def _told(key: str, found: Figure) -> str:
    return f"<b>{value(key, found)}</b> ({interval(key, found)})"


def losses(names: Sequence[str], histories: Sequence[History]) -> go.Figure:
    """The training loss of each run over its epochs."""
    return _curves(
        [(index, name, history, [row["loss"] for row in history]) for index, name, history in _known(names, histories)],
        "{:.4f}".format,
        {"rangemode": "tozero"},
    )


def accuracies(names: Sequence[str], histories: Sequence[History], part: str) -> go.Figure:
    """The accuracy of each run's finest level over its epochs, on its ``train`` or ``validation`` pictures."""
    found = []
    for index, name, history in _known(names, histories):
        rows = [row for row in history if part in row["accuracy"]]
        found.append((index, name, rows, [list(row["accuracy"][part].values())[-1] for row in rows]))
    return _curves(found, percent, shares_axis())


def _known(names: Sequence[str], histories: Sequence[History]) -> list[tuple[int, str, History]]:
    """Index, name and history of the runs that have one."""
    pairs = zip(names, histories, strict=True)
    return [(index, text(name), history) for index, (name, history) in enumerate(pairs) if history]


def _curves(found: Sequence[tuple[int, str, History, list[float]]], shown: Any, axis: dict[str, Any]) -> go.Figure:
    lines = [
        curve(history, values, name, shown, color=f"var(--run-{index})", dash=_DASHES[index % len(_DASHES)])
        for index, name, history, values in found
    ]
    return figure(
        *lines, height=320, showlegend=False, xaxis={"title": {"text": "epoch"}, "showgrid": False}, yaxis=axis
    )
