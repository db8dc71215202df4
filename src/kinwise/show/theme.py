"""How figures and page look: the colours of both schemes and the plotly figure every chart starts from.

Figures name colours as CSS variables ("var(--severity-1)"). The page defines them for the light and the dark scheme
and its script looks them up, so one figure serves both. One idea of colour runs through everything: severity 0 is the
right class (blue), the mildest mistake is green, the worst vermilion (Okabe and Ito, safe for the colour-blind); a
level has the colour of the answers that are right down to it. Runs side by side have colours of their own, the first,
the baseline, is grey.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from kinwise.show.tallies import display

Colour = tuple[int, int, int]

_RIGHT: dict[str, Colour] = {"light": (0, 114, 178), "dark": (86, 180, 233)}
_MISTAKES: dict[str, tuple[Colour, Colour, Colour]] = {
    "light": ((0, 158, 115), (230, 159, 0), (213, 94, 0)),
    "dark": ((46, 190, 145), (240, 178, 50), (240, 115, 50)),
}
_RUNS: dict[str, tuple[Colour, ...]] = {
    "light": ((107, 116, 128), (142, 78, 198), (0, 134, 139), (190, 60, 120), (138, 109, 59), (79, 91, 213)),
    "dark": ((160, 169, 178), (190, 140, 240), (64, 190, 195), (240, 130, 180), (205, 170, 110), (140, 155, 250)),
}


def page_colours(height: int, runs: int, scheme: str) -> dict[str, Colour]:
    """Every colour that depends on the page, by the name of its CSS variable: severities, and runs side by side."""
    severities = {f"severity-{index}": colour for index, colour in enumerate(severity_colours(height, scheme))}
    return severities | {f"run-{index}": _RUNS[scheme][index % len(_RUNS[scheme])] for index in range(runs)}


def severity_colours(height: int, scheme: str) -> list[Colour]:
    """A colour, red green blue 0..255, for each severity 0..height in the "light" or the "dark" scheme."""
    stops = np.array(_MISTAKES[scheme], dtype=np.float64)
    places = np.linspace(0, 1, height) if height > 1 else np.ones(1)
    mixed = [np.interp(places, [0, 0.5, 1], stops[:, channel]) for channel in range(3)]
    mistakes = [(int(r), int(g), int(b)) for r, g, b in np.rint(np.stack(mixed, axis=1))]
    return [_RIGHT[scheme], *mistakes]


def level_colour(levels: int, level: int) -> str:
    """The colour of a level: that of the answers right down to it, so the right class's for the last level."""
    return f"var(--severity-{levels - 1 - level})"


def ink(red: float, green: float, blue: float) -> str:
    """Black or white, whichever reads better on a colour with channels 0..1 (WCAG 2.2, relative luminance)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if luminance > 0.179 else "#ffffff"


def text(name: str) -> str:
    """A name as plotly shows it literally: what it would take for tags is escaped."""
    return escape(display(name), quote=False)


def figure(*traces: Any, height: int = 300, meta: Mapping[str, Any] | None = None, **layout: Any) -> go.Figure:
    """A figure in the style of the report.

    ``meta`` speaks to the report's script: ``square`` makes the drawing area a square, ``zoom`` lets the reader zoom,
    ``narrow`` holds what to change in the layout on a phone, as dotted keys.
    """
    return go.Figure(data=traces, layout={"template": _template(), "height": height, "meta": meta or {}, **layout})


def names_axis(labels: Sequence[str]) -> dict[str, Any]:
    """An axis of names, one word below the other; names that are numbers stay names."""
    ticks = [label.replace(" ", "<br>") for label in labels]
    return {"type": "category", "tickvals": list(labels), "ticktext": ticks, "tickangle": 0}


@cache
def _template() -> go.layout.Template:
    axis = {
        "gridcolor": "var(--line)",
        "linecolor": "var(--line-strong)",
        "zeroline": False,
        "tickfont": {"color": "var(--muted)", "size": 12},
        "title": {"font": {"color": "var(--muted)", "size": 12}, "standoff": 8},
    }
    layout = {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "var(--font)", "size": 13, "color": "var(--text)"},
        "hoverlabel": {
            "bgcolor": "var(--raised)",
            "bordercolor": "var(--line-strong)",
            "align": "left",
            "font": {"family": "var(--font)", "size": 13, "color": "var(--text)"},
        },
        "margin": {"l": 56, "r": 16, "t": 12, "b": 48},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"},
        "xaxis": axis,
        "yaxis": axis,
    }
    return go.layout.Template(layout=layout)
