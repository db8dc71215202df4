"""Runs side by side: from run folders and files of predictions to a comparison, and to a folder that holds it.

What is written: ``comparison.json`` (everything), ``comparison.html`` (the page), ``pictures.csv`` (one line for every
picture that at least one has wrong) and ``classes.csv`` (one line per class).
"""

import csv
import io
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

from kinwise.errors import InputError
from kinwise.examine.explanations import Explanations
from kinwise.files import write_json, write_text
from kinwise.hierarchy import Hierarchy
from kinwise.judge.arguments import tree_of
from kinwise.judge.compare import compare as compare_predictions
from kinwise.judge.comparison import OUTCOMES, Comparison
from kinwise.judge.decide import AUTO
from kinwise.judge.outside import read_predictions
from kinwise.judge.predictions import Predictions
from kinwise.run import Run
from kinwise.run_folder import finish_folder, new_folder
from kinwise.show.comparison import comparison_html

COMPARISON = "comparison.json"
PAGE = "comparison.html"
PICTURES = "pictures.csv"
CLASSES = "classes.csv"

Comparable = Run | Path | str | Predictions


def compare(
    *runs: Comparable,
    names: Sequence[str] = (),
    decision: str = AUTO,
    hierarchy: Hierarchy | str | Path | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Comparison:
    """Compare runs on the same pictures; the first is the baseline, every other is compared with it.

    Args:
        runs: two or more, each a Run, a run folder, a file of predictions or Predictions.
        names: what to call each; without any, the names of folders and files.
        decision: the rule that turns probabilities into answers; one that always answers a class, or ``auto``:
            least-cost where all have validation pictures, else argmax. Each run is calibrated on its own.
        hierarchy: the tree to judge all by: a Hierarchy, the name of a built-in one, or a path; without it, their own.
        resamples: how many resamples the intervals rest on.
        seed: of the resamples.

    Raises:
        InputError: when something is no run, the same run is there twice, or they cannot be compared: other pictures,
            other true classes, other trees (see ``judge.align``).
    """
    _check_different(runs)
    hierarchy = tree_of(hierarchy)
    return compare_predictions(
        [_predictions(run, hierarchy) for run in runs],
        names=tuple(names) or _names(runs),
        decision=decision,
        validations=[_validation(run) for run in runs],
        hierarchy=hierarchy,
        resamples=resamples,
        seed=seed,
    )


def histories(*runs: Comparable) -> list[list[dict[str, Any]]]:
    """For each run one entry per epoch, as in metrics.jsonl; none for predictions, which no training goes with."""
    folders = [_path(run) for run in runs]
    return [Run(folder).history if folder is not None and folder.is_dir() else [] for folder in folders]


def _path(run: Comparable) -> Path | None:
    if isinstance(run, Predictions):
        return None
    return run.folder if isinstance(run, Run) else Path(run)


def _check_different(runs: Sequence[Comparable]) -> None:
    seen: set[Path] = set()
    for path in map(_path, runs):
        if path is None:
            continue
        if path.resolve() in seen:
            raise InputError(f"{path} is there twice; a run can only be compared with others")
        seen.add(path.resolve())


def _predictions(run: Comparable, hierarchy: Hierarchy | None) -> Predictions:
    if isinstance(run, Predictions):
        return run
    path = _path(run)
    assert path is not None
    return read_predictions(path, hierarchy) if path.is_file() else Run(path).predictions()


def _validation(run: Comparable) -> Predictions | None:
    """What a run said about the pictures held out of its training; None of a file or where there were none."""
    path = _path(run)
    return Run(path).validation() if path is not None and path.is_dir() else None


def _names(runs: Sequence[Comparable]) -> list[str]:
    """The shortest ends of the paths that tell them apart; predictions without a path are numbered."""
    paths = [_path(run) for run in runs]
    parts = [path.resolve().parts if path else (f"predictions {index + 1}",) for index, path in enumerate(paths)]
    for length in range(1, max(map(len, parts), default=0) + 1):
        names = ["/".join(one[-length:]) for one in parts]
        if len(set(names)) == len(names):
            return names
    return ["/".join(one) for one in parts]


# --- writing --------------------------------------------------------------------------------------------------------


def write_comparison(
    comparison: Comparison,
    folder: Path | str,
    *,
    histories: Sequence[Any] = (),
    explained: Sequence[Explanations] = (),
    command: str = "",
) -> Path:
    """Write a comparison into a new folder, whole or not at all, and return its path.

    Args:
        comparison: what ``compare`` found.
        folder: where; it must not exist yet.
        histories: of the trainings, for their curves (see ``histories``).
        explained: the baseline's failures as every run sees them (see ``explanation.same_failures``).
        command: the command line that compares again.

    Raises:
        InputError: when the folder is there already or nothing can be written there.
    """
    commands = {"Compare again": command} if command else {}
    page = comparison_html(comparison, commands=commands, histories=histories, explained=explained)
    partial = new_folder(Path(folder))
    try:
        write_json(partial / COMPARISON, comparison.to_dict())
        write_text(partial / PAGE, page)
        write_text(partial / PICTURES, _csv(_picture_lines(comparison)))
        write_text(partial / CLASSES, _csv(_class_lines(comparison)))
        return finish_folder(partial)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _csv(lines: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


def _picture_lines(comparison: Comparison) -> Iterable[list[Any]]:
    """A head, then every picture that at least one has wrong; ``row`` counts the pictures of the baseline from 0."""
    sides, classes = comparison.sides, comparison.hierarchy.classes
    heads = [f"{what} {side.name}" for side in sides for what in ("answer", "confidence", "severity")]
    yield ["row", "id", "true", *heads, *(f"outcome {one.name}" for one in comparison.differences)]
    for row in np.flatnonzero(np.any([side.severity > 0 for side in sides], axis=0)).tolist():
        cells = [
            (classes[side.answers[row, -1]], f"{side.confidence[row]:.4f}", int(side.severity[row])) for side in sides
        ]
        outcomes = [OUTCOMES[one.outcomes[row]] for one in comparison.differences]
        known = [row, comparison.ids[row], classes[comparison.labels[row]]]
        yield [*known, *(cell for group in cells for cell in group), *outcomes]


def _class_lines(comparison: Comparison) -> Iterable[list[Any]]:
    """A head, then every class that has pictures; accuracies and differences are shares, 0..1 and -1..1."""
    keys = ("accuracy", "difference", "low", "high", "mended", "new_mistakes", "p", "p_holm")
    heads = [f"{key} {one.name}" for one in comparison.differences for key in keys]
    yield ["class", "pictures", f"accuracy {comparison.sides[0].name}", *heads]
    for same in zip(*(one.classes for one in comparison.differences), strict=True):
        cells = [(one.other, *astuple(one.difference), *astuple(one.test), one.p_holm) for one in same]
        yield [same[0].name, same[0].pictures, same[0].baseline, *(cell for group in cells for cell in group)]
