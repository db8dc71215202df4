"""The charts of a report, section by section: each figure with a description and its numbers as a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from kinwise.hierarchy import Hierarchy
from kinwise.judge.predictions import Predictions
from kinwise.judge.scores import Scores
from kinwise.judge.selective import level_curves
from kinwise.show import charts
from kinwise.show.glossary import clock, interval, percent, value
from kinwise.show.matrix import MOST_NODES, confusion_matrix
from kinwise.show.tallies import (
    confusion_counts,
    display,
    node_accuracy,
    reliability,
    severities,
    severity_names,
    top_confusions,
)
from kinwise.show.theme import level_colour

Rows = list[list[str]]

COVERAGES = (1.0, 0.9, 0.75, 0.5)
"""Of the table beside the risk-coverage curves."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A figure with its heading, a description for those who cannot see it, and its numbers, the first row the head."""

    name: str
    heading: str
    description: str
    figure: go.Figure
    rows: Rows


def accuracy(scores: Scores) -> Chart:
    """Accuracy per level."""
    figures = [scores.level[name]["accuracy"] for name in scores.levels]
    rows = [
        [display(n), value("accuracy", f), interval("accuracy", f)] for n, f in zip(scores.levels, figures, strict=True)
    ]
    values, lows, highs = (np.array([getattr(f, part) for f in figures]) for part in ("value", "low", "high"))
    return Chart(
        name="accuracy",
        heading="",
        description="Accuracy per level: " + ", ".join(f"{name} {shown}" for name, shown, _ in rows),
        figure=charts.accuracy_per_level(scores.levels, values, lows, highs),
        rows=[["level", "accuracy", "95 % interval"], *rows],
    )


def severity(scores: Scores, tree: Hierarchy) -> list[Chart]:
    """How severe the answers are, over all pictures and over the mistakes, beside random answers."""
    names = [display(name) for name in severity_names(tree)]
    counts = np.array(scores.severity_histogram, dtype=np.float64)
    random = np.array(scores.reference["random_severity_histogram"], dtype=np.float64)
    found = []
    for first, what in ((1, "mistakes"), (0, "pictures")):
        total = counts[first:].sum()
        if not total:
            continue
        shares, chance = counts[first:] / total, random[first:] / random[first:].sum()
        rows = [
            [name, f"{count:,.0f}", percent(share), percent(by_chance)]
            for name, count, share, by_chance in zip(names[first:], counts[first:], shares, chance, strict=True)
        ]
        found.append(
            Chart(
                name=f"severity-{what}",
                heading=f"Of the {total:,.0f} mistakes" if first else f"Of all {total:,.0f} pictures",
                description=f"Share of {what} per severity: "
                + ", ".join(f"{name} {share} (random {by_chance})" for name, _, share, by_chance in rows),
                figure=charts.severity_histogram(counts, random, names, first=first),
                rows=[["severity", "count", f"share of {what}", "random answers"], *rows],
            )
        )
    return found


def confusion(predictions: Predictions) -> Chart:
    """The confusion matrix; the page's script counts its cells."""
    tree = predictions.hierarchy
    return Chart(
        name="confusion",
        heading="",
        description="Confusion matrix: rows are true, columns answered; the tables hold its most frequent mistakes",
        figure=confusion_matrix(tree),
        rows=[],
    )


def folded_confusions(predictions: Predictions, answers: np.ndarray) -> list[tuple[str, Rows]]:
    """For each level above the classes its name and the most frequent mistakes between its nodes, coarse to fine.

    A class answer counts for its ancestors, as in the matrix, whatever a rule answered at the coarser levels.
    """
    tree = predictions.hierarchy
    found = []
    for level, name in enumerate(tree.levels[:-1]):
        size, place = tree.level_sizes[level], tree.level_labels[:, level]
        if size > MOST_NODES:
            continue
        counts = confusion_counts(place[predictions.labels], place[answers[:, -1]], size)
        names = [display(node) for node in tree.level_names(level)]
        rows = [
            [names[pair.true], names[pair.answered], f"{pair.count:,}", percent(pair.share)]
            for pair in top_confusions(counts, severities(tree, level), 10)
        ]
        if rows:
            found.append((display(name), [["true", "answered", "pictures", "share of true"], *rows]))
    return found


def colour_range(predictions: Predictions, answers: np.ndarray) -> str:
    """Where the colours of the tree start, in per cent."""
    counts, shares = node_accuracy(predictions, answers)
    leaves = predictions.hierarchy.leaves
    return percent(charts.accuracy_range(shares[leaves[counts[leaves] > 0]])[0], 0)


