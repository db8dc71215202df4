"""Charts: numbers in, plotly figures out. Their colours and the figure they start from are in ``theme``."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from kinwise.judge.predictions import Predictions
from kinwise.show.glossary import clock, percent
from kinwise.show.tallies import Reliability, node_accuracy
from kinwise.show.theme import figure, ink, level_colour, text

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
        yaxis={"automargin": True, "tickfont": {"color": "var(--text)", "size": 13}},
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
    ticks = [label.replace(" ", "<br>") for label in labels]
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
        xaxis={"tickvals": labels, "ticktext": ticks, "tickangle": 0},
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


# --- the tree ----------------------------------------------------------------------------------------------------


def accuracy_on_the_tree(predictions: Predictions, answers: np.ndarray) -> go.Figure:
    """The tree as nested boxes: area is the number of pictures, colour the share answered with that very class.

    Inner nodes are frames without a colour; their share, judged at their own level, stands beside their name.
    """
    tree = predictions.hierarchy
    counts, shares = node_accuracy(predictions, answers)
    shown = np.flatnonzero(counts)
    names = ["all classes", *(text(name) for name in tree.names[1:])]
    is_class = tree.heights[shown] == 0
    labels = [
        f"{names[node]}<br>{percent(shares[node], 0)}" if leaf else f"{names[node]}  {percent(shares[node], 0)}"
        for node, leaf in zip(shown, is_class, strict=True)
    ]
    low, span = accuracy_range(shares[shown][is_class])
    fills = sample_colorscale("Cividis", np.clip((shares[shown] - low) / span, 0, 1), colortype="tuple")
    return figure(
        go.Treemap(
            ids=[str(node) for node in shown],
            labels=labels,
            parents=["" if node == 0 else str(tree.parents[node]) for node in shown],
            values=counts[shown],
            textinfo="label",
            textfont={
                "color": [ink(*fill) if leaf else "var(--text)" for fill, leaf in zip(fills, is_class, strict=True)]
            },
            branchvalues="total",
            customdata=[[names[node], percent(shares[node]), f"{counts[node]:,}"] for node in shown],
            hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]} right<br>"
            "%{customdata[2]} pictures<extra></extra>",
            marker={
                "colors": [
                    "rgb({}, {}, {})".format(*(round(255 * channel) for channel in fill)) if leaf else "var(--frame)"
                    for fill, leaf in zip(fills, is_class, strict=True)
                ],
                "line": {"width": 1, "color": "var(--surface)"},
                "pad": {"t": 21, "l": 3, "r": 3, "b": 3},
            },
            tiling={"packing": "squarify", "squarifyratio": 1.5, "pad": 2},
            sort=False,
            pathbar={"visible": False},
        ),
        height=680,
        margin={"l": 0, "r": 0, "t": 0, "b": 4},
        meta={"narrow": {"height": 860}},
    )


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
