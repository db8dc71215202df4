"""The run folder: what is in it, how it is written and read.

A run is written under ``NAME.partial`` and renamed to ``NAME`` when it is complete; ``done.json`` is its last file.
Every file is written under a temporary name first, so a full disk or a lost power line never leaves half a file.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinwise.config import Config
from kinwise.errors import InputError
from kinwise.hierarchy import Hierarchy
from kinwise.judge.metrics import Scores, score
from kinwise.judge.predictions import Predictions
from kinwise.show.report import report_html

if TYPE_CHECKING:
    from kinwise.learn.network import Network

CONFIG = "config.json"
HIERARCHY = "hierarchy.json"
METRICS = "metrics.jsonl"
WEIGHTS = "weights.safetensors"
STATE = "state.pt"
PREDICTIONS = "predictions.safetensors"
SCORES = "scores.json"
REPORT = "report.html"
DONE = "done.json"
PARTIAL = ".partial"


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
        partial = folder if folder.name.endswith(PARTIAL) else folder.with_name(folder.name + PARTIAL)
        if (partial / CONFIG).is_file():
            raise InputError(f"{folder} is not complete. Finish it: kinwise train --resume {partial}")
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
        return Hierarchy.from_dict(read_json(self.folder / HIERARCHY))

    @property
    def history(self) -> list[dict[str, Any]]:
        """One entry per epoch, as in metrics.jsonl."""
        return read_history(self.folder)

    def predictions(self) -> Predictions:
        """What the network said about the test pictures."""
        return Predictions.load(self.folder / PREDICTIONS)

    def scores(self, decision: str = "argmax", hierarchy: Hierarchy | str | Path | None = None) -> Scores:
        """The scores of the saved predictions, without running the network again.

        Args:
            decision: the rule that turns probabilities into answers.
            hierarchy: another tree to judge by: a Hierarchy, the name of a built-in one or a path.
        """
        stored = read_json(self.folder / SCORES)
        judged = score(self.predictions(), hierarchy=hierarchy, decision=decision)
        return replace(judged, model=stored.get("model"), training=stored.get("training"))

    def report(self) -> Path:
        """Write report.html again from what the folder holds, and return its path."""
        scores = Scores.from_dict(read_json(self.folder / SCORES))
        path = self.folder / REPORT
        write_text(path, report_of(self.folder, self.predictions(), scores))
        return path

    def network(self) -> "Network":
        """The trained network, on the CPU, ready to predict."""
        from kinwise.learn.weights import load_network

        return load_network(self.folder / WEIGHTS)


def report_of(folder: Path, predictions: Predictions, scores: Scores) -> str:
    """The report page of the run in ``folder``, complete or about to be."""
    record = read_json(folder / CONFIG)
    config = config_of(record, folder)
    facts = {
        "recipe": config.recipe,
        "pictures": f"{config.data}, split {config.split}",
        "loss": config.loss,
        "network": f"{config.network} {'/'.join(map(str, config.widths))}",
        "epochs": f"{config.epochs:g} of batches of {config.batch}",
        "seed": str(config.seed),
        "machine": record.get("machine", "unknown"),
        "versions": ", ".join(f"{name} {version}" for name, version in record.get("versions", {}).items()),
        "commit": record.get("commit") or "unknown",
        "started": record.get("started", "unknown"),
    }
    name = folder.name.removesuffix(PARTIAL)
    commands = {
        "Train it again": record.get("command", ""),
        "Judge it by another rule": f"kinwise evaluate {folder.with_name(name)} --decision top-down",
    }
    return report_html(
        predictions=predictions, scores=scores, title=name, facts=facts, commands=commands, history=read_history(folder)
    )


def config_of(record: dict[str, Any], folder: Path) -> Config:
    """The Config inside what config.json holds."""
    try:
        return Config.from_dict(record["config"])
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{folder / CONFIG} is damaged: it holds no config") from error


# --- files ----------------------------------------------------------------------------------------------------------


def new_folder(wanted: Path) -> Path:
    """Make the folder in which the run ``wanted`` is written until it is complete.

    Raises:
        InputError: when the run or an unfinished one of that name is there already, or nothing can be written there.
    """
    partial = wanted.with_name(wanted.name + PARTIAL)
    if wanted.exists():
        raise InputError(f"{wanted} is there already; choose another --out, or remove it first")
    if partial.exists():
        raise InputError(
            f"{partial} is an unfinished run. Finish it: kinwise train --resume {partial}\n"
            f"or remove it, or choose another --out"
        )
    with writing(partial):
        partial.mkdir(parents=True)
    return partial


def finish_folder(partial: Path) -> Path:
    """Rename a folder that is complete to its own name, and return that."""
    final = partial.with_name(partial.name.removesuffix(PARTIAL))
    with writing(final):
        os.replace(partial, final)
    return final


def partial_folder(path: Path) -> Path:
    """The unfinished run that ``path`` names, with or without ``.partial``.

    Raises:
        InputError: when it is complete, missing, or was broken off before its first epoch ended.
    """
    if (path / DONE).is_file():
        raise InputError(f"{path} is complete; there is nothing to resume")
    partial = path if path.name.endswith(PARTIAL) else path.with_name(path.name + PARTIAL)
    if not (partial / CONFIG).is_file():
        raise InputError(f"no unfinished run at {partial}")
    if not (partial / STATE).is_file():
        raise InputError(f"{partial} was broken off before anything was saved; remove it and train anew")
    return partial


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        InputError: when it is missing or damaged.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path} is damaged ({error})") from error
    if not isinstance(data, dict):
        raise InputError(f"{path} is damaged: expected an object")
    return data


def read_history(folder: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl; empty when there is none yet."""
    path = folder / METRICS
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path} is damaged ({error})") from error


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    write_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write a JSON file, whole or not at all."""
    write_text(path, json.dumps(data, indent=1) + "\n")


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` make a file under a temporary name, then give it its own: whole, or what was there stays."""
    temporary = path.with_name(path.name + ".new")
    with writing(path):
        try:
            write(temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says about writing to ``path`` into one message: no permission, full disk, and so on."""
    try:
        yield
    except OSError as error:
        free = _free_space(path)
        raise InputError(f"cannot write {path}: {error.strerror or error}{free}") from error


def _free_space(path: Path) -> str:
    for folder in (path, *path.parents):
        if folder.is_dir():
            return f" ({shutil.disk_usage(folder).free / 2**20:,.0f} MiB free there)"
    return ""
