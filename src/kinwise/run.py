"""Run: a complete run folder, and everything that can be asked of it without training again."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from kinwise.config import Config
from kinwise.errors import InputError
from kinwise.examine.explanations import Explanations
from kinwise.files import read_json, write_text
from kinwise.hierarchy import Hierarchy
from kinwise.judge.decide import AUTO, PROMISE
from kinwise.judge.metrics import Scores, score
from kinwise.judge.predictions import Predictions
from kinwise.record import CONFIG, config_of
from kinwise.reporting import report_of
from kinwise.run_folder import (
    DONE,
    FIGURES,
    HIERARCHY,
    PREDICTIONS,
    REPORT,
    SCORES,
    VALIDATION,
    WEIGHTS,
    partial_of,
    read_history,
    resume_command,
)

if TYPE_CHECKING:
    from kinwise.answering.answers import Answers, Pictures
    from kinwise.exporting.export import Export
    from kinwise.judge.rule_table import RuleTable
    from kinwise.learn.network import Network

T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """A complete run folder.

    Attributes:
        folder: where it is.

    Raises:
        InputError: when the folder is missing, is no run, or is not complete.
    """

    folder: Path

    def __post_init__(self) -> None:
        """Make sure that the folder holds a complete run."""
        object.__setattr__(self, "folder", Path(self.folder))
        folder = self.folder
        if (folder / DONE).is_file():
            return
        partial = partial_of(folder)
        if (partial / CONFIG).is_file():
            raise InputError(f"{folder} is not complete. Finish it: {resume_command(partial)}")
        if not folder.exists():
            raise InputError(f"no run at {folder}; kinwise train writes one")
        raise InputError(f"{folder} is no complete run: it has no {DONE}")

    @cached_property
    def record(self) -> dict[str, Any]:
        """What config.json holds: the config, and with what, on what and by which command it ran."""
        return read_json(self.folder / CONFIG)

    @property
    def config(self) -> Config:
        """Everything that describes the training."""
        return config_of(self.record, self.folder)

    @cached_property
    def hierarchy(self) -> Hierarchy:
        """The tree it was trained on."""
        return _read(self.folder / HIERARCHY, Hierarchy.from_dict)

    @property
    def history(self) -> list[dict[str, Any]]:
        """One entry per epoch, as in metrics.jsonl."""
        return read_history(self.folder)

    def predictions(self) -> Predictions:
        """What the network said about the test pictures."""
        return Predictions.load(self.folder / PREDICTIONS)

    def validation(self) -> Predictions | None:
        """What the network said about the pictures held out of the training; None where there were none.

        Raises:
            InputError: when the file is damaged.
        """
        path = self.folder / VALIDATION
        return Predictions.load(path) if path.is_file() else None

    def predict(self, pictures: "Pictures", promise: float | None = None) -> "Answers":
        """Answers about pictures, with a confidence per level; ``answering.Answerer`` stays ready for more.

        Args:
            pictures: uint8 of shape (pictures, channels, side, side), of the network's own side; or Images; or paths.
            promise: the share of the answers that must be right, 0.95 for example: an answer then stops at the level
                where the network is sure enough. None: always a class.

        Raises:
            InputError: when a picture cannot be read, or the promise cannot be made.
        """
        from kinwise.answering.answers import Answerer

        return Answerer(self, promise=promise).predict(pictures)

    def export(self, path: Path | str | None = None, format: str | None = None) -> "Export":
        """Write the network into one file that needs no kinwise, verified; see ``exporting.export.export``.

        Args:
            path: the new file; without it model.onnx or model.pt2 in this folder.
            format: onnx or pt2; without it what ``path`` ends in, or onnx.

        Raises:
            InputError: when there is something at ``path`` already, or the format is unknown or not installed.
        """
        from kinwise.exporting.export import export

        return export(self, path, format)

    def scores(
        self,
        decision: str = AUTO,
        hierarchy: Hierarchy | str | Path | None = None,
        promise: float = PROMISE,
        resamples: int = 1000,
    ) -> Scores:
        """The scores of the saved predictions, without running the network again.

        Args:
            decision: the rule that turns probabilities into answers, a key of ``judge.decide.RULES``, or ``auto`` for
                that of its config. What it needs is learned from the run's validation pictures.
            hierarchy: another tree to judge by: a Hierarchy, the name of a built-in one or a path.
            promise: the share of right answers wanted among those given, for the rules ``climb`` and ``hedge``.
            resamples: how many resamples the intervals rest on.

        Raises:
            InputError: when there is no such rule, or it promises something and no pictures were held out.
        """
        stored, learned = self.saved_scores(), self.validation()
        judged = score(
            self.predictions(),
            hierarchy=hierarchy,
            decision=self.rule(decision),
            validation=learned,
            promise=promise,
            resamples=resamples,
        )
        return replace(judged, model=stored.model, training=stored.training)

    def rule(self, decision: str = AUTO) -> str:
        """The decision rule that is meant: ``auto`` is that of its config, which may be ``auto`` too."""
        return self.config.decision if decision == AUTO else decision

    def table_of_rules(self, hierarchy: Hierarchy | str | Path | None = None, promise: float = PROMISE) -> "RuleTable":
        """What every decision rule scores on the saved predictions; the arguments are those of ``scores``."""
        from kinwise.judge.rule_table import table_of_rules

        learned = self.validation()
        return table_of_rules(self.predictions(), hierarchy=hierarchy, validation=learned, promise=promise)

    def saved_scores(self) -> Scores:
        """What scores.json holds: the scores by the rule of its config, as the training wrote them."""
        return _read(self.folder / SCORES, Scores.from_dict)

    def report(self) -> Path:
        """Write report.html again from what the folder holds, and return its path."""
        path = self.folder / REPORT
        page = report_of(
            self.folder,
            predictions=self.predictions(),
            scores=self.saved_scores(),
            history=self.history,
            validation=self.validation(),
        )
        write_text(path, page)
        return path

    def explanations(self) -> Explanations | None:
        """What is known about its failures; None where they were not looked at (see ``kinwise.explain``).

        Raises:
            InputError: when it is damaged.
        """
        return Explanations.load(self.folder)

    def figures(self) -> Path:
        """Write figures for a paper, PNG and SVG, with their captions into the folder figures, and return its path."""
        from kinwise.show.paper import write_figures

        folder = self.folder / FIGURES
        write_figures(
            folder,
            predictions=self.predictions(),
            scores=self.saved_scores(),
            history=self.history,
            explanations=self.explanations(),
            validation=self.validation(),
        )
        return folder

    def network(self) -> "Network":
        """The trained network, on the CPU, ready to predict."""
        from kinwise.learn.weights import load_network

        return load_network(self.folder / WEIGHTS)


def _read(path: Path, make: Callable[[dict[str, Any]], T]) -> T:
    """What ``make`` makes of a JSON file; where it cannot, the message names the file."""
    data = read_json(path)
    try:
        return make(data)
    except InputError as error:
        raise InputError(f"{path} is damaged: {error}") from error
