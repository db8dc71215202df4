"""What a report says without a chart: the verdict, the key figures, and the tables."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kinwise.hierarchy import Hierarchy
from kinwise.judge.predictions import Predictions
from kinwise.judge.scores import MEASURES, Scores
from kinwise.show.glossary import SPACE, TERMS, amount, clock, interval, meaning, percent, title, value
from kinwise.show.sections import Rows
from kinwise.show.tallies import (
    Confusion,
    confusion_counts,
    display,
    kept_in_the_family,
    severity_names,
    top_confusions,
)
from kinwise.show.theme import level_colour

MOST_CONFUSIONS = 20


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One key figure: its name, its value, its interval, a remark, and the key by which the page's script finds it."""

    name: str
    value: str
    interval: str
    remark: str
    colour: str = "var(--text)"
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a whole, drawn as a piece of a bar: its name, its share 0..1, how that is written, its colour."""

    name: str
    share: float
    shown: str
    colour: str


@dataclass(frozen=True, kw_only=True)
class ClassRow:
    """How one class fared: its node, its ancestors, its pictures, its accuracy and what it was taken for most often."""

    name: str
    node: int
    ancestors: tuple[str, ...]
    pictures: int
    accuracy: float
    rival: str
    rival_count: int
    rival_severity: int


def verdict(predictions: Predictions, answers: np.ndarray, scores: Scores) -> str:
    """The result in one sentence."""
    accuracy = percent(scores.accuracy[scores.levels[-1]])
    pictures = "picture" if scores.n == 1 else "pictures"
    start = f"{accuracy} of {scores.n:,} test {pictures} got the right class"
    kept = kept_in_the_family(predictions, answers)
    if kept is None:
        return f"{start}: no mistake was made."
    levels = scores.levels[:-1]
    if not levels:
        return f"{start}."
    stay = f"{percent(kept[-1], 0)} stay in the right {display(levels[-1])}"
    more = f", {percent(kept[0], 0)} in the right {display(levels[0])}" if len(levels) > 1 else ""
    mistakes = "mistake" if scores.mistakes == 1 else f"{scores.mistakes:,} mistakes"
    return f"{start}; of the {mistakes} {stay}{more}."


def where_answers_land(scores: Scores, tree: Hierarchy) -> list[Part]:
    """The answers by severity."""
    counts = np.array(scores.severity_histogram)
    return [
        Part(name=display(name), share=float(share), shown=percent(share), colour=f"var(--severity-{severity})")
        for severity, (name, share) in enumerate(zip(severity_names(tree), counts / counts.sum(), strict=True))
    ]


def tiles(scores: Scores) -> list[Tile]:
    """The key figures, the class first."""
    count = len(scores.levels)
    found = [
        replace(
            _tile("accuracy", scores.level[name]["accuracy"], f"{display(name)} accuracy", level_colour(count, index)),
            key=f"accuracy-{index}",
        )
        for index, name in reversed(list(enumerate(scores.levels)))
    ]
    tree = scores.hierarchy
    if tree["mistake_severity"] is not None:
        chance = f"random {scores.reference['random_mistake_severity']:.2f}"
        found.append(_tile("mistake_severity", tree["mistake_severity"], remark=chance))
    chance = f"random {scores.reference['random_average_severity']:.2f}"
    found.append(_tile("average_severity", tree["average_severity"], remark=chance))
    if scores.inconsistent_paths:
        found.append(_tile("full_path_accuracy", tree["full_path_accuracy"]))
        found.append(_tile("inconsistent_paths", tree["inconsistent_paths"]))
    of_classes = scores.level[scores.levels[-1]]
    if calibration := of_classes.get("calibration_error"):
        after = of_classes.get("calibrated_error")
        remark = f"{percent(after.value)} once calibrated" if after else ""
        found.append(_tile("calibration_error", calibration, remark=remark))
    return found


def _tile(key: str, figure: Any, name: str = "", colour: str = "var(--text)", remark: str = "") -> Tile:
    shown = percent(figure.value) if MEASURES[key].share else f"{figure.value:.2f}"
    limits = interval(key, figure, 1 if MEASURES[key].share else 2)
    return Tile(name=name or MEASURES[key].title, value=shown, interval=limits, remark=remark, colour=colour, key=key)


def top_confusion_rows(predictions: Predictions, answers: np.ndarray) -> list[tuple[str, str, Confusion]]:
    """The most frequent mistakes between classes: true name, answered name, how often."""
    tree = predictions.hierarchy
    counts = confusion_counts(predictions.labels, answers[:, -1], len(tree.classes))
    found = top_confusions(counts, tree.distances, MOST_CONFUSIONS)
    return [(tree.classes[pair.true], tree.classes[pair.answered], pair) for pair in found]


def class_rows(predictions: Predictions, answers: np.ndarray) -> list[ClassRow]:
    """Every class that has pictures, in the order of the tree."""
    tree = predictions.hierarchy
    counts = confusion_counts(predictions.labels, answers[:, -1], len(tree.classes))
    wrong = counts - np.diag(np.diag(counts))
    rows = []
    for class_ in tree.tree_order[counts.sum(axis=1)[tree.tree_order] > 0]:
        rival, pictures = int(wrong[class_].argmax()), int(counts[class_].sum())
        taken = int(wrong[class_, rival])
        rows.append(
            ClassRow(
                name=tree.classes[class_],
                node=int(tree.leaves[class_]),
                ancestors=tuple(tree.names[node] for node in tree.ancestors(int(tree.leaves[class_]))[1:-1]),
                pictures=pictures,
                accuracy=float(counts[class_, class_] / pictures),
                rival=tree.classes[rival] if taken else "",
                rival_count=taken,
                rival_severity=int(tree.distances[class_, rival]),
            )
        )
    return rows


def score_tables(scores: Scores) -> tuple[Rows, Rows]:
    """All figures: those of the levels side by side, then those of the tree beside random answers."""
    order = scores.levels[::-1]
    keys = [key for key in MEASURES if any(key in figures for figures in scores.level.values())]
    levels = [["figure", "better", *(display(name) for name in order)]]
    for key in keys:
        cells = [cell(key, scores.level[name].get(key)) for name in order]
        levels.append([title(key), MEASURES[key].better, *cells])
    reference = {
        "mistake_severity": scores.reference["random_mistake_severity"],
        "average_severity": scores.reference["random_average_severity"],
        "hierarchical_distance_at_5": scores.reference["random_average_severity"],
        "hierarchical_distance_at_20": scores.reference["random_average_severity"],
    }
    tree = [["figure", "better", "value", "random answers"]]
    for key in MEASURES:
        if key in scores.hierarchy:
            chance = f"{reference[key]:.3f}" if key in reference else ""
            tree.append([title(key), MEASURES[key].better, cell(key, scores.hierarchy[key]), chance])
    return levels, tree


def near_duplicates(scores: Scores) -> tuple[str, Rows]:
    """How many test pictures have a near-duplicate in training, in words, and accuracy with and without those.

    The words are empty where that is not known, the table where there are none, or no others.
    """
    without = scores.without_near_duplicates
    if without is None:
        return "", []
    count = f"{without.left_out:,}" if without.left_out else "None"
    words = f"{count} of the {scores.n:,} test pictures have a near-duplicate among the training pictures"
    if not without.left_out or not without.n:
        return f"{words}.", []
    rows = [["level", "better", "all pictures", f"the {without.n:,} others"]]
    for name in scores.levels[::-1]:
        figures = (scores.level[name]["accuracy"], without.level[name]["accuracy"])
        rows.append([display(name), MEASURES["accuracy"].better, *(cell("accuracy", figure) for figure in figures)])
    return f"{words}, which may have been learned by heart. Accuracy without them:", rows


def cell(key: str, figure: Any) -> str:
    """A figure above its interval."""
    limits = interval(key, figure)
    return f"{value(key, figure)}\n{limits}" if limits else value(key, figure)


def terms(scores: Scores) -> list[tuple[str, str, str]]:
    """Name, meaning and "range, which way is better" of every figure in the report."""
    used = {key for figures in scores.level.values() for key in figures} | set(scores.hierarchy)
    height = len(scores.levels)
    return [
        (
            title(key),
            meaning(key, stopping=scores.stopping is not None),
            f"{term.range.format(height=height)}; {MEASURES[key].better} is better",
        )
        for key, term in TERMS.items()
        if key in used
    ]


def parts(scores: Scores) -> Rows:
    """How the trained network does on the pictures it learnt from beside the test pictures; empty where unknown."""
    found = (scores.training or {}).get("parts", {})
    if not found:
        return []
    order = scores.levels[::-1]
    rows = [["pictures", "how many", *(f"{display(level)} accuracy" for level in order), "average severity"]]
    for part, figures in found.items():
        shares = (percent(figures["accuracy"][level]) for level in order)
        rows.append([part, f"{figures['n']:,}", *shares, f"{figures['average_severity']:.3f}"])
    shares = (percent(scores.accuracy[level]) for level in order)
    return [*rows, ["test", f"{scores.n:,}", *shares, f"{scores.average_severity:.3f}"]]


def cost(scores: Scores) -> list[tuple[str, str]]:
    """What the network and its training took, as far as it is known."""
    known = {**(scores.model or {}), **(scores.training or {})}
    if "parameters" in known:
        known["other_parameters"] = known["parameters"] - known["trainable_parameters"]
    written: dict[str, tuple[str, Callable[[Any], str]]] = {
        "parameters": ("parameters", amount),
        "trainable_parameters": ("trainable parameters", amount),
        "other_parameters": ("parameters that are not trained", amount),
        "forward_flops": ("forward pass of one picture", lambda number: amount(number, "FLOPs")),
        "seconds": ("training time", clock),
        "epochs": ("epochs", str),
        "images_per_second": ("pictures per second in training", lambda number: f"{number:,.0f}"),
        "peak_memory_bytes": ("peak memory", lambda number: f"{number / 2**30:.2f}{SPACE}GiB"),
        "device": ("device", str),
    }
    return [(name, write(known[key])) for key, (name, write) in written.items() if known.get(key) is not None]
