"""The run folder: what is in it, how it is written and read.

A run is written under ``NAME.partial`` and renamed to ``NAME`` when it is complete; ``done.json`` is its last file.
"""

import json
import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from kinwise.config import Config
from kinwise.errors import InputError
from kinwise.examine.explanations import Explanations
from kinwise.files import read_json, write_text, writing
from kinwise.hierarchy import Hierarchy
from kinwise.judge.decide import PROMISE
from kinwise.judge.metrics import Scores, score
from kinwise.judge.predictions import Predictions
from kinwise.record import CONFIG, PARTIAL, config_of
from kinwise.reporting import report_of

if TYPE_CHECKING:
    from kinwise.answering.answers import Answers, Pictures
    from kinwise.exporting.export import Export
    from kinwise.judge.rule_table import RuleTable
    from kinwise.learn.network import Network

HIERARCHY = "hierarchy.json"
METRICS = "metrics.jsonl"
WEIGHTS = "weights.safetensors"
STATE = "state.pt"
PREDICTIONS = "predictions.safetensors"
VALIDATION = "validation.safetensors"
SCORES = "scores.json"
REPORT = "report.html"
FIGURES = "figures"
DONE = "done.json"

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
        decision: str = "argmax",
        hierarchy: Hierarchy | str | Path | None = None,
        promise: float = PROMISE,
        resamples: int = 1000,
    ) -> Scores:
        """The scores of the saved predictions, without running the network again.

        Args:
            decision: the rule that turns probabilities into answers, a key of ``judge.decide.RULES``; what it needs is
                learned from the run's validation pictures.
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
            decision=decision,
            validation=learned,
            promise=promise,
            resamples=resamples,
        )
        return replace(judged, model=stored.model, training=stored.training)

    def table_of_rules(self, hierarchy: Hierarchy | str | Path | None = None, promise: float = PROMISE) -> "RuleTable":
        """What every decision rule scores on the saved predictions; the arguments are those of ``scores``."""
        from kinwise.judge.rule_table import table_of_rules

        learned = self.validation()
        return table_of_rules(self.predictions(), hierarchy=hierarchy, validation=learned, promise=promise)

    def saved_scores(self) -> Scores:
        """What scores.json holds: the scores by the rule argmax, as the training wrote them."""
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


def resume_command(partial: Path) -> str:
    """The command line that goes on with an unfinished run."""
    return shlex.join(["kinwise", "train", "--resume", str(partial)])


# --- writing --------------------------------------------------------------------------------------------------------


def default_folder(config: Config) -> Path:
    """A new folder under ``runs``, named after what is run and when."""
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    data = Path(config.data).name
    return Path("runs") / f"{data}-{config.recipe}-seed{config.seed}-{stamp}"


def check_free(wanted: Path) -> None:
    """Make sure that a new run can have the folder ``wanted``.

    Raises:
        InputError: when a run or an unfinished one of that name, or anything else, is there already.
    """
    if os.path.lexists(wanted):
        raise InputError(f"{wanted} is there already; choose another --out, or remove it first")
    if wanted.name.endswith(PARTIAL):
        raise InputError(f"{wanted}: names that end in {PARTIAL} are those of unfinished runs; choose another --out")
    partial = partial_of(wanted)
    if (partial / STATE).is_file() or (partial / DONE).is_file():
        raise InputError(
            f"{partial} is an unfinished run. Finish it: {resume_command(partial)}\n"
            f"or remove it, or choose another --out"
        )
    if os.path.lexists(partial):
        raise InputError(f"{partial} is there already and cannot be resumed; remove it, or choose another --out")


def new_folder(wanted: Path) -> Path:
    """Make the folder in which the run ``wanted`` is written until it is complete.

    Raises:
        InputError: when there is something of that name already, or nothing can be written there.
    """
    check_free(wanted)
    partial = partial_of(wanted)
    with writing(partial):
        partial.mkdir(parents=True)
    return partial


def finish_folder(partial: Path) -> Path:
    """Rename a folder that is complete to its own name, and return that."""
    final = partial.with_name(partial.name.removesuffix(PARTIAL))
    with writing(final):
        os.replace(partial, final)
    return final


def partial_of(path: Path) -> Path:
    """The folder in which the run ``path`` is written until it is complete."""
    path = path if path.name.strip(".") else path.resolve()  # "." and ".." stand for a name
    return path if path.name.endswith(PARTIAL) else path.with_name(path.name + PARTIAL)


def partial_folder(path: Path) -> Path:
    """The unfinished run that ``path`` names, with or without ``.partial``.

    Raises:
        InputError: when it is complete, missing, or was broken off before its first epoch ended.
    """
    partial = partial_of(path)
    complete = partial.with_name(partial.name.removesuffix(PARTIAL))
    if not partial.exists() and (complete / DONE).is_file():
        raise InputError(f"{complete} is complete; there is nothing to resume")
    if not (partial / CONFIG).is_file():
        raise InputError(f"no unfinished run at {partial}; kinwise train DATA starts one")
    if not (partial / STATE).is_file():
        raise InputError(f"{partial} was broken off before anything was saved; remove it and train anew")
    return partial


def read_history(folder: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl, one for every epoch.

    Raises:
        InputError: when it is missing or damaged.
    """
    path = folder / METRICS
    try:
        history = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path} is damaged ({error})") from error
    keys = {"epoch", "step", "seconds", "loss", "learning_rate", "images_per_second", "accuracy"}
    if not history or not all(isinstance(line, dict) and keys <= line.keys() for line in history):
        raise InputError(f"{path} is damaged: expected one object for every epoch")
    return history
