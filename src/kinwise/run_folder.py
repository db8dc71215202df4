"""The run folder: what lies in it, what it is called while it is written, and how it gets its own name.

A run is written under ``NAME.partial`` and renamed to ``NAME`` when it is complete; ``done.json`` is its last file.
"""

import json
import os
import shlex
from datetime import datetime
from pathlib import Path
from typing import Any

from kinwise.config import Config
from kinwise.errors import InputError
from kinwise.files import writing
from kinwise.record import CONFIG, PARTIAL

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


def resume_command(partial: Path) -> str:
    """The command line that goes on with an unfinished run."""
    return shlex.join(["kinwise", "train", "--resume", str(partial)])


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
