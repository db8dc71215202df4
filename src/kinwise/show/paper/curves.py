"""Curves for a paper: reliability, risk over coverage, and training."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from kinwise.hierarchy import Hierarchy
from kinwise.judge.predictions import Predictions
from kinwise.judge.scores import Scores
from kinwise.judge.selective import level_curves
from kinwise.show.paper.captions import judged, per_level, plain
from kinwise.show.paper.style import (
    MUTED,
    ONE_COLUMN,
    TEXT,
    TWO_COLUMNS,
    Drawing,
    fitted,
    level_hexes,
    level_lines,
    percents,
)
from kinwise.show.tallies import reliability

_PANELS_SIDE_BY_SIDE = 4
_MOST_POINTS = 500
_MARKERS_PER_LINE = 8
_LOSSES = {"train": "loss", "validation": "validation_loss"}


def reliability_diagrams(predictions: Predictions, scores: Scores) -> Drawing:
    """Accuracy beside confidence, a panel per level."""
    tree = predictions.hierarchy
    truth = tree.level_labels[predictions.labels]
    figure, panels = _panels(len(tree.levels))
    for level, (axes, colour) in enumerate(zip(panels, level_hexes(tree), strict=True)):
        curve = reliability(predictions.probabilities[level], truth[:, level])
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.7, linestyle=(0, (1, 1.5)))
        axes.plot(curve.confidence, curve.accuracy, color=colour)
        axes.scatter(curve.confidence, curve.accuracy, s=6 + 110 * curve.share, color=colour, linewidths=0, zorder=3)
        axes.text(0, 1.04, fitted(tree.levels[level], 1.4, 8), transform=axes.transAxes)
        axes.set_xlabel("confidence")
        if level % _PANELS_SIDE_BY_SIDE:
            axes.tick_params(labelleft=False)
        else:
            axes.set_ylabel("accuracy")
        for which in ("x", "y"):
            percents(axes, which)
        axes.set(xlim=(-0.03, 1.05), ylim=(-0.03, 1.05), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1], aspect="equal")
    errors = per_level(scores, "calibration_error")
    told = f" Calibration error, lower is better, with 95 % intervals: {errors}." if errors else ""
    caption = (
        "Reliability per level: accuracy over confidence in 15 equal bins; the area of a dot grows with its share of "
        f"the pictures, and a calibrated classifier lies on the dotted line.{told} {judged(predictions, scores)}"
    )
    return Drawing(name="reliability", figure=figure, caption=caption)


def risk_over_coverage(predictions: Predictions, answers: np.ndarray, scores: Scores) -> Drawing:
    """The error rate of each level among the pictures with the most confident class answers."""
    tree = predictions.hierarchy
    figure = Figure(figsize=(ONE_COLUMN, 2.4), layout="constrained")
    axes = figure.add_subplot()
    areas = []
    shown = np.unique(np.linspace(0, len(answers) - 1, _MOST_POINTS).round().astype(int))
    for name, line, curve in zip(tree.levels, level_lines(tree), level_curves(predictions, answers), strict=True):
        areas.append(f"{plain(name)} {curve.area:.4f}")
        axes.plot(
            curve.coverage[shown], curve.risk[shown], label=fitted(name, 0.6, 7), markevery=_some(len(shown)), **line
        )
    axes.set(xlabel="coverage", ylabel="error rate among covered", xlim=(0, 1.02))
    axes.set_ylim(0, 1.05 * max(axes.get_ylim()[1], 0.01))
    for which in ("x", "y"):
        percents(axes, which)
    figure.legend(loc="outside lower center", ncols=min(len(tree.levels), 3), handlelength=3)
    caption = (
        "Risk over coverage: the error rate of each level's answer among the share of pictures whose class "
        f"answer has the highest probability. Area under the curve, lower is better: {', '.join(areas)}. "
        f"{judged(predictions, scores)}"
    )
    return Drawing(name="risk-coverage", figure=figure, caption=caption)


def training(history: Sequence[Mapping[str, Any]], hierarchy: Hierarchy) -> list[Drawing]:
    """Loss and accuracy per level over the epochs; none without a history."""
    if not history:
        return []
    figure, (losses, shares) = _panels(2)
    for axes, what in ((losses, "loss"), (shares, "accuracy")):
        axes.set(xlabel="epoch", ylabel=what)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    parts = _parts(history)
    for part, dashes in parts.items():
        rows = [row for row in history if _LOSSES[part] in row]
        epochs = [row["epoch"] for row in rows]
        losses.plot(epochs, [row[_LOSSES[part]] for row in rows], color=TEXT, linestyle=dashes, **_alone(rows))
        rows = [row for row in history if part in row["accuracy"]]
        epochs = [row["epoch"] for row in rows]
        for name, line in zip(hierarchy.levels, level_lines(hierarchy), strict=True):
            values = [row["accuracy"][part][name] for row in rows]
            shares.plot(epochs, values, markevery=_some(len(rows)), **{**line, "linestyle": dashes})
    losses.set(xlim=(0, None), ylim=(0, 1.03 * losses.get_ylim()[1]))
    shares.set(xlim=(0, None), ylim=(0, 1))
    percents(shares, "y")
    handles = list(_keys(hierarchy, parts))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 5), handlelength=2.6)
    told = "no pictures were held out for validation; the curves are those of the training pictures, augmented"
    if len(parts) > 1:
        told = "solid: the validation pictures; dotted: the training pictures, augmented, while they are learnt from"
    caption = f"Training over {len(history)} epochs: loss (left) and accuracy per level (right); {told}."
    return [Drawing(name="training", figure=figure, caption=caption)]


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    """Axes side by side in rows; a single one takes one column."""
    columns = min(count, _PANELS_SIDE_BY_SIDE)
    rows = -(-count // columns)
    width = TWO_COLUMNS if count > 1 else ONE_COLUMN
    height = 2.6 if columns < 3 else width / columns
    figure = Figure(figsize=(width, rows * height), layout="constrained")
    return figure, [figure.add_subplot(rows, columns, place + 1) for place in range(count)]


def _parts(history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The parts of the pictures that are known, and how the lines of each are drawn."""
    if any("validation" in row["accuracy"] for row in history):
        return {"train": ":", "validation": "-"}
    return {"train": "-"}


def _alone(rows: Sequence[Any]) -> dict[str, Any]:
    """One value alone needs a marker to be seen."""
    return {"marker": "o"} if len(rows) == 1 else {}


def _some(points: int) -> int:
    """Every how many points there is a marker."""
    return max(1, points // _MARKERS_PER_LINE)


def _keys(hierarchy: Hierarchy, parts: Mapping[str, Any]) -> Iterator[Line2D]:
    """What the lines of the training mean: levels by colour and marker; parts, where there are two, by dashes."""
    for name, line in zip(hierarchy.levels, level_lines(hierarchy), strict=True):
        yield Line2D([], [], label=fitted(name, 0.9, 7), **{**line, "linestyle": "-"})
    for part, dashes in parts.items() if len(parts) > 1 else ():
        yield Line2D([], [], color=TEXT, linestyle=dashes, label=part)
