"""What a study has come to: its rows, and its table as text, Markdown and CSV."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kinwise.judge.scores import Scores
from kinwise.studies import table
from kinwise.studies.plan import Plan
from kinwise.studies.table import Column, Row
from kinwise.studies.work import Outcome

SEED = "seed"


@dataclass(frozen=True, kw_only=True)
class Study:
    """What a study has come to so far.

    Attributes:
        name: of the study.
        source: the file it was read from.
        folder: where its tables and runs are.
        planned: how many runs it has.
        complete: how many of them are complete.
        rows: one for every place on the axes, seeds apart, in the order of the file.
        columns: the figures of the rows.
        fixed: the values that are the same for all runs, as ``--set`` takes them.
        failed: those that failed when they were last tried, with the reason.
    """

    name: str
    source: str
    folder: Path
    planned: int
    complete: int
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    fixed: dict[str, str]
    failed: tuple[Outcome, ...] = ()

    def text(self) -> str:
        """The table for a terminal, with its notes and the runs that failed."""
        failed = [f"FAILED {one.name}: {one.reason}" for one in self.failed]
        return "\n".join([table.plain(self.rows, self.columns), "", *self.notes(), *failed])

    def markdown(self) -> str:
        """The table in Markdown, with its notes and the runs that failed."""
        failed = [f"- {one.name}: `{one.reason}`" for one in self.failed]
        parts = [f"# {self.name}", table.markdown(self.rows, self.columns).rstrip(), "\n".join(self.notes())]
        parts += ["## Runs that failed", "\n".join(failed)] if failed else []
        return "\n\n".join(parts) + "\n"

    def csv(self) -> str:
        """The table as plain numbers; of the runs that failed, each row has the names."""
        return table.comma_separated(self.rows, self.columns)

    def notes(self) -> list[str]:
        """What has to be said below the table."""
        missing = self.planned - self.complete
        said = [f"{self.complete} of {self.planned} runs are complete, {len(self.failed)} failed."] if missing else []
        return said + table.notes(self.rows)


def gather(plan: Plan, folder: Path, scores: Mapping[str, Scores], failed: Mapping[str, Outcome]) -> Study:
    """The study of ``plan``, given the scores of its complete runs and the outcomes of those that failed, by name."""
    places: dict[tuple[str, ...], list[str]] = {}
    axes = [axis for axis in plan.axes if axis != SEED]
    for run in plan.runs:
        places.setdefault(tuple(run.place[axis] for axis in axes), []).append(run.name)
    rows = [
        table.row(
            dict(zip(axes, place, strict=True)),
            scores=[scores[name] for name in names if name in scores],
            failed=[name for name in names if name in failed],
            planned=len(names),
        )
        for place, names in places.items()
    ]
    return Study(
        name=plan.name,
        source=plan.source,
        folder=folder,
        planned=len(plan.runs),
        complete=len(scores),
        rows=tuple(rows),
        columns=table.columns(list(scores.values())),
        fixed=plan.fixed,
        failed=tuple(failed[run.name] for run in plan.runs if run.name in failed),
    )
