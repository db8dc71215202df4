"""Accuracy against severity for a paper: every classifier with its intervals, the Pareto front named."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from kinwise.show.front_charts import Point, border, first_of_equal, front_of, named, stacked, window
from kinwise.show.glossary import SPACE
from kinwise.show.paper.captions import plain
from kinwise.show.paper.style import LINE, MUTED, SMALL, TEXT, TWO_COLUMNS, Drawing, file_name, fitted
from kinwise.show.theme import severity_colours

_HEIGHT = 3.4
_MARKERS = ("o", "D", "^")
_WIDEST = 2.1
_ROOM = 0.045  # of the height of the axes, from one name to the next


def front(points: Sequence[Point], level: str, *, name: str, told: str) -> Drawing:
    """Every point with its intervals, and the front as a line; better is up and to the left.

    Args:
        points: at least one.
        level: the name of the level whose accuracy it is.
        name: what tells the figure from others of its kind.
        told: what the points were judged by, for the caption.
    """
    chosen = front_of(points)
    (low, high), (left, right) = window(points)
    figure = Figure(figsize=(TWO_COLUMNS, _HEIGHT), layout="constrained")
    axes = figure.add_subplot()
    colour = "#{:02x}{:02x}{:02x}".format(*severity_colours(1, "light")[0])
    if chosen:
        axes.step(*border(points, chosen, right, low), where="post", color=colour, linewidth=0.9, alpha=0.6)
    for index, one in enumerate(points):
        _point(axes, one, colour if index in chosen else MUTED, filled=index in chosen)
    _names(axes, [points[index] for index in reversed(named(first_of_equal(points, chosen)))], low, high)
    axes.set(xlim=(left, right), ylim=(low, high), xlabel="average severity (lower is better)")
    axes.set_ylabel(f"{fitted(level, 1.2, 8)} accuracy (higher is better)")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}{SPACE}%"))
    caption = (
        f"{plain(level)} accuracy against average severity of {len(points)} classifiers, means with 95 % t intervals "
        f"over seeds{_shapes(points)}. {_best([points[index] for index in chosen])}{told}"
    )
    return Drawing(name=file_name("front", name), figure=figure, caption=caption)


def _best(chosen: Sequence[Point]) -> str:
    """The points of the front with their figures, and what a front is; empty where there is none."""
    if not chosen:
        return ""
    best = "; ".join(f"{plain(one.name)} {' and '.join(one.told())}" for one in chosen)
    return (
        "Filled, with the line: the Pareto front of the means, where no other is better in one figure and at least as "
        f"good in the other: {best}. "
    )


def _shapes(points: Sequence[Point]) -> str:
    """What marks mean that are no circles."""
    baseline = "; the diamond is the baseline" if any(one.baseline for one in points) else ""
    if not any(one.stops for one in points):
        return baseline
    return f"{baseline}; triangles may stop at an inner node, stand on no front and may lie outside"


def _point(axes: Axes, one: Point, colour: str, *, filled: bool) -> None:
    axes.errorbar(
        one.severity,
        one.accuracy,
        xerr=one.severity_half or 0,
        yerr=one.accuracy_half or 0,
        fmt=_MARKERS[one.shape],
        color=colour,
        ecolor=colour if filled else LINE,
        elinewidth=0.7,
        markerfacecolor=colour if filled else "white",
        markersize=5 if one.baseline else 3.8,
        markeredgewidth=0.9,
        zorder=3 if filled else 2,
    )


def _names(axes: Axes, rising: Sequence[Point], low: float, high: float) -> None:
    """Names to the upper left of their points, none upon another."""
    places = stacked([(one.accuracy - low) / (high - low) + 0.03 for one in rising], _ROOM)
    for one, place in zip(rising, places, strict=True):
        axes.annotate(
            fitted(one.name, _WIDEST),
            (one.severity, one.accuracy),
            xytext=(-9, (place - (one.accuracy - low) / (high - low)) * _HEIGHT * 0.82 * 72),
            textcoords="offset points",
            ha="right",
            va="center",
            size=SMALL,
            color=TEXT,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
            arrowprops={
                "arrowstyle": "-",
                "color": LINE,
                "linewidth": 0.5,
                "shrinkA": 1,
                "shrinkB": 3,
                "relpos": (1, 0.5),
            },
        )
