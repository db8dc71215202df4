"""Charts: numbers in, plotly figures out. Their colours and the figure they start from are in ``theme``."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from kinwise.judge.predictions import Predictions
from kinwise.judge.selective import RiskCoverage
from kinwise.show.glossary import SPACE, clock, percent
from kinwise.show.tallies import Reliability, node_accuracy
from kinwise.show.theme import figure, ink, level_colour, names_axis, text

MOST_SECTORS = 600
"""More of them in the rings of a tree take too long to draw."""
_MOST_POINTS = 200
_SHORT = 12

# --- scores ------------------------------------------------------------------------------------------------------


def shares_axis(high: float = 1.0, step: float = 0.2) -> dict[str, Any]:
    """An axis of shares from 0 to ``high`` whose ticks are written in per cent."""
    ticks = np.arange(0, high + 1e-9, step)
    return {"range": [0, high], "tickvals": ticks, "ticktext": [percent(tick, 0) for tick in ticks]}


def accuracy_per_level(levels: Sequence[str], values: np.ndarray, lows: np.ndarray, highs: np.ndarray) -> go.Figure:
    """The accuracy of each level as a bar with its interval; arrays of shape (levels,), shares 0..1."""
    bars = go.Bar(
        x=values,
        y=[text(level) for level in levels],
        orientation="h",
        width=0.62,
        marker={"color": [level_colour(len(levels), level) for level in range(len(levels))]},
        error_x={
            "array": highs - values,
            "arrayminus": values - lows,
            "color": "var(--text)",
            "thickness": 1.5,
            "width": 5,
        },
        text=[f"<b>{percent(value)}</b>" for value in values],
        textposition="inside",
        insidetextanchor="start",
        insidetextfont={"size": 14},
        customdata=[f"{percent(low, 2)} to {percent(high, 2)}" for low, high in zip(lows, highs, strict=True)],
        hovertemplate="%{y}: %{text}<br>95 % interval %{customdata}<extra></extra>",
    )
    return figure(
        bars,
        height=70 + 52 * len(levels),
        xaxis=shares_axis(),
        yaxis={"type": "category", "automargin": True, "tickfont": {"color": "var(--text)", "size": 13}},
        margin={"l": 20, "r": 34, "t": 6, "b": 30},
        showlegend=False,
    )


def severity_histogram(counts: np.ndarray, random: np.ndarray, names: Sequence[str], *, first: int = 0) -> go.Figure:
    """How severe the answers are, beside answers drawn at random.

    ``counts`` and ``random`` hold one number per severity, shape (height + 1,), in any unit; both become shares of
    what is left from severity ``first`` on, so that ``first=1`` compares mistakes only.
    """
    part = slice(first, None)
    shares = [values[part] / max(values[part].sum(), 1e-12) for values in (np.asarray(counts), np.asarray(random))]
    labels = [text(name) for name in names[part]]
    colours = [f"var(--severity-{severity})" for severity in range(first, len(names))]
    what = "mistakes" if first else "pictures"
    high = min(1.14 * max(float(share.max()) for share in shares), 1.14)
    model, chance = (
        go.Bar(
            x=labels,
            y=share,
            name=name,
            marker={"color": colour},
            text=[percent(value) for value in share],
            textposition="outside",
            textfont={"size": 12 if len(labels) < 5 else 10},
            constraintext="none",
            cliponaxis=False,
            hovertemplate=f"%{{x}}<br><b>%{{text}}</b> of {what}<extra>{name}</extra>",
        )
        for name, share, colour in zip(("this model", "random"), shares, (colours, "var(--random)"), strict=True)
    )
    return figure(
        model,
        chance,
        height=320,
        showlegend=False,
        bargap=0.25,
        bargroupgap=0.06,
        yaxis=shares_axis(high),
        xaxis=names_axis(labels),
        margin={"l": 48, "r": 8, "b": 44, "t": 8},
        meta={"narrow": {"xaxis.tickfont.size": 10}},
    )


def reliability_diagram(curve: Reliability, *, colour: str) -> go.Figure:
    """Accuracy over confidence; a calibrated classifier lies on the diagonal, an over-confident one below it."""
    diagonal = go.Scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": "var(--random)", "dash": "dot"}, hoverinfo="skip"
    )
    bins = go.Scatter(
        x=curve.confidence,
        y=curve.accuracy,
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={"color": colour, "size": 6 + 22 * np.sqrt(curve.share), "line": {"width": 0}, "opacity": 0.8},
        customdata=[
            [percent(number) for number in bin_]
            for bin_ in zip(curve.confidence, curve.accuracy, curve.share, strict=True)
        ],
        hovertemplate="confidence %{customdata[0]}<br>accuracy <b>%{customdata[1]}</b><br>"
        "%{customdata[2]} of the pictures<extra></extra>",
    )
    axis = {**shares_axis(step=0.25), "range": [-0.03, 1.04]}
    return figure(
        diagonal,
        bins,
        height=320,
        showlegend=False,
        xaxis={**axis, "title": {"text": "confidence"}},
        yaxis={**axis, "title": {"text": "accuracy"}},
        meta={"square": True},
    )


def risk_coverage_curves(levels: Sequence[str], curves: Sequence[RiskCoverage]) -> go.Figure:
    """The error among the most confident pictures over the share of pictures that is answered, per level."""
    lines = []
    for level, (name, curve) in enumerate(zip(levels, curves, strict=True)):
        pictures = len(curve.coverage)
        at = np.unique(np.ceil(np.linspace(1, pictures, min(pictures, _MOST_POINTS))).astype(int)) - 1
        lines.append(
            go.Scatter(
                x=curve.coverage[at],
                y=100 * curve.risk[at],
                name=text(name),
                mode="lines",
                line={"color": level_colour(len(levels), level), "width": 2.5},
                customdata=[[percent(curve.coverage[i]), percent(curve.risk[i], 2)] for i in at],
                hovertemplate="%{customdata[0]} answered<br><b>%{customdata[1]}</b> wrong"
                "<extra>%{fullData.name}</extra>",
            )
        )
    return figure(
        *lines,
        height=360,
        xaxis={**shares_axis(step=0.25), "range": [0, 1.01], "title": {"text": "coverage: share of pictures answered"}},
        yaxis={"rangemode": "tozero", "ticksuffix": f"{SPACE}%", "title": {"text": "share of wrong answers"}},
        margin={"l": 62},
    )


# --- the tree ----------------------------------------------------------------------------------------------------


def accuracy_on_the_tree(predictions: Predictions, answers: np.ndarray) -> go.Figure:
    """The tree as rings around its root: angle is the number of pictures, colour the share answered with that node.

    An inner node is judged at its own level, a class at the last. In a big tree only the inner rings are shown; those
    below a node appear when it is chosen.
    """
    tree = predictions.hierarchy
    counts, shares = node_accuracy(predictions, answers)
    shown = np.flatnonzero(counts)
    names = ["all classes", *(text(name) for name in tree.names[1:])]
    low, span = accuracy_range(shares[shown][tree.heights[shown] == 0])
    fills = sample_colorscale("Cividis", np.clip((shares[shown] - low) / span, 0, 1), colortype="tuple")
    return figure(
        go.Sunburst(
            ids=[str(node) for node in shown],
            labels=[names[node] for node in shown],
            text=[
                f"{_two_lines(names[node])}<br>{percent(shares[node], 0)}" if tree.heights[node] else names[node]
                for node in shown
            ],
            parents=["" if node == 0 else str(tree.parents[node]) for node in shown],
            values=counts[shown],
            maxdepth=_rings(tree.depths[shown]),
            textinfo="text",
            textfont={"color": [ink(*fill) for fill in fills]},
            insidetextorientation="radial",
            branchvalues="total",
            customdata=[[percent(shares[node]), f"{counts[node]:,}"] for node in shown],
            hovertemplate="<b>%{label}</b><br>%{customdata[0]} right at its level<br>"
            "%{customdata[1]} pictures<extra></extra>",
            marker={
                "colors": ["rgb({}, {}, {})".format(*(round(255 * part) for part in fill)) for fill in fills],
                "line": {"width": 1, "color": "var(--surface)"},
            },
            leaf={"opacity": 1},
            sort=False,
            rotation=90,
        ),
        height=720,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        meta={"square": True},
    )


def _two_lines(name: str) -> str:
    """A long name broken at the space nearest to its middle."""
    spaces = [place for place, sign in enumerate(name) if sign == " "]
    if len(name) <= _SHORT or not spaces:
        return name
    middle = min(spaces, key=lambda place: abs(place - len(name) / 2))
    return f"{name[:middle]}<br>{name[middle + 1 :]}"


def _rings(depths: np.ndarray) -> int:
    """How many rings of the tree can be drawn at once, the root among them; -1 for all."""
    upto = np.cumsum(np.bincount(depths))
    return -1 if upto[-1] <= MOST_SECTORS else max(int(np.count_nonzero(upto <= MOST_SECTORS)), 2)


def accuracy_range(shares: np.ndarray) -> tuple[float, float]:
    """Where the colours of accuracies start, and how much they span: from the lowest tenth to 1."""
    low = min(float(np.floor(10 * shares.min()) / 10), 0.9)
    return low, 1 - low


# --- training ----------------------------------------------------------------------------------------------------


def _epochs(history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """An axis of epochs whose ticks also say how many seconds had passed."""
    at = np.unique(np.linspace(0, len(history) - 1, min(len(history), 6)).round().astype(int))
    ticks = [f"{history[i]['epoch']}<br>{clock(history[i]['seconds'])}" for i in at]
    return {
        "title": {"text": "epoch and time"},
        "tickvals": [history[i]["epoch"] for i in at],
        "ticktext": ticks,
        "showgrid": False,
    }


def curve(
    history: Sequence[Mapping[str, Any]], values: Sequence[float], name: str, shown: Callable[[float], str], **line: Any
) -> go.Scatter:
    """Values over the epochs of a training; ``name`` must be escaped, ``shown`` writes a value in words."""
    return go.Scatter(
        x=[row["epoch"] for row in history],
        y=list(values),
        name=name,
        mode="lines+markers" if len(history) < 40 else "lines",
        line={"width": 2, **line},
        marker={"size": 5},
        customdata=[[clock(row["seconds"]), shown(value)] for row, value in zip(history, values, strict=True)],
        hovertemplate=f"{name}<br>epoch %{{x}}, after %{{customdata[0]}}<br><b>%{{customdata[1]}}</b><extra></extra>",
    )


def loss_curve(history: Sequence[Mapping[str, Any]]) -> go.Figure:
    """The loss over epochs: validation pictures drawn through, training pictures dotted."""
    both = "validation_loss" in history[-1]
    parts = {"training": "loss", "validation": "validation_loss"} if both else {"training": "loss"}
    return _parts_figure(history, {part: [row[key] for row in history] for part, key in parts.items()}, "loss")


def severity_curve(history: Sequence[Mapping[str, Any]]) -> go.Figure:
    """The average severity over epochs: validation pictures drawn through, training pictures (augmented) dotted."""
    parts = {"train": "training", "validation": "validation"}
    values = {
        name: [row["average_severity"][part] for row in history]
        for part, name in parts.items()
        if part in history[-1]["average_severity"]
    }
    return _parts_figure(history, values, "average severity")


def _parts_figure(history: Sequence[Mapping[str, Any]], values: Mapping[str, Sequence[float]], what: str) -> go.Figure:
    """One curve per part of the pictures; the last one drawn through, the one before it dotted."""
    lines = [
        curve(history, found, f"{part} {what}", "{:.4f}".format, color="var(--accent)", dash=dash)
        for (part, found), dash in zip(values.items(), ("dot", "solid")[-len(values) :], strict=True)
    ]
    return figure(*lines, height=300, xaxis=_epochs(history), yaxis={"rangemode": "tozero"}, margin={"b": 64})


def learning_rate_curve(history: Sequence[Mapping[str, Any]]) -> go.Figure:
    """The learning rate over epochs."""
    rates = [row["learning_rate"] for row in history]
    line = curve(history, rates, "learning rate", "{:.3g}".format, color="var(--accent)")
    return figure(line, height=300, xaxis=_epochs(history), yaxis={"rangemode": "tozero"}, margin={"b": 64})


def accuracy_curves(history: Sequence[Mapping[str, Any]], levels: Sequence[str]) -> go.Figure:
    """Accuracy per level over epochs: validation pictures drawn through, training pictures (augmented) dotted."""
    curves = []
    for part, dash in (("train", "dot"), ("validation", "solid")):
        rows = [row for row in history if part in row["accuracy"]]
        for index, level in enumerate(levels):
            if rows:
                values = [row["accuracy"][part][level] for row in rows]
                colour = level_colour(len(levels), index)
                curves.append(curve(rows, values, f"{text(level)}, {part}", percent, color=colour, dash=dash))
    return figure(
        *curves,
        height=380,
        xaxis=_epochs(history),
        yaxis=shares_axis(),
        margin={"b": 64},
        meta={"narrow": {"height": 440, "legend.font.size": 11}},
    )
