"""How figures for a paper look: widths, fonts, colours, lines, and names that nothing can hide in."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FuncFormatter

from kinwise.hierarchy import Hierarchy
from kinwise.show.glossary import percent
from kinwise.show.tallies import display
from kinwise.show.theme import severity_colours

ONE_COLUMN = 3.35
"""The width of a figure in one of two columns, in inches."""
TWO_COLUMNS = 6.9
"""The width of a figure across both columns, in inches."""
SMALL = 6.5
"""The size of the smallest text, in points."""

TEXT, MUTED, LINE, RANDOM = "#1d2329", "#5d6771", "#c5c1b7", "#a9aeb3"
"""The greys of the report's light scheme, by the names that they have there."""

_MOST_LETTERS = 80
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))
_MARKERS = ("o", "s", "^", "D", "v", "P")
_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "text.color": TEXT,
    "text.hinting": "none",
    "text.parse_math": False,
    "axes.labelcolor": TEXT,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": TEXT,
    "ytick.labelcolor": TEXT,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.3,
    "lines.markersize": 3.5,
    "hatch.linewidth": 0.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "kinwise",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawing:
    """A figure with its file name, without ending, and its caption in Markdown."""

    name: str
    figure: Figure
    caption: str


@contextmanager
def paper_style() -> Iterator[None]:
    """Everything drawn and written inside looks the same on every machine, whatever its matplotlibrc says."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def severity_hexes(hierarchy: Hierarchy) -> list[str]:
    """The report's colour of every severity 0..height, as "#rrggbb"."""
    return ["#{:02x}{:02x}{:02x}".format(*c) for c in severity_colours(len(hierarchy.levels), "light")]


def level_hexes(hierarchy: Hierarchy) -> list[str]:
    """The report's colour of every level, coarse to fine: that of the answers right down to it."""
    return severity_hexes(hierarchy)[: len(hierarchy.levels)][::-1]


def level_lines(hierarchy: Hierarchy) -> list[dict[str, Any]]:
    """How each level's line is drawn, coarse to fine: apart in colour, in dashes and in markers."""
    count = len(hierarchy.levels)
    return [
        {
            "color": colour,
            "linestyle": _DASHES[(count - 1 - level) % len(_DASHES)],
            "marker": _MARKERS[(count - 1 - level) % len(_MARKERS)],
        }
        for level, colour in enumerate(level_hexes(hierarchy))
    ]


def label(name: str) -> str:
    """A name as a figure shows it: on one line, and without what an SVG may not hold."""
    return " ".join(_NOT_IN_XML.sub("\ufffd", display(name)).split())


def fitted(name: str, width: float, size: float = SMALL) -> str:
    """A label of so many points cut to so many inches, with an ellipsis where something is missing."""
    whole = label(name)[:_MOST_LETTERS]
    for letters in range(len(whole), 0, -1):
        shown = whole if letters == len(label(name)) else f"{whole[:letters].rstrip()}…"
        if width_of(shown, size) <= width:
            return shown
    return ""


def file_name(start: str, name: str) -> str:
    """A file name, without ending, that says a name as far as any file system can."""
    said = re.sub("[^a-z0-9]+", "-", name.lower())[:40].strip("-")
    return f"{start}-{said}" if said else start


@cache
def width_of(text: str, size: float) -> float:
    """How wide a text of so many points is, in inches."""
    points, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=size), ismath=False)
    return float(points) / 72


def percents(axes: Axes, which: str) -> None:
    """Let the ticks of the axis "x" or "y" show shares in per cent."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(lambda share, _: percent(share, 0)))
