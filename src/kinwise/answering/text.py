"""Answers written down: lines for people with aligned columns, JSON for programs, CSV for tables."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from kinwise.answering.answers import Answers, percent
from kinwise.answering.files import Batch, PictureFile
from kinwise.data.folder.names import printable
from kinwise.hierarchy import Hierarchy

NAME, MOST_NAME = "picture", 60
"""The heading of the first column, and how wide the column gets; longer names push their line to the right."""


def shown(name: str | Path) -> str:
    """A name or a sentence that stays on its line and that every file can hold."""
    return printable(os.fspath(name))


class Lines:
    """Lines for people: the file, a column for each level with name and confidence, and where it stops, why.

    Args:
        files: all that will come, so that their column is as wide as it must be.
        hierarchy: the tree.
    """

    def __init__(self, files: Sequence[PictureFile], hierarchy: Hierarchy) -> None:
        longest = max((len(shown(file.path)) for file in files), default=0)
        self.first = max(len(NAME), min(longest, MOST_NAME))
        self.levels = hierarchy.levels
        self.widths = [
            max(len(_named(name)) for name in (level, *(f"{node} > 99 %" for node in hierarchy.level_names(place))))
            for place, level in enumerate(self.levels)
        ]

    def head(self) -> Text:
        """What the columns hold."""
        levels = (f"  {_named(level):{width}}" for level, width in zip(self.levels, self.widths, strict=True))
        return Text(f"{NAME:{self.first}}" + "".join(levels).rstrip(), "bold")

    def line(self, file: Path, answers: Answers, row: int) -> Text:
        """The answer about one file."""
        line = Text(f"{shown(file):{self.first}}")
        path = {level: (_named(name), percent(sure)) for level, name, sure in answers.path(row)}
        stops = bool(answers.reasons[row])
        for level, width in zip(self.levels, self.widths, strict=True):
            if stops and level not in path:
                line.append("  ").append(shown(answers.reasons[row]), "yellow")
                break
            name, sure = path.get(level, ("", ""))
            line.append(f"  {name} ").append(sure, "dim").append(" " * (width - len(name) - 1 - len(sure)))
        line.rstrip()
        return line


def _named(name: str) -> str:
    return shown(name.replace("_", " "))


def json_lines(batch: Batch) -> Iterator[str]:
    """One JSON object for each file: ``file`` and what ``Answers.to_dict`` holds, or ``file`` and ``error``."""
    for file, row in batch.rows():
        told: dict[str, Any] = {"error": row} if isinstance(row, str) else batch.answers.to_dict(row)
        yield json.dumps({"file": os.fspath(file), **told})


def csv_head(hierarchy: Hierarchy) -> list[str]:
    """The columns of a CSV file."""
    levels = [column for level in hierarchy.levels for column in (level, f"{level} confidence")]
    return ["file", "answer", "level", "confidence", *map(shown, levels), "reason", "error"]


def csv_rows(batch: Batch) -> Iterator[list[str]]:
    """One row for each file: its answer, every level down to a class, why it stopped, or the error.

    That class is the answer; where the answer stops at an inner node it is the most likely one.
    """
    for file, row in batch.rows():
        if isinstance(row, str):
            empty = [""] * (3 + 2 * len(batch.answers.hierarchy.levels) + 1)
            yield [shown(file), *empty, shown(row)]
            continue
        told = batch.answers.to_dict(row)
        down = told["likeliest" if told["reason"] else "path"]
        steps = {step["level"]: (step["name"], str(step["confidence"])) for step in down}
        levels = [cell for level in batch.answers.hierarchy.levels for cell in steps.get(level, ("", ""))]
        answer = ["" if told[key] is None else str(told[key]) for key in ("answer", "level", "confidence")]
        yield [shown(cell) for cell in (file, *answer, *levels, told["reason"], "")]
