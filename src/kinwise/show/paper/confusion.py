"""The confusion matrix of a level for a paper: ordered by the tree, families marked, colours by severity."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from kinwise.hierarchy import Hierarchy
from kinwise.judge.predictions import Predictions
from kinwise.judge.scores import Scores
from kinwise.show.glossary import interval, value
from kinwise.show.paper.captions import judged, plain
from kinwise.show.paper.frame import Frame, frame_of
from kinwise.show.paper.names import draw_names
from kinwise.show.paper.style import LINE, SMALL, TEXT, Drawing, file_name, fitted, severity_hexes, width_of
from kinwise.show.tallies import (
    blocks,
    confusion_counts,
    level_order,
    severities,
    severity_names,
    strength,
)
from kinwise.show.theme import ink

MOST_NODES = 200
"""A matrix of more nodes than this cannot be read on paper."""

_MOST_BELOW = 12
_SMALLEST_WITH_NUMBERS = 0.19
_WHITE_FROM = 0.85
_TOP, _AXIS_TITLE, _KEY_ROW = 0.05, 0.2, 0.16


def confusion(predictions: Predictions, answers: np.ndarray, scores: Scores) -> list[Drawing]:
    """The confusion matrix of each level that is small enough to be read, coarse to fine."""
    tree = predictions.hierarchy
    truth = tree.level_labels[predictions.labels]
    found = []
    for level, (name, size) in enumerate(zip(tree.levels, tree.level_sizes, strict=True)):
        if size > MOST_NODES:
            continue
        frame = frame_of(tree, level, most_below=_MOST_BELOW)
        right = scores.level[name]["accuracy"]
        caption = (
            f"Confusion at level {plain(name)}, {size} nodes: rows are true, columns answered, both in the order of "
            f"the tree{_named(tree, frame)}. The hue of a cell is the severity of the mistake, its strength the share "
            f"of the row to the power of 0.4{_told(level, frame)}. {value('accuracy', right)} of the "
            f"pictures lie on the diagonal (95 % bootstrap interval {interval('accuracy', right)}). "
            f"{judged(predictions, scores)}"
        )
        counts = confusion_counts(truth[:, level], answers[:, level], size)
        found.append(
            Drawing(
                name=file_name(f"confusion-{level + 1}", name),
                figure=_matrix(counts, tree, level, frame),
                caption=caption,
            )
        )
    return found


def _named(tree: Hierarchy, frame: Frame) -> str:
    """Which names stand where, where they are not those of the nodes."""
    sides = [(names, side) for names, side in ((frame.beside, "left"), (frame.further, "right")) if names]
    return "".join(f", level {plain(tree.levels[names.level])} named on the {side}" for names, side in sides)


def _told(level: int, frame: Frame) -> str:
    """What else is drawn: numbers and boxes, where they are."""
    numbers = "; numbers are per cent of the row" if _numbered(frame) else ""
    return numbers + ("; boxes on the diagonal are families" if level else "")


def _numbered(frame: Frame) -> bool:
    return frame.cell >= _SMALLEST_WITH_NUMBERS


def _matrix(counts: np.ndarray, tree: Hierarchy, level: int, frame: Frame) -> Figure:
    """Rows of ``counts``, shape (nodes, nodes), are true nodes of the level and columns answered ones."""
    order = level_order(tree, level)
    severity = severities(tree, level)[np.ix_(order, order)]
    key = _key(tree, severity)
    key_columns = _key_columns(key, frame.width)
    below = frame.below + _AXIS_TITLE + 0.05 + _KEY_ROW * -(-len(key) // key_columns)
    height = _TOP + frame.side + below
    figure = Figure(figsize=(frame.width, height))
    box = (frame.left / frame.width, below / height, frame.side / frame.width, frame.side / height)
    axes = figure.add_axes(box)
    _cells(axes, counts[np.ix_(order, order)], severity, tree, numbers=_numbered(frame))
    for above in range(level):
        _families(axes, tree.level_parents(level, above)[order])
    _titles_and_names(axes, frame, level)
    figure.legend(
        handles=key,
        loc="lower center",
        ncols=key_columns,
        borderaxespad=0.2,
        handlelength=1,
        handleheight=0.9,
        columnspacing=1.2,
        handletextpad=0.5,
    )
    return figure


def _cells(axes: Axes, counts: np.ndarray, severity: np.ndarray, tree: Hierarchy, *, numbers: bool) -> None:
    full = np.array([to_rgb(colour) for colour in severity_hexes(tree)])[severity]
    strong = strength(counts)
    axes.imshow(1 - strong[:, :, None] * (1 - full), interpolation="none", aspect="equal")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for row, column in np.argwhere(np.rint(shares)) if numbers else ():
        letters = ink(*full[row, column]) if strong[row, column] > _WHITE_FROM else TEXT
        shown = f"{shares[row, column]:.0f}"
        axes.text(column, row, shown, ha="center", va="center_baseline", size=SMALL, color=letters)


def _families(axes: Axes, parents: np.ndarray) -> None:
    """A box on the diagonal around each run of nodes with one parent, and thin lines all through the matrix."""
    for start, end in blocks(parents):
        corner, side = (start - 0.5, start - 0.5), end - start
        axes.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=TEXT, linewidth=0.6, zorder=2))
        if start:
            axes.axhline(start - 0.5, color=LINE, linewidth=0.3, zorder=1)
            axes.axvline(start - 0.5, color=LINE, linewidth=0.3, zorder=1)


def _titles_and_names(axes: Axes, frame: Frame, level: int) -> None:
    beside = frame.beside
    if beside:
        draw_names(axes, beside, frame.side, leaders=beside.level < level)
    if frame.further:
        draw_names(axes, frame.further, frame.side, leaders=True, right=True)
    if beside and frame.below:
        for place, text in enumerate(beside.texts):
            where = (place, -0.04 / frame.side)
            axes.text(
                *where, text, transform=axes.get_xaxis_transform(), size=SMALL, rotation=90, ha="center", va="top"
            )
    axes.text(0.5, -(frame.below + 0.06) / frame.side, "answered", transform=axes.transAxes, ha="center", va="top")
    room = (beside.width if beside else 0) + (0.18 if beside and beside.level < level else 0.08)
    axes.text(-room / frame.side, 0.5, "true", transform=axes.transAxes, ha="right", va="center", rotation=90)


def _key(tree: Hierarchy, severity: np.ndarray) -> list[Patch]:
    """What each hue means, of those that this level can have."""
    names = ("right", *severity_names(tree)[1:])
    hexes = severity_hexes(tree)
    return [Patch(color=hexes[kind], label=fitted(names[kind], 1.5, 7)) for kind in np.unique(severity)]


def _key_columns(key: Sequence[Patch], width: float) -> int:
    """How many entries of the key stand side by side."""
    widest = max(width_of(str(entry.get_label()), 7) for entry in key)
    return max(1, min(len(key), int(width / (widest + 0.35))))
