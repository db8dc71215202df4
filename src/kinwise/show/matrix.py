"""The confusion matrix of a level: ordered by the tree, families marked, colours by how severe a mistake is."""

from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from kinwise.hierarchy import Hierarchy
from kinwise.show.tallies import level_order, level_parents, severities, severity_names
from kinwise.show.theme import figure, text

MOST_NODES = 200
"""A matrix of more nodes than this can neither be read nor drawn in reasonable time."""
_MOST_TICKS = 120
_MOST_TEXTS = 12
_QUIET: dict[str, Any] = {"showgrid": False, "zeroline": False, "ticks": "", "ticklabeloverflow": "allow"}
"""Of axes of names; looking for overflow would measure every name anew, which takes longer than all the rest."""


def confusion_matrix(counts: np.ndarray, hierarchy: Hierarchy, level: int) -> go.Figure:
    """Who is taken for whom at one level: rows are true, columns answered, both ordered by the tree.

    ``counts`` has shape (nodes of the level, same). The hue of a cell is the severity of the mistake, its strength the
    share of the row (to the power of 0.4, so that rare mistakes can be seen). Boxes on the diagonal are families.
    """
    order = level_order(hierarchy, level)
    counts = counts[np.ix_(order, order)]
    severity = severities(hierarchy, level)[np.ix_(order, order)]
    totals = counts.sum(axis=1, keepdims=True)
    share = counts / np.maximum(totals, 1)
    names = [text(name) for name in np.array(hierarchy.level_names(level), dtype=object)[order]]
    depth = len(hierarchy.levels)
    kinds = [escape(name, quote=False) for name in severity_names(hierarchy)]
    size, labels = len(order), len(order) <= _MOST_TICKS
    font = float(np.clip(800 / size, 6.5, 12 if size <= _MOST_TEXTS else 11))
    axis = {
        **_QUIET,
        "range": [-0.5, size - 0.5],
        "tickvals": np.arange(size),
        "ticktext": names,
        "showticklabels": labels,
        "tickfont": {"size": font},
    }
    room = 10 + 0.5 * font * max(map(len, names)) if labels else 8
    chart = figure(
        go.Heatmap(
            z=(severity + 0.999 * share**0.4).astype(np.float32),
            zmin=0,
            zmax=depth + 1,
            colorscale=_severity_scale(depth),
            showscale=False,
            customdata=np.stack(np.broadcast_arrays(counts, totals), axis=-1).astype(np.float32),
            hovertext=np.array(kinds, dtype=object)[severity],
            text=[[f"{100 * part:.0f}" if part else "" for part in row] for row in share]
            if size <= _MOST_TEXTS
            else None,
            texttemplate="%{text}",
            hovertemplate="true <b>%{y}</b><br>answered <b>%{x}</b><br>%{customdata[0]:.0f} of "
            "%{customdata[1]:.0f} pictures<br>%{hovertext}<extra></extra>",
        ),
        xaxis={**axis, "tickangle": -90, "title": {"text": "answered"}},
        yaxis={**axis, "range": [size - 0.5, -0.5], "title": {"text": "true"}},
        margin={"l": room + 20, "r": 14, "t": 6, "b": room + 20},
        showlegend=False,
        meta={"square": True, "zoom": True, "narrow": _narrow_matrix(size, level)},
    )
    for above in range(level):
        chart.add_trace(_families(level_parents(hierarchy, level, above)[order], width=1.6 if above < level - 1 else 1))
    if level:
        _name_families(chart, hierarchy, level, order)
    return chart


def _severity_scale(height: int) -> list[list[Any]]:
    """One ramp per severity, from nothing to its full colour, on [severity, severity + 1) out of [0, height + 1]."""
    ramps = height + 1
    return [
        [(severity + part) / ramps, colour]
        for severity in range(ramps)
        for part, colour in (
            (0.0, "var(--surface)"),
            (0.9999 if severity < height else 1.0, f"var(--severity-{severity})"),
        )
    ]


def _narrow_matrix(size: int, level: int) -> dict[str, Any]:
    """On a phone a small matrix names its nodes, a big one its families."""
    if size <= _MOST_TEXTS or not level:
        families = {"yaxis2.showticklabels": False, "margin.r": 14} if level else {}
        return {"xaxis.tickfont.size": 9, "yaxis.tickfont.size": 9, **families}
    nodes = {"xaxis.showticklabels": False, "yaxis.showticklabels": False}
    return {**nodes, "margin.l": 26, "margin.b": 26, "margin.r": 120, "yaxis2.tickfont.size": 8.5}


def _blocks(parents: np.ndarray) -> list[tuple[int, int]]:
    """Where runs of equal parents start and end (exclusive)."""
    edges = np.flatnonzero(np.diff(parents)) + 1
    return list(zip([0, *edges.tolist()], [*edges.tolist(), len(parents)], strict=True))


def _families(parents: np.ndarray, *, width: float) -> go.Scatter:
    """A box on the diagonal around each run of nodes with one parent."""
    x: list[float | None] = []
    y: list[float | None] = []
    for start, end in _blocks(parents):
        low, high = start - 0.5, end - 0.5
        x += [low, high, high, low, low, None]
        y += [low, low, high, high, low, None]
    return go.Scatter(
        x=x, y=y, mode="lines", line={"color": "var(--text)", "width": width}, opacity=0.55, hoverinfo="skip"
    )


def _name_families(chart: go.Figure, hierarchy: Hierarchy, level: int, order: np.ndarray) -> None:
    """Lines between the families of a matrix and their names on the right."""
    parents = level_parents(hierarchy, level, level - 1)[order]
    blocks = _blocks(parents)
    names = [text(hierarchy.level_names(level - 1)[parents[start]]) for start, _ in blocks]
    size = len(order)
    x: list[float | None] = []
    y: list[float | None] = []
    for start, _ in blocks[1:]:
        x += [-0.5, size - 0.5, None, start - 0.5, start - 0.5, None]
        y += [start - 0.5, start - 0.5, None, -0.5, size - 0.5, None]
    chart.add_trace(
        go.Scatter(
            x=x, y=y, yaxis="y2", mode="lines", line={"color": "var(--line-strong)", "width": 0.7}, hoverinfo="skip"
        )
    )
    chart.update_layout(
        yaxis2={
            **_QUIET,
            "overlaying": "y",
            "side": "right",
            "matches": "y",
            "range": [size - 0.5, -0.5],
            "tickvals": [(start + end - 1) / 2 for start, end in blocks],
            "ticktext": names,
            "tickfont": {"size": 11, "color": "var(--muted)"},
        },
        margin={"r": 12 + 5.6 * max(map(len, names))},
    )
