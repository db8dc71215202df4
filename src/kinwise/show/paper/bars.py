"""Bars for a paper: accuracy per level, and how severe mistakes are beside random answers."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kinwise.judge.predictions import Predictions
from kinwise.judge.scores import Scores
from kinwise.show.glossary import SPACE, interval, percent, value
from kinwise.show.paper.captions import judged, per_level
from kinwise.show.paper.style import (
    ONE_COLUMN,
    RANDOM,
    SMALL,
    TEXT,
    Drawing,
    fitted,
    level_hexes,
    percents,
    severity_hexes,
)
from kinwise.show.tallies import severity_names

_WIDEST = 1.1


def accuracy(predictions: Predictions, scores: Scores) -> Drawing:
    """The accuracy of each level as a bar with its interval."""
    levels = scores.levels
    figures = [scores.level[name]["accuracy"] for name in levels]
    values, lows, highs = (np.array([getattr(f, part) for f in figures]) for part in ("value", "low", "high"))
    figure, axes = _bars_figure(levels, inches_each=0.27)
    axes.barh(range(len(levels)), values, height=0.66, color=level_hexes(predictions.hierarchy))
    middles, halves = (highs + lows) / 2, (highs - lows) / 2
    axes.errorbar(
        middles, range(len(levels)), xerr=halves, fmt="none", ecolor=TEXT, elinewidth=0.9, capsize=2, capthick=0.9
    )
    for place, one in enumerate(figures):
        shown = f"{value('accuracy', one)} ({interval('accuracy', one).removesuffix(f'{SPACE}%')})"
        axes.text(1.03, place, shown, transform=axes.get_yaxis_transform(), va="center", size=SMALL)
    axes.set(xlim=(0, 1), xticks=[0, 0.5, 1])
    axes.set_xlabel("accuracy")
    caption = (
        f"Accuracy per level, higher is better: {per_level(scores, 'accuracy')}. Whiskers and brackets are 95 % "
        f"bootstrap intervals over pictures. {judged(predictions, scores)}"
    )
    return Drawing(name="accuracy", figure=figure, caption=caption)


def severity(predictions: Predictions, scores: Scores) -> list[Drawing]:
    """How severe the mistakes are beside answers drawn at random; none where nothing is wrong."""
    tree = predictions.hierarchy
    names = severity_names(tree)[1:]
    counts = np.array(scores.severity_histogram, dtype=np.float64)[1:]
    random = np.array(scores.reference["random_severity_histogram"], dtype=np.float64)[1:]
    if not counts.any():
        return []
    shares, chance = counts / counts.sum(), random / random.sum()
    figure, axes = _bars_figure(names, inches_each=0.42)
    places = np.arange(len(names))
    axes.barh(places - 0.19, shares, height=0.36, color=severity_hexes(tree)[1:])
    axes.barh(places + 0.19, chance, height=0.36, color="white", edgecolor=RANDOM, linewidth=0.6, hatch="//////")
    for place, share, by_chance in zip(places, shares, chance, strict=True):
        _at_the_end(axes, share, place - 0.19, percent(share))
        _at_the_end(axes, by_chance, place + 0.19, f"random {percent(by_chance)}")
    axes.set_xlim(0, min(1, 1.05 * max(shares.max(), chance.max())))
    axes.set_xlabel("share of mistakes")
    mean = scores.hierarchy["mistake_severity"]
    assert not isinstance(mean, list)
    caption = (
        f"Severity of the {scores.mistakes:,} mistakes: the height of the lowest common ancestor of the true and the "
        f"answered class, the mildest on top; hatched: random answers. Mistake severity (lower is better) "
        f"{value('mistake_severity', mean)} (95 % interval "
        f"{interval('mistake_severity', mean)}), random "
        f"{scores.reference['random_mistake_severity']:.3f}. {judged(predictions, scores)}"
    )
    return [Drawing(name="severity", figure=figure, caption=caption)]


def _at_the_end(axes: Axes, length: float, place: float, shown: str) -> None:
    """Write beside the end of a bar."""
    axes.annotate(shown, (length, place), xytext=(3, 0), textcoords="offset points", va="center", size=SMALL)


def _bars_figure(names: Sequence[str], *, inches_each: float) -> tuple[Figure, Axes]:
    """Axes for bars from left to right, one place per name, the first on top."""
    figure = Figure(figsize=(ONE_COLUMN, 0.5 + inches_each * len(names)), layout="constrained")
    axes = figure.add_subplot()
    axes.set_yticks(range(len(names)), [fitted(name, _WIDEST, 7) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    percents(axes, "x")
    return figure, axes
