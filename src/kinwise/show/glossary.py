"""The words of a report: how each figure is written, what it means, its range, and which way is better."""

from typing import NamedTuple

from kinwise.judge.bootstrap import Figure
from kinwise.judge.scores import MEASURES, STOPPING_MEASURES

SPACE = "\u00a0"


class Term(NamedTuple):
    """What a figure is, and between which values it lies; {height} stands for the height of the tree."""

    meaning: str
    range: str


TERMS: dict[str, Term] = {
    "accuracy": Term("The share of pictures that got the right answer at the level.", "0 to 100 %"),
    "precision_macro": Term(
        "Of the pictures that got an answer, the share for which it is right; the plain mean over the answers.",
        "0 to 100 %",
    ),
    "recall_macro": Term(
        "Of the pictures of a class, the share that got it as the answer; the plain mean over the classes.",
        "0 to 100 %",
    ),
    "f1_macro": Term("The harmonic mean of precision and recall of a class; the mean over the classes.", "0 to 100 %"),
    "negative_log_likelihood": Term(
        "How surprised the model is by the truth: the mean of -log of the probability it gave to the right answer.",
        "0 to about 16 nats",
    ),
    "brier": Term(
        "The squared distance between the probabilities and the truth (1 for the right answer, else 0), "
        "summed over all answers.",
        "0 to 2",
    ),
    "calibration_error": Term(
        "How far confidence and accuracy lie apart: a calibrated model is right in 80 % of the cases in which it is "
        "80 % sure. The mean gap over 15 bins of confidence (Guo et al., ICML 2017).",
        "0 to 100 %",
    ),
    "calibrated_error": Term(
        "The calibration error after all confidences were made surer or less sure together, by a temperature learned "
        "on validation pictures; the answers go by these.",
        "0 to 100 %",
    ),
    "mistakes": Term("How many pictures got the wrong class.", "0 to n"),
    "mistake_severity": Term(
        "How far off the mistakes are: the steps up the tree to the nearest node that the true and the answered class "
        "share, the mean over the mistakes. It falls when mild mistakes are added, so compare it at equal accuracy.",
        "1 to {height}",
    ),
    "average_severity": Term(
        "The same over all pictures, where a right answer counts 0: (1 - accuracy) x mistake severity.",
        "0 to {height}",
    ),
    "hierarchical_distance_at_5": Term(
        "The mean severity of the 5 classes that the decision rule ranks highest (Bertinetto et al., CVPR 2020).",
        "0 to {height}",
    ),
    "hierarchical_distance_at_20": Term(
        "The mean severity of the 20 classes that the decision rule ranks highest; their order does not matter.",
        "0 to {height}",
    ),
    "full_path_accuracy": Term("The share of pictures with the right answer at every level at once.", "0 to 100 %"),
    "inconsistent_paths": Term(
        "The share of pictures whose answers contradict each other: the class does not lie under the answered parent.",
        "0 to 100 %",
    ),
    "hierarchical_precision": Term(
        "Of all answered nodes, at all levels together, the share that is right (Kiritchenko et al., 2006).",
        "0 to 100 %",
    ),
    "hierarchical_recall": Term(
        "Of all true nodes, at all levels together, the share that was answered.", "0 to 100 %"
    ),
    "hierarchical_f1": Term("The harmonic mean of hierarchical precision and recall.", "0 to 100 %"),
    "coverage": Term(
        "The share of pictures that got an answer: a class, or an inner node below the root. Higher is better at the "
        "same accuracy of answers given.",
        "0 to 100 %",
    ),
    "accuracy_of_answers": Term(
        "Of the answers given, the share that is right: the true class, or a node above it.", "0 to 100 %"
    ),
    "specificity": Term(
        "How much the answers say: 1 for a class, 0 for no answer, else 1 - log(classes below the answer) / "
        "log(classes); the mean over all pictures (Deng et al., CVPR 2012).",
        "0 to 100 %",
    ),
}

_WHERE_RULES_STOP = (
    " That is so where every answer is a class: a right answer that stops at an inner node costs the height of its "
    "node, and no answer the height of the tree."
)


def meaning(key: str, *, stopping: bool) -> str:
    """What a figure is; ``stopping`` where answers may stop at an inner node."""
    return TERMS[key].meaning + (_WHERE_RULES_STOP if stopping and key == "average_severity" else "")


def title(key: str) -> str:
    """The name of a figure at the start of a line."""
    name = {**MEASURES, **STOPPING_MEASURES}[key].title
    return name[0].upper() + name[1:]


def percent(share: float, digits: int = 1) -> str:
    """A share 0..1 in per cent."""
    return f"{100 * share:.{digits}f}{SPACE}%"


def value(key: str, figure: Figure | int | None) -> str:
    """A figure as it is read: a share in per cent, a count with separators, else three decimals."""
    if figure is None:
        return "none"
    if not isinstance(figure, Figure):
        return f"{figure:,}"
    return percent(figure.value, 2) if MEASURES[key].share else f"{figure.value:.3f}"


def interval(key: str, figure: Figure | int | None, digits: int | None = None) -> str:
    """The 95 % interval of a figure, in the unit of ``value``; empty for what has none."""
    if not isinstance(figure, Figure):
        return ""
    if MEASURES[key].share:
        places = 2 if digits is None else digits
        return f"{100 * figure.low:.{places}f} to {100 * figure.high:.{places}f}{SPACE}%"
    places = 3 if digits is None else digits
    return f"{figure.low:.{places}f} to {figure.high:.{places}f}"


def amount(number: float, unit: str = "") -> str:
    """A big number in thousands, millions or billions: 5933505 is "5.93 M"."""
    rounded = float(f"{number:.3g}") if abs(number) >= 1e3 else float(f"{number:.4g}")
    for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(rounded) >= size:
            return f"{rounded / size:.3g}{SPACE}{prefix}{unit}"
    return f"{number:.4g}{SPACE}{unit}" if unit else f"{number:.4g}"


def clock(seconds: float) -> str:
    """A duration in seconds, minutes or hours."""
    if seconds < 120:
        return f"{seconds:.0f}{SPACE}s"
    return f"{seconds / 60:.1f}{SPACE}min" if seconds < 7200 else f"{seconds / 3600:.1f}{SPACE}h"