def on_the_tree(predictions: Predictions, answers: np.ndarray) -> Chart:
    """Accuracy of every node of the tree."""
    tree = predictions.hierarchy
    counts, shares = node_accuracy(predictions, answers)
    inner = [node for node in range(1, len(counts)) if tree.heights[node] and counts[node]]
    rows = [[display(tree.names[node]), f"{counts[node]:,}", percent(shares[node])] for node in inner]
    return Chart(
        name="tree",
        heading="",
        description="The tree of classes as rings, coloured by accuracy; the tables below hold the numbers",
        figure=charts.accuracy_on_the_tree(predictions, answers),
        rows=[["node", "pictures", "right at its level"], *rows] if rows else [],
    )


def calibration(predictions: Predictions, scores: Scores) -> list[Chart]:
    """A reliability diagram per level, coarse to fine."""
    tree = predictions.hierarchy
    truth = tree.level_labels[predictions.labels]
    found = []
    for level, name in enumerate(tree.levels):
        curve = reliability(predictions.probabilities[level], truth[:, level])
        error = scores.level[name].get("calibration_error")
        shown = f"calibration error {value('calibration_error', error)}" if error else "calibration error unknown"
        bins = zip(curve.confidence, curve.accuracy, curve.share, strict=True)
        found.append(
            Chart(
                name=f"calibration-{level}",
                heading=f"{display(name).capitalize()}: {shown}",
                description=f"Reliability diagram of level {display(name)}, {shown}",
                figure=charts.reliability_diagram(curve, colour=level_colour(len(tree.levels), level)),
                rows=[["confidence", "accuracy", "share of pictures"], *([percent(v) for v in row] for row in bins)],
            )
        )
    return found


def selective(predictions: Predictions, answers: np.ndarray) -> Chart:
    """The error if only the pictures with the most confident class answers are answered, per level."""
    tree = predictions.hierarchy
    curves = level_curves(predictions, answers)
    rows = [
        [
            display(name),
            *(percent(curve.at(coverage), 2) for coverage in COVERAGES),
            f"{curve.area:.4f}",
            f"{curve.lowest_area:.4f}",
        ]
        for name, curve in zip(tree.levels, curves, strict=True)
    ]
    shown = ", ".join(f"{row[0]} {row[-2]}" for row in rows)
    answered = (f"wrong of {percent(coverage, 0)}" for coverage in COVERAGES)
    return Chart(
        name="selective",
        heading="",
        description=f"Risk-coverage curve of each level; area under it: {shown}",
        figure=charts.risk_coverage_curves(tree.levels, curves),
        rows=[["level", *answered, "area under the curve", "lowest possible area"], *rows],
    )


def training(history: Sequence[Mapping[str, Any]], levels: Sequence[str]) -> list[Chart]:
    """The curves of the training; none without a history."""
    if not history:
        return []
    last = history[-1]
    parts = [part for part in ("train", "validation") if any(part in row["accuracy"] for row in history)]
    columns = [(part, level) for part in parts for level in levels]
    head = ["epoch", "time", *(f"{display(level)}, {part}" for part, level in columns)]
    rows = [
        [
            str(row["epoch"]),
            clock(row["seconds"]),
            *(percent(row["accuracy"][part][level]) if part in row["accuracy"] else "" for part, level in columns),
        ]
        for row in history
    ]
    rates = [[str(row["epoch"]), f"{row['learning_rate']:.4g}"] for row in history]
    losses = [
        [str(row["epoch"]), *(f"{row[key]:.4f}" for key in ("loss", "validation_loss") if key in row)]
        for row in history
    ]
    found = [
        Chart(
            name="curve-accuracy",
            heading="Accuracy",
            description=f"Accuracy per level over {len(history)} epochs",
            figure=charts.accuracy_curves(history, levels),
            rows=[head, *rows],
        ),
        Chart(
            name="curve-loss",
            heading="Loss",
            description=f"Loss over {len(history)} epochs, in training {last['loss']:.4f} at the end",
            figure=charts.loss_curve(history),
            rows=[["epoch", *(f"loss, {part}" for part in parts)], *losses],
        ),
        Chart(
            name="curve-rate",
            heading="Learning rate",
            description=f"Learning rate over {len(history)} epochs",
            figure=charts.learning_rate_curve(history),
            rows=[["epoch", "learning rate"], *rates],
        ),
    ]
    if "average_severity" in last:
        found.insert(2, _severity_curve(history, parts))
    return found


def _severity_curve(history: Sequence[Mapping[str, Any]], parts: Sequence[str]) -> Chart:
    last = history[-1]["average_severity"][parts[-1]]
    rows = [
        [
            str(row["epoch"]),
            *(f"{row['average_severity'][part]:.4f}" for part in parts if part in row["average_severity"]),
        ]
        for row in history
    ]
    return Chart(
        name="curve-severity",
        heading="Average severity",
        description=f"Average severity over {len(history)} epochs, {parts[-1]} {last:.4f} at the end",
        figure=charts.severity_curve(history),
        rows=[["epoch", *(f"average severity, {part}" for part in parts)], *rows],
    )
