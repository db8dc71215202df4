"""The confusion matrix that folds: its colours and its frame. The page's script counts the cells, see matrix.js."""

from typing import Any

import plotly.graph_objects as go

from kinwise.hierarchy import Hierarchy
from kinwise.show.theme import figure

MOST_NODES = 300
"""A matrix of more rows than this can neither be read nor drawn in reasonable time: those with most mistakes stay."""
READABLE = 40
"""As it opens, the matrix shows the finest level of no more nodes than this."""
_AXIS: dict[str, Any] = {"showgrid": False, "zeroline": False, "ticks": "", "ticklabeloverflow": "allow"}
"""Of axes of names; looking for overflow would measure every name anew, which takes longer than all the rest."""


def confusion_matrix(hierarchy: Hierarchy) -> go.Figure:
    """Who is taken for whom, without its numbers: rows are true, columns answered, both ordered by the tree.

    The hue of a cell is the severity of the mistake, its strength the share of the row: z is severity + 0.999 x
    share^0.4, so that rare mistakes can be seen. The second trace holds the boxes of families on the diagonal.
    """
    height = int(hierarchy.heights[0])
    return figure(
        go.Heatmap(
            zmin=0,
            zmax=height + 1,
            colorscale=_severity_scale(height),
            showscale=False,
            xgap=0.5,
            ygap=0.5,
            hovertemplate="%{hovertext}<extra></extra>",
        ),
        go.Scatter(mode="lines", line={"color": "var(--text)", "width": 1.2}, opacity=0.5, hoverinfo="skip"),
        xaxis={**_AXIS, "tickangle": -90, "title": {"text": "answered"}},
        yaxis={**_AXIS, "title": {"text": "true"}},
        height=720,
        showlegend=False,
        meta={"zoom": True, "own_tools": True, "most": MOST_NODES, "readable": READABLE},
    )


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
