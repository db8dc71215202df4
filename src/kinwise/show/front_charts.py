"""Accuracy against severity of many classifiers: a point for each, and the Pareto front of what is worth choosing.

On the front points are filled and named, all others are hollow; so it can be read without colours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from kinwise.judge.front import pareto_front
from kinwise.show.glossary import SPACE
from kinwise.show.theme import figure, text

MOST_NAMED = 12
"""Points of the front with their names; of a longer one as many, evenly spread, and both ends."""
_ROOM = 17  # pixels from one name to the next
_LONGEST = 0.2
_SYMBOLS = ("circle", "diamond", "triangle-up")
_BELOW, _ABOVE, _HEIGHT = 52, 14, 500


@dataclass(frozen=True, kw_only=True)
class Point:
    """A classifier: its name, and two figures with half the width of their intervals, None where there is none.

    Attributes:
        name: in words.
        number: its row in the table beside.
        accuracy: the mean, 0..1.
        accuracy_half: half its interval.
        severity: the mean average severity.
        severity_half: half its interval.
        baseline: whether others are held against it.
        stops: whether its answers may stop at an inner node: it says less, so it stands on no front.
    """

    name: str
    number: int
    accuracy: float
    accuracy_half: float | None
    severity: float
    severity_half: float | None
    baseline: bool = False
    stops: bool = False

    @property
    def shape(self) -> int:
        """0: always a class; 1: the baseline; 2: may stop at an inner node."""
        return 2 if self.stops else int(self.baseline)

    def told(self) -> tuple[str, str]:
        """Both figures as they are read: "66.00 ± 1.00 %" and "0.738 ± 0.008"."""
        right = "" if self.accuracy_half is None else f" ± {100 * self.accuracy_half:.2f}"
        far = "" if self.severity_half is None else f" ± {self.severity_half:.3f}"
        return f"{100 * self.accuracy:.2f}{right}{SPACE}%", f"{self.severity:.3f}{far}"


def front_of(points: Sequence[Point]) -> list[int]:
    """The indices of the points on the Pareto front of the means, the most accurate first; equal ones all of them."""
    whole = [index for index, one in enumerate(points) if not one.stops]
    found = pareto_front(np.array([[points[index].accuracy, points[index].severity] for index in whole]))
    return [whole[place] for place in found]


def window(points: Sequence[Point]) -> tuple[tuple[float, float], tuple[float, float]]:
    """What the axes span, accuracy and severity: all points that answer classes; the others may lie outside."""
    seen = [one for one in points if not one.stops] or points
    return (
        limits([one.accuracy for one in seen], [one.accuracy_half for one in seen], 0.06, 0.16),
        limits([one.severity for one in seen], [one.severity_half for one in seen], 0.34, 0.05),
    )


def named(front: Sequence[int]) -> list[int]:
    """Those of a front that have room for their names."""
    if len(front) <= MOST_NAMED:
        return list(front)
    return [front[place] for place in np.linspace(0, len(front) - 1, MOST_NAMED).round().astype(int)]


def first_of_equal(points: Sequence[Point], front: Sequence[int]) -> list[int]:
    """A front with the first alone of the points that lie in one place, so that no name is drawn upon another."""
    different: dict[tuple[float, float], int] = {}
    for index in front:
        different.setdefault((points[index].accuracy, points[index].severity), index)
    return list(different.values())


def border(points: Sequence[Point], front: Sequence[int], edge: float, low: float) -> tuple[list[float], list[float]]:
    """The corners of the border of what is beaten: severities and accuracies, right from each to the next, then up.

    Args:
        points: all of them.
        front: the indices of those on the front, the most accurate first; at least one.
        edge: the severity at which the chart ends.
        low: the accuracy at which it begins.
    """
    rising = [points[index] for index in reversed(front)]
    return (
        [rising[0].severity, *(one.severity for one in rising), edge],
        [low, *(one.accuracy for one in rising), rising[-1].accuracy],
    )


def stacked(places: Sequence[float], least: float) -> list[float]:
    """Rising ``places``, each moved up just as far as leaves ``least`` between neighbours."""
    found: list[float] = []
    for place in places:
        found.append(max(place, found[-1] + least) if found else place)
    return found


def limits(values: Sequence[float], halves: Sequence[float | None], before: float, after: float) -> tuple[float, float]:
    """What an axis spans: all values with their intervals, and shares of that span before and after them.

    An interval much longer than the values lie apart does not count whole: it leaves the chart.
    """
    apart = max(values) - min(values)
    longest = _LONGEST * apart if apart else np.inf
    cut = [min(half or 0.0, longest) for half in halves]
    low = min(value - half for value, half in zip(values, cut, strict=True))
    high = max(value + half for value, half in zip(values, cut, strict=True))
    span = (high - low) or max(abs(high), 1) / 10
    return low - before * span, high + after * span


def accuracy_against_severity(points: Sequence[Point], level: str) -> go.Figure:
    """Every point with its intervals, and the front as a line; better is up and to the left.

    Args:
        points: at least one.
        level: the name of the level whose accuracy it is.
    """
    front = front_of(points)
    apart = first_of_equal(points, front)
    (low, high), (left, right) = window(points)
    others = [index for index in range(len(points)) if index not in front]
    return figure(
        *_line(points, front, right, low),
        _discs(points, others, "var(--page)", "var(--muted)", "var(--line-strong)"),
        _discs(points, front, "var(--accent)", "var(--accent)", "var(--accent)"),
        height=_HEIGHT,
        showlegend=False,
        annotations=_names(points, named(apart), low, high),
        xaxis={"range": [left, right], "title": {"text": "average severity (lower is better)"}},
        yaxis={
            "range": [100 * low, 100 * high],
            "ticksuffix": f"{SPACE}%",
            "title": {"text": f"{text(level)} accuracy (higher is better)"},
        },
        margin={"l": 72, "r": 16, "t": _ABOVE, "b": _BELOW},
        meta={"zoom": True, "narrow": {"annotations": _numbers(points, apart), "height": 420}},
    )


def _line(points: Sequence[Point], front: Sequence[int], edge: float, low: float) -> list[go.Scatter]:
    if not front:
        return []
    severities, accuracies = border(points, front, edge, low)
    line = go.Scatter(
        x=severities,
        y=[100 * value for value in accuracies],
        mode="lines",
        line={"color": "var(--accent)", "width": 1.5, "shape": "hv"},
        opacity=0.55,
        hoverinfo="skip",
    )
    return [line]


def _discs(points: Sequence[Point], chosen: Sequence[int], fill: str, edge: str, bars: str) -> go.Scatter:
    shown = [points[index] for index in chosen]

    def halves(found: list[float | None], factor: float) -> dict[str, object]:
        return {"array": [factor * (half or 0) for half in found], "color": bars, "thickness": 1.2, "width": 3}

    return go.Scatter(
        x=[one.severity for one in shown],
        y=[100 * one.accuracy for one in shown],
        error_x=halves([one.severity_half for one in shown], 1),
        error_y=halves([one.accuracy_half for one in shown], 100),
        mode="markers",
        marker={
            "size": [13 if one.baseline else 9 for one in shown],
            "symbol": [_SYMBOLS[one.shape] for one in shown],
            "color": fill,
            "opacity": 1,
            "line": {"color": edge, "width": 1.8},
        },
        customdata=[[text(one.name), *one.told(), one.number] for one in shown],
        hovertemplate="<b>%{customdata[0]}</b><br>accuracy %{customdata[1]}<br>average severity %{customdata[2]}"
        "<br>row %{customdata[3]} of the table<extra></extra>",
    )


def _names(points: Sequence[Point], chosen: Sequence[int], low: float, high: float) -> list[dict[str, object]]:
    """The names of points to the upper left of them, where no point can be, none upon another."""
    rising = [points[index] for index in reversed(chosen)]
    pixels = [(one.accuracy - low) / (high - low) * (_HEIGHT - _ABOVE - _BELOW) for one in rising]
    moved = stacked([place + 10 for place in pixels], _ROOM)
    return [
        {
            "x": one.severity,
            "y": 100 * one.accuracy,
            "ax": -16,
            "ay": place - above,
            "xanchor": "right",
            "text": text(one.name),
            "font": {"size": 12, "color": "var(--text)"},
            "bgcolor": "var(--surface)",
            "borderpad": 0,
            "showarrow": True,
            "arrowhead": 0,
            "arrowwidth": 1,
            "arrowcolor": "var(--line-strong)",
            "standoff": 6,
        }
        for one, place, above in zip(rising, pixels, moved, strict=True)
    ]


def _numbers(points: Sequence[Point], chosen: Sequence[int]) -> list[dict[str, object]]:
    """On a phone there is room for the numbers of the rows alone."""
    return [
        {
            "x": points[index].severity,
            "y": 100 * points[index].accuracy,
            "text": str(points[index].number),
            "xanchor": "right",
            "yanchor": "bottom",
            "xshift": -4,
            "showarrow": False,
            "font": {"size": 11, "color": "var(--text)"},
        }
        for index in chosen
    ]
