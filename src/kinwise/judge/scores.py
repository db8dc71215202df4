"""Scores: every figure of a set of predictions, with intervals and with the values to read them against."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from kinwise.errors import InputError
from kinwise.judge.bootstrap import Figure
from kinwise.judge.decision import NOT_CALIBRATED
from kinwise.judge.stopping import Stopping
from kinwise.splits import comparable


class Measure(NamedTuple):
    """How a figure is shown: its name in words, which way is better, and whether it is a share."""

    title: str
    better: str
    share: bool


MEASURES: dict[str, Measure] = {
    "accuracy": Measure("accuracy", "higher", True),
    "precision_macro": Measure("precision, macro", "higher", True),
    "recall_macro": Measure("recall, macro", "higher", True),
    "f1_macro": Measure("F1, macro", "higher", True),
    "negative_log_likelihood": Measure("negative log likelihood", "lower", False),
    "brier": Measure("Brier score", "lower", False),
    "calibration_error": Measure("calibration error", "lower", True),
    "calibrated_error": Measure("error once calibrated", "lower", True),
    "mistakes": Measure("mistakes", "lower", False),
    "mistake_severity": Measure("mistake severity", "lower", False),
    "average_severity": Measure("average severity", "lower", False),
    "hierarchical_distance_at_5": Measure("hierarchical distance at 5", "lower", False),
    "hierarchical_distance_at_20": Measure("hierarchical distance at 20", "lower", False),
    "full_path_accuracy": Measure("full-path accuracy", "higher", True),
    "inconsistent_paths": Measure("inconsistent paths", "lower", True),
    "hierarchical_precision": Measure("hierarchical precision", "higher", True),
    "hierarchical_recall": Measure("hierarchical recall", "higher", True),
    "hierarchical_f1": Measure("hierarchical F1", "higher", True),
}

STOPPING_MEASURES: dict[str, Measure] = {
    "coverage": Measure("coverage", "higher", True),
    "accuracy_of_answers": Measure("accuracy of answers given", "higher", True),
    "specificity": Measure("specificity", "higher", True),
}
"""Of rules that may stop at an inner node alone."""

_READ_AGAINST: dict[str, str] = {
    "mistake_severity": "random {random_mistake_severity:.3f}",
    "average_severity": "random {random_average_severity:.3f}",
    "hierarchical_distance_at_5": "at best {distance_at_5_floor:.3f}, random {random_average_severity:.3f}",
    "hierarchical_distance_at_20": "at best {distance_at_20_floor:.3f}, random {random_average_severity:.3f}",
}

MAY_STOP = "may stop at an inner node"
"""What is said of a decision rule wherever its figures are shown, if its answers need not be classes."""

_LEVELS_SIDE_BY_SIDE = 3


@dataclass(frozen=True, kw_only=True)
class WithoutNearDuplicates:
    """What is left when test pictures that have a near-duplicate among the training pictures are not counted.

    Attributes:
        n: how many pictures are left.
        left_out: how many are not counted.
        level: for each level its accuracy, 0..1, higher is better, with its interval; empty when no picture is left.
    """

    n: int
    left_out: int
    level: dict[str, dict[str, Figure]]


@dataclass(frozen=True, kw_only=True)
class Scores:
    """How good predictions are. Figures of ``hierarchy`` are attributes too: ``scores.mistake_severity`` is a float.

    Attributes:
        n: how many pictures were judged.
        decision: the decision rule the answers come from.
        split: the split of the data; "drawn 80:20" where it came without a test part, and scores of any but that and
            "official" do not compare with published ones.
        levels: the names of the levels, coarse to fine.
        level: for each level its figures by name.
        hierarchy: the figures that need the tree; counts are integers, and a figure that is undefined is None.
        reference: what random answers and the best possible order of classes would score on the same pictures.
        model: parameters, trainable_parameters and forward_flops, where the network is known.
        training: seconds, epochs, images_per_second, peak_memory_bytes and device, and in "parts" how the network does
            on the pictures it was trained and validated on: n, loss, accuracy and average_severity.
        without_near_duplicates: the accuracy without test pictures that have a near-duplicate among the training
            pictures, where that is known.
        temperatures: what the decision rule was calibrated with (see ``Decision``); empty where it needs nothing.
        note: why nothing was calibrated, or why a promise may not be kept; else empty.
        stopping: of a rule that may stop at an inner node, how often it did and how that went; else None.
    """

    n: int
    decision: str
    split: str
    levels: tuple[str, ...]
    level: dict[str, dict[str, Figure]]
    hierarchy: dict[str, Figure | int | list[int] | None]
    reference: dict[str, float | list[float]]
    model: dict[str, Any] | None = None
    training: dict[str, Any] | None = None
    without_near_duplicates: WithoutNearDuplicates | None = None
    temperatures: tuple[float, ...] = ()
    note: str = ""
    stopping: Stopping | None = None

    @property
    def rule(self) -> str:
        """The decision rule in words: where it may stop at an inner node, that is said."""
        return f"{self.decision} ({MAY_STOP})" if self.stopping else self.decision

    @property
    def accuracy(self) -> dict[str, float]:
        """The share of right answers at each level, 0..1; higher is better."""
        return {name: figures["accuracy"].value for name, figures in self.level.items()}

    @property
    def comparable(self) -> bool:
        """Whether the scores may stand beside others on the same data; see ``splits.comparable``."""
        return comparable(self.split)

    def __getattr__(self, name: str) -> Any:
        """The value of a figure of ``hierarchy``: a float, a count, or None where it is undefined."""
        figures = self.__dict__.get("hierarchy", {})
        if name not in figures:
            raise AttributeError(f"scores have no {name!r}; they have: {', '.join(figures)}")
        figure = figures[name]
        return figure.value if isinstance(figure, Figure) else figure

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain numbers, texts, lists and dicts, ready for ``scores.json``."""
        return {
            "n": self.n,
            "decision": self.decision,
            "split": self.split,
            "levels": list(self.levels),
            "level": {name: _plain(figures) for name, figures in self.level.items()},
            "hierarchy": _plain(self.hierarchy),
            "reference": dict(self.reference),
            "model": self.model,
            "training": self.training,
            "without_near_duplicates": _plain_without(self.without_near_duplicates),
            "temperatures": list(self.temperatures),
            "note": self.note,
            "stopping": self.stopping.to_dict() if self.stopping else None,
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> "Scores":
        """The inverse of ``to_dict``.

        Raises:
            InputError: when something is missing.
        """
        try:
            return Scores(
                n=data["n"],
                decision=data["decision"],
                split=data["split"],
                levels=tuple(data["levels"]),
                level={name: _figures(data["level"][name]) for name in data["levels"]},
                hierarchy=_figures(data["hierarchy"]),
                reference=dict(data["reference"]),
                model=data["model"],
                training=data["training"],
                without_near_duplicates=_without(data.get("without_near_duplicates")),
                temperatures=tuple(data.get("temperatures", ())),
                note=data.get("note", ""),
                stopping=Stopping.from_dict(data["stopping"]) if data.get("stopping") else None,
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise InputError(f"these are no scores, or they are damaged ({error!r}); judge the run again") from error

    def text(self) -> str:
        """A plain table for the terminal, with intervals and which way is better."""
        lines = [f"{self.n:,} pictures, decision rule {self.rule}, split {self.split}; 95 % intervals in brackets"]
        if self.temperatures and self.note != NOT_CALIBRATED:
            shown = " / ".join(f"{temperature:.3g}" for temperature in self.temperatures)
            lines.append(f"answers calibrated on validation pictures: temperature {shown}")
        if self.note:
            lines.append(self.note)
        if not self.comparable:
            lines.append(not_comparable(self.split))
        if self.without_near_duplicates:
            count = f"{self.without_near_duplicates.left_out:,}" if self.without_near_duplicates.left_out else "none"
            lines.append(f"{count} of the pictures have a near-duplicate among the training pictures")
        for start in range(0, len(self.levels), _LEVELS_SIDE_BY_SIDE):
            lines += ["", *self._level_lines(self.levels[start : start + _LEVELS_SIDE_BY_SIDE])]
        return "\n".join([*lines, *self._parts_lines(), "", *self._hierarchy_lines(), *self._stopping_lines()])

    def _level_lines(self, levels: tuple[str, ...]) -> list[str]:
        lines = [f"{'':<28}{'better':<8}" + "".join(f"{name:<26}" for name in levels).rstrip()]
        rows = [(MEASURES[key].title, key, self.level) for key in self.level[levels[0]]]
        without = self.without_near_duplicates
        if without and without.left_out and without.n:
            rows.insert(1, ("  without near-duplicates", "accuracy", without.level))
        for title, key, figures in rows:
            cells = "".join(f"{_shown(key, figures[name][key]):<26}" for name in levels)
            lines.append(f"{title:<28}{MEASURES[key].better:<8}{cells.rstrip()}")
        return lines

    def _parts_lines(self) -> list[str]:
        """Accuracy on the pictures that were learnt from, as far as it is known."""
        parts = (self.training or {}).get("parts", {})
        lines = [""] if parts else []
        for part, figures in parts.items():
            shares = ", ".join(f"{level} {100 * share:.2f} %" for level, share in figures["accuracy"].items())
            lines.append(f"{f'accuracy, {part} pictures':<36}{shares} (of {figures['n']:,})")
        return lines

    def _hierarchy_lines(self) -> list[str]:
        lines = [f"{'on the tree':<28}better"]
        for key, figure in self.hierarchy.items():
            if key in MEASURES:
                against = _READ_AGAINST.get(key, "").format(**self.reference)
                line = f"{MEASURES[key].title:<28}{MEASURES[key].better:<8}{_shown(key, figure):<26}{against}"
                lines.append(line.rstrip())
        counts = "  ".join(f"{severity}: {count:,}" for severity, count in enumerate(self.severity_histogram))
        return [*lines, f"{'pictures by severity':<36}{counts}"]

    def _stopping_lines(self) -> list[str]:
        """What the answers that may stop did; none for a rule that always answers a class."""
        stopping = self.stopping
        if stopping is None:
            return []
        rows: list[tuple[str, str, Figure | None]] = [
            (measure.title, key, getattr(stopping, key)) for key, measure in STOPPING_MEASURES.items()
        ]
        rows[1:1] = [(f"  down to {level}", "coverage", figure) for level, figure in stopping.level_coverage.items()]
        lines = ["", f"{'answers that may stop':<28}better"]
        for title, key, figure in rows:
            promised = stopping.promise_text if key == "accuracy_of_answers" else ""
            lines.append(f"{title:<28}{STOPPING_MEASURES[key].better:<8}{_shown(key, figure):<26}{promised}".rstrip())
        if stopping.risk_coverage_area is not None:
            area = f"{stopping.risk_coverage_area:.4f}"
            lines.append(f"{'area, risk over coverage':<28}{'lower':<8}{area:<26}at best {stopping.lowest_area:.4f}")
        if stopping.threshold is not None:
            name = "lambda, in nats" if self.decision == "hedge" else "threshold"
            lines.append(f"{name:<36}{stopping.threshold:.4g}")
        return lines


def not_comparable(split: str) -> str:
    """The warning that stands above the figures of a split of our own."""
    return f"NOT COMPARABLE with scores on the official split: the split is {split}"


def _shown(key: str, figure: Figure | int | list[int] | None) -> str:
    if figure is None:
        return "none (no mistakes)" if key == "mistake_severity" else "none (no answers)"
    if not isinstance(figure, Figure):
        return f"{figure:,}"
    if {**MEASURES, **STOPPING_MEASURES}[key].share:
        return f"{100 * figure.value:.2f} % [{100 * figure.low:.2f}, {100 * figure.high:.2f}]"
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def _plain(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: {"value": figure.value, "low": figure.low, "high": figure.high} if isinstance(figure, Figure) else figure
        for key, figure in figures.items()
    }


def _plain_without(without: WithoutNearDuplicates | None) -> dict[str, Any] | None:
    if without is None:
        return None
    level = {name: _plain(figures) for name, figures in without.level.items()}
    return {"n": without.n, "left_out": without.left_out, "level": level}


def _without(data: Mapping[str, Any] | None) -> WithoutNearDuplicates | None:
    if data is None:
        return None
    level = {name: _figures(figures) for name, figures in data["level"].items()}
    return WithoutNearDuplicates(n=data["n"], left_out=data["left_out"], level=level)


def _figures(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: Figure(**figure) if isinstance(figure, dict) else figure for key, figure in data.items()}
